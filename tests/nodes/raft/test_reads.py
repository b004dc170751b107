"""Reads past the log: by index, by followers, by lease, stale (§1.10)."""

from __future__ import annotations

import pytest

from keelhaul.nodes.raft.settings import Settings

E_MS, HEARTBEAT_MS, MS = 300, 50, 1_000_000


@pytest.fixture
def led(cluster_of):
    """Make members led by n1, with `k` = 1 committed everywhere."""

    def make(size=3, **options):
        cluster = cluster_of(size, **options)
        cluster.elect("n1")
        cluster.request("n1", "write", key="k", value=1)
        cluster.run()
        cluster.beat("n1")
        return cluster

    return make


def read(cluster, name="n1"):
    return cluster.request(name, "read", key="k")


# --- by index


def test_ri5_a_read_is_answered_without_an_entry_and_without_a_write(led):
    cluster = led(read_mode="read-index")
    last_index, written = cluster.state("n1").log.last_index, len(cluster.disk_records("n1"))
    asked = read(cluster)
    cluster.run()
    assert cluster.answer(asked)["value"] == 1
    assert (cluster.state("n1").log.last_index, len(cluster.disk_records("n1"))) == (last_index, written)


def test_ri1_n2_no_read_before_an_entry_of_the_own_term_is_committed(cluster_of, disk_of):
    cluster = cluster_of(3, read_mode="read-index", disks={name: disk_of(1) for name in ("n1", "n2", "n3")})
    cluster.elect_only("n1", "n2", "n3")
    appends = cluster.on_way("n1")
    asked = read(cluster)
    assert cluster.on_way("n1") == appends, "no round may begin: what others committed isn't known here"
    assert cluster.answer(asked) is None
    cluster.run()
    assert cluster.answer(asked)["value"] == "1.1"


def test_ri2_a_read_reflects_what_was_committed_when_it_came(led):
    cluster = led(read_mode="read-index")
    asked = read(cluster)
    index = cluster.state("n1").read_index
    assert index == cluster.state("n1").commit_index == 2
    cluster.run()
    assert cluster.told("n1", "read")[-1]["read_index"] == index
    assert cluster.answer(asked)["value"] == 1


def test_ri3_answers_to_messages_from_before_the_read_confirm_nothing(led):
    cluster = led(read_mode="read-index")
    cluster.wait(HEARTBEAT_MS)
    cluster.fire("n1", "heartbeat")
    cluster.deliver_all("n1")  # the answers to this heartbeat are under way when the read comes
    asked = read(cluster)
    cluster.deliver_all(dest="n1")
    assert cluster.answer(asked) is None
    cluster.run()
    assert cluster.answer(asked)["value"] == 1


def test_ri3_it_takes_a_majority(led):
    cluster = led(5, read_mode="read-index")
    asked = read(cluster)
    cluster.deliver_all("n1", "n2")
    cluster.deliver_all("n2", "n1")
    assert cluster.answer(asked) is None
    cluster.deliver_all("n1", "n3")
    cluster.deliver_all("n3", "n1")
    assert cluster.answer(asked)["value"] == 1


def test_ri3_a_read_that_comes_during_a_round_waits_for_the_next(led):
    cluster = led(read_mode="read-index")
    first = read(cluster)
    second = read(cluster)
    cluster.deliver_all("n1", "n2")
    cluster.deliver_all("n2", "n1")
    assert cluster.answer(first)["value"] == 1
    assert cluster.answer(second) is None
    cluster.run()
    assert cluster.answer(second)["value"] == 1


def test_ri3_a_lost_round_is_confirmed_by_the_next_heartbeat(led):
    cluster = led(read_mode="read-index")
    asked = read(cluster)
    cluster.drop_all()
    cluster.beat("n1")
    assert cluster.answer(asked)["value"] == 1


def test_ri3_a_leader_that_was_replaced_unawares_answers_no_read(led):
    cluster = led(read_mode="read-index")
    cluster.elect("n2", "n2", "n3")
    cluster.request("n2", "write", key="k", value=2)
    cluster.run("n2", "n3")
    asked = read(cluster)  # n1 still believes that it leads
    assert cluster.role("n1") == "leader"
    cluster.run()
    assert cluster.answer(asked)["type"] == "error"


def test_ri3_a_refused_append_confirms_as_well_as_an_accepted_one(led, disk_of):
    cluster = led(read_mode="read-index")
    asked = read(cluster)
    state = cluster.state("n1")
    refusal = {"success": False, "prev_index": 9, "conflict_index": 1, "conflict_term": None}
    told = {"type": "append_entries_reply", "term": state.term, "round": state.round, **refusal}
    cluster.drop_all()
    cluster.tell("n1", "n2", **told)
    assert cluster.answer(asked)["value"] == 1


