"""Each invariant on a trace that violates it and on a legal one that comes close; and the checker around them."""

import json

import pytest

from keelhaul.checkers.checker import Evidence, NodeTrace
from keelhaul.checkers.history import History
from keelhaul.checkers.raft import INVARIANTS, RaftInvariants
from keelhaul.checkers.verdict import Verdict


def boot(term=0, voted_for=None, last_index=0, digest=0, **more):
    return {"type": "boot", "term": term, "voted_for": voted_for, "last_index": last_index, "digest": digest, **more}


def role(name, term):
    return {"type": "role", "role": name, "term": term}


def lead(term):
    return role("leader", term)


def vote(term, candidate):
    return {"type": "vote", "term": term, "for": candidate}


def append(first, *entries):
    return {"type": "append", "first": first, "entries": [list(entry) for entry in entries]}


def truncate(first):
    return {"type": "truncate", "from": first}


def commit(index, entry_term, digest, term=None):
    return {
        "type": "commit",
        "index": index,
        "entry_term": entry_term,
        "term": entry_term if term is None else term,
        "digest": digest,
    }


def applied(index, digest, state=None):
    return {"type": "apply", "first": index, "entries": [[digest, state]]}


def fsync(index):
    return {"type": "fsync", "index": index}


def answer(index):
    return {"type": "answer", "index": index}


def config(index, voters, old=""):
    return {"type": "config", "index": index, "voters": list(voters), "old": list(old), "learners": []}


def snapshot(what, index, term, digest, state, voters="123"):
    return {
        "type": f"snapshot_{what}",
        "index": index,
        "term": term,
        "digest": digest,
        "state": state,
        "config": [0, list(voters), [], []],
    }


def asked(number=1):
    return {"type": "read_asked", "number": number}


def read(read_index, number=1, mode="read-index"):
    return {"type": "read", "number": number, "mode": mode, "read_index": read_index}


def of(voters):
    """The configuration of a boot record."""
    return {"config": [0, list(voters), [], []]}


ABC = append(1, (1, "a"), (1, "b"), (1, "c"))

