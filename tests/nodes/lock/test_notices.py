"""What a master keeps for its sessions: notices, and cached copies that it calls back before a file changes."""

from __future__ import annotations

import pytest

from keelhaul.nodes.lock.notices import Copies, Notices

LEASE, HOLD = 2000, 500


def test_notices_are_numbered_and_told_until_they_were_heard():
    notices = Notices()
    assert [notices.add(7, {"event": name}) for name in "abc"] == [1, 2, 3]
    notices.heard(7, 2)
    assert notices.unheard(7) == [[3, {"event": "c"}]]
    notices.forget(7)
    assert notices.add(7, {"event": "d"}) == 1, "a session of that number is another one"


def test_a_file_that_is_being_changed_may_not_be_cached():
    copies = Copies()
    copies.note("f", 7)
    assert copies.call_back("f") == [7]
    assert copies.call_back("f") == [], "each copy once"
    assert not copies.may_cache("f")
    copies.changed("f")
    assert not copies.may_cache("f"), "the other change is still under way"
    copies.changed("f")
    assert copies.may_cache("f")


def test_a_session_that_ended_holds_no_copies():
    copies = Copies()
    copies.note("f", 7)
    copies.forget(7)
    assert copies.call_back("f") == []


class Files:
    """An office with a file f, which `reader` has open and cached, and `writer` has open."""

    def __init__(self, office):
        self.office = office
        self.reader, self.writer = office.open("reader"), office.open("writer")
        self.seqs = {}
        for session in (self.reader, self.writer):
            self.ask("open", session, "f", True, False)
        self.read(self.reader)

    def ask(self, kind, session, *arguments):
        self.seqs[session] = self.seqs.get(session, 0) + 1
        return self.office.ask(kind, self.office.master.epoch, session, self.seqs[session], 0, *arguments)

    def read(self, session, *, cache=True):
        number = self.office.ask("get", self.office.master.epoch, session, "f", cache=cache)
        return self.office.replies[number]

    def write(self, contents="x"):
        return self.ask("set_contents", self.writer, "f", contents, None, None)

    def told(self, number):
        """The events that a KeepAlive's answer brings, without their details."""
        return [(at, event["event"]) for at, event in self.office.replies[number]["events"]]


@pytest.fixture
def files(office):
    return Files(office)


def test_lc_11_a_read_may_be_kept_if_the_client_wants_to_and_nothing_changes_the_file(files):
    assert files.read(files.reader)["cacheable"] is True
    assert "cacheable" not in files.read(files.reader, cache=False)


def test_lc_11_a_change_waits_until_every_copy_is_given_up(files, office):
    number = files.write()
    assert number not in office.replies
    keep_alive = office.keep_alive(files.reader)
    office.after(150)
    assert files.told(keep_alive) == [(1, "invalidate")], "a KeepAlive brings it at once"
    assert number not in office.replies
    assert "cacheable" not in files.read(files.writer), "meanwhile nobody gets a copy"
    office.keep_alive(files.reader, heard=1)
    assert office.replies[number]["type"] == "set_contents_ok"
    assert files.read(files.writer)["cacheable"] is True


def test_lc_11_a_second_change_waits_for_the_copies_that_the_first_one_called_back(files, office):
    """Each copy is called back once, and until that is heard it is good for no change of the file."""
    other = office.open("other")
    files.ask("open", other, "f", True, False)
    first, second = files.write("x"), files.ask("set_contents", other, "f", "y", None, None)
    assert first not in office.replies
    assert second not in office.replies
    office.keep_alive(files.reader, heard=1)
    assert office.replies[first]["type"] == office.replies[second]["type"] == "set_contents_ok"


def test_lc_11_a_second_change_does_not_wait_for_a_session_that_has_ended(files, office):
    other = office.open("other")
    files.ask("open", other, "f", True, False)
    files.write("x")
    second = files.ask("set_contents", other, "f", "y", None, None)
    for _ in range(9):
        office.after(LEASE // 4)
        office.keep_alive(files.writer)
        office.keep_alive(other)
    assert files.reader not in office.machine.sessions
    assert office.replies[second]["type"] == "set_contents_ok"


def test_lc_11_a_change_of_one_file_does_not_wait_for_copies_of_another(files, office):
    other = office.open("other")
    files.ask("open", other, "g", True, False)
    files.write("x")
    second = files.ask("set_contents", other, "g", "y", None, None)
    assert office.replies[second]["type"] == "set_contents_ok"


def test_lc_11_a_change_waits_no_longer_than_the_lease_of_who_has_a_copy(files, office):
    number = files.write()
    office.keep_alive(files.writer)
    for _ in range(8):
        office.after(LEASE // 4)
        office.keep_alive(files.writer)
    assert files.reader not in office.machine.sessions
    assert office.replies[number]["type"] == "set_contents_ok"


def test_lc_11_that_there_is_no_file_may_be_kept_too(office):
    session = office.open()
    number = office.ask("get", office.master.epoch, session, "g", cache=True)
    assert office.replies[number] == {"type": "get_ok", "exists": False, "cacheable": True}
    created = office.ask("open", office.master.epoch, session, 1, 0, "g", True, False)
    assert created not in office.replies
    keep_alive = office.keep_alive(session)
    assert office.replies[keep_alive]["events"][0][1]["event"] == "invalidate"


def test_lc_11_an_ephemeral_file_goes_without_notice_so_nobody_keeps_it(office):
    session = office.open()
    office.ask("open", office.master.epoch, session, 1, 0, "e", True, True)
    number = office.ask("get", office.master.epoch, session, "e", cache=True)
    assert "cacheable" not in office.replies[number]


def test_lc_12_sessions_hear_of_changes_in_order_and_again_until_they_say_so(files, office):
    office.keep_alive(files.reader)
    files.write("x")
    office.keep_alive(files.reader, heard=1)
    for _ in range(2):
        keep_alive = office.keep_alive(files.reader, heard=1)
        office.after(150)
        assert files.told(keep_alive) == [(2, "contents_modified")]
    keep_alive = office.keep_alive(files.reader, heard=2)
    office.after(HOLD + 150)
    assert files.told(keep_alive) == []
    numbers = [one["number"] for one in office.traces if one["type"] == "notice" and one["session"] == files.reader]
    assert numbers == [1, 2], "each is queued, and told to the checkers, once"


def test_step_9_a_while_after_taking_over_unused_ephemeral_files_are_reaped(office):
    office.at_once = False
    office.after(LEASE + 5000 + 200)
    assert ["reap", office.master.epoch] in [command for command, _ in office.proposed]


def test_a_master_that_is_replaced_sends_those_who_change_files_away(files, office):
    number = files.write()
    office.master.end("n2")
    assert office.replies[number]["leader"] == "n2"
    assert files.writer in office.machine.sessions
