"""The slots: what is kept of them, and what is gone behind a snapshot."""

from __future__ import annotations

import pytest

from keelhaul.nodes.paxos.ballot import Ballot
from keelhaul.nodes.paxos.multi.entry import COMMAND, Entry
from keelhaul.nodes.paxos.multi.ledger import Ledger

BALLOT = Ballot(1, "n1")


def entry(number):
    return Entry(COMMAND, ["write", "k", number], BALLOT)


@pytest.fixture
def ledger():
    """Slots 1 to 6, all accepted and chosen."""
    made = Ledger()
    for slot in range(1, 7):
        made.accept(slot, BALLOT, entry(slot))
        made.choose(slot, entry(slot))
    return made


def test_mp11_what_a_snapshot_of_another_member_covers_is_gone_and_the_rest_stays(ledger):
    ledger.begin_after(4)
    assert (list(ledger.accepted), list(ledger.chosen)) == ([5, 6], [5, 6])
    assert (ledger.first_slot, ledger.highest) == (5, 6)


def test_mp11_a_snapshot_far_ahead_leaves_nothing(ledger):
    ledger.begin_after(9)
    assert (list(ledger.accepted), list(ledger.chosen)) == ([], [])
    assert (ledger.first_slot, ledger.highest) == (10, 9)


def test_mp11_what_the_own_snapshot_covers_is_gone_once(ledger):
    ledger.drop_below(4)
    ledger.drop_below(2)
    assert (list(ledger.accepted), list(ledger.chosen), ledger.first_slot) == ([4, 5, 6], [4, 5, 6], 4)


def test_an_entry_that_was_accepted_has_the_same_digest_when_it_is_chosen():
    ledger = Ledger()
    digest = ledger.accept(3, BALLOT, entry(3))
    assert ledger.choose(3, entry(3)).digest == digest
    assert ledger.choose(3, entry(4)).digest != digest