VIOLATED = {
    "RI-1 two nodes lead a term": (
        "RI-1",
        {"n1": [boot(), lead(3)], "n2": [boot(), lead(3)]},
        "term 3 has two leaders",
    ),
    "RI-1 after a restart of one": (
        "RI-1",
        {"n1": [boot(), lead(3)], "n2": [boot(), role("follower", 3), boot(2), lead(3)]},
        "n2 (record 4)",
    ),
    "RI-2 a leader cuts its log": ("RI-2", {"n1": [boot(), ABC, lead(2), truncate(3)]}, "leader of term 2, cuts"),
    "RI-3 another entry": (
        "RI-3",
        {"n1": [boot(), ABC], "n2": [boot(), append(1, (1, "a"), (1, "x"))]},
        "index 2 of term 1",
    ),
    "RI-3 another past": (
        "RI-3",
        {"n1": [boot(), ABC, append(4, (2, "d"))], "n2": [boot(), append(1, (1, "z"), (1, "y"), (1, "x"), (2, "w"))]},
        "index 4 of term 2",
    ),
    "RI-3 an entry made again after a restart": (
        "RI-3",
        {"n1": [boot(), ABC, boot(1, None, 2, "b"), append(3, (1, "z"))]},
        "index 3 of term 1",
    ),
    "RI-3 committed as something else": (
        "RI-3",
        {"n1": [boot(), ABC], "n2": [boot(), commit(2, 1, "x")]},
        "n2 (record 2)",
    ),
    "RI-4 the leader's log is shorter": (
        "RI-4",
        {"n1": [boot(), ABC, commit(3, 1, "c")], "n2": [boot(), append(1, (1, "a"), (1, "b")), lead(2)]},
        "n2 became leader of term 2 (record 3) with a log of 2 entries, though index 3",
    ),
    "RI-4 the leader's log holds something else": (
        "RI-4",
        {"n1": [boot(), ABC, commit(2, 1, "b")], "n2": [boot(), append(1, (1, "a"), (2, "x"), (2, "y")), lead(3)]},
        "with another entry there",
    ),
    "RI-4 an older leader's commit": (
        "RI-4",
        {
            "n1": [boot(), ABC, commit(3, 1, "c")],
            "n3": [boot(), ABC, commit(1, 1, "a", term=4)],
            "n2": [boot(), append(1, (1, "a")), lead(5)],
        },
        "index 3 had been committed",
    ),
    "RI-4 a later commit of the same term": (
        "RI-4",
        {"n1": [boot(), ABC, commit(1, 1, "a"), commit(3, 1, "c")], "n2": [boot(), append(1, (1, "a")), lead(2)]},
        "index 3 had been committed",
    ),
    "RI-4 the leader forgot at a restart": (
        "RI-4",
        {"n1": [boot(), ABC, commit(3, 1, "c")], "n2": [boot(), ABC, boot(1, None, 2, "b"), lead(2)]},
        "with a log of 2 entries",
    ),
    "RI-5 applied differently": (
        "RI-5",
        {"n1": [boot(), applied(1, "a"), applied(2, "b")], "n2": [boot(), applied(1, "a"), applied(2, "x")]},
        "index 2, n2",
    ),
    "RI-5 applied differently after a restart": (
        "RI-5",
        {"n1": [boot(), applied(1, "a"), boot(), applied(1, "x")]},
        "index 1, n1",
    ),
    "RI-5 committed and applied differ": (
        "RI-5",
        {"n1": [boot(), commit(1, 1, "a")], "n2": [boot(), applied(1, "x")]},
        "index 1, n2",
    ),
    "RI-6 applying is not deterministic": (
        "RI-6",
        {"n1": [boot(), applied(1, "a", 7)], "n2": [boot(), applied(1, "a", 8)]},
        "after index 1, n2 (record 2) is in another state than n1",
    ),
    "RI-6 a snapshot is not what it was taken of": (
        "RI-6",
        {
            "n1": [boot(), ABC, applied(3, "c", 7), snapshot("taken", 3, 1, "c", 7)],
            "n2": [boot(), snapshot("installed", 3, 1, "c", 9)],
        },
        "after index 3",
    ),
    "RI-7 the term goes back": (
        "RI-7",
        {"n1": [boot(2), role("follower", 4), vote(3, "n2")]},
        "from 4 to 3 (record 3)",
    ),
    "RI-7 the term is below the boot's": ("RI-7", {"n1": [boot(5), role("follower", 4)]}, "from 5 to 4"),
    "RI-7 a commit in an older term": (
        "RI-7",
        {"n1": [boot(), role("follower", 4), commit(1, 1, "a", term=3)]},
        "from 4 to 3",
    ),
    "RI-7 the commit index goes back": ("RI-7", {"n1": [boot(), commit(2, 1, "b"), commit(1, 1, "a")]}, "from 2 to 1"),
    "RI-7 an entry is applied twice": (
        "RI-7",
        {"n1": [boot(), applied(1, "a"), applied(1, "a")]},
        "applies index 1 after index 1",
    ),
    "RI-7 the term that it led in was forgotten": ("RI-7", {"n1": [boot(), lead(6), boot(5)]}, "boots in term 5"),
    "RI-7 the term on disk was forgotten": ("RI-7", {"n1": [boot(6), boot(5)]}, "boots in term 5"),
    "RI-8 two votes": ("RI-8", {"n1": [boot(), vote(2, "n2"), vote(2, "n3")]}, "votes twice in term 2: for n2"),
    "RI-8 the vote on disk is given again": (
        "RI-8",
        {"n1": [boot(), vote(2, "n2"), boot(2, "n2"), vote(2, "n3")]},
        "for n2 (record 3) and for n3 (record 4)",
    ),
    "RI-8 the other vote was the own": ("RI-8", {"n1": [boot(), vote(2, "n1"), vote(2, "n3")]}, "for n1"),
    "RI-9 only the leader has it on disk": (
        "RI-9",
        {"2": [boot(**of("123")), ABC], "1": [boot(**of("123")), ABC, fsync(3), commit(3, 1, "c")]},
        "only 1 had on disk, of 1, 2, 3",
    ),
    "RI-9 the others have something else there": (
        "RI-9",
        {
            "2": [boot(**of("123")), append(1, (1, "a"), (2, "x")), fsync(2)],
            "1": [boot(**of("123")), append(1, (1, "a"), (1, "b")), fsync(2), commit(2, 1, "b")],
        },
        "only 1 had on disk",
    ),
    "RI-9 of a joint configuration only one group": (
        "RI-9",
        {
            "2": [boot(**of("12345")), append(1, (1, "a")), fsync(1)],
            "1": [
                boot(**of("12345")),
                config(1, "12", "12345"),
                append(1, (1, "a")),
                fsync(1),
                commit(1, 1, "a"),
            ],
        },
        "only 2, 1 had on disk",
    ),
    "RI-10 answered when it is only in the log": ("RI-10", {"n1": [boot(), ABC, lead(2), answer(3)]}, "index 3 took"),
    "RI-10 answered before it is applied": (
        "RI-10",
        {"n1": [boot(), ABC, commit(2, 1, "b"), applied(1, "a"), answer(2)]},
        "1 applied",
    ),
    "RI-12 a second change before the first is committed": (
        "RI-12",
        {
            "1": [
                boot(**of("123")),
                lead(1),
                append(1, (1, "a")),
                config(1, "1234"),
                append(2, (1, "b")),
                config(2, "12345"),
            ]
        },
        "while that at index 1 isn't committed",
    ),
    "RI-12 two voters at once": (
        "RI-12",
        {"1": [boot(**of("123")), append(1, (1, "a")), config(1, "12345")]},
        "can't follow 1,2,3",
    ),
    "RI-12 a joint change from somewhere else": (
        "RI-12",
        {"1": [boot(**of("123")), append(1, (1, "a")), config(1, "456", "124")]},
        "4,5,6 with 1,2,4 (joint)",
    ),
    "RI-12 a joint change ends as something else": (
        "RI-12",
        {"1": [boot(**of("123")), append(1, (1, "a")), config(1, "345", "123"), append(2, (1, "b")), config(2, "34")]},
        "3,4 at index 2",
    ),
    "RI-13 a read misses what was committed before": (
        "RI-13",
        {
            "n1": [boot(), ABC, commit(3, 1, "c"), applied(3, "c")],
            "n2": [boot(), ABC, commit(2, 1, "b"), applied(2, "b"), asked(), read(2)],
        },
        "though index 3 was committed before",
    ),
    "RI-13 a read at an index that is not applied": (
        "RI-13",
        {"n1": [boot(), ABC, commit(3, 1, "c"), applied(2, "b"), asked(), read(3)]},
        "with 2 entries applied",
    ),
    "RI-11 in one append": (
        "RI-11",
        {"n1": [boot(), append(1, (2, "a"), (1, "b"))]},
        "term 1 at index 2, above one of term 2",
    ),
    "RI-11 across appends": ("RI-11", {"n1": [boot(), append(1, (2, "a")), append(2, (1, "b"))]}, "(record 3)"),
    "RI-11 after a restart": (
        "RI-11",
        {"n1": [boot(), append(1, (2, "a")), boot(2, None, 1, "a"), append(2, (1, "b"))]},
        "(record 4)",
    ),
}

