"""Who the members are, and how that changes: one voter at a time, or jointly; learners first (M1–M11).

A member goes by the newest configuration entry *in its log*, committed or not (M1), and falls back to the one before
when that entry is cut off (M8). Changes are safe when any majority of the old voters meets any majority of the new:

* one voter more or less: the two majorities always share a member (M2);
* jointly: while C_old,new is in force every decision needs a majority of both (M5).

Both need the change before to be committed (M3). That alone isn't enough: a leader must also have committed an entry of
*its own* term before it appends a configuration (M4, found in 2015). Otherwise two leaders of different terms can each
have one change in flight on top of the same old configuration, and two majorities need not meet.

A leader carries out one request at a time: new voters join as learners (M6), are waited for, then become voters. Each
step is an entry of its own; `advance` takes the next one whenever the last is committed. A leader that finds
C_old,new without a successor finishes it, whoever began.
"""

from __future__ import annotations

from keelhaul.nodes.errors import ErrorCode, error_body
from keelhaul.nodes.events import Body
from keelhaul.nodes.raft import election, replication
from keelhaul.nodes.raft.configuration import Configuration
from keelhaul.nodes.raft.log import CONFIG, Entry
from keelhaul.nodes.raft.state import LEADER, Asker, Change, Progress, Round, State

ROUNDS_MAX = 10
"""Of a learner's catching up; then the change is given up (M6)."""


# --- which configuration is in force


def adopt(state: State, index: int, entry: Entry) -> None:
    """M1: a configuration entry went into the log; it counts from now on."""
    if index <= state.configurations[0].entry_index:
        return  # the snapshot's own, or one before it, read back from the disk
    configuration = Configuration.of(entry.payload, index)
    state.configurations.append(configuration)
    voters, old, learners = configuration.payload()
    about = {"index": index, "term": state.term, "voters": voters, "old": old, "learners": learners}
    state.trace({"type": "config", **about, "commit_index": state.commit_index})


def roll_back(state: State, first: int) -> None:
    """M8: the log was cut from `first` on; the newest configuration that is left counts again."""
    while state.configurations[-1].entry_index >= first:
        state.configurations.pop()


def forget_all(state: State) -> None:
    """The whole log was discarded; a snapshot's configuration is about to take its place (SN4)."""
    del state.configurations[1:]


def follow_configuration(state: State, now_ns: int) -> None:
    """A leader's view of its peers follows the configuration: known ones stay as they are, new ones begin."""
    before = state.progress
    next_index = state.log.last_index + 1
    state.progress = {
        name: before.get(name) or Progress(next_index, now_ns)
        for name in state.configuration.members
        if name != state.name
    }


def may_stand(state: State) -> bool:
    """Say whether this member may become a candidate: a voter, or one whose removal may not be committed.

    Without the second a cluster could lose everybody who can win: the only one with the newest log may be on its way
    out. It wins by others' votes then, and goes when the change is committed (M7).
    """
    newest = state.configuration
    if newest.votes(state.name):
        return True
    before = state.configurations[-2:-1]
    return newest.entry_index > state.commit_index and any(each.votes(state.name) for each in before)


# --- changing it; all of this is the leader's


def on_request(state: State, now_ns: int, client: str, msg_id: int, body: Body) -> None:
    """Take a client's wish for other voters (and learners); this member leads."""
    voters, learners = body.get("voters"), body.get("learners", [])
    problem = _problem_of(state, voters, learners)
    if problem is not None:
        state.reply(client, msg_id, error_body(ErrorCode.MALFORMED_REQUEST, problem))
        return
    if state.change is not None or state.transfer is not None:
        busy = "another change or a transfer is under way"
        state.reply(client, msg_id, error_body(ErrorCode.TEMPORARILY_UNAVAILABLE, busy))
        return
    assert voters is not None
    deadline_ns = now_ns + ROUNDS_MAX * state.settings.election_timeout_ns
    before = state.configuration.learners
    state.change = Change(tuple(voters), tuple(learners), before, Asker(client, msg_id), deadline_ns)
    advance(state, now_ns)


def _problem_of(state: State, voters: object, learners: object) -> str | None:
    """M10, M11: only names that are known from the start, each once, and at least one voter."""
    for names in (voters, learners):
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            return "voters and learners are lists of names"
    assert isinstance(voters, list)
    assert isinstance(learners, list)
    strangers = [name for name in (*voters, *learners) if name not in state.config.members]
    if strangers:
        return f"nobody is called {strangers[0][:40]!r}"
    if len({*voters, *learners}) < len(voters) + len(learners):
        return "each member is named once"
    return None if voters else "the last voter can't be removed"


