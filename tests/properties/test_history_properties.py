"""Histories from any rows at all: either they obey the rules, or the first row that breaks one is named."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from keelhaul.checkers.history import NEMESIS, ROW_TYPES, History, HistoryError, Row
from keelhaul.checkers.values import freeze, show, thaw

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def legal_rows(draw):
    """Rows that obey the rules."""
    rows, underway, retired, time = [], {}, set(), 0
    for _ in range(draw(st.integers(0, 30))):
        time += draw(st.integers(0, 3))
        process = draw(st.integers(0, 4) | st.just(NEMESIS))
        if process == NEMESIS:
            row = ("info", NEMESIS, "start-kill", None)
        elif process in retired:
            continue
        elif process in underway:
            kind = draw(st.sampled_from(ROW_TYPES[1:]))
            row = (kind, process, underway.pop(process), draw(st.integers()))
            if kind == "info":
                retired.add(process)
        else:
            underway[process] = draw(st.sampled_from(["read", "write"]))
            row = ("invoke", process, underway[process], draw(st.integers()))
        rows.append(Row(len(rows), time, *row))
    return rows


@given(legal_rows())
def test_rows_that_obey_the_rules_pair_up_completely(rows):
    history = History.of(rows)
    operations = history.operations
    assert [operation.invoked for operation in operations] == [row.index for row in rows if row.type == "invoke"]
    completed = {row.index for row in rows if row.type in ("ok", "fail")}
    assert {operation.completed for operation in operations} - {None} == completed
    for operation in operations:
        invocation = rows[operation.invoked]
        assert (invocation.process, invocation.f, invocation.value) == operation[:3]
        if operation.completed is not None:
            completion = rows[operation.completed]
            assert (completion.process, completion.f, completion.type) == (*operation[:2], operation.outcome)
            assert completion.value == operation.result
        else:
            assert operation.outcome == "info"
            assert operation.result is None
    assert len(history.nemesis) == sum(row.process == NEMESIS for row in rows)


@given(legal_rows(), st.data())
def test_every_prefix_is_a_history(rows, data):
    end = data.draw(st.integers(0, len(rows)))
    operations = History.of(rows[:end]).operations
    assert [operation[:3] for operation in operations] == [
        operation[:3] for operation in History.of(rows).operations if operation.invoked < end
    ]


ANY = JSON | st.sampled_from(["invoke", "ok", "fail", "info", NEMESIS, 0, 1, 2])


@settings(max_examples=300)
@given(legal_rows(), st.builds(Row, st.integers(0, 40) | ANY, st.integers(0, 9) | ANY, ANY, ANY, ANY, JSON), st.data())
def test_a_row_of_anything_is_refused_by_name_or_taken(rows, strange, data):
    at = data.draw(st.integers(0, len(rows)))
    try:
        history = History.of([*rows[:at], strange, *rows[at:]])
    except HistoryError as error:
        assert str(error).startswith("row ")  # noqa: PT017
    else:
        assert len(history.operations) <= len(history)


@given(JSON)
def test_a_frozen_value_comes_back(value):
    frozen = freeze(value)
    assert hash(frozen) == hash(freeze(json.loads(json.dumps(value))))
    assert thaw(frozen) == value
    assert show(frozen)


@given(JSON, JSON)
def test_values_are_equal_exactly_if_their_json_is(one, other):
    def canonical(value):
        return json.dumps(value, sort_keys=True)

    if canonical(one) == canonical(other):
        assert freeze(one) == freeze(other)
    elif freeze(one) == freeze(other):
        assert one == other  # the same numbers, written differently
        assert bool not in (type(one), type(other)) or type(one) is type(other)
