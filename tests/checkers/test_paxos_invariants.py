"""PX-1 … PX-7 and MPX-1 … MPX-7, each on a trace that violates it and on a legal one that comes close.

Each trace is judged twice: record by record in the order written here, as a simulation does, and node by node
afterwards. What needs the order says so.
"""

from __future__ import annotations

import json

import pytest

from keelhaul.checkers.checker import Evidence, NodeTrace
from keelhaul.checkers.history import History
from keelhaul.checkers.paxos import PAXOS_INVARIANTS, SYNOD_INVARIANTS, PaxosInvariants
from keelhaul.checkers.verdict import Verdict

NODES = ("n1", "n2", "n3")
MAJORITY = {"weights": dict.fromkeys(NODES, 1), "q1": 2, "q2": 2}
NONE = [0, ""]


# --- single-decree Paxos: the key is k


def sboot(promised=None, accepted=None, digest=None, quorums=None):
    rows = [["k", promised or NONE, accepted or NONE, digest]] if promised or accepted else []
    return {"type": "boot", "quorums": quorums or MAJORITY, "slots": rows}


def request(digest):
    return {"type": "request", "slot": "k", "digest": digest}


def promise(round_, owner="n1", ticket=1):
    return {"type": "promise", "slot": "k", "ballot": [round_, owner], "ticket": ticket}


def accept(round_, digest, owner="n1", ticket=1, slot="k"):
    return {"type": "accept", "slot": slot, "ballot": [round_, owner], "digest": digest, "ticket": ticket}


def fsync(ticket=1):
    return {"type": "fsync", "ticket": ticket}


def propose(round_, digest, owner="n1", slot="k", **more):
    return {"type": "propose", "slot": slot, "ballot": [round_, owner], "digest": digest, **more}


def chosen(round_, digest, owner="n1", slot="k"):
    return {"type": "chosen", "slot": slot, "ballot": None if round_ is None else [round_, owner], "digest": digest}


def undecided(round_, owner="n1"):
    return {"type": "undecided", "slot": "k", "ballot": [round_, owner]}


def on(node, *records):
    return [(node, record) for record in records]


def both_accept(round_, digest, owner="n1", ticket=1, slot="k"):
    """A quorum has it on disk."""
    record = accept(round_, digest, owner, ticket, slot)
    return on("n1", record, fsync(ticket)) + on("n2", record, fsync(ticket))


UP = [*on("n1", sboot()), *on("n2", sboot()), *on("n3", sboot())]
ASKED = [*UP, *on("n1", request("v"), propose(1, "v"))]
CHOSEN = [*ASKED, *both_accept(1, "v")]

