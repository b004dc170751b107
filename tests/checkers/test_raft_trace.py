"""What a node's trace is read as: its log replayed across crashes, and where reading stops."""

import pytest

from keelhaul.checkers.checker import Evidence, NodeTrace
from keelhaul.checkers.history import History
from keelhaul.checkers.raft import RaftInvariants
from keelhaul.checkers.raft_trace import EVENTS, NodeModel


class Story:
    """All that a trace was taken to mean, in order; and the model after it."""

    def __init__(self, trace):
        self.model = NodeModel(trace.node)
        self.told = []
        self.elections = []
        listeners = {event: [self._listener(event)] for event in EVENTS}
        for record in trace.records:
            self.model.take(record, listeners)

    def _listener(self, event):
        def listen(node, *what):
            self.told.append((node.position, event, *what))
            if event == "elected":
                self.elections.append((node.position, node.term, node.log[:]))

        return listen

    @property
    def problems(self):
        return [problem for problem in (self.model.unknown_log, self.model.problem) if problem is not None]

    def of(self, event):
        return [(position, *what) for position, kind, *what in self.told if kind == event]


def read_trace(trace):
    return Story(trace)


def boot(term=0, voted_for=None, last_index=0, digest=0):
    return {"type": "boot", "term": term, "voted_for": voted_for, "last_index": last_index, "digest": digest}


def append(first, *entries):
    return {"type": "append", "first": first, "entries": [list(entry) for entry in entries]}


def truncate(first):
    return {"type": "truncate", "from": first}


def lead(term):
    return {"type": "role", "role": "leader", "term": term}


def log_at_last_election(story):
    return story.elections[-1][2]


def test_the_log_follows_appends_and_truncates(trace):
    story = read_trace(trace("n1", boot(), append(1, (1, "a"), (1, "b")), truncate(2), append(2, (2, "c")), lead(3)))
    assert story.elections == [(5, 3, [(1, "a"), (2, "c")])]
    assert story.of("appended") == [(2, 1, 0, [(1, "a"), (1, "b")]), (4, 2, 1, [(2, "c")])]
    assert story.problems == []


def test_an_election_keeps_the_log_of_its_moment(trace):
    story = read_trace(trace("n1", boot(), append(1, (1, "a")), lead(2), append(2, (2, "b"))))
    assert log_at_last_election(story) == [(1, "a")]


def test_a_boot_cuts_what_the_disk_never_got(trace):
    story = read_trace(trace("n1", boot(), append(1, (1, "a"), (1, "b"), (1, "c")), boot(1, None, 2, "b"), lead(2)))
    assert log_at_last_election(story) == [(1, "a"), (1, "b")]
    assert story.problems == []


def test_a_boot_undoes_a_truncation_that_the_disk_never_got(trace):
    before = append(1, (1, "a"), (1, "b"), (1, "c"))
    for undone in (boot(1, None, 3, "c"), boot(1, None, 2, "b")):
        story = read_trace(trace("n1", boot(), before, truncate(2), append(2, (2, "x"), (2, "y")), undone, lead(3)))
        assert log_at_last_election(story) == [(1, "a"), (1, "b"), (1, "c")][: undone["last_index"]]
        assert story.problems == []


def test_a_boot_may_stop_between_a_truncation_and_what_replaced_it(trace):
    lived = [boot(), append(1, (1, "a"), (1, "b")), truncate(1), append(1, (2, "x"), (2, "y"))]
    assert log_at_last_election(read_trace(trace("n1", *lived, boot(), lead(3)))) == []
    story = read_trace(trace("n1", *lived, boot(2, None, 1, "x"), lead(3)))
    assert log_at_last_election(story) == [(2, "x")]
    assert story.problems == []


def test_a_log_that_nothing_leads_to_is_a_problem_and_not_guessed_at(trace):
    story = read_trace(trace("n1", boot(), append(1, (1, "a")), boot(1, None, 2, "z"), lead(2)))
    assert log_at_last_election(story) == [None, (None, "z")]
    assert len(story.problems) == 1
    assert "n1's trace, record 3: it boots with a log of 2 entries" in story.problems[0]


def test_what_a_boot_left_behind_does_not_come_back_later(trace):
    lived = [boot(), append(1, (1, "a"), (1, "b")), boot(1, None, 1, "a")]
    assert read_trace(trace("n1", *lived, boot(1, None, 1, "a"))).problems == []
    assert "record 4" in read_trace(trace("n1", *lived, boot(1, None, 2, "b"))).problems[0]


def test_what_was_cut_off_does_not_come_back_once_a_boot_has_confirmed_the_cut(trace):
    lived = [boot(), append(1, (1, "a"), (1, "b")), truncate(2), append(2, (2, "x")), boot(2, None, 2, "x")]
    assert read_trace(trace("n1", *lived)).problems == []
    assert "record 6" in read_trace(trace("n1", *lived, boot(2, None, 2, "b"))).problems[0]


def test_a_node_may_go_on_from_a_log_that_is_not_known(trace):
    story = read_trace(trace("n1", boot(4, None, 3, "z"), append(4, (5, "w")), lead(6)))
    assert story.of("appended") == [(2, 4, None, [(5, "w")])]
    assert log_at_last_election(story) == [None, None, (None, "z"), (5, "w")]
    again = read_trace(trace("n1", boot(4, None, 3, "z"), boot(4, None, 3, "z"), lead(6)))
    assert len(again.problems) == 1