def test_a_leader_that_steps_down_refuses_the_reads_that_wait(led):
    cluster = led(read_mode="read-index")
    asked = [read(cluster), read(cluster)]
    cluster.tell("n1", "n2", type="append_entries_reply", term=9, success=False, prev_index=0)
    assert [cluster.answer(each)["code"] for each in asked] == [11, 11]


def test_alone_a_member_confirms_itself(cluster_of):
    cluster = cluster_of(1, read_mode="read-index")
    cluster.elect("n1")
    assert cluster.answer(read(cluster))["value"] is None


def test_in_the_other_modes_too_only_a_leader_answers(led):
    for mode in ("log", "read-index", "lease"):
        cluster = led(read_mode=mode)
        refused = cluster.answer(read(cluster, "n2"))
        assert (refused["code"], refused["leader"]) == (11, "n1")


# --- by followers


def test_a_follower_answers_at_an_index_that_its_leader_confirmed(led):
    cluster = led(read_mode="follower")
    asked = read(cluster, "n3")
    assert cluster.answer(asked) is None
    cluster.run()
    assert cluster.answer(asked)["value"] == 1
    assert cluster.told("n3", "read")[-1]["read_index"] == 2


def test_ri4_a_follower_waits_until_it_has_applied_that_index(led):
    cluster = led(read_mode="follower")
    cluster.request("n1", "write", key="k", value=2)
    cluster.run("n1", "n2")  # n3 hears nothing of it
    asked = read(cluster, "n3")
    cluster.deliver_all("n3", "n1")
    cluster.deliver_all("n1", "n2")
    cluster.deliver_all("n2", "n1")
    (reply,) = cluster.on_way("n1", "n3", "read_index_reply")
    assert reply.body["read_index"] == 3
    cluster.deliver(reply)
    assert cluster.answer(asked) is None
    cluster.run()
    cluster.beat("n1")
    cluster.beat("n1")
    assert cluster.answer(asked)["value"] == 2


def test_an_answer_to_an_earlier_attempt_is_not_taken_for_one_to_the_next(led):
    cluster = led(read_mode="follower")
    asked = read(cluster, "n3")
    (first,) = cluster.on_way("n3", "n1", "read_index")
    cluster.drop_all()
    cluster.fire("n3", "read")
    (second,) = cluster.on_way("n3", "n1", "read_index")
    assert first.body["id"] != second.body["id"]
    cluster.tell("n3", "n1", type="read_index_reply", id=first.body["id"], read_index=0)
    assert cluster.answer(asked) is None
    cluster.run()
    assert cluster.answer(asked)["value"] == 1


def test_attempts_of_an_earlier_incarnation_are_others(led):
    cluster = led(read_mode="follower")
    read(cluster, "n3")
    (before,) = cluster.on_way("n3", "n1", "read_index")
    cluster.drop_all()
    cluster.crash("n3")
    cluster.restart("n3")
    cluster.beat("n1")
    asked = read(cluster, "n3")
    (after,) = cluster.on_way("n3", "n1", "read_index")
    assert before.body["id"] != after.body["id"]
    cluster.tell("n3", "n1", type="read_index_reply", id=before.body["id"], read_index=0)
    assert cluster.answer(asked) is None


def test_a_follower_gives_up_after_two_timeouts_or_without_a_leader(led):
    cluster = led(read_mode="follower")
    asked = read(cluster, "n3")
    for _ in range(7):
        cluster.drop_all()
        assert cluster.answer(asked) is None
        cluster.fire("n3", "read")
    assert cluster.answer(asked)["code"] == 11
    assert cluster.answer(read(cluster, "n3")) is None
    cluster.drop_all()
    cluster.state("n3").leader = None
    cluster.fire("n3", "read")
    assert {body["code"] for _, body in cluster.replies if body["type"] == "error"} == {11}
    assert cluster.answer(read(cluster, "n3"))["code"] == 11


def test_who_does_not_lead_any_more_refuses_a_followers_question(led):
    cluster = led(read_mode="follower")
    asked = read(cluster, "n3")
    (question,) = cluster.on_way("n3", "n1", "read_index")
    cluster.drop_all()
    cluster.tell("n1", "n2", type="append_entries_reply", term=9, success=False, prev_index=0)
    (answer,) = cluster.tell("n1", "n3", **question.body)
    assert answer.body["read_index"] is None
    cluster.deliver(answer, keep=True)
    assert cluster.answer(asked)["code"] == 11


