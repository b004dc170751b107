"""Locks: who held what, by the server, as the clients believed, and at the resource (LC-1 … LC-14)."""