def test_terms_are_those_that_the_records_name_without_repetitions(trace):
    vote = {"type": "vote", "term": 2, "for": "n2"}
    commit = {"type": "commit", "index": 1, "entry_term": 2, "term": 3, "digest": "a"}
    story = read_trace(
        trace("n1", boot(1), vote, lead(2), commit, commit, {"type": "apply", "first": 1, "entries": [["a", None]]})
    )
    assert story.of("in_term") == [(2, 1, 2), (4, 2, 3)]
    assert story.of("voted") == [(2, 2, "n2")]
    assert story.of("committed") == [(4, 0, 1, 2, "a"), (5, 1, 1, 2, "a")]
    assert story.of("applied") == [(6, 0, 1, "a", None)]


def test_unknown_types_are_passed_over(trace):
    assert read_trace(trace("n1", boot(), {"type": "weather", "ticket": 3}, lead(1))).problems == []


def test_an_empty_trace_is_a_problem():
    traces = (NodeTrace("n1", ()),)
    result = RaftInvariants().check(Evidence(history=History.of([]), traces=traces, nodes=("n1",)))
    assert result.details["problems"] == ["n1's trace is empty"]


# --- snapshots


def installed(index, term, digest, voters=("n1",)):
    config = [0, list(voters), [], []]
    return {"type": "snapshot_installed", "index": index, "term": term, "digest": digest, "state": 0, "config": config}


def test_a_snapshot_replaces_a_log_that_does_not_lead_to_it(trace):
    story = read_trace(trace("n1", boot(), append(1, (1, "a")), installed(3, 2, "z"), append(4, (2, "w")), lead(3)))
    assert log_at_last_election(story) == [None, None, (2, "z"), (2, "w")]
    assert (story.model.commit_index, story.model.applied_index, story.problems) == (3, 3, [])


def test_a_snapshot_keeps_what_follows_from_it(trace):
    log = append(1, (1, "a"), (1, "b"), (1, "c"))
    story = read_trace(trace("n1", boot(), log, installed(2, 1, "b"), lead(2)))
    assert log_at_last_election(story) == [(1, "a"), (1, "b"), (1, "c")]


def test_a_boot_undoes_a_snapshot_that_the_disk_never_got(trace):
    lived = [boot(), append(1, (1, "a"), (1, "b")), installed(5, 2, "z")]
    story = read_trace(trace("n1", *lived, boot(1, None, 2, "b"), lead(3)))
    assert (log_at_last_election(story), story.problems) == ([(1, "a"), (1, "b")], [])
    again = read_trace(trace("n1", *lived, append(6, (2, "y")), installed(9, 2, "x"), boot(2, None, 6, "y"), lead(3)))
    assert (log_at_last_election(again), again.problems) == ([None] * 4 + [(2, "z"), (2, "y")], [])


MALFORMED = {
    "no type": {},
    "append leaves a gap": append(3, (1, "b")),
    "append over what is there": append(1, (1, "b")),
    "truncate beyond the end": truncate(2),
    "truncate at nothing": truncate(0),
    "entries missing": {"type": "append", "first": 2},
    "an entry of three": {"type": "append", "first": 2, "entries": [[1, "b", 3]]},
    "entries a number": {"type": "append", "first": 2, "entries": 7},
    "a term as text": append(2, ("1", "b")),
    "a term that is true": append(2, (True, "b")),
    "a digest that is a list": append(2, (1, ["b"])),
    "a negative index": {"type": "apply", "first": -1, "entries": [["a", None]]},
    "index nought is applied": {"type": "apply", "first": 0, "entries": [["a", None]]},
    "a state that is a list": {"type": "apply", "first": 1, "entries": [["a", ["b"]]]},
    "an applied entry of one": {"type": "apply", "first": 1, "entries": [["a"]]},
    "index nought is committed": {"type": "commit", "index": 0, "entry_term": 1, "term": 1, "digest": "a"},
    "a commit in no term": {"type": "commit", "index": 1, "entry_term": 1, "term": None, "digest": "a"},
    "a commit of a list": {"type": "commit", "index": 1, "entry_term": 1, "term": 1, "digest": ["a"]},
    "a negative term": append(2, (-1, "b")),
    "a first index that is true": {"type": "append", "first": 2.5, "entries": []},
    "an absurd log": boot(1, None, 10**12, "z"),
    "a vote for nobody": {"type": "vote", "term": 1, "for": None},
    "another incarnation without a boot": {"type": "apply", "first": 1, "entries": [["a", None]], "incarnation": 2},
    "a record that is a list": ["apply"],
}


@pytest.mark.parametrize("record", MALFORMED.values(), ids=MALFORMED)
def test_reading_stops_at_a_malformed_record_and_keeps_what_came_before(trace, record):
    good = trace("n1", boot(), append(1, (1, "a")), lead(1)).records
    bad = {"incarnation": 1, "time": 4, **record} if isinstance(record, dict) else record
    after = trace("n1", boot(), lead(9)).records[1]
    story = read_trace(NodeTrace("n1", (*good, bad, after)))
    assert [term for _, term, _ in story.elections] == [1]
    assert len(story.problems) == 1
    assert story.problems[0].startswith("n1's trace, record 4: ")


def test_a_trace_begins_with_a_boot():
    record = {"type": "role", "role": "leader", "term": 1, "incarnation": 1}
    assert "record 1: an incarnation begins with a boot" in read_trace(NodeTrace("n1", (record,))).problems[0]