SYNOD_VIOLATED = {
    "PX-1 two nodes tell of different values": (
        [*CHOSEN, *on("n1", chosen(1, "v")), *on("n2", chosen(1, "w"))],
        "tells of another chosen value than",
    ),
    "PX-1 a quorum accepts another value than a node has told": (
        [*ASKED, *on("n3", chosen(1, "w")), *both_accept(1, "v")],
        "ballot 1.n1 has chosen another value than n3 did (record 2)",
    ),
    "PX-1 a node tells of another value than a quorum accepted": (
        [*CHOSEN, *on("n3", chosen(1, "w"))],
        "another",
    ),
    "PX-2 nobody had asked for it": ([*UP, *on("n1", request("v")), *on("n2", propose(1, "v", "n2"))], "no client"),
    "PX-2 made up by a higher ballot": ([*ASKED, *on("n2", propose(2, "w", "n2"))], "n2 (record 2) proposes"),
    "PX-2 chosen but never proposed": (
        [*UP, *on("n1", request("v")), *both_accept(1, "v"), *on("n1", chosen(1, "v"))],
        "nobody",
    ),
    "PX-3 a node changes its mind over a restart": (
        [*CHOSEN, *on("n3", chosen(1, "v"), sboot(), chosen(1, "w"))],
        "another value is chosen than it said before",
    ),
    "PX-3 a read is told undecided by a ballot above the one that chose": (
        [*CHOSEN, *on("n3", undecided(4, "n3"))],
        "found nothing chosen by ballot 4.n3, though a value is in ballot 1.n1",
    ),
    "PX-3 a value is chosen in a ballot below one that found nothing": (
        [*ASKED, *on("n3", undecided(4, "n3")), *both_accept(1, "v")],
        "found nothing chosen",
    ),
    "PX-4 an older promise after a newer one": ([*UP, *on("n1", promise(5), promise(4))], "promises ballot 4.n1 after"),
    "PX-4 accepted below the promise": (
        [*ASKED, *on("n2", promise(5, "n3"), accept(1, "v"))],
        "with a promise of 5.n3",
    ),
    "PX-4 accepted below an acceptance, which promises too": (
        [*ASKED, *on("n2", accept(5, "w", "n3"), accept(1, "v"))],
        "with a promise of 5.n3",
    ),
    "PX-4 the promise is gone after a restart": (
        [*UP, *on("n2", promise(5), fsync(), sboot())],
        "boots with a promise of ballot none",
    ),
    "PX-4 an acceptance's promise is gone after a restart": (
        [*ASKED, *on("n2", accept(5, "v"), fsync(), sboot([4, "n1"], [4, "n1"], "v"))],
        "boots with a promise of ballot 4.n1",
    ),
    "PX-5 an older acceptance after a newer one": (
        [*ASKED, *on("n2", accept(5, "v", "n3"), accept(4, "v"))],
        "accepts in ballot 4.n1 after 5.n3",
    ),
    "PX-5 the acceptance is gone after a restart": (
        [*ASKED, *on("n2", accept(1, "v"), fsync(), sboot([1, "n1"]))],
        "boots without its acceptance",
    ),
    "PX-5 an older acceptance after a restart": (
        [*ASKED, *on("n2", accept(5, "v"), fsync(), sboot([5, "n1"], [4, "n1"], "v"))],
        "boots with an acceptance of ballot 4.n1",
    ),
    "PX-6 a ballot proposes twice": ([*ASKED, *on("n1", request("w"), propose(1, "w"))], "ballot 1.n1 has one value"),
    "PX-6 accepted as something else": ([*ASKED, *on("n2", accept(1, "w"))], "another by n2 (record 2)"),
    "PX-6 found on disk as something else": ([*ASKED, *on("n2", sboot([1, "n1"], [1, "n1"], "w"))], "another by n2"),
    "PX-7 a higher ballot proposes another value": (
        [*CHOSEN, *on("n3", request("w"), propose(2, "w", "n3"))],
        "a value is chosen in ballot 1.n1, but n3 (record 3) has another one in ballot 2.n3",
    ),
    "PX-7 a higher ballot's value was accepted before the lower one was chosen": (
        [*ASKED, *on("n3", request("w"), propose(2, "w", "n3"), accept(2, "w", "n3"), fsync()), *both_accept(1, "v")],
        "has another one in ballot 2.n3",
    ),
}

SYNOD_IN_ORDER = {
    "PX-3 told to be chosen while one disk only has it": (
        [*ASKED, *on("n1", accept(1, "v"), fsync(), chosen(1, "v")), *on("n2", accept(1, "v"), fsync())],
        "which no quorum has on disk",
    ),
    "PX-3 a write that was under way did not survive the crash": (
        [*ASKED, *on("n1", accept(1, "v"), fsync()), *on("n2", accept(1, "v"), sboot()), *on("n1", chosen(1, "v"))],
        "which no quorum has on disk",
    ),
    "PX-3 acceptances of different ballots were added up": (
        [
            *ASKED,
            *on("n1", accept(1, "v"), fsync()),
            *on("n2", propose(2, "v", "n2"), accept(2, "v", "n2"), fsync()),
            *on("n2", chosen(2, "v", "n2")),
        ],
        "which no quorum has on disk",
    ),
}

