"""RI-14 on traces that violate it, and on legal ones that come close."""

import pytest

from keelhaul.checkers.raft_liveness import RaftLiveness
from keelhaul.checkers.verdict import Verdict

MS = 1_000_000
E_MS = 300
HEAL_MS = 1000
VOTERS = ["n1", "n2", "n3"]


def boot(at_ms=0, voters=VOTERS, index=0):
    told = {"type": "boot", "term": 0, "snapshot_index": index, "config": [0, voters, [], []]}
    return {**told, "at": at_ms * MS, "election_timeout_ns": E_MS * MS}


def told(at_ms, kind, **fields):
    return {"type": kind, "at": round(at_ms * MS), **fields}


def leads(at_ms, term=1):
    return told(at_ms, "role", role="leader", term=term)


def follows(at_ms, term=1):
    return told(at_ms, "role", role="follower", term=term)


def committed(at_ms, index):
    return told(at_ms, "commit", index=index)


def applied(at_ms, index):
    return told(at_ms, "apply", first=index, entries=[["a", None]])


LEADER = [boot(), leads(500), committed(900, 5), applied(900, 5)]
FOLLOWER = [boot(), follows(500), applied(900, 5)]
LED_BY_MS, APPLIED_BY_MS = HEAL_MS + 10 * E_MS, HEAL_MS + 20 * E_MS

VIOLATED = {
    "nobody ever leads": ({"n1": [boot()], "n2": [boot()], "n3": [boot()]}, "nobody led within 3.0 s after the heal"),
    "the leader stepped down before the heal": (
        {"n1": [*LEADER, follows(999)], "n2": FOLLOWER, "n3": FOLLOWER},
        "nobody led",
    ),
    "the leader was restarted by the heal": ({"n1": [*LEADER, boot(999, index=5)], "n2": FOLLOWER}, "nobody led"),
    "the first leader comes too late": (
        {"n1": [boot(), leads(LED_BY_MS + 1)], "n2": FOLLOWER, "n3": FOLLOWER},
        "nobody led",
    ),
    "a voter stays behind": (
        {"n1": LEADER, "n2": FOLLOWER, "n3": [boot(), applied(900, 4)]},
        "6.0 s after the heal n3 has applied 4 of 5 committed entries",
    ),
    "a voter applies too late": (
        {"n1": LEADER, "n2": FOLLOWER, "n3": [boot(), applied(APPLIED_BY_MS + 1, 5)]},
        "n3 has applied 0 of 5",
    ),
    "a voter forgets at a restart and does not catch up": (
        {"n1": LEADER, "n2": FOLLOWER, "n3": [*FOLLOWER, boot(1000, index=2)]},
        "n3 has applied 2 of 5",
    ),
    "a removal that was cut off again does not count": (
        {
            "n1": [
                boot(),
                told(100, "config", index=3, voters=["n1", "n2"], old=[]),
                told(200, "truncate", **{"from": 3}),
                *LEADER[1:],
            ],
            "n2": FOLLOWER,
            "n3": [boot()],
        },
        "n3 has applied 0 of 5",
    ),
    "a member of both groups of a joint change is one": (
        {
            "n1": [*LEADER, told(950, "config", index=6, voters=["n1", "n2"], old=VOTERS)],
            "n2": FOLLOWER,
            "n3": [boot()],
        },
        "n3 has applied 0 of 5",
    ),
}