LEGAL = {
    "RI-1 one node says it twice": {"n1": [boot(), lead(3), lead(3)], "n2": [boot(), lead(4)]},
    "RI-1 candidates of one term": {
        "n1": [boot(), role("candidate", 3)],
        "n2": [boot(), role("candidate", 3), lead(3)],
    },
    "RI-2 a leader that stepped down cuts": {"n1": [boot(), ABC, lead(2), role("follower", 3), truncate(3)]},
    "RI-3 another term at the index": {"n1": [boot(), ABC], "n2": [boot(), append(1, (1, "a"), (2, "x"))]},
    "RI-3 the same entry again after a truncation": {"n1": [boot(), ABC, truncate(3), append(3, (1, "c"))]},
    "RI-3 a forgotten entry comes again": {"n1": [boot(), ABC, boot(1, None, 2, "b"), append(3, (1, "c"))]},
    "RI-4 the entry is committed by this term": {
        "n1": [boot(), ABC, commit(3, 1, "c", term=2)],
        "n2": [boot(), append(1, (1, "a")), lead(2)],
    },
    "RI-4 a leader of an older term": {
        "n1": [boot(), ABC, commit(3, 1, "c", term=4)],
        "n2": [boot(), append(1, (1, "a")), lead(3)],
    },
    "RI-4 appended but not committed": {
        "n1": [boot(), ABC, commit(1, 1, "a")],
        "n2": [boot(), append(1, (1, "a"), (2, "x")), lead(3)],
    },
    "RI-4 the leader has more": {
        "n1": [boot(), ABC, commit(2, 1, "b")],
        "n2": [boot(), ABC, append(4, (2, "d")), lead(3)],
    },
    "RI-4 the truncation that would harm was never on disk": {
        "n1": [boot(), ABC, commit(3, 1, "c")],
        "n2": [boot(), ABC, truncate(3), boot(1, None, 3, "c"), lead(2)],
    },
    "RI-5 applied again by the next incarnation": {"n1": [boot(), applied(1, "a"), boot(), applied(1, "a")]},
    "RI-5 some are behind": {"n1": [boot(), applied(1, "a"), applied(2, "b")], "n2": [boot(), applied(1, "a")]},
    "RI-6 the states before and after differ": {
        "n1": [boot(), applied(1, "a", 7), applied(2, "b", 8)],
        "n2": [boot(), applied(1, "a", 7), applied(2, "b", 8)],
    },
    "RI-6 a snapshot brings the same state": {
        "n1": [boot(), ABC, applied(3, "c", 7), snapshot("taken", 3, 1, "c", 7)],
        "n2": [boot(), snapshot("installed", 3, 1, "c", 7), append(4, (1, "d")), applied(4, "d", 8)],
    },
    "RI-7 an unheard term is forgotten": {"n1": [boot(2), role("candidate", 7), vote(7, "n1"), boot(2)]},
    "RI-7 the indexes begin again": {
        "n1": [
            boot(),
            ABC,
            commit(2, 1, "b"),
            applied(1, "a"),
            applied(2, "b"),
            boot(1, None, 3, "c"),
            commit(1, 1, "a"),
            applied(1, "a"),
        ]
    },
    "RI-7 the commit index is told twice": {"n1": [boot(), commit(2, 1, "b"), commit(2, 1, "b")]},
    "RI-7 a leader steps down in its term": {"n1": [boot(), lead(3), role("follower", 3), vote(3, "n1"), boot(3)]},
    "RI-8 the disk never got the first vote": {"n1": [boot(), vote(2, "n2"), boot(1), vote(2, "n3")]},
    "RI-8 the disk got the term but not the vote": {"n1": [boot(), vote(2, "n2"), boot(2), vote(2, "n3")]},
    "RI-8 the same candidate asks again": {"n1": [boot(), vote(2, "n2"), vote(2, "n2"), boot(2, "n2"), vote(2, "n2")]},
    "RI-8 another term": {"n1": [boot(1, "n2"), vote(2, "n3"), vote(3, "n2")]},
    "RI-9 a majority has it": {
        "2": [boot(**of("123")), ABC, fsync(3)],
        "1": [boot(**of("123")), ABC, fsync(2), fsync(3), commit(3, 1, "c")],
    },
    "RI-9 a leader that is no voter does not count": {
        "2": [boot(**of("23")), ABC, fsync(3)],
        "3": [boot(**of("23")), ABC, fsync(3)],
        "1": [boot(**of("23")), ABC, commit(3, 1, "c")],
    },
    "RI-9 a follower commits later, alone": {
        "2": [boot(**of("123")), ABC, fsync(3)],
        "1": [
            boot(**of("123")),
            ABC,
            fsync(3),
            commit(3, 1, "c"),
            boot(1, None, 3, "c", **of("123")),
            commit(3, 1, "c"),
        ],
    },
    "RI-10 committed and applied": {"n1": [boot(), ABC, commit(3, 1, "c"), applied(3, "c"), answer(3), answer(1)]},
    "RI-12 one voter more, once the last change is committed": {
        "2": [boot(**of("123")), append(1, (1, "a")), fsync(1)],
        "3": [boot(**of("123")), append(1, (1, "a")), fsync(1)],
        "1": [
            boot(**of("123")),
            lead(1),
            append(1, (1, "a")),
            config(1, "1234"),
            fsync(1),
            commit(1, 1, "a"),
            append(2, (1, "b")),
            config(2, "12345"),
        ],
    },
    "RI-12 a follower takes several at once": {
        "1": [boot(**of("123")), append(1, (1, "a"), (1, "b")), config(1, "1234"), config(2, "12345")]
    },
    "RI-12 a joint change": {
        "1": [boot(**of("123")), append(1, (1, "a"), (1, "b")), config(1, "345", "123"), config(2, "345")]
    },
    "RI-12 a configuration that was cut off counts no more": {
        "1": [
            boot(**of("123")),
            append(1, (1, "a")),
            config(1, "1234"),
            truncate(1),
            append(1, (2, "x")),
            config(1, "12"),
        ]
    },
    "RI-12 one that was cut off after a restart": {
        "1": [
            boot(**of("123")),
            append(1, (1, "a")),
            config(1, "1234"),
            boot(1, None, 1, "a", config=[1, list("1234"), [], []]),
            truncate(1),
            append(1, (2, "x")),
            config(1, "12"),
        ]
    },
    "RI-13 a read asked before the commit may miss it": {
        "n2": [boot(), ABC, commit(2, 1, "b"), applied(2, "b"), asked(), read(2)],
        "n1": [boot(), ABC, commit(3, 1, "c"), applied(3, "c"), asked(), read(3)],
    },
    "RI-13 a stale read says so": {
        "n1": [boot(), ABC, commit(3, 1, "c"), applied(3, "c")],
        "n2": [boot(), ABC, asked(), read(0, mode="stale")],
    },
    "RI-11 terms rise": {"n1": [boot(), append(1, (1, "a"), (1, "b"), (4, "c")), append(4, (4, "d"))]},
    "RI-11 a lower term after a truncation": {
        "n1": [boot(), append(1, (1, "a"), (5, "b")), truncate(2), append(2, (3, "x"))]
    },
    "RI-11 a lower term after a restart": {
        "n1": [boot(), append(1, (1, "a"), (5, "b")), boot(5, None, 1, "a"), append(2, (3, "x"))]
    },
}


