"""LC-10 and LC-12 on members' traces: ephemeral files, and notices."""

from __future__ import annotations

import pytest

from keelhaul.checkers.locks.server import violations


def broken(*stories):
    return [found.id for found in violations(tuple(story.trace() for story in stories))]


def file(story, event, session=None, path="f", **fields):
    if session is not None:
        fields["session"] = session
    return story.entry("file", event=event, path=path, **fields)


def opened(story, session, path="f", ephemeral=True):
    file(story, "create", path=path, ephemeral=ephemeral, instance=story.index + 1)
    return file(story, "open", session, path=path)


def serving(story):
    story.epoch()
    story.tell("master", stage="keep-alives", epoch=story.index)
    return story.tell("master", stage="serving", epoch=story.index)


def write(story, generation=1):
    return file(story, "write", instance=2, generation=generation)


def notice(story, session, number, event="contents_modified", index=None, path="f"):
    index = story.index if index is None else index
    return story.tell("notice", epoch=1, session=session, number=number, event=event, path=path, index=index)


# --- LC-10


def test_lc_10_an_ephemeral_file_that_goes_while_somebody_has_it_open(story):
    opened(story, story.open())
    file(story, "delete", by=None)
    assert broken(story) == ["LC-10"]


def test_lc_10_near_miss_it_is_deleted_by_somebody(story):
    session = story.open()
    opened(story, session)
    file(story, "delete", by=session)
    assert broken(story) == []


def test_lc_10_an_ephemeral_file_that_stays_when_its_session_has_ended(story):
    session = story.open()
    opened(story, session)
    story.end(session)
    story.open()
    assert broken(story) == ["LC-10"]


def test_lc_10_near_miss_it_goes_in_the_same_entry(story):
    session = story.open()
    opened(story, session)
    story.end(session)
    for event in ("close", "delete"):
        story.tell("file", index=story.index, event=event, path="f", session=session, by=None)
    story.open()
    assert broken(story) == []


def test_lc_10_near_miss_somebody_else_has_it_open(story):
    session, other = story.open(), story.open()
    opened(story, session)
    file(story, "open", other)
    story.end(session)
    story.open()
    assert broken(story) == []


def test_lc_10_near_miss_a_permanent_file_stays(story):
    session = story.open()
    opened(story, session, ephemeral=False)
    story.end(session)
    story.open()
    assert broken(story) == []


def test_lc_10_near_miss_a_directory_stays_for_what_lies_in_it_and_goes_with_that(story):
    session, other = story.open(), story.open()
    opened(story, session)
    opened(story, other, path="f/g")
    story.end(session)
    story.open()
    assert broken(story) == []
    file(story, "delete", by=other, path="f/g")
    story.open()
    assert broken(story) == ["LC-10"]


def test_lc_10_a_story_that_goes_on_from_a_snapshot(story):
    story.tell("lock_table", epoch=1, sessions=[1], locks=[], files=[["f", True, [1]]])
    file(story, "delete", by=None)
    assert broken(story) == ["LC-10"]


# --- LC-12


def test_lc_12_near_miss_everybody_is_told_in_order(story):
    serving(story)
    a, b = story.open(), story.open()
    opened(story, a)
    file(story, "open", b)
    write(story)
    notice(story, a, 1)
    notice(story, b, 1)
    story.ms += 1
    write(story, 2)
    notice(story, a, 2)
    notice(story, b, 2)
    story.ms += 1
    story.open()
    assert broken(story) == []


def test_lc_12_a_change_that_a_session_is_never_told_of(story):
    serving(story)
    session = story.open()
    opened(story, session)
    write(story)
    story.ms += 1
    story.open()
    assert broken(story) == ["LC-12"]


def test_lc_12_near_miss_the_master_was_replaced(story):
    serving(story)
    session = story.open()
    opened(story, session)
    write(story)
    story.tell("master", stage="replaced", epoch=2)
    story.ms += 1
    story.open()
    assert broken(story) == []


def test_lc_12_near_miss_a_member_that_is_no_master_tells_nobody(story):
    opened(story, story.open())
    write(story)
    story.ms += 1
    story.open()
    assert broken(story) == []


def test_lc_12_a_notice_of_what_was_not_applied(story):
    serving(story)
    session = story.open()
    opened(story, session)
    notice(story, session, 1, index=99)
    assert broken(story) == ["LC-12"]


def test_lc_12_a_notice_out_of_order(story):
    serving(story)
    session = story.open()
    opened(story, session)
    write(story)
    first = story.index
    write(story, 2)
    notice(story, session, 1)
    notice(story, session, 2, index=first)
    assert broken(story) == ["LC-12", "LC-12"], "one is passed over, and then told though it isn't due any more"


@pytest.mark.parametrize(
    ("numbers", "found"), [((1, 2), []), ((1, 3), ["LC-12"]), ((2,), ["LC-12"]), ((1, 1), ["LC-12"])]
)
def test_lc_12_notices_are_numbered_one_by_one(story, numbers, found):
    serving(story)
    session = story.open()
    for number in numbers:
        notice(story, session, number, event="lock_acquired")
    assert broken(story) == found


def test_lc_12_near_miss_a_new_master_numbers_anew(story):
    serving(story)
    session = story.open()
    notice(story, session, 1, event="lock_acquired")
    story.epoch()
    story.tell("master", stage="keep-alives", epoch=story.index)
    notice(story, session, 1, event="lock_acquired")
    assert broken(story) == []