SYNOD_LEGAL = {
    "PX-1 everybody tells of the same value": [*CHOSEN, *(row for node in NODES for row in on(node, chosen(1, "v")))],
    "PX-2 another node goes on with what a lower ballot proposed": [*ASKED, *on("n2", propose(2, "v", "n2"))],
    "PX-2 two nodes were asked for the same": [
        *UP,
        *on("n2", request("v"), propose(1, "v", "n2")),
        *on("n1", request("v"), propose(1, "v")),
    ],
    "PX-3 a write that was under way did survive the crash": [
        *ASKED,
        *on("n1", accept(1, "v"), fsync()),
        *on("n2", accept(1, "v"), sboot([1, "n1"], [1, "n1"], "v")),
        *on("n1", chosen(1, "v")),
    ],
    "PX-3 the same again after a restart": [*CHOSEN, *on("n3", chosen(1, "v"), sboot(), chosen(1, "v"))],
    "PX-3 undecided by a ballot below the one that chooses later": [
        *UP,
        *on("n3", undecided(1, "n0")),
        *on("n1", request("v"), propose(1, "v")),
        *both_accept(1, "v"),
    ],
    "PX-4 the same promise again": [*UP, *on("n1", promise(5), promise(5))],
    "PX-4 a promise that never reached the disk is forgotten": [*UP, *on("n2", promise(5), sboot(), promise(4))],
    "PX-4 accepted in just the promised ballot": [*ASKED, *on("n2", promise(1), accept(1, "v"))],
    "PX-5 an acceptance that never reached the disk is forgotten": [*ASKED, *on("n2", accept(1, "v"), sboot())],
    "PX-5 a newer acceptance than fsyncs tell of": [
        *ASKED,
        *on("n2", accept(1, "v"), fsync(), accept(3, "v", ticket=2), sboot([3, "n1"], [3, "n1"], "v")),
    ],
    "PX-6 the same value again": [*ASKED, *on("n2", accept(1, "v"), sboot([1, "n1"], [1, "n1"], "v"), accept(1, "v"))],
    "PX-7 a lower ballot had another value": [
        *UP,
        *on("n3", request("w"), propose(1, "w", "n3"), accept(1, "w", "n3"), fsync()),
        *on("n1", request("v"), propose(2, "v")),
        *both_accept(2, "v"),
    ],
    "PX-7 a higher ballot has another value while nothing is chosen": [
        *ASKED,
        *on("n1", accept(1, "v"), fsync()),
        *on("n3", request("w"), propose(2, "w", "n3"), accept(2, "w", "n3"), fsync()),
        *on("n2", accept(2, "w", "n3"), fsync()),
        *on("n3", chosen(2, "w", "n3")),
    ],
    "PX-7 two have it, but one of them not on disk": [
        *ASKED,
        *on("n1", accept(1, "v"), fsync()),
        *on("n2", accept(1, "v"), sboot()),
        *on("n3", request("w"), propose(2, "w", "n3"), accept(2, "w", "n3"), fsync()),
    ],
}


# --- Multi-Paxos


def boot(promised=None, snapshot=0, window=4, slots=()):
    rows = [list(row) for row in slots]
    return {"type": "boot", "promised": promised or NONE, "slots": rows, "snapshot": snapshot, "window": window}


def config(first=1, quorums=None):
    return {"type": "config", "first": first, "voters": list(NODES), "quorums": quorums or MAJORITY}


def lpromise(round_, owner="n1", ticket=1):
    return {"type": "promise", "ballot": [round_, owner], "ticket": ticket}


def lead(round_, owner="n1"):
    return {"type": "role", "role": "leader", "term": round_, "ballot": [round_, owner]}


def apply(index, digest="a", state=0):
    return {"type": "apply", "index": index, "digest": digest, "state": state}


def snapshot(what, index, state=0):
    return {"type": f"snapshot_{what}", "index": index, "state": state}


