"""Where a program can be changed by one operator, constant or condition, and what the change makes of it.

    operator    a comparison's, an arithmetic or a boolean one, `not`; min for max
    constant    a whole number, one more or one less; True for False
    condition   of if, while, a conditional expression, a comprehension or a loop's filter: always, never

Left alone: texts (what an error says is no rule), annotations, docstrings, and `assert` (a check of the code on itself:
weakening one changes nothing that a test should see).

A mutation is named by where it is in words, so that the same one is found again after edits elsewhere in the file.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.Pow: ast.Mult,
}
_EXTREMES = {"min": "max", "max": "min"}


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change: in `place`, a function or class of `file`, the `occurrence`-th piece of source `before` to `after`.

    `line` is where it is now; it is no part of the name.
    """

    file: str
    place: str
    before: str
    after: str
    occurrence: int
    line: int
    start: int
    end: int

    @property
    def name(self) -> str:
        """Name it, the same after edits elsewhere."""
        nth = f" (number {self.occurrence})" if self.occurrence > 1 else ""
        return f"{self.file}, {self.place or 'module'}: {self.before} → {self.after}{nth}"

    def applied(self, source: str) -> str:
        """Return the changed source."""
        data = source.encode()
        return (data[: self.start] + self.after.encode() + data[self.end :]).decode()


def mutations(file: str, source: str) -> list[Mutation]:
    """Return every mutation of a file, in the order of its lines."""
    walk = _Walk(source)
    walk.visit(ast.parse(source))
    seen: Counter[tuple[str, str, str]] = Counter()
    found = []
    for place, node, before, after in sorted(walk.found, key=lambda each: (each[1].lineno, each[1].col_offset)):
        seen[place, before, after] += 1
        start, end = walk.span(node)
        found.append(Mutation(file, place, before, after, seen[place, before, after], node.lineno, start, end))
    return found


class _Walk(ast.NodeVisitor):
    """Visits what runs, and notes what can be changed: where, the node, its source, what takes its place."""

    def __init__(self, source: str) -> None:
        self.found: list[tuple[str, ast.expr | ast.stmt, str, str]] = []
        self._data = source.encode()
        self._line_starts = [0]
        for line in self._data.splitlines(keepends=True):
            self._line_starts.append(self._line_starts[-1] + len(line))
        self._places: list[str] = []

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """Return where a node begins and ends, in bytes."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        begin = self._line_starts[node.lineno - 1] + node.col_offset
        return begin, self._line_starts[node.end_lineno - 1] + node.end_col_offset

    def _note(self, node: ast.expr | ast.stmt, after: str) -> None:
        begin, end = self.span(node)
        self.found.append((".".join(self._places), node, self._data[begin:end].decode(), after))

    def _note_condition(self, test: ast.expr) -> None:
        for after in ("True", "False"):
            self._note(test, after)

    # --- places

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """Leave out annotations and the docstring."""
        self._places.append(node.name)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                self.visit(default)
        self._visit_body(node.body)
        self._places.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Leave out bases and the docstring."""
        self._places.append(node.name)
        self._visit_body(node.body)
        self._places.pop()

    def _visit_body(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self.visit(statement)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Leave out the annotation."""
        if node.value is not None and not _is_alias(node):
            self.visit(node.value)

    def visit_Assert(self, node: ast.Assert) -> None:
        """Leave it alone."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave it alone."""

    # --- what can be changed

    def visit_Compare(self, node: ast.Compare) -> None:
        """Other operators, one at a time."""
        for position, operator in enumerate(node.ops):
            for other in _COMPARISONS[type(operator)]:
                ops = [*node.ops[:position], other(), *node.ops[position + 1 :]]
                self._note(node, f"({ast.unparse(ast.Compare(node.left, ops, node.comparators))})")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """The opposite operator."""
        other = _ARITHMETIC.get(type(node.op))
        if other is not None:
            self._note(node, f"({ast.unparse(ast.BinOp(node.left, other(), node.right))})")
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """The opposite operator."""
        other = _ARITHMETIC.get(type(node.op))
        if other is not None:
            self._note(node, ast.unparse(ast.AugAssign(node.target, other(), node.value)))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        """`or` for `and`, or the other way round."""
        other = ast.And() if isinstance(node.op, ast.Or) else ast.Or()
        self._note(node, f"({ast.unparse(ast.BoolOp(other, node.values))})")
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        """Without `not`; a negative number is a constant like others."""
        if isinstance(node.op, ast.Not):
            self._note(node, f"({ast.unparse(node.operand)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        """One more, one less; the other truth value."""
        if isinstance(node.value, bool):
            self._note(node, str(not node.value))
        elif isinstance(node.value, int):
            self._note(node, f"{node.value + 1}")
            if node.value > 0:
                self._note(node, f"{node.value - 1}")

    def visit_Call(self, node: ast.Call) -> None:
        """`max` for `min`, or the other way round."""
        if isinstance(node.func, ast.Name) and node.func.id in _EXTREMES:
            self._note(node.func, _EXTREMES[node.func.id])
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        """Always, never."""
        self._note_condition(node.test)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        """Never. Always would only be an endless loop."""
        if not isinstance(node.test, ast.Constant):
            self._note(node.test, "False")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """Always, never."""
        self._note_condition(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        """Always, never."""
        for test in node.ifs:
            self._note_condition(test)
        self.generic_visit(node)


def _is_alias(node: ast.AnnAssign) -> bool:
    return isinstance(node.annotation, ast.Name) and node.annotation.id == "TypeAlias"


def in_files(files: dict[str, str]) -> Iterator[Mutation]:
    """Yield every mutation of these files, by name and source."""
    for file, source in files.items():
        yield from mutations(file, source)
