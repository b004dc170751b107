"""Who stands, who votes, who wins, who gives up: rules A1–A3, E1–E9. Each test names the rule that it holds."""

from __future__ import annotations

import pytest

from keelhaul.nodes.raft import election

E_NS = 300_000_000


def ask_vote(cluster, dest, source, *, term, last=(0, 0), pre_vote=False):
    """Ask for a vote; `last` is the candidate's (last_term, last_index). Return the replies."""
    last_term, last_index = last
    return cluster.tell(
        dest,
        source,
        type="request_vote",
        term=term,
        last_term=last_term,
        last_index=last_index,
        pre_vote=pre_vote,
    )


def vote_reply(term, *, granted=True, pre_vote=False, for_term=None):
    """Make the fields of a reply to a request for a vote."""
    return {
        "type": "request_vote_reply",
        "term": term,
        "granted": granted,
        "pre_vote": pre_vote,
        "for_term": term if for_term is None else for_term,
    }


def heartbeat(term, *, prev_index=0, prev_term=0, commit=0, entries=()):
    """Make the fields of an AppendEntries."""
    return {
        "type": "append_entries",
        "term": term,
        "prev_index": prev_index,
        "prev_term": prev_term,
        "entries": list(entries),
        "leader_commit": commit,
    }


# --- A1, A2, A3: terms


def test_a1_a_newer_term_opens_the_vote_and_makes_a_follower(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(term=2, voted_for="n1")})
    ask_vote(cluster, "n1", "n2", term=3)
    state = cluster.state("n1")
    assert (state.term, state.voted_for, state.role) == (3, "n2", "follower")


def test_a1_the_same_term_never_opens_the_vote_again(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(term=2, voted_for="n2")})
    cluster.tell("n1", "n3", **heartbeat(2))
    assert cluster.state("n1").voted_for == "n2"
    (reply,) = cluster.tell("n1", "n2", **heartbeat(1))
    assert (reply.body["success"], cluster.state("n1").voted_for) == (False, "n2")


def test_a1_a_term_that_jumps_by_a_thousand_is_taken(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    (reply,) = cluster.tell("n2", "n3", **heartbeat(1001))
    assert (reply.body["term"], cluster.state("n2").term) == (1001, 1001)
    cluster.beat("n1")
    assert (cluster.role("n1"), cluster.state("n1").term) == ("follower", 1001)
    cluster.elect("n3")
    assert cluster.state("n3").term == 1002


@pytest.mark.parametrize("kind", ["append_entries_reply", "request_vote_reply"])
def test_a1_a_leader_that_hears_of_a_newer_term_follows(cluster_of, kind):
    cluster = cluster_of(3)
    cluster.elect("n1")
    if kind == "request_vote_reply":
        cluster.tell("n1", "n2", **vote_reply(5, granted=False))
    else:
        refused = {"success": False, "prev_index": 1, "conflict_index": 1, "conflict_term": None}
        cluster.tell("n1", "n2", type=kind, term=5, **refused)
    state = cluster.state("n1")
    assert (state.role, state.term, state.leader, state.voted_for) == ("follower", 5, None, None)


def test_a2_an_old_leader_is_refused_with_the_term_and_changes_nothing(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1, 1, term=4)})
    deadline_ns = cluster.state("n1").election_deadline_ns
    entry = [3, "command", ["write", "k", "new"]]
    (reply,) = cluster.tell("n1", "n2", **heartbeat(3, prev_index=1, prev_term=1, commit=2, entries=[entry]))
    assert (reply.body["success"], reply.body["term"]) == (False, 4)
    state = cluster.state("n1")
    assert (cluster.terms("n1"), state.commit_index, state.leader) == ([1, 1], 0, None)
    assert state.election_deadline_ns == deadline_ns


def test_a2_a_request_for_a_vote_of_an_old_term_is_refused_with_the_term(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(term=4)})
    (reply,) = ask_vote(cluster, "n1", "n2", term=3, last=(9, 9))
    assert (reply.body["granted"], reply.body["term"], reply.body["for_term"]) == (False, 4, 3)
    assert cluster.state("n1").voted_for is None