@pytest.fixture
def watch(trace):
    """Let a watcher, which believes in the order, observe these stories one after the other; return its details."""

    def watched(told):
        watcher = RaftInvariants().watcher(tuple(told), in_order=True)
        for node, records in told.items():
            for record in trace(node, *records).records:
                watcher.observe(node, record)
        return watcher.result().details

    return watched


@pytest.mark.parametrize(("id_", "told", "words"), VIOLATED.values(), ids=VIOLATED)
def test_a_violation_is_found_by_its_invariant_alone(watch, id_, told, words):
    details = watch(told)
    found = details["violations"]
    assert details["problems"] == []
    assert any(words in sentence for sentence in found[id_]["first"]), found
    others = {other for other in found if other != id_}
    # A forged entry is also another log or another commit; the planted invariant must still stand out.
    assert others <= {"RI-3", "RI-5", "RI-11"} - {id_}, found


@pytest.mark.parametrize("told", LEGAL.values(), ids=LEGAL)
def test_what_only_comes_close_is_legal(watch, told):
    details = watch(told)
    assert (details["problems"], details["violations"]) == ([], {})


@pytest.fixture
def check(trace):
    def judge(told, nodes=()):
        traces = None if told is None else tuple(trace(node, *records) for node, records in told.items())
        return RaftInvariants().check(Evidence(history=History.of([]), traces=traces, nodes=nodes))

    return judge


