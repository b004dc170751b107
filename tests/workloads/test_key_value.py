"""The key-value workload: what it asks for, how that is said, and that a doubled or lost append is found."""

from __future__ import annotations

from collections import Counter

import pytest

from keelhaul.checkers.checker import Evidence
from keelhaul.checkers.history import History, Row
from keelhaul.checkers.verdict import Verdict
from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import Context, Happening
from keelhaul.workloads.key_value import KEY_VALUE, KeyValueProtocols

WORKLOAD = KEY_VALUE.make({"keys": 3}, Draws.named("1/workload"))
PROTOCOLS = KeyValueProtocols()
CONTEXT = Context(5, 10)


def emitted(count):
    generator, found = WORKLOAD.operations, []
    for _ in range(count):
        wanted, generator = generator.ask(CONTEXT)
        found.append(wanted)
    return found


def test_operations_are_of_all_kinds_on_all_keys_and_due_now():
    counts = Counter((wanted.f, wanted.value[0]) for wanted in emitted(2000))
    assert {f for f, _ in counts} == {"get", "put", "append", "delete"}
    assert {key for _, key in counts} == {"k0", "k1", "k2"}
    assert min(counts.values()) > 20
    assert {wanted.time_ns for wanted in emitted(10)} == {5}


def test_no_text_is_in_another():
    written = [wanted.value[1] for wanted in emitted(500) if wanted.f in ("put", "append")]
    assert len(set(written)) == len(written)
    assert all(text.endswith(";") and text.count(";") == 1 for text in written)


def test_what_happens_changes_nothing():
    assert WORKLOAD.operations.update(CONTEXT, Happening("ok", 0, "put", ["k0", "1;"])) is WORKLOAD.operations


def test_requests():
    assert PROTOCOLS.request("get", ["k1", None]) == {"type": "read", "key": "k1"}
    assert PROTOCOLS.request("put", ["k1", "7;"]) == {"type": "write", "key": "k1", "value": "7;"}
    assert PROTOCOLS.request("append", ["k1", "7;"]) == {"type": "append", "key": "k1", "value": "7;"}
    assert PROTOCOLS.request("delete", ["k1", None]) == {"type": "delete", "key": "k1"}


def test_only_a_get_is_filled_in_and_changes_nothing():
    assert PROTOCOLS.result("get", ["k1", None], {"type": "read_ok", "value": "7;"}) == ["k1", "7;"]
    assert PROTOCOLS.result("append", ["k1", "7;"], {"type": "append_ok"}) == ["k1", "7;"]
    assert [PROTOCOLS.reads_only(f) for f in ("get", "put", "append", "delete")] == [True, False, False, False]


def test_every_key_is_read_at_the_end():
    assert [(w.f, w.value) for w in WORKLOAD.finals] == [("get", [f"k{n}", None]) for n in range(3)]


@pytest.mark.parametrize(
    ("got", "verdict"),
    [
        ("1;2;", Verdict.VALID),
        ("1;", Verdict.INVALID),
        ("2;1;", Verdict.INVALID),
        ("1;2;2;", Verdict.INVALID),
        (None, Verdict.INVALID),
    ],
)
def test_lost_doubled_and_swapped_appends_are_found(got, verdict):
    operations = [("append", "1;", "1;"), ("append", "2;", "2;"), ("get", None, got)]
    rows = []
    for f, argument, result in operations:
        for kind, value in (("invoke", argument), ("ok", result)):
            rows.append(Row(len(rows), len(rows), kind, 0, f, ["k0", value]))
    history = History.of(rows)
    assert WORKLOAD.checkers["linearizable"].check(Evidence(history=history)).verdict is verdict