def test_a3_a_vote_of_an_older_term_is_not_counted_when_standing_again(cluster_of):
    cluster = cluster_of(5, pre_vote=0)
    for _ in range(3):
        cluster.fire_until_candidate("n1")
    assert cluster.state("n1").term == 3
    for voter in ("n2", "n3", "n4", "n5"):
        cluster.tell("n1", voter, **vote_reply(1))
    assert cluster.role("n1") == "candidate"
    # A reply to an old request may carry the voter's present term; it is still no answer to the present request.
    for voter in ("n2", "n3", "n4", "n5"):
        cluster.tell("n1", voter, **vote_reply(3, for_term=1))
    assert cluster.role("n1") == "candidate"


def test_a3_votes_of_an_earlier_election_do_not_add_up_with_those_of_the_next(cluster_of):
    cluster = cluster_of(5, pre_vote=0)
    cluster.fire_until_candidate("n1")
    cluster.tell("n1", "n2", **vote_reply(1))
    cluster.fire_until_candidate("n1")
    cluster.tell("n1", "n3", **vote_reply(2))
    assert cluster.role("n1") == "candidate"
    cluster.tell("n1", "n4", **vote_reply(2))
    assert cluster.role("n1") == "leader"


def test_a3_replies_of_an_older_term_do_not_move_a_leader(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    cluster.elect("n2")
    cluster.elect("n1")
    cluster.request("n1", "write", key="k", value=1)
    cluster.drop_all()
    committed = cluster.state("n1").commit_index
    old = {"type": "append_entries_reply", "term": 1, "success": True, "prev_index": 0}
    cluster.tell("n1", "n2", **old, match_index=cluster.state("n1").log.last_index)
    assert cluster.state("n1").commit_index == committed


# --- E1: the election timer


def test_e1_timeouts_are_drawn_from_e_to_twice_e(cluster_of):
    delays = []
    for seed in range(40):
        state = cluster_of(3, seed=seed).state("n1")
        election.reset_election_timer(state, 0)
        delays.append(state.election_deadline_ns)
    assert E_NS <= min(delays) < 1.2 * E_NS
    assert 1.8 * E_NS < max(delays) < 2 * E_NS


def test_e1_the_leaders_messages_reset_the_timer_even_when_the_log_does_not_fit(cluster_of):
    cluster = cluster_of(3)
    for fields in (heartbeat(1), heartbeat(1, prev_index=9, prev_term=1)):
        cluster.wait(290)
        cluster.tell("n1", "n2", **fields)
        assert cluster.state("n1").election_deadline_ns >= cluster.members["n1"].clock_ns + E_NS


def test_e1_a_granted_vote_resets_the_timer_and_a_refused_one_does_not(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1)})
    deadline_ns = cluster.state("n1").election_deadline_ns
    cluster.wait(200)
    ask_vote(cluster, "n1", "n2", term=2, last=(0, 0))
    assert cluster.state("n1").election_deadline_ns == deadline_ns
    ask_vote(cluster, "n1", "n3", term=2, last=(1, 1))
    assert cluster.state("n1").election_deadline_ns >= cluster.members["n1"].clock_ns + E_NS


def test_e1_a_granted_pre_vote_does_not_reset_the_timer(cluster_of):
    cluster = cluster_of(3)
    deadline_ns = cluster.state("n1").election_deadline_ns
    cluster.wait(200)
    (reply,) = ask_vote(cluster, "n1", "n2", term=1, pre_vote=True)
    assert reply.body["granted"]
    assert cluster.state("n1").election_deadline_ns == deadline_ns


@pytest.mark.parametrize("how", ["newer term", "no majority"])
def test_e1_a_deposed_leader_waits_a_whole_timeout_before_it_stands_again(cluster_of, how):
    cluster = cluster_of(3)
    cluster.elect("n1")
    cluster.wait(1000)  # longer than any deadline that it drew before it led
    if how == "newer term":
        cluster.tell("n1", "n2", **vote_reply(5, granted=False))
    else:
        cluster.fire("n1", "heartbeat")
    assert cluster.role("n1") == "follower"
    assert cluster.state("n1").election_deadline_ns >= cluster.members["n1"].clock_ns + E_NS
    cluster.drop_all()
    cluster.fire("n1")
    assert cluster.on_way(kind="request_vote") == []