# --- by lease


def has_lease(cluster, name="n1"):
    member = cluster.members[name]
    return member.node.has_lease(member.clock_ns)


def test_lease_a_read_is_answered_at_once_and_without_a_message(led):
    cluster = led(read_mode="lease")
    asked = read(cluster)
    assert cluster.packets == []
    assert cluster.answer(asked)["value"] == 1


def test_lease_it_counts_from_when_a_message_left_not_from_its_answer(led):
    cluster = led(read_mode="lease")
    cluster.wait(HEARTBEAT_MS)
    cluster.fire("n1", "heartbeat")
    cluster.deliver_all("n1")
    cluster.wait(E_MS)
    cluster.deliver_all(dest="n1")
    assert not has_lease(cluster)


def test_lease_it_ends_before_any_voter_with_a_fast_clock_may_vote_for_another():
    for drift in (0, 1, 2, 10, 50):
        settings = Settings.of({"read_mode": "lease", "clock_drift_percent": drift})
        lease_ns, timeout_ns = settings.lease_ns, settings.election_timeout_ns
        # In true time: a slow clock counts the lease, a fast one the silence.
        assert lease_ns * (100 + drift) < timeout_ns * (100 - drift)


@pytest.mark.parametrize(("passed_ms", "is_fresh"), [(100, False), (294, True)])
def test_lease_it_holds_while_clocks_are_within_the_bound_and_is_a_lie_beyond(led, passed_ms, is_fresh):
    """The others count E and elect another; n1's clock counts less, by 2 % on either side or by far more."""
    cluster = led(read_mode="lease")
    cluster.wait(passed_ms, "n1")
    cluster.elect("n2", "n2", "n3")
    cluster.request("n2", "write", key="k", value=2)
    cluster.run("n2", "n3")
    cluster.wait(-E_MS, "n1")  # `elect` let time pass on every clock
    answer = cluster.answer(read(cluster))
    assert (answer is None) is is_fresh
    assert is_fresh or answer["value"] == 1


def test_lease_without_one_the_read_goes_by_index(led):
    cluster = led(read_mode="lease")
    cluster.wait(E_MS, "n1")
    asked = read(cluster)
    assert cluster.answer(asked) is None
    cluster.run()
    assert cluster.answer(asked)["value"] == 1


def test_lease_it_takes_a_majority_of_promises(led):
    cluster = led(5, read_mode="lease")
    for _ in range(6):
        cluster.drop_all()
        cluster.wait(HEARTBEAT_MS)
        cluster.fire("n1", "heartbeat")
    cluster.deliver_all("n1", "n2")
    cluster.deliver_all("n2", "n1")
    assert not has_lease(cluster)
    cluster.deliver_all("n1", "n3")
    cluster.deliver_all("n3", "n1")
    assert has_lease(cluster)


def test_lease_none_before_an_entry_of_the_own_term_is_committed(cluster_of):
    cluster = cluster_of(3, read_mode="lease")
    cluster.elect_only("n1", "n2", "n3")
    assert not has_lease(cluster)


def test_lease_a_member_that_restarts_keeps_silent_for_e(led):
    cluster = led(read_mode="lease")
    cluster.crash("n2")
    cluster.restart("n2")
    request = {"type": "request_vote", "last_index": 9, "last_term": 9, "pre_vote": False, "transfer": False}
    assert cluster.tell("n2", "n3", **request, term=2) == []
    cluster.wait(E_MS)
    (vote,) = cluster.tell("n2", "n3", **request, term=2)
    assert vote.body["granted"]


def test_lease_a_gap_between_ticks_voids_it(led):
    """A leader that stood still, on a clock that may have stood still too, knows nothing of the time between."""
    cluster = led(read_mode="lease")
    cluster.wait(3 * HEARTBEAT_MS, "n1")
    assert has_lease(cluster)
    cluster.fire("n1", "heartbeat")
    assert not has_lease(cluster)
    cluster.run()
    cluster.beat("n1")
    assert has_lease(cluster)


# --- stale


def test_stale_any_member_answers_from_what_it_has_and_says_so(led):
    cluster = led(read_mode="stale")
    cluster.request("n1", "write", key="k", value=2)
    cluster.run("n1", "n2")
    answers = [cluster.answer(read(cluster, name)) for name in ("n1", "n3")]
    assert [(body["value"], body["stale"], body["applied_index"]) for body in answers] == [(2, True, 3), (1, True, 2)]
    assert cluster.told("n3", "read")[-1]["mode"] == "stale"
    assert cluster.packets == []
