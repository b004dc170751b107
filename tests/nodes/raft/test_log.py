"""The log: terms, digests, slices; each operation against a plain list."""

from __future__ import annotations

import json
from random import Random

import pytest

from keelhaul.nodes.raft.log import COMMAND, NOOP, Entry, Log, entries_of

PLENTY = 10**9


def log_of(*terms):
    """Make a log of entries of these terms."""
    log = Log()
    for index, term in enumerate(terms, 1):
        log.append(Entry(term, COMMAND, ["write", "k", index]))
    return log


def test_an_empty_log_ends_at_index_0_of_term_0():
    log = Log()
    assert (log.last_index, log.last_term, log.term_at(0), log.digest_at(0)) == (0, 0, 0, 0)
    assert log.slice(1, 10, PLENTY) == []


def test_ri_11_terms_in_a_log_never_decrease():
    with pytest.raises(AssertionError, match="RI-11"):
        log_of(2, 1)


def test_a_logs_answers_are_those_of_a_plain_list():
    random = Random(1)
    log, plain = Log(), []
    for step in range(400):
        if plain and random.random() < 0.15:
            first = random.randint(1, len(plain))
            log.truncate(first)
            del plain[first - 1 :]
        else:
            term = (plain[-1].term if plain else 1) + (random.random() < 0.2) * random.randint(1, 3)
            plain.append(Entry(term, COMMAND, step))
            log.append(plain[-1])
        terms = [entry.term for entry in plain]
        assert (log.last_index, log.last_term) == (len(plain), terms[-1] if terms else 0)
        first, count = random.randint(1, len(plain) + 1), random.randint(0, 5)
        assert log.slice(first, count, PLENTY) == plain[first - 1 : first - 1 + count]
        if terms:
            index = random.randint(1, len(terms))
            term = terms[index - 1]
            assert (log.term_at(index), log.entry(index)) == (term, plain[index - 1])
            assert log.first_index_of(term) == terms.index(term) + 1
            assert log.last_index_of(term) == len(terms) - terms[::-1].index(term)
            assert log.last_index_of(terms[-1] + 1) is None


def test_equal_digests_mean_equal_pasts():
    one, same, other = log_of(1, 1, 2), log_of(1, 1, 2), log_of(1, 2, 2)
    assert [one.digest_at(index) for index in range(4)] == [same.digest_at(index) for index in range(4)]
    assert one.digest_at(1) == other.digest_at(1)
    assert one.digest_at(3) != other.digest_at(3)


def test_a_truncated_log_goes_on_as_if_the_cut_part_had_never_been():
    log, never = log_of(1, 1, 2, 2), log_of(1, 1)
    log.truncate(3)
    for kept in (log, never):
        kept.append(Entry(3, NOOP, None))
    assert log.digest_at(3) == never.digest_at(3)
    assert log.slice(1, 9, PLENTY) == never.slice(1, 9, PLENTY)


def test_l7_a_slice_ends_before_it_is_too_large_but_never_before_it_begins():
    log = Log()
    for size in (10, 1000, 1000, 5000, 10):
        log.append(Entry(1, COMMAND, "x" * size))
    assert [len(log.slice(first, 9, 2500)) for first in (1, 2, 3, 4, 5)] == [3, 2, 1, 1, 1]
    assert len(log.slice(1, 2, 2500)) == 2
    log.truncate(4)
    log.append(Entry(1, COMMAND, "x"))
    assert len(log.slice(1, 9, 2500)) == 4


@pytest.mark.parametrize("payload", [None, ["write", "ü\ud800\n'\"", 1.0], {"b": [True, 1], "a": 1e22}])
def test_an_entry_has_the_same_digest_after_a_journey(payload):
    sent, arrived = Log(), Log()
    entry = Entry(3, COMMAND, payload)
    (copy,) = entries_of(json.loads(json.dumps([entry])))
    assert copy == entry
    assert sent.append(entry) == arrived.append(copy)