def compact(below, ticket=1):
    return {"type": "compact", "below": below, "ticket": ticket}


def first(round_, digest, owner="n1", slot=1, source="command"):
    return propose(round_, digest, owner, slot, source=source, executed=0)


LOG = [row for node in NODES for row in on(node, boot(), config())]
LED = [*LOG, *on("n1", lead(1), first(1, "a"))]
SLOT_1 = [*LED, *both_accept(1, "a", slot=1)]

PAXOS_VIOLATED = {
    "PX-1 two values in a slot": (
        [*SLOT_1, *on("n1", chosen(1, "a", slot=1)), *on("n3", chosen(None, "b", slot=1))],
        "n3 (record 3) tells of another chosen value",
    ),
    "PX-2 a new leader makes up what it says was reported": (
        [*SLOT_1, *on("n2", lead(2, "n2"), first(2, "b", "n2", source="reported"))],
        "no earlier ballot",
    ),
    "PX-4 one promise goes for all slots": (
        [*LED, *on("n2", lpromise(5, "n3"), accept(1, "a", slot=7))],
        "with a promise of 5.n3",
    ),
    "PX-7 a gap is filled with nothing where something is chosen": (
        [*SLOT_1, *on("n3", lead(2, "n3"), first(2, "noop", "n3", source="noop"))],
        "n3 (record 4) has another one in ballot 2.n3",
    ),
    "MPX-1 different entries": ([*LOG, *on("n1", apply(1, "a")), *on("n2", apply(1, "b"))], "executes another entry"),
    "MPX-1 different states after the same entry": (
        [*LOG, *on("n1", apply(1, "a", 7)), *on("n2", apply(1, "a", 8))],
        "is in another state than",
    ),
    "MPX-1 a snapshot holds another state": (
        [*LOG, *on("n1", apply(1, "a", 7)), *on("n2", snapshot("installed", 1, 8))],
        "is in another state than",
    ),
    "MPX-2 a slot is left out": ([*LOG, *on("n1", apply(1), apply(3))], "executes slot 3 after slot 1"),
    "MPX-2 a gap behind a snapshot": ([*LOG, *on("n1", snapshot("installed", 5), apply(7))], "slot 7 after slot 5"),
    "MPX-2 a gap after a restart": ([*LOG, *on("n1", apply(1), boot(snapshot=0), apply(2))], "slot 2 after slot 0"),
    "MPX-3 a ballot of another's": ([*LOG, *on("n2", lead(3, "n1"))], "which belongs to n1"),
    "MPX-3 a proposal in another's ballot": ([*LED, *on("n2", first(1, "a"))], "proposes in ballot 1.n1"),
    "MPX-3 a ballot led by two incarnations": ([*LOG, *on("n1", lead(3), boot(), lead(3))], "is led by n1 (record 3)"),
    "MPX-4 too far ahead": (
        [*LOG, *on("n1", lead(1), first(1, "a", slot=5))],
        "proposes in slot 5, having executed 0, with a window of 4",
    ),
    "MPX-5 an acceptance is gone after a restart": (
        [*LED, *on("n2", accept(1, "a", slot=1), fsync(), boot([1, "n1"]))],
        "slot 1: n2 boots without its acceptance",
    ),
    "MPX-5 an acceptance beyond the snapshot is gone": (
        [*LED, *on("n2", accept(1, "a", slot=3), fsync(), boot([1, "n1"], snapshot=2))],
        "slot 3: n2 boots",
    ),
    "MPX-5 more is given up than the snapshot holds": (
        [*LOG, *on("n1", apply(1), snapshot("taken", 1), compact(3))],
        "gives up acceptances below slot 3, with a snapshot of slot 1",
    ),
    "MPX-6 a slot is executed again": ([*LOG, *on("n1", apply(1), apply(2), apply(2))], "slot 2 after slot 2"),
    "MPX-6 an old snapshot is installed": (
        [*LOG, *on("n1", apply(1), apply(2), snapshot("installed", 1))],
        "installs a snapshot of slot 1, having executed 2",
    ),
    "MPX-6 the snapshot is gone after a restart": (
        [*LOG, *on("n1", snapshot("installed", 5), compact(6), fsync(), boot())],
        "though it had one of slot 5 on disk",
    ),
    "MPX-7 a quorum promises a higher ballot without telling of what is chosen": (
        [
            *LED,
            *on("n2", lpromise(2, "n3"), fsync()),
            *on("n3", lpromise(2, "n3"), fsync()),
            *on("n2", accept(1, "a", slot=1, ticket=2), fsync(2)),
            *on("n1", accept(1, "a", slot=1), fsync()),
        ],
        "n2, n3 promised ballot 2.n3 without telling of it",
    ),
}
PAXOS_VIOLATED["MPX-7 chosen by other voters than those who are asked"] = (
    [*SLOT_1, *on("n3", lpromise(2, "n3"), fsync()), *on("n2", boot([1, "n1"]), lpromise(2, "n3"), fsync())],
    "promised ballot 2.n3 without telling of it",
)

