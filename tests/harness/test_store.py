"""The store: nothing half written, nothing overwritten, links that move at once."""

from __future__ import annotations

import hashlib
import os
import re

import pytest

from keelhaul.checkers.checker import NodeTrace
from keelhaul.checkers.history import Row
from keelhaul.harness import codec, store
from keelhaul.harness.store import HistoryWriter, find_folder, find_run, link, new_run_folder, write_whole
from keelhaul.harness.validation import UsageError

# --- folders


def test_a_run_gets_a_folder_with_time_and_seed(tmp_path):
    folder = new_run_folder(tmp_path / "store", "raft-register", 7)
    assert folder.is_dir()
    assert folder.parent == (tmp_path / "store" / "raft-register").resolve()
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{3}Z-7", folder.name)


def test_runs_of_the_same_moment_get_different_folders(tmp_path, monkeypatch):
    class Stopped(store.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 5, 4, 3, 2, 1, 999_999, tz)

    monkeypatch.setattr(store, "datetime", Stopped)
    names = [new_run_folder(tmp_path, "tiny", 7).name for _ in range(3)]
    assert names == ["20260504T030201.999Z-7", "20260504T030201.999Z-7-1", "20260504T030201.999Z-7-2"]
    assert new_run_folder(tmp_path, "tiny", 8).name == "20260504T030201.999Z-8"


def test_git_passes_a_store_over_and_what_is_there_stays(tmp_path):
    new_run_folder(tmp_path, "tiny", 1)
    assert (tmp_path / ".gitignore").read_text() == "*\n"
    (tmp_path / ".gitignore").write_text("mine\n")
    new_run_folder(tmp_path, "tiny", 2)
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


def test_where_nothing_can_be_stored_that_is_the_users_to_mend(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"file.*: no run can be stored there: Not a directory"):
        new_run_folder(tmp_path / "file" / "store", "tiny", 1)
    with pytest.raises(UsageError, match="no run can be stored there"):
        new_run_folder(tmp_path / "file", "tiny", 1)


# --- links and files


def test_links_point_at_the_run_and_move(tmp_path):
    first, second = (new_run_folder(tmp_path, "tiny", seed) for seed in (1, 2))
    link(tmp_path, first, "latest", "tiny/latest")
    assert (tmp_path / "latest").resolve() == first
    assert (tmp_path / "tiny" / "latest").resolve() == first
    link(tmp_path, second, "latest", "tiny/latest")
    assert (tmp_path / "latest").resolve() == second
    assert (tmp_path / "tiny" / "latest").resolve() == second


def test_links_survive_a_moved_store(tmp_path):
    folder = new_run_folder(tmp_path / "store", "tiny", 1)
    link(tmp_path / "store", folder, "latest", "tiny/latest")
    (tmp_path / "store").rename(tmp_path / "moved")
    assert (tmp_path / "moved" / "latest").is_dir()
    assert (tmp_path / "moved" / "tiny" / "latest").is_dir()


def test_a_link_is_replaced_in_one_move(tmp_path, monkeypatch):
    """Whoever looks at any moment finds the old run or the new one."""
    first, second = (new_run_folder(tmp_path, "tiny", seed) for seed in (1, 2))
    link(tmp_path, first, "latest")
    seen = []
    for name in ("symlink", "unlink", "replace", "rename"):
        original = getattr(os, name)

        def looking(*arguments, original=original, **more):
            seen.append((tmp_path / "latest").resolve())
            result = original(*arguments, **more)
            seen.append((tmp_path / "latest").resolve())
            return result

        monkeypatch.setattr(os, name, looking)
    link(tmp_path, second, "latest")
    assert set(seen) == {first, second}