LEGAL = {
    "the leader from before the heal goes on": {"n1": LEADER, "n2": FOLLOWER, "n3": FOLLOWER},
    "the first leader comes in the last moment": {
        "n1": [boot(), leads(LED_BY_MS)],
        "n2": [boot()],
        "n3": [boot()],
    },
    "somebody led for a while": {"n1": [boot(), leads(1500), follows(1600, 2)], "n2": [boot()], "n3": [boot()]},
    "a voter catches up in the last moment": {
        "n1": LEADER,
        "n2": FOLLOWER,
        "n3": [boot(), applied(APPLIED_BY_MS, 5)],
    },
    "a voter catches up by a snapshot": {
        "n1": LEADER,
        "n2": FOLLOWER,
        "n3": [boot(), told(2000, "snapshot_installed", index=5, config=[0, VOTERS, [], []])],
    },
    "what is committed later need not be applied by then": {
        "n1": [*LEADER, committed(LED_BY_MS + 1, 9), applied(LED_BY_MS + 1, 9)],
        "n2": FOLLOWER,
        "n3": FOLLOWER,
    },
    "who was removed may stay behind": {
        "n1": [*LEADER, told(950, "config", index=6, voters=["n1", "n2"], old=[])],
        "n2": FOLLOWER,
        "n3": [boot()],
    },
    "an old leader's configuration is not the newest": {
        "n1": [*LEADER, told(950, "config", index=6, voters=["n1", "n2"], old=[])],
        "n2": FOLLOWER,
        "n3": [boot(), leads(100, 0), applied(100, 3)],
    },
}


@pytest.fixture
def check(evidence, nemesis, operation, trace):
    def judged(stories, end_ms=APPLIED_BY_MS, outcome="lifted", **more):
        heal = nemesis(HEAL_MS, "heal", outcome=outcome, reason="")
        traces = tuple(trace(node, *records) for node, records in stories.items())
        return RaftLiveness().check(
            evidence(heal, operation(HEAL_MS + 1, end_ms, "ok", 0), traces=traces, nodes=tuple(stories), **more)
        )

    return judged


@pytest.mark.parametrize(("stories", "words"), VIOLATED.values(), ids=VIOLATED)
def test_ri_14_a_violation_is_found(check, stories, words):
    result = check(stories)
    assert result.verdict is Verdict.INVALID
    assert words in result.reason


@pytest.mark.parametrize("stories", LEGAL.values(), ids=LEGAL)
def test_ri_14_what_only_comes_close_is_legal(check, stories):
    result = check(stories)
    assert (result.verdict, result.reason) == (Verdict.VALID, "")
    assert result.details["judged"] == ["leader", "applied"]


def test_ri_14_what_had_no_time_to_happen_is_not_missed(check):
    nobody, behind = {"n1": [boot()]}, {"n1": LEADER, "n2": [boot()]}
    assert check(nobody, end_ms=LED_BY_MS - 1).verdict is Verdict.VALID
    assert check(nobody, end_ms=LED_BY_MS).verdict is Verdict.INVALID
    assert check(behind, end_ms=APPLIED_BY_MS - 1).verdict is Verdict.VALID
    assert check(behind, end_ms=APPLIED_BY_MS).verdict is Verdict.INVALID


def test_ri_14_claims_nothing_without_a_heal_a_common_clock_or_all_nodes(check, evidence, operation, trace):
    nobody = {"n1": [boot()]}
    assert check(nobody, outcome="indeterminate").details["judged"] == []
    assert check(nobody, crashes=("n1 fell over",)).details["judged"] == []
    clockless = {name: value for name, value in boot().items() if name != "at"}
    assert check({"n1": [clockless]}).details["judged"] == []
    assert check({}).details["judged"] == []
    unhealed = evidence(operation(1, 99_000, "ok", 0), traces=(trace("n1", boot()),))
    assert RaftLiveness().check(unhealed).details["judged"] == []


def test_ri_14_who_leads_until_the_very_heal_has_led(check):
    stories = {"n1": [boot(), leads(500), follows(HEAL_MS, 2)], "n2": [boot()], "n3": [boot()]}
    assert check(stories, end_ms=LED_BY_MS).verdict is Verdict.VALID


def test_ri_14_a_record_that_makes_no_sense_judges_nothing(check):
    result = check({"n1": [*LEADER, told(1000, "apply")], "n2": FOLLOWER, "n3": FOLLOWER})
    assert result.verdict is Verdict.UNKNOWN
    assert result.reason == "a trace record of n1 makes no sense: KeyError: 'first'"


def test_ri_14_a_watch_knows_nothing_of_a_heal_without_the_history():
    watcher = RaftLiveness().watcher(("n1",), in_order=True)
    watcher.observe("n1", {**boot(), "incarnation": 1})
    assert watcher.result().details["judged"] == []