PAXOS_LEGAL = {
    "PX-2 a new leader goes on with what was reported": [
        *SLOT_1,
        *on("n2", lead(2, "n2"), first(2, "a", "n2", source="reported")),
    ],
    "PX-7 a gap is filled with nothing where nothing was chosen": [
        *LED,
        *on("n1", accept(1, "a", slot=1), fsync()),
        *on("n3", lead(2, "n3"), first(2, "noop", "n3", source="noop"), accept(2, "noop", "n3", slot=1), fsync()),
    ],
    "MPX-1 the same entries and states": [*LOG, *on("n1", apply(1, "a", 7)), *on("n2", apply(1, "a", 7))],
    "MPX-1 the same state by a snapshot": [*LOG, *on("n1", apply(1, "a", 7)), *on("n2", snapshot("installed", 1, 7))],
    "MPX-2 on from a snapshot": [*LOG, *on("n1", snapshot("installed", 5), apply(6), boot(snapshot=5), apply(6))],
    "MPX-3 each in its own ballot of one round": [*LOG, *on("n1", lead(3)), *on("n2", lead(3, "n2"))],
    "MPX-4 as far ahead as may be": [*LOG, *on("n1", lead(1), first(1, "a", slot=4), apply(1), first(1, "b", slot=5))],
    "MPX-5 gone behind a snapshot": [
        *LED,
        *on("n2", accept(1, "a", slot=1), fsync(), apply(1), snapshot("taken", 1), compact(2, 2), fsync(2)),
        *on("n2", boot([1, "n1"], snapshot=1)),
    ],
    "MPX-5 a compaction that the disk never got": [
        *LED,
        *on("n2", accept(1, "a", slot=1), fsync(), apply(1), snapshot("taken", 1), compact(2, 2)),
        *on("n2", boot([1, "n1"], slots=[(1, [1, "n1"], "a")])),
    ],
    "MPX-6 from the beginning after a restart": [*LOG, *on("n1", apply(1), apply(2), boot(), apply(1))],
    "MPX-7 one of the promises tells of it": [
        *SLOT_1,
        *on("n2", lpromise(2, "n3", 2), fsync(2)),
        *on("n3", lpromise(2, "n3"), fsync()),
    ],
    "MPX-7 one of them has executed it": [
        *SLOT_1,
        *on("n3", apply(1), lpromise(2, "n2"), fsync()),
        *on("n2", boot([1, "n1"], snapshot=1), lpromise(2, "n2"), fsync()),
    ],
    "MPX-7 a promise that no disk holds": [
        *SLOT_1,
        *on("n3", lpromise(2, "n3"), fsync()),
        *on("n1", lpromise(2, "n3", 2)),
    ],
}


