"""What is wrong with a recorded history, and where."""

from __future__ import annotations

SHOWN_CHARS_MAX = 60


class FormatError(ValueError):
    """The text is no history that we can read. `line` and `column` count from 1; `problem` goes without them."""

    def __init__(self, problem: str, line: int, column: int) -> None:
        super().__init__(problem, line, column)
        self.problem, self.line, self.column = problem, line, column

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.problem}"


def error_at(text: str, position: int, problem: str) -> FormatError:
    """Return the error for a position in the text."""
    return FormatError(problem, text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position))


def excerpt(text: str, position: int = 0) -> str:
    """Return what stands at a position, as it can be part of a message: one line, not long, escaped."""
    line = text[position : position + SHOWN_CHARS_MAX + 1].partition("\n")[0]
    return repr(line if len(line) <= SHOWN_CHARS_MAX else line[:SHOWN_CHARS_MAX] + "…")
