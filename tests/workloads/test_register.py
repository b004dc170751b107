"""The register workload: what it asks for, and how that is said."""

from __future__ import annotations

from collections import Counter

import pytest

from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import Context, Happening
from keelhaul.workloads.register import REGISTER, RegisterProtocols

WORKLOAD = REGISTER.make({"keys": 3}, Draws.named("1/workload"))
PROTOCOLS = RegisterProtocols()
CONTEXT = Context(5, 10)


def emitted(count, generator=WORKLOAD.operations):
    found = []
    for _ in range(count):
        wanted, generator = generator.ask(CONTEXT)
        found.append(wanted)
    return found


def completed(generator, f, value):
    return generator.update(CONTEXT, Happening("ok", 0, f, value))


def test_operations_are_of_all_kinds_on_all_keys_and_due_now():
    counts = Counter((wanted.f, wanted.value[0]) for wanted in emitted(2000))
    assert {f for f, _ in counts} == {"read", "write", "cas"}
    assert {key for _, key in counts} == {"k0", "k1", "k2"}
    assert min(counts.values()) > 50
    assert {wanted.time_ns for wanted in emitted(10)} == {5}


def test_no_value_is_written_twice():
    written = [w.value[1] if w.f == "write" else w.value[1][1] for w in emitted(2000) if w.f != "read"]
    assert len(set(written)) == len(written)


def test_a_cas_expects_what_the_key_was_last_known_to_hold():
    generator = completed(WORKLOAD.operations, "write", ["k0", 10])
    generator = completed(generator, "read", ["k1", 20])
    generator = completed(generator, "cas", ["k2", [None, 30]])
    expected = {w.value[0]: w.value[1][0] for w in emitted(300, generator) if w.f == "cas"}
    assert expected == {"k0": 10, "k1": 20, "k2": 30}


@pytest.mark.parametrize("outcome", ["invoke", "fail", "info"])
def test_only_success_tells_what_a_key_holds(outcome):
    happening = Happening(outcome, 0, "write", ["k0", 10])
    assert WORKLOAD.operations.update(CONTEXT, happening) is WORKLOAD.operations


def test_reads_look_more_often_where_a_change_was_just_acknowledged():
    generator = completed(WORKLOAD.operations, "write", ["k2", 10])
    keys = Counter(wanted.value[0] for wanted in emitted(2000, generator) if wanted.f == "read")
    assert keys["k2"] > keys.total() * 0.55
    assert min(keys["k0"], keys["k1"]) > keys.total() * 0.1


def test_requests_as_lin_kv_says_them():
    assert PROTOCOLS.request("read", ["k1", None]) == {"type": "read", "key": "k1"}
    assert PROTOCOLS.request("write", ["k1", 7]) == {"type": "write", "key": "k1", "value": 7}
    assert PROTOCOLS.request("cas", ["k1", [7, 8]]) == {"type": "cas", "key": "k1", "from": 7, "to": 8}


def test_only_a_read_is_filled_in():
    assert PROTOCOLS.result("read", ["k1", None], {"type": "read_ok", "value": 7}) == ["k1", 7]
    assert PROTOCOLS.result("write", ["k1", 7], {"type": "write_ok"}) == ["k1", 7]
    assert PROTOCOLS.result("cas", ["k1", [7, 8]], {"type": "cas_ok"}) == ["k1", [7, 8]]


def test_a_read_without_a_value_is_no_answer():
    with pytest.raises(KeyError, match="value"):
        PROTOCOLS.result("read", ["k1", None], {"type": "read_ok"})


def test_only_reads_change_nothing():
    assert [PROTOCOLS.reads_only(f) for f in ("read", "write", "cas")] == [True, False, False]


def test_every_key_is_read_at_the_end():
    assert [(w.f, w.value, w.time_ns) for w in WORKLOAD.finals] == [("read", [f"k{n}", None], 0) for n in range(3)]


def test_the_workload_names_its_checker():
    assert list(WORKLOAD.checkers) == ["linearizable"]