def numbered(rows):
    """Give each record its node's incarnation, and send it through JSON, as a file would."""
    incarnations = dict.fromkeys(NODES, 0)
    for node, record in json.loads(json.dumps(rows)):
        incarnations[node] += record["type"] == "boot"
        yield node, {**record, "incarnation": incarnations[node]}


def afterwards(rows, invariants):
    records = {node: [] for node in NODES}
    for node, record in numbered(rows):
        records[node].append(record)
    traces = tuple(NodeTrace(node, tuple(told)) for node, told in records.items())
    return PaxosInvariants(invariants).check(Evidence(history=History(()), traces=traces, nodes=NODES))


def online(rows, invariants):
    watcher = PaxosInvariants(invariants).watcher(NODES, in_order=True)
    for node, record in numbered(rows):
        watcher.observe(node, record)
    return watcher.result()


def violates(name, result, sentence):
    rule = name.split()[0]
    assert result.verdict is Verdict.INVALID
    assert rule in result.details["violations"], result.details["violations"]
    assert any(sentence in told for told in result.details["violations"][rule]["first"]), result.details["violations"]


@pytest.mark.parametrize("judge", [afterwards, online])
@pytest.mark.parametrize("name", SYNOD_VIOLATED)
def test_a_violation_in_single_decree_paxos_is_found(name, judge):
    rows, sentence = SYNOD_VIOLATED[name]
    violates(name, judge(rows, SYNOD_INVARIANTS), sentence)


@pytest.mark.parametrize("judge", [afterwards, online])
@pytest.mark.parametrize("name", PAXOS_VIOLATED)
def test_a_violation_in_multi_paxos_is_found(name, judge):
    rows, sentence = PAXOS_VIOLATED[name]
    violates(name, judge(rows, PAXOS_INVARIANTS), sentence)


@pytest.mark.parametrize("name", SYNOD_IN_ORDER)
def test_what_needs_the_order_is_found_in_order_and_left_alone_without(name):
    rows, sentence = SYNOD_IN_ORDER[name]
    violates(name, online(rows, SYNOD_INVARIANTS), sentence)
    assert afterwards(rows, SYNOD_INVARIANTS).verdict is Verdict.VALID


@pytest.mark.parametrize("judge", [afterwards, online])
@pytest.mark.parametrize("name", SYNOD_LEGAL)
def test_a_legal_trace_of_single_decree_paxos_that_comes_close_is_valid(name, judge):
    result = judge(SYNOD_LEGAL[name], SYNOD_INVARIANTS)
    assert result.verdict is Verdict.VALID, result.reason


@pytest.mark.parametrize("judge", [afterwards, online])
@pytest.mark.parametrize("name", PAXOS_LEGAL)
def test_a_legal_trace_of_multi_paxos_that_comes_close_is_valid(name, judge):
    result = judge(PAXOS_LEGAL[name], PAXOS_INVARIANTS)
    assert result.verdict is Verdict.VALID, result.reason


def test_every_invariant_has_a_violation_and_a_near_miss():
    ids = {each.id for each in PAXOS_INVARIANTS}
    assert ids == {*(f"PX-{number}" for number in range(1, 8)), *(f"MPX-{number}" for number in range(1, 8))}
    assert {name.split()[0] for name in (*SYNOD_VIOLATED, *PAXOS_VIOLATED)} == ids
    assert {name.split()[0] for name in (*SYNOD_LEGAL, *PAXOS_LEGAL)} == ids


def test_what_survived_a_crash_is_counted_in_a_slot_of_the_log_too():
    rows = [*LED, *on("n1", accept(1, "a", slot=1), fsync()), *on("n2", accept(1, "a", slot=1))]
    lost = [*rows, *on("n2", boot([1, "n1"])), *on("n1", chosen(1, "a", slot=1))]
    kept = [*rows, *on("n2", boot([1, "n1"], slots=[[1, [1, "n1"], "a"]])), *on("n1", chosen(1, "a", slot=1))]
    assert "PX-3" in online(lost, PAXOS_INVARIANTS).details["violations"]
    assert online(kept, PAXOS_INVARIANTS).verdict is Verdict.VALID


