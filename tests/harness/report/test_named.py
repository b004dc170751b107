"""Which operations the checkers name."""

from keelhaul.checkers.verdict import Result, Verdict
from keelhaul.harness.report.named import named_operations


def results(**details):
    return {name: Result(Verdict.INVALID, "why", given) for name, given in details.items()}


def test_operations_are_found_by_either_row_and_in_every_form(history_of, nemesis_row):
    history = history_of(
        (0, "invoke", 0, "write", 1),
        (1, "invoke", 1, "read", None),
        nemesis_row(2, "heal", "invoke"),
        (3, "ok", 0, "write", 1),
        (4, "info", 1, "read", None, "timeout"),
    )
    write, read = history.operations
    found = named_operations(
        history,
        results(
            by_invocation={"operations": [1, 0]},
            by_completion={"rows": [3, 4, 3]},
            by_object={"operations": [{"invoked": 1, "f": "read"}, {"row": 3}]},
            nothing={"operations": []},
            nonsense={"operations": ["x", True, None, 2, 99, -1, {"row": "0"}], "rows": 7},
        ),
    )
    assert found == {"by_invocation": (write, read), "by_completion": (write, read), "by_object": (write, read)}
