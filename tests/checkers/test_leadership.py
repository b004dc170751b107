"""Who led, and how often that changed."""

from keelhaul.checkers.leadership import Leader, leader_changes, leaders


def lead(term, role="leader"):
    return {"type": "role", "role": role, "term": term}


def test_leaders_are_listed_by_term(trace):
    traces = (
        trace("n1", lead(5), lead(1), lead(3, "candidate"), {"type": "role", "role": "leader"}),
        trace("n2", lead(2), lead(2), lead(5)),
    )
    assert leaders(traces) == (Leader(1, "n1"), Leader(2, "n2"), Leader(5, "n1"), Leader(5, "n2"))
    assert leader_changes(traces) == 3


def test_one_leader_or_none_is_no_change(trace):
    assert leader_changes(()) == 0
    assert leader_changes((trace("n1", lead(1)),)) == 0