def test_voters_of_a_slot_are_those_of_the_newest_configuration_at_or_before_it():
    two_of_two = {"weights": {"n2": 1, "n3": 1}, "q1": 2, "q2": 2}
    rows = [*LOG, *on("n1", lead(1), config(3, two_of_two), first(1, "a", slot=3)), *both_accept(1, "a", slot=3)]
    assert "PX-3" in online([*rows, *on("n1", chosen(1, "a", slot=3))], PAXOS_INVARIANTS).details["violations"]
    rows += on("n3", accept(1, "a", slot=3), fsync())
    assert online([*rows, *on("n1", chosen(1, "a", slot=3))], PAXOS_INVARIANTS).verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("voters", "is_chosen"), [(("n1", "n2"), False), (("n1", "n3"), True), (("n2", "n4"), True), (("n3", "n4"), False)]
)
def test_a_grid_chooses_by_columns(voters, is_chosen):
    nodes = ("n1", "n2", "n3", "n4")
    watcher = PaxosInvariants(SYNOD_INVARIANTS).watcher(nodes, in_order=True)
    for node in nodes:
        watcher.observe(node, {**sboot(quorums={"rows": [["n1", "n2"], ["n3", "n4"]]}), "incarnation": 1})
    for record in (request("v"), propose(1, "v")):
        watcher.observe("n1", {**record, "incarnation": 1})
    for node in voters:
        for record in (accept(1, "v"), fsync()):
            watcher.observe(node, {**record, "incarnation": 1})
    watcher.observe("n1", {**chosen(1, "v"), "incarnation": 1})
    assert ("PX-3" not in watcher.result().details["violations"]) is is_chosen


@pytest.mark.parametrize(
    "record",
    [
        {"type": "promise", "ballot": [1], "ticket": 1},
        {"type": "promise", "ballot": [1, "n1"]},
        {"type": "accept", "slot": None, "ballot": [1, "n1"], "digest": 1, "ticket": 1},
        {"type": "accept", "slot": 1, "ballot": [1, "n1"], "digest": [], "ticket": 1},
        {"type": "apply", "index": -1, "digest": 1, "state": 1},
        {"type": "fsync", "ticket": "1"},
        {"type": "config", "first": 1, "quorums": {"weights": 3, "q1": 1, "q2": 1}},
        {"type": "config", "first": 1, "quorums": {"weights": {}, "q1": 0, "q2": 1}},
    ],
)
def test_a_malformed_record_ends_the_reading_and_makes_the_verdict_unknown(record):
    result = online([*LOG, *on("n1", record, apply(9))], PAXOS_INVARIANTS)
    assert result.verdict is Verdict.UNKNOWN
    assert "n1's trace, record 3" in result.reason


def test_missing_traces_make_the_verdict_unknown_and_accuse_nobody_of_making_values_up():
    evidence = Evidence(history=History(()), traces=None, nodes=NODES)
    assert PaxosInvariants().check(evidence).verdict is Verdict.UNKNOWN
    rows = [*UP, *on("n2", propose(2, "v", "n2"))]
    records = {node: tuple(record for who, record in numbered(rows) if who == node) for node in NODES}
    traces = (NodeTrace("n1", ()), NodeTrace("n2", records["n2"]))
    result = PaxosInvariants(SYNOD_INVARIANTS).check(Evidence(history=History(()), traces=traces, nodes=NODES))
    assert result.verdict is Verdict.UNKNOWN
    assert result.details["problems"] == ["n1's trace is empty", "there is no trace of n3"]


def test_a_record_before_any_boot_makes_no_sense():
    result = online([*on("n1", {**apply(1), "incarnation": 0}), *LOG], PAXOS_INVARIANTS)
    assert "an incarnation begins with a boot record" in result.reason
