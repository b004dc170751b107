"""The write-once workload: what it asks for, how that is said, and by whom it is judged."""

from __future__ import annotations

from collections import Counter

from keelhaul.workloads.draws import Draws
from keelhaul.workloads.generator import Context
from keelhaul.workloads.write_once import WRITE_ONCE, WriteOnceProtocols

WORKLOAD = WRITE_ONCE.make({"keys": 3, "uses": 8}, Draws.named("1/workload"))
PROTOCOLS = WriteOnceProtocols()


def emitted(count):
    generator, found = WORKLOAD.operations, []
    for _ in range(count):
        wanted, generator = generator.ask(Context(5, 10))
        found.append(wanted)
    return found


def number_of(wanted):
    return int(wanted.value[0].removeprefix("k"))


def test_fresh_keys_take_the_place_of_old_ones_after_their_share_of_operations():
    for at, wanted in enumerate(emitted(480)):
        oldest = at // 24 * 3
        if wanted.f == "propose":
            assert oldest <= number_of(wanted) < oldest + 3


def test_reads_go_back_to_old_keys_now_and_then():
    found = emitted(480)
    old = [at for at, wanted in enumerate(found) if wanted.f == "read" and number_of(wanted) < at // 24 * 3]
    assert 20 < len(old) < 120


def test_proposals_and_reads_are_drawn_by_weight_and_no_value_is_proposed_twice():
    found = emitted(2000)
    counts = Counter(wanted.f for wanted in found)
    assert 1100 < counts["propose"] < 1300
    values = [wanted.value[1] for wanted in found if wanted.f == "propose"]
    assert len(set(values)) == len(values)


def test_both_are_said_as_the_nodes_take_them_and_filled_in_with_what_is_chosen():
    assert PROTOCOLS.request("propose", ["k1", 7]) == {"type": "propose", "key": "k1", "value": 7}
    assert PROTOCOLS.request("read", ["k1", None]) == {"type": "read", "key": "k1"}
    assert list(PROTOCOLS.result("propose", ["k1", 7], {"value": 3})) == ["k1", 3]
    assert list(PROTOCOLS.result("read", ["k1", None], {"value": None})) == ["k1", None]
    assert PROTOCOLS.reads_only("read")
    assert not PROTOCOLS.reads_only("propose")


def test_in_the_end_the_first_keys_are_read_and_a_new_one_is_decided():
    finals = [(wanted.f, wanted.value[0]) for wanted in WORKLOAD.finals]
    assert finals == [("read", "k0"), ("read", "k1"), ("read", "k2"), ("propose", "after the heal")]


def test_it_is_judged_by_consensus_and_by_linearizability():
    assert list(WORKLOAD.checkers) == ["linearizable", "consensus"]
