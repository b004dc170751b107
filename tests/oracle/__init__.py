"""What the checkers are compared with: plain specifications, a search that tries everything, and ways to draw small
histories. Nothing in here uses the checker's models or algorithms; only the shape of the columns is shared.
"""