def advance(state: State, now_ns: int) -> None:
    """Take the next step of whatever change is under way, if the last one is committed (M3) and N2 holds (M4)."""
    configuration = state.configuration
    if state.role != LEADER or not state.has_led or configuration.entry_index > state.commit_index:
        return
    if configuration.old:
        _append(state, now_ns, Configuration(configuration.voters, (), configuration.learners))  # M5
        return
    change = state.change
    if change is None or state.transfer is not None:
        return
    _start_learning(state, now_ns, change)
    following = _next_step(state, change)
    if following is not None:
        _append(state, now_ns, following)
    elif change.aborting or _is_done(configuration, change):
        _finish(state, change)


def _next_step(state: State, change: Change) -> Configuration | None:
    """Return the configuration that comes next; None if there is nothing to do or a learner isn't ready."""
    now = state.configuration
    learners = tuple(name for name in change.learners if name not in now.voters)
    if change.aborting:
        was = change.learners_before
        return None if now.learners == was else Configuration(now.voters, (), was)
    new = tuple(name for name in change.voters if name not in now.voters)
    gone = tuple(name for name in now.voters if name not in change.voters)
    unheard = [name for name in (*new, *learners) if name not in now.learners]
    if unheard:
        return Configuration(now.voters, (), (*now.learners, *unheard))
    if any(name not in change.caught_up for name in new):
        return None
    if len(new) + len(gone) > 1 and state.settings.joint_consensus:
        return Configuration(change.voters, now.voters, change.learners)
    if new:
        voters = tuple(name for name in state.config.members if name in now.voters or name == new[0])
        return Configuration(voters, (), tuple(name for name in now.learners if name != new[0]))
    if gone:  # itself last (M7): until then it can go on
        leaving = next((name for name in gone if name != state.name), gone[0])
        return Configuration(tuple(name for name in now.voters if name != leaving), (), now.learners)
    return None if now.learners == change.learners else Configuration(now.voters, (), change.learners)


def _is_done(configuration: Configuration, change: Change) -> bool:
    same_voters = sorted(configuration.voters) == sorted(change.voters)
    return same_voters and sorted(configuration.learners) == sorted(change.learners)


def _append(state: State, now_ns: int, configuration: Configuration) -> None:
    replication.append_as_leader(state, now_ns, Entry(state.term, CONFIG, configuration.payload()))


def _start_learning(state: State, now_ns: int, change: Change) -> None:
    """M6: watch new voters catch up, in rounds: one is over when a learner has what the leader had at its beginning."""
    now = state.configuration
    for name in change.voters:
        if name in now.voters or name in change.caught_up or name not in now.learners:
            continue
        round_ = change.rounds.setdefault(name, Round(state.log.last_index, now_ns))
        if state.progress[name].match_index < round_.target_index:
            continue
        if now_ns - round_.began_ns < state.settings.election_timeout_ns:
            change.caught_up.append(name)
        elif round_.number == ROUNDS_MAX:
            change.aborting = True
        else:
            change.rounds[name] = Round(state.log.last_index, now_ns, round_.number + 1)


def on_tick(state: State, now_ns: int) -> None:
    """A leader's heartbeat: give a change up whose new members are too slow, or not there at all."""
    change = state.change
    if change is None:
        return
    waits = any(name not in state.configuration.voters and name not in change.caught_up for name in change.voters)
    if waits and now_ns >= change.deadline_ns:
        change.aborting = True
    advance(state, now_ns)


def on_commit(state: State, now_ns: int) -> None:
    """Something was committed: step down if that took this leader's vote (M7), else go on."""
    if state.role != LEADER:
        return
    configuration = state.configuration
    is_settled = configuration.entry_index <= state.commit_index and not configuration.old
    if is_settled and state.has_led and not configuration.votes(state.name):
        if state.change is not None and _is_done(configuration, state.change):
            _finish(state, state.change)
        for peer, progress in state.progress.items():  # so that the others know that it is committed
            replication.send_now(state, now_ns, peer, progress)
        election.step_down(state, now_ns)
        return
    if configuration.entry_index > 0 or state.change is not None:
        advance(state, now_ns)


def _finish(state: State, change: Change) -> None:
    if change.aborting:
        slow = error_body(ErrorCode.TEMPORARILY_UNAVAILABLE, "a new member didn't catch up; nothing has changed")
        _answer(state, change, slow)
    else:
        _answer(state, change, {"type": "reconfigure_ok", "voters": list(change.voters)})


def give_up(state: State) -> None:
    """This member leads no more: what became of its change is for the next leader to decide."""
    if state.change is not None:
        _answer(state, state.change, error_body(ErrorCode.UNKNOWN_OUTCOME, "the leader changed on the way"))


def _answer(state: State, change: Change, body: Body) -> None:
    state.change = None
    assert change.asker.client is not None
    state.reply(change.asker.client, change.asker.number, body)