def test_e1_the_election_timer_never_stops(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    for _ in range(5):
        cluster.fire("n1")
        assert cluster.role("n1") == "leader"
    cluster.tell("n1", "n2", **heartbeat(5))
    for _ in range(5):
        cluster.fire("n1")
        assert "election" in cluster.members["n1"].timers


def test_e1_standing_resets_the_timer_and_forgets_the_leader(cluster_of):
    for pre_vote in (0, 1):
        cluster = cluster_of(3, pre_vote=pre_vote)
        cluster.elect("n2")
        cluster.fire_until_candidate("n1")
        now_ns = cluster.members["n1"].clock_ns
        assert cluster.members["n1"].timers["election"][1] >= now_ns + E_NS
        assert cluster.state("n1").leader is None


# --- E2: standing


def test_e2_requests_leave_only_when_term_and_vote_are_on_disk(cluster_of):
    cluster = cluster_of(3, pre_vote=0)
    cluster.hold_disk("n1")
    cluster.fire_until_candidate("n1")
    assert cluster.on_way("n1") == []
    cluster.sync("n1")
    requests = cluster.on_way("n1", kind="request_vote")
    assert [(packet.dest, packet.body["transfer"]) for packet in requests] == [("n2", False), ("n3", False)]
    assert cluster.disk_records("n1") == (["vote", 1, "n1"],)


def test_e2_the_own_vote_counts_only_when_it_is_on_disk(cluster_of):
    cluster = cluster_of(1)
    cluster.hold_disk("n1")
    cluster.fire_until_candidate("n1")
    assert cluster.role("n1") == "candidate"
    cluster.sync("n1")
    assert cluster.role("n1") == "leader"


def test_e2_an_own_vote_of_an_older_term_does_not_count_for_a_newer(cluster_of):
    cluster = cluster_of(3, pre_vote=0)
    cluster.hold_disk("n1")
    cluster.fire_until_candidate("n1")
    cluster.fire_until_candidate("n1")
    cluster.sync("n1")
    assert cluster.state("n1").votes == {}
    cluster.tell("n1", "n2", **vote_reply(2))
    assert cluster.role("n1") == "candidate"
    cluster.sync("n1")
    assert cluster.role("n1") == "leader"


# --- E3: voting


@pytest.mark.parametrize(
    ("last", "granted"),
    [((2, 3), True), ((2, 4), True), ((3, 1), True), ((2, 2), False), ((1, 9), False), ((0, 0), False)],
)
def test_e3_a_candidate_needs_a_log_at_least_as_up_to_date(cluster_of, disk_of, last, granted):
    for pre_vote in (False, True):
        cluster = cluster_of(3, disks={"n1": disk_of(1, 2, 2)})
        (reply,) = ask_vote(cluster, "n1", "n2", term=7, last=last, pre_vote=pre_vote)
        assert reply.body["granted"] is granted


def test_e3_one_vote_a_term_and_again_for_the_same_candidate(cluster_of):
    cluster = cluster_of(3)
    assert [ask_vote(cluster, "n1", source, term=4)[0].body["granted"] for source in ("n2", "n3", "n2")] == [
        True,
        False,
        True,
    ]
    assert cluster.disk_records("n1")[-1] == ["vote", 4, "n2"]


def test_e3_f2_a_vote_leaves_only_when_it_is_on_disk(cluster_of):
    cluster = cluster_of(3)
    cluster.hold_disk("n1")
    assert ask_vote(cluster, "n1", "n2", term=4) == []
    assert ask_vote(cluster, "n1", "n2", term=4) == []  # a repeated request waits for the same write
    cluster.sync("n1")
    assert [packet.body["granted"] for packet in cluster.on_way("n1", "n2")] == [True, True]


def test_e3_no_second_vote_after_a_restart(cluster_of):
    cluster = cluster_of(3)
    assert ask_vote(cluster, "n1", "n2", term=4)[0].body["granted"]
    cluster.crash("n1")
    cluster.restart("n1")
    assert not ask_vote(cluster, "n1", "n3", term=4)[0].body["granted"]
    assert ask_vote(cluster, "n1", "n2", term=4)[0].body["granted"]


def test_e3_a_vote_that_never_reached_the_disk_was_never_given(cluster_of):
    cluster = cluster_of(3)
    cluster.hold_disk("n1")
    assert ask_vote(cluster, "n1", "n2", term=4) == []
    cluster.crash("n1")
    cluster.restart("n1")
    assert cluster.state("n1").term == 0
    assert cluster.on_way("n1") == []
    cluster.hold_disk("n1", held=False)
    assert ask_vote(cluster, "n1", "n3", term=4)[0].body["granted"]


def test_e3_a_member_that_votes_for_itself_refuses_others_in_that_term(cluster_of):
    cluster = cluster_of(3, pre_vote=0)
    cluster.fire_until_candidate("n1")
    (reply,) = ask_vote(cluster, "n1", "n2", term=1)
    assert not reply.body["granted"]


# --- E4: quorums


@pytest.mark.parametrize(("size", "quorum"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)])
def test_e4_winning_takes_a_majority_of_all_voters(cluster_of, size, quorum):
    cluster = cluster_of(size, pre_vote=0)
    cluster.fire_until_candidate("n1")
    for votes, voter in enumerate(cluster.names, 1):
        if voter != "n1":
            cluster.tell("n1", voter, **vote_reply(1))
        assert (cluster.role("n1") == "leader") == (votes >= quorum)


