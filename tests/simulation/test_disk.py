"""The simulated disk: what is synced stays, of the rest any first part."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from keelhaul.harness.simulation.disk import MS, Disk


def records(*numbers):
    return tuple([number] for number in numbers)


def test_writes_are_done_in_order_each_some_time_after_it_was_asked_for():
    disk = Disk(Random(1), fsync_ms=2.0)
    done = [disk.write(0, ticket, records(ticket)) for ticket in range(1, 20)]
    assert done == sorted(done)
    durations = [after - before for before, after in zip([0, *done], done, strict=False)]
    assert all(MS <= duration <= 3 * MS for duration in durations)


def test_an_idle_disk_begins_when_it_is_asked():
    disk = Disk(Random(1), fsync_ms=2.0)
    first_ns = disk.write(0, 1, records(1))
    assert disk.write(first_ns + 100 * MS, 2, records(2)) > first_ns + 100 * MS


def test_a_write_says_that_all_before_it_are_done():
    disk = Disk(Random(1), fsync_ms=1.0)
    for ticket in (1, 2, 3):
        disk.write(0, ticket, records(ticket))
    disk.synced(2)
    assert disk.records() == records(1, 2)
    disk.synced(2)
    assert disk.records() == records(1, 2)


def test_a_crash_keeps_any_first_part_of_what_was_not_synced():
    kept = set()
    for seed in range(100):
        disk = Disk(Random(seed), fsync_ms=1.0)
        disk.write(0, 1, records(1, 2))
        disk.synced(1)
        disk.write(0, 2, records(3, 4))
        disk.write(0, 3, records(5))
        disk.crash(0)
        kept.add(tuple(number for (number,) in disk.records()))
    assert kept == {(1, 2), (1, 2, 3), (1, 2, 3, 4), (1, 2, 3, 4, 5)}


def test_a_crashed_disk_starts_anew():
    disk = Disk(Random(1), fsync_ms=1.0)
    for ticket in range(1, 100):
        disk.write(0, ticket, records(ticket))
    disk.crash(5)
    assert disk.write(5, 1, records("new")) < 5 + 2 * MS
    before = disk.records()
    disk.synced(1)
    assert disk.records() == (*before, ["new"])


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["write", "sync", "crash"]), st.integers(0, 3)),
    max_size=30,
)


@given(OPERATIONS, st.integers(0, 1000))
def test_whatever_happens_synced_records_stay_and_a_crash_keeps_a_first_part_of_the_rest(operations, seed):
    disk, durable, pending, ticket, number = Disk(Random(seed), fsync_ms=1.0), [], [], 0, 0
    for name, argument in operations:
        if name == "write":
            ticket += 1
            batch = [[number + at] for at in range(argument)]
            number += argument
            pending.append((ticket, batch))
            disk.write(0, ticket, tuple(batch))
        elif name == "sync":
            disk.synced(ticket - argument)
            durable += [record for written, batch in pending if written <= ticket - argument for record in batch]
            pending = [(written, batch) for written, batch in pending if written > ticket - argument]
        else:
            disk.crash(0)
            rest = [record for _, batch in pending for record in batch]
            kept = list(disk.records())[len(durable) :]
            assert kept == rest[: len(kept)]
            durable, pending, ticket = durable + kept, [], 0
        assert list(disk.records()) == durable