def test_a_file_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "verdict.json"
    write_whole(path, b"old")
    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr("pathlib.Path.replace", refuse)
    with pytest.raises(OSError, match="disk"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["verdict.json"]


def refuse(*_):
    raise OSError("the disk is full")


# --- the history


def test_rows_are_numbered_kept_and_written(tmp_path):
    path = tmp_path / "history.jsonl"
    with HistoryWriter(path) as writer:
        writer.append(0, "invoke", 3, "write", ["k1", 7])
        writer.append(5, "fail", 3, "write", ["k1", 7], "timeout")
        assert path.read_bytes() == b"", "rows are buffered"
        writer.flush()
        assert path.read_bytes() == b"".join(map(codec.encode_row, writer.rows))
        writer.append(6, "info", "nemesis", "heal", {})
    assert codec.read_history(path).rows == tuple(writer.rows)
    assert writer.rows[1] == Row(1, 5, "fail", 3, "write", ["k1", 7], "timeout")


def test_the_digest_is_the_files(tmp_path):
    path = tmp_path / "history.jsonl"
    with HistoryWriter(path) as writer:
        for number in range(1000):
            writer.append(number, "info", "nemesis", "heal", {"number": number})
        writer.flush()
        assert writer.sha256() == store.sha256_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_rows_reach_the_disk_without_a_flush_after_some_hundred(tmp_path):
    path = tmp_path / "history.jsonl"
    with HistoryWriter(path) as writer:
        for number in range(HistoryWriter.BUFFERED_ROWS_MAX):
            assert path.read_bytes() == b""
            writer.append(number, "info", "nemesis", "heal", {})
        assert len(codec.read_history(path)) == HistoryWriter.BUFFERED_ROWS_MAX


def test_what_was_recorded_is_written_also_when_the_run_fails(tmp_path):
    path = tmp_path / "history.jsonl"
    writer = HistoryWriter(path)
    writer.append(0, "invoke", 0, "read", ["k0", None])
    with pytest.raises(RuntimeError), writer:
        raise RuntimeError
    assert len(codec.read_history(path)) == 1


def test_a_disk_that_takes_a_part_gets_the_rest(tmp_path, monkeypatch):
    path = tmp_path / "history.jsonl"
    write = os.write
    with HistoryWriter(path) as writer:
        for number in range(9):
            writer.append(number, "info", "nemesis", "heal", {})
        monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:10]))
        writer.flush()
    assert len(codec.read_history(path)) == 9
    assert store.sha256_of(path) == writer.sha256()


def test_a_disk_that_fails_is_an_error_and_the_file_is_closed(tmp_path, monkeypatch):
    before = len(os.listdir("/proc/self/fd"))
    writer = HistoryWriter(tmp_path / "history.jsonl")
    writer.append(0, "info", "nemesis", "heal", {})
    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(OSError, match="disk"), writer:
        pass
    assert len(os.listdir("/proc/self/fd")) == before


# --- traces and verdicts


def test_traces_are_read_back(tmp_path):
    traces = (NodeTrace("n1", ({"type": "boot"}, {"type": "role", "term": 1})), NodeTrace("n2", ()))
    store.write_traces(tmp_path, traces)
    assert store.read_traces(tmp_path, ("n1", "n2")) == traces


def test_traces_of_some_nodes_only_are_none(tmp_path):
    store.write_traces(tmp_path, (NodeTrace("n1", ()),))
    assert store.read_traces(tmp_path, ("n1", "n2")) is None
    assert store.read_traces(tmp_path, ()) is None


def test_a_verdict_is_read_back_and_none_is_an_empty_record(tmp_path):
    assert store.read_verdict(tmp_path) == {}
    record = {"verdict": "invalid", "reasons": ["x"], "crashes": [], "history_sha256": "00", "interrupted": False}
    write_whole(tmp_path / store.VERDICT, codec.encode_pretty(record))
    assert store.read_verdict(tmp_path) == record


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "can't be read"),
        (b"[]", "isn't a verdict record"),
        (b'{"verdict": "fine"}', "verdict: 'fine' isn't valid, invalid or unknown"),
        (b'{"verdict": ["valid"]}', "isn't valid, invalid or unknown"),
        (b'{"crashes": 5}', "crashes: 5 isn't a list of sentences"),
        (b'{"crashes": "abc"}', "crashes: 'abc' isn't a list of sentences"),
        (b'{"reasons": [1]}', "reasons"),
        (b'{"history_sha256": null}', "history_sha256: None isn't a digest"),
        (b'{"interrupted": 1}', "interrupted: 1 isn't true or false"),
    ],
)
def test_what_is_no_verdict_is_refused(tmp_path, content, problem):
    (tmp_path / store.VERDICT).write_bytes(content)
    with pytest.raises(UsageError, match=problem):
        store.read_verdict(tmp_path)


# --- what a person means


def test_a_run_is_found_by_its_folder_its_history_and_as_latest(tmp_path):
    folder = new_run_folder(tmp_path, "tiny", 1)
    (folder / store.HISTORY).touch()
    link(tmp_path, folder, "latest", "tiny/latest")
    for path in (str(folder), str(folder / store.HISTORY), str(tmp_path / "latest"), "latest"):
        assert find_run(path, tmp_path) == folder


def test_a_folder_that_is_called_latest_is_meant_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "latest").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_folder("latest", tmp_path / "store") == tmp_path / "latest"


def test_what_cannot_be_found_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"^latest: no such run; nothing has run yet in .*store$"):
        find_run("latest", tmp_path / "store")
    with pytest.raises(UsageError, match=r"^nowhere: no such run$"):
        find_run("nowhere", tmp_path)
    with pytest.raises(UsageError, match=r"there is no history\.jsonl in it$"):
        find_run(str(tmp_path), tmp_path)
    (tmp_path / "file.toml").touch()
    with pytest.raises(UsageError, match=r"there is no history\.jsonl in it$"):
        find_run(str(tmp_path / "file.toml"), tmp_path)
    with pytest.raises(UsageError, match="no such run"):
        find_run("x" * 5000, tmp_path)
