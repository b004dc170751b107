"""Small files (§3.2, §3.9), through the machine that keeps them."""

from __future__ import annotations

from keelhaul.nodes.lock.files import Files, parent
from keelhaul.nodes.lock.machine import LockMachine


def opened(table, session, path="f", *, create=True, ephemeral=False):
    return table.ask("open", session, path, create, ephemeral)


def written(table, session, contents, path="f", if_generation=None, sequencer=None):
    return table.ask("set_contents", session, path, contents, if_generation, sequencer)


def read(table, session, path="f"):
    return table.machine.read(["get", table.machine.epoch, session, path])


def told(table):
    """What sessions are to be told, since this was asked last, as (session, event, path)."""
    news, table.machine.news = table.machine.news, []
    return [(one[1], one[2]["event"], one[2]["path"]) for one in news if one[0] == "event"]


def test_a_file_is_created_by_who_wants_to_and_only_then(table):
    session = table.session()
    assert opened(table, session, create=False)["reason"] == "not_found"
    instance = opened(table, session)["instance"]
    assert instance == table.index, "3.2: greater than that of any earlier file of that name"
    assert opened(table, session, create=False)["instance"] == instance


def test_the_generation_counts_writes_and_the_checksum_follows_the_contents(table):
    session = table.session()
    first = opened(table, session)
    second = written(table, session, "x")
    assert (first["content_generation"], second["content_generation"]) == (0, 1)
    assert first["checksum"] != second["checksum"]
    assert read(table, session)["contents"] == "x"


def test_a_write_may_insist_on_a_generation(table):
    session = table.session()
    opened(table, session)
    assert written(table, session, "x", if_generation=1)["reason"] == "generation"
    assert written(table, session, "x", if_generation=0)["type"] == "set_contents_ok"


def test_lk_a_a_write_may_be_made_to_depend_on_a_lock(table):
    session, other = table.session("a"), table.session("b")
    opened(table, session)
    token = table.acquire(session)["token"]
    assert written(table, session, "x", sequencer=["l", "exclusive", token])["type"] == "set_contents_ok"
    table.release(session, token)
    table.acquire(other)
    assert written(table, session, "y", sequencer=["l", "exclusive", token])["reason"] == "stale_token"


def test_who_has_not_opened_a_file_neither_writes_nor_deletes_it(table):
    session, other = table.session("a"), table.session("b")
    opened(table, session)
    assert written(table, other, "x")["reason"] == "no_handle"
    assert table.ask("delete", other, "f")["reason"] == "no_handle"
    assert table.ask("close", other, "f")["reason"] == "no_handle"


def test_a_handle_is_for_one_instance_of_a_file(table):
    session, other = table.session("a"), table.session("b")
    opened(table, session)
    opened(table, other)
    table.ask("delete", other, "f")
    again = opened(table, other)
    assert written(table, session, "x")["reason"] == "no_handle"
    assert again["instance"] == table.index - 1


def test_edge_case_delete_and_recreate_a_path_while_its_lock_is_held(table):
    session = table.session()
    opened(table, session)
    token = table.acquire(session, lock="f")["token"]
    table.ask("delete", session, "f")
    opened(table, session)
    assert table.holders("f") == {session: "exclusive"}, "the lock doesn't care"
    table.release(session, token, lock="f")
    assert table.acquire(session, lock="f")["token"] > token, "LC-4: tokens don't go back"


def test_a_directory_is_not_deleted_while_something_lies_in_it(table):
    session = table.session()
    opened(table, session, "d")
    opened(table, session, "d/f")
    assert table.ask("delete", session, "d")["reason"] == "not_empty"
    children = table.machine.read(["children", table.machine.epoch, session, "d"])
    assert children == {"type": "children_ok", "children": ["d/f"]}
    table.ask("delete", session, "d/f")
    assert table.ask("delete", session, "d")["type"] == "delete_ok"


# --- ephemeral files


def test_lc_10_an_ephemeral_file_goes_with_the_last_session_that_has_it_open(table):
    session, other = table.session("a"), table.session("b")
    opened(table, session, ephemeral=True)
    opened(table, other)
    table.ask("close_session", session)
    assert read(table, other)["exists"]
    table.own("expire_session", other)
    third = table.session("c")
    assert not read(table, third)["exists"]
    assert [one["by"] for one in table.machine.traces if one.get("event") == "delete"] == [None]


def test_lc_10_an_ephemeral_directory_stays_for_what_lies_in_it(table):
    session, other = table.session("a"), table.session("b")
    opened(table, session, "d", ephemeral=True)
    opened(table, other, "d/f", ephemeral=True)
    table.ask("close", session, "d")
    assert read(table, other, "d")["exists"]
    table.ask("close", other, "d/f")
    assert not read(table, session, "d")["exists"], "both go in this entry"


def test_what_a_file_was_made_as_counts(table):
    session, other = table.session("a"), table.session("b")
    opened(table, session)
    assert opened(table, other, ephemeral=True)["ephemeral"] is False


def test_step_9_reaping_takes_what_nobody_has_open(table):
    session = table.session()
    opened(table, session, ephemeral=True)
    table.machine.files.close("f", session)  # as no command could leave it
    table.own("reap")
    assert not read(table, session)["exists"]


# --- events


def test_3_7_who_has_a_file_open_hears_of_its_changes_and_who_has_its_directory_open_of_those(table):
    writer, watcher = table.session("a"), table.session("b")
    opened(table, watcher, "d")
    told(table)
    opened(table, writer, "d/f")
    assert told(table) == [(watcher, "child_added", "d")]
    written(table, writer, "x", "d/f")
    assert told(table) == [(writer, "contents_modified", "d/f"), (watcher, "child_changed", "d")]
    table.ask("delete", writer, "d/f")
    assert told(table) == [(writer, "handle_invalid", "d/f"), (watcher, "child_removed", "d")]


def test_3_7_holders_hear_of_conflicting_requests_and_openers_of_grants(table):
    holder, other = table.session("a"), table.session("b")
    opened(table, other, "l")
    told(table)
    table.acquire(holder)
    assert told(table) == [(other, "lock_acquired", "l")]
    table.acquire(other)
    assert told(table) == [(holder, "conflicting_request", "l")]


def test_lc_12_each_event_names_its_entry(table):
    session = table.session()
    opened(table, session)
    told(table)
    written(table, session, "x")
    (news,) = table.machine.news
    assert news[2] == {
        "event": "contents_modified",
        "path": "f",
        "index": table.index,
        "instance": table.index - 1,
        "generation": 1,
    }


# --- images


def test_lk_i_files_and_handles_are_in_the_snapshot(table):
    session = table.session()
    opened(table, session, ephemeral=True)
    written(table, session, "x")
    copy = LockMachine()
    copy.restore(table.machine.snapshot())
    table.machine = copy
    assert read(table, session)["contents"] == "x"
    assert written(table, session, "y")["content_generation"] == 2
    table.own("expire_session", session)
    assert copy.files.image() == []


def test_an_image_of_nothing_is_nothing():
    assert Files.of([]).image() == []
    assert [parent(path) for path in ("a/b/c", "a", "")] == ["a/b", "", ""]
