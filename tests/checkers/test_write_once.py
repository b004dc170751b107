"""Agreement, validity and stability of write-once registers, by example and against every order there is."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.history import History, Row
from keelhaul.checkers.verdict import Verdict
from keelhaul.checkers.write_once import Consensus


@pytest.fixture
def judge(build):
    """Judge a history of (type, process, f, [key, value])."""

    def judge(*rows):
        return Consensus().check(Evidence(history=build(*rows)))

    return judge


def proposed(process, value, chosen, key="k"):
    return ("invoke", process, "propose", [key, value]), ("ok", process, "propose", [key, chosen])


def read(process, found, key="k"):
    return ("invoke", process, "read", [key, None]), ("ok", process, "read", [key, found])


VIOLATED = {
    "agreement: two proposers are told different values": (
        [*proposed(0, 1, 1), *proposed(1, 2, 2)],
        'agreement: key "k": process 0\'s propose (row 0 → 1) was told that 1 is chosen',
    ),
    "agreement: a read differs": ([*proposed(0, 1, 1), ("invoke", 1, "propose", ["k", 2]), *read(2, 2)], "agreement"),
    "validity: nobody had proposed it": ([*proposed(0, 1, 7)], "was told 7, which nobody had proposed"),
    "validity: it is proposed only later": ([*read(0, 1), *proposed(1, 1, 1)], "which nobody had proposed"),
    "validity: it was proposed for another key": ([*proposed(0, 1, 1, "a"), *read(1, 1, "b")], 'validity: key "b"'),
    "validity: it was proposed and refused": (
        [("invoke", 0, "propose", ["k", 1]), ("fail", 0, "propose", ["k", 1]), *read(1, 1)],
        "which nobody had proposed",
    ),
    "validity: a proposal is told that nothing is chosen": ([*proposed(0, 1, None)], "was told that null is chosen"),
    "stability: undecided after it was decided": ([*proposed(0, 1, 1), *read(1, None)], "found it undecided, after"),
}

LEGAL = {
    "agreement: everybody is told the same": [*proposed(0, 1, 1), *proposed(1, 2, 1), *read(2, 1)],
    "agreement: different keys have different values": [*proposed(0, 1, 1, "a"), *proposed(1, 2, 2, "b")],
    "validity: proposed by one who never heard back": [("invoke", 0, "propose", ["k", 1]), *read(1, 1)],
    "validity: proposed while the read was under way": [
        ("invoke", 0, "read", ["k", None]),
        ("invoke", 1, "propose", ["k", 1]),
        ("ok", 0, "read", ["k", 1]),
    ],
    "stability: undecided while it is being decided": [
        ("invoke", 0, "read", ["k", None]),
        *proposed(1, 1, 1),
        ("ok", 0, "read", ["k", None]),
    ],
    "stability: undecided before": [*read(1, None), *proposed(0, 1, 1)],
}


@pytest.mark.parametrize("name", VIOLATED)
def test_a_violation_is_found_and_said(judge, name):
    rows, sentence = VIOLATED[name]
    result = judge(*rows)
    assert result.verdict is Verdict.INVALID
    assert any(sentence in told for told in result.details["violations"]), result.details


@pytest.mark.parametrize("name", LEGAL)
def test_what_comes_close_is_valid(judge, name):
    result = judge(*LEGAL[name])
    assert (result.verdict, result.details["violations"]) == (Verdict.VALID, [])


def test_nothing_decided_is_nothing_judged(judge):
    assert judge(*read(0, None)).verdict is Verdict.UNKNOWN
    assert judge().verdict is Verdict.UNKNOWN


def test_a_history_of_something_else_is_unknown(judge):
    result = judge(("invoke", 0, "write", 3), ("ok", 0, "write", 3))
    assert result.verdict is Verdict.UNKNOWN
    assert "row 0" in result.reason


def test_all_violations_are_counted_and_some_shown(judge):
    result = judge(*(row for value in range(1, 31) for row in proposed(value, value, value)))
    assert "(29 violations in all)" in result.reason
    assert len(result.details["violations"]) == 10


# --- against every order


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["propose", "read"]),
        st.integers(1, 3),  # what is proposed
        st.sampled_from([None, 1, 2, 3]),  # what is answered
        st.integers(0, 9),  # when it begins
        st.integers(1, 6),  # how long it takes
        st.sampled_from(["ok", "ok", "ok", "info", "fail"]),
    ),
    min_size=1,
    max_size=5,
)


def history_of(operations):
    moments = []
    for process, (f, value, answer, begin, duration, outcome) in enumerate(operations):
        asked = value if f == "propose" else None
        moments.append((begin, 1, ("invoke", process, f, ["k", asked])))
        moments.append((begin + duration, 0, (outcome, process, f, ["k", answer if outcome == "ok" else asked])))
    moments.sort(key=lambda moment: moment[:2])
    return History.of(
        Row(index, time * 10, kind, process, f, value)
        for index, (time, _, (kind, process, f, value)) in enumerate(moments)
    )


def has_legal_order(operations):
    """Try every order of those that may have happened: all that were answered, and any of those that are open."""
    live = [one for one in operations if one[5] != "fail"]
    opened = [one for one in live if one[5] == "info"]
    for picked in range(1 << len(opened)):
        kept = [one for one in live if one[5] == "ok"]
        kept += [one for at, one in enumerate(opened) if picked >> at & 1]
        if any(is_legal(order) for order in permutations(kept)):
            return True
    return False


def is_legal(order):
    chosen = None
    for at, (f, value, answer, begin, _, outcome) in enumerate(order):
        if any(other[5] == "ok" and other[3] + other[4] <= begin for other in order[at + 1 :]):
            return False  # it was over before this one began
        if f == "propose" and chosen is None:
            chosen = value
        if outcome == "ok" and answer != chosen:
            return False
    return True


@given(OPERATIONS)
def test_whatever_has_a_legal_order_is_never_accused(operations):
    verdict = Consensus().check(Evidence(history=history_of(operations))).verdict
    if has_legal_order(operations):
        assert verdict is not Verdict.INVALID


def test_the_oracle_tells_right_from_wrong():
    first, second = ("propose", 1, 1, 0, 1, "ok"), ("propose", 2, 1, 5, 1, "ok")
    assert has_legal_order([first, second])
    assert not has_legal_order([first, ("propose", 2, 2, 5, 1, "ok")])
    assert not has_legal_order([first, ("read", 1, None, 5, 1, "ok")])
    assert has_legal_order([("propose", 1, None, 0, 1, "info"), ("read", 1, 1, 5, 1, "ok")])
    assert not has_legal_order([("propose", 1, None, 0, 1, "fail"), ("read", 1, 1, 5, 1, "ok")])