def test_e4_a_voter_counts_once(cluster_of):
    cluster = cluster_of(5, pre_vote=0)
    cluster.fire_until_candidate("n1")
    for _ in range(4):
        cluster.tell("n1", "n2", **vote_reply(1))
    assert cluster.role("n1") == "candidate"


def test_e4_a_vote_of_a_stranger_does_not_count(cluster_of):
    cluster = cluster_of(3, pre_vote=0)
    cluster.fire_until_candidate("n1")
    cluster.tell("n1", "n9", **vote_reply(1))
    assert cluster.role("n1") == "candidate"


# --- E5: candidates and leaders


def test_e5_a_candidate_follows_the_leader_of_its_own_term(cluster_of):
    cluster = cluster_of(3, pre_vote=0)
    cluster.fire_until_candidate("n1")
    (reply,) = cluster.tell("n1", "n2", **heartbeat(1))
    state = cluster.state("n1")
    assert (reply.body["success"], state.role, state.leader, state.voted_for) == (True, "follower", "n2", "n1")
    cluster.tell("n1", "n3", **vote_reply(1))  # late; it isn't a candidate any more
    assert cluster.role("n1") == "follower"


def test_e5_two_leaders_of_one_term_crash_loudly(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    with pytest.raises(AssertionError, match="Election Safety"):
        cluster.tell("n1", "n2", **heartbeat(1))


# --- E6: pre-vote


def test_e6_asking_and_granting_change_neither_term_nor_vote(cluster_of):
    cluster = cluster_of(3)
    cluster.fire_until_candidate("n1")
    requests = cluster.on_way("n1")
    assert [(packet.body["pre_vote"], packet.body["term"]) for packet in requests] == [(True, 1)] * 2
    cluster.deliver_all()
    assert all(packet.body["granted"] for packet in cluster.on_way(dest="n1"))
    assert [(cluster.state(name).term, cluster.state(name).voted_for) for name in cluster.names] == [(0, None)] * 3


def test_e6_no_pre_vote_within_e_of_a_leaders_word(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    cluster.wait(299)
    for name in ("n1", "n2"):
        assert ask_vote(cluster, name, "n3", term=2, last=(9, 9), pre_vote=True) == []
    cluster.wait(1)
    assert ask_vote(cluster, "n2", "n3", term=2, last=(9, 9), pre_vote=True)[0].body["granted"]


@pytest.mark.parametrize(
    ("term", "voted_for", "granted"),
    [(4, None, False), (5, None, True), (5, "n2", True), (5, "n3", False), (6, "n3", True)],
)
def test_e6_a_pre_vote_is_granted_for_a_term_in_which_a_vote_could_be(cluster_of, disk_of, term, voted_for, granted):
    cluster = cluster_of(3, disks={"n1": disk_of(term=5, voted_for=voted_for)})
    (reply,) = ask_vote(cluster, "n1", "n2", term=term, pre_vote=True)
    assert reply.body["granted"] is granted
    assert reply.body["pre_vote"] is True
    assert reply.body["term"] == (term if granted else 5)


def test_e6_pre_votes_are_never_counted_as_votes(cluster_of):
    cluster = cluster_of(3, pre_vote=0)
    cluster.fire_until_candidate("n1")
    cluster.tell("n1", "n2", **vote_reply(1, pre_vote=True))
    cluster.tell("n1", "n3", **vote_reply(1, pre_vote=True))
    assert cluster.role("n1") == "candidate"


def test_e6_votes_are_never_counted_as_pre_votes(cluster_of):
    cluster = cluster_of(5)
    cluster.fire_until_candidate("n1")
    for voter in ("n2", "n3", "n4"):
        cluster.tell("n1", voter, **vote_reply(0, for_term=1))
    assert (cluster.role("n1"), cluster.state("n1").term) == ("follower", 0)


def test_e6_standing_takes_a_majority_of_pre_votes(cluster_of):
    cluster = cluster_of(5)
    cluster.fire_until_candidate("n1")
    for voter in ("n2", "n2"):
        cluster.tell("n1", voter, **vote_reply(1, pre_vote=True))
    assert cluster.role("n1") == "follower"
    cluster.tell("n1", "n3", **vote_reply(1, pre_vote=True))
    assert cluster.role("n1") == "candidate"


def test_e6_a_pre_vote_that_comes_after_the_leaders_word_is_dropped(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n2")
    cluster.fire_until_candidate("n1")
    cluster.tell("n1", "n2", **heartbeat(1))
    cluster.tell("n1", "n3", **vote_reply(2, pre_vote=True))
    assert (cluster.role("n1"), cluster.state("n1").term) == ("follower", 1)


def test_e6_a_pre_vote_for_another_term_is_dropped(cluster_of):
    cluster = cluster_of(3)
    cluster.fire_until_candidate("n1")
    for for_term in (0, 2, 7):
        cluster.tell("n1", "n2", **vote_reply(for_term, pre_vote=True))
    assert cluster.state("n1").term == 0


def test_e6_a_refused_pre_vote_brings_a_member_that_lags_up_to_the_term(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n2": disk_of(term=9), "n3": disk_of(term=9)})
    cluster.fire_until_candidate("n1")
    cluster.run()
    assert cluster.state("n1").term == 9
    cluster.elect("n1")
    assert cluster.state("n1").term == 10


def test_e6_a_leader_does_not_stand_against_itself_on_late_pre_votes(cluster_of):
    cluster = cluster_of(3)
    cluster.fire_until_candidate("n1")
    cluster.tell("n1", "n2", **vote_reply(1, pre_vote=True))
    assert (cluster.role("n1"), cluster.state("n1").term) == ("candidate", 1)
    cluster.fire_until_candidate("n1")  # the votes are slow, so it asks whether it could win the next term
    cluster.tell("n1", "n2", **vote_reply(1))
    assert cluster.role("n1") == "leader"
    cluster.tell("n1", "n3", **vote_reply(2, pre_vote=True))
    assert (cluster.role("n1"), cluster.state("n1").term) == ("leader", 1)


def test_e6_a_member_that_comes_back_does_not_depose_a_healthy_leader(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    for _ in range(5):
        cluster.fire_until_candidate("n3")
        cluster.drop_all("n3")
        cluster.beat("n1", "n1", "n2")
    cluster.run()
    cluster.fire_until_candidate("n3")
    cluster.beat("n1")
    assert (cluster.role("n1"), cluster.state("n1").term, cluster.state("n3").leader) == ("leader", 1, "n1")


# --- E7: stickiness


def test_e7_who_hears_a_leader_ignores_requests_for_votes(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    for name in ("n1", "n2"):
        assert ask_vote(cluster, name, "n3", term=50, last=(9, 9)) == []
        assert cluster.state(name).term == 1
    cluster.wait()
    assert ask_vote(cluster, "n2", "n3", term=50, last=(9, 9))[0].body["granted"]


def test_e7_without_check_quorum_there_is_no_stickiness(cluster_of):
    cluster = cluster_of(3, check_quorum=0)
    cluster.elect("n1")
    assert ask_vote(cluster, "n2", "n3", term=50, last=(9, 9))[0].body["granted"]
    assert ask_vote(cluster, "n1", "n3", term=50, last=(9, 9))[0].body["granted"]
    assert cluster.role("n1") == "follower"


def test_e7_a_candidate_of_a_newer_term_with_an_old_log_deposes_the_leader_once_and_then_follows(cluster_of, disk_of):
    cluster = cluster_of(3, disks={"n1": disk_of(1, 1), "n2": disk_of(1, 1), "n3": disk_of(1, term=8)})
    cluster.elect("n1", "n1", "n2")
    assert cluster.state("n1").term == 2
    cluster.beat("n1")  # n3 refuses by its newer term
    assert (cluster.role("n1"), cluster.state("n1").term) == ("follower", 8)
    cluster.elect("n2")
    cluster.beat("n2")
    assert [cluster.terms(name) for name in cluster.names] == [cluster.terms("n2")] * 3
    assert {cluster.state(name).term for name in cluster.names} == {9}


# --- E8: CheckQuorum


def test_e8_a_leader_without_a_majority_steps_down_in_its_term(cluster_of):
    cluster = cluster_of(5)
    cluster.elect("n1")
    for _ in range(10):
        cluster.beat("n1", "n1", "n2")
    state = cluster.state("n1")
    assert (state.role, state.term, state.voted_for, state.leader) == ("follower", 1, "n1", None)


def test_e8_who_leads_no_more_says_nothing_more(cluster_of):
    for deposed in (lambda cluster: cluster.wait(1000), lambda cluster: cluster.tell("n1", "n2", **heartbeat(9))):
        cluster = cluster_of(3)
        cluster.elect("n1")
        deposed(cluster)
        cluster.packets.clear()
        cluster.fire("n1", "heartbeat")
        assert cluster.role("n1") == "follower"
        assert cluster.packets == []
        assert "heartbeat" not in cluster.members["n1"].timers


def test_e8_any_reply_of_its_term_counts_as_contact(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    refused = {"success": False, "prev_index": 0, "conflict_index": 1, "conflict_term": None}
    for _ in range(10):
        cluster.tell("n1", "n2", type="append_entries_reply", term=1, **refused)
        cluster.beat("n1", "n1")
    assert cluster.role("n1") == "leader"


def test_e8_even_sizes_need_more_than_half(cluster_of):
    for friends, role in ((("n1", "n2"), "follower"), (("n1", "n2", "n3"), "leader")):
        cluster = cluster_of(4)
        cluster.elect("n1")
        for _ in range(10):
            cluster.beat("n1", *friends)
        assert cluster.role("n1") == role


def test_e8_a_leader_that_can_speak_but_not_hear_is_replaced(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    for _ in range(10):
        if cluster.role("n1") == "leader":
            cluster.beat("n1", "n2", "n3")  # nothing reaches n1; what it says was delivered below
        cluster.deliver_all("n1")
        cluster.drop_all(dest="n1")
    assert cluster.role("n1") == "follower"
    cluster.elect("n2", "n2", "n3")


def test_e8_alone_a_member_is_its_own_majority(cluster_of):
    cluster = cluster_of(1)
    cluster.elect("n1")
    for _ in range(20):
        cluster.beat("n1")
    assert cluster.role("n1") == "leader"


# --- E9, N1: winning


def test_e9_n1_a_new_leader_appends_a_noop_and_sends_it_at_once(cluster_of, disk_of):
    cluster = cluster_of(3, pre_vote=0, disks={"n1": disk_of(1, 1)})
    cluster.fire_until_candidate("n1")
    cluster.deliver_all()
    cluster.deliver_all(dest="n1")
    assert cluster.terms("n1") == [1, 1, 2]
    for packet in cluster.on_way("n1", kind="append_entries"):
        assert (packet.body["prev_index"], packet.body["entries"]) == (2, [[2, "noop", None]])
    assert {packet.dest for packet in cluster.on_way("n1", kind="append_entries")} == {"n2", "n3"}


def test_e9_a_leader_knows_nothing_of_its_peers_from_an_earlier_time(cluster_of):
    cluster = cluster_of(3)
    cluster.elect("n1")
    assert cluster.state("n1").progress["n2"].match_index == 1
    cluster.elect("n2")
    cluster.elect("n1", "n1", "n3")
    progress = cluster.state("n1").progress["n2"]
    assert (progress.match_index, progress.probing, progress.next_index) == (0, True, 3)