ORDERED = {invariant.id for invariant in INVARIANTS if invariant.needs_order}


@pytest.mark.parametrize(("id_", "told", "words"), VIOLATED.values(), ids=VIOLATED)
def test_the_checker_says_invalid_and_names_the_invariant(check, id_, told, words):
    result = check(told)
    if id_ in ORDERED:
        assert id_ not in result.details["violations"], "without an order nobody can tell"
        return
    assert result.verdict is Verdict.INVALID
    assert id_ in result.reason
    assert id_ in result.details["violations"]
    json.dumps(result.details)


@pytest.mark.parametrize("told", LEGAL.values(), ids=LEGAL)
def test_the_checker_says_valid(check, told):
    assert check(told, nodes=tuple(told)).verdict is Verdict.VALID


def test_every_invariant_has_both_kinds_of_case():
    for invariant in INVARIANTS:
        assert any(name.startswith(f"{invariant.id} ") for name in VIOLATED)
        assert any(name.startswith(f"{invariant.id} ") for name in LEGAL)


def test_without_traces_it_is_unknown(check):
    assert check(None).verdict is Verdict.UNKNOWN
    assert check({}).verdict is Verdict.UNKNOWN
    missing = check({"n1": [boot()]}, nodes=("n1", "n2"))
    assert (missing.verdict, missing.reason) == (Verdict.UNKNOWN, "there is no trace of n2")


def test_a_malformed_record_makes_it_unknown_and_is_named(check):
    result = check({"n1": [boot(), lead(1)], "n2": [boot(), append(5, (1, "a"))]})
    assert result.verdict is Verdict.UNKNOWN
    assert "n2's trace, record 2" in result.reason


def test_a_leader_whose_log_is_not_known_is_not_accused(check):
    told = {"n1": [boot(), ABC, commit(2, 1, "b")], "n2": [boot(1, None, 3, "z"), append(4, (2, "d")), lead(3)]}
    result = check(told)
    assert result.verdict is Verdict.UNKNOWN
    assert "n2's trace, record 1: it boots with a log of 3 entries" in result.reason


def test_a_violation_counts_although_a_trace_is_damaged(check):
    result = check({"n1": [boot(), lead(1)], "n2": [boot(), lead(1), append(5, (1, "a"))]})
    assert result.verdict is Verdict.INVALID
    assert len(result.details["problems"]) == 1


def test_thousands_of_violations_are_counted_and_the_first_are_shown(check):
    entries = [append(at, (1, at)) for at in range(1, 2001)]
    result = check({"n1": [boot(), *entries], "n2": [boot(), *(append(at, (1, -at)) for at in range(1, 2001))]})
    assert result.details["violations"]["RI-3"]["count"] == 2000
    assert len(result.details["violations"]["RI-3"]["first"]) == 10


def test_a_trace_cut_off_anywhere_is_never_invalid(check, trace):
    for told in LEGAL.values():
        for node, records in told.items():
            for end in range(len(records)):
                cut = {**told, node: records[:end]}
                assert check(cut).verdict is not Verdict.INVALID, (cut, check(cut).reason)


def test_records_may_be_anything(check):
    assert (
        RaftInvariants().check(Evidence(history=History.of([]), traces=(NodeTrace("n1", ({"type": "boot"},)),))).verdict
        is Verdict.UNKNOWN
    )
