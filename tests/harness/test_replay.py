"""Replay: proof that a run is the same, or the row where it isn't."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keelhaul.harness import plan_file, store
from keelhaul.harness.replay import replay
from keelhaul.harness.validation import UsageError


@pytest.fixture
def finished(runs, small):
    return runs.run(small)


def test_a_run_is_the_same_again(finished, listening):
    replayed = replay(finished.folder, listening)
    assert replayed.same
    assert replayed.sha256 == finished.record["history_sha256"]
    assert replayed.difference == ""
    assert replayed.stored["verdict"] == "valid"


def test_a_run_that_was_kept_in_brief_is_replayed_from_its_digest(runs, small, listening):
    finished = runs.run(small, brief=True)
    assert not (finished.folder / "history.jsonl").exists()
    assert replay(finished.folder, listening).same


def test_replaying_leaves_the_folder_as_it_was(finished, listening):
    before = {path: path.read_bytes() for path in finished.folder.rglob("*") if path.is_file()}
    replay(finished.folder, listening)
    assert {path: path.read_bytes() for path in finished.folder.rglob("*") if path.is_file()} == before


def rewrite(finished, change):
    """Change the list of the history's lines."""
    path = finished.folder / "history.jsonl"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def test_the_first_row_that_differs_is_told(finished, listening):
    rewrite(finished, lambda lines: [*lines[:7], b'{"index":7}\n', *lines[8:]])
    replayed = replay(finished.folder, listening)
    assert not replayed.same
    assert replayed.difference.startswith('row 7 was {"index":7} and is now {"index":7,"time":')


def test_missing_and_additional_rows_are_told(finished, listening):
    rewrite(finished, lambda lines: lines[:5])
    assert replay(finished.folder, listening).difference.startswith("row 5 was missing and is now {")
    rewrite(finished, lambda lines: [])
    assert replay(finished.folder, listening).difference.startswith("row 0 was missing and is now {")


def test_a_row_that_is_no_longer_made_is_told(finished, listening):
    rewrite(finished, lambda lines: [*lines, b"more\n"])
    difference = replay(finished.folder, listening).difference
    assert difference.endswith(" was more and is now missing")


def test_without_a_history_only_the_digest_tells(runs, small, listening):
    finished = runs.run(small, brief=True)
    path = finished.folder / "verdict.json"
    path.write_text(path.read_text().replace(finished.record["history_sha256"], "00"))
    replayed = replay(finished.folder, listening)
    assert not replayed.same
    assert "the stored history was not kept" in replayed.difference


def test_the_stored_plan_is_what_is_replayed(runs, small, listening):
    """A plan that was given, or made smaller, isn't the seed's."""
    whole = plan_file.read_plan(runs.run(small).folder)
    finished = runs.run(small, plan=replace(whole, faults=whole.faults[:1]))
    assert replay(finished.folder, listening).same


def test_another_seed_in_the_scenario_is_another_history(finished, listening):
    path = finished.folder / "scenario.toml"
    path.write_text(path.read_text().replace("seed = 1", "seed = 2"))
    assert not replay(finished.folder, listening).same


# --- what can't be replayed


def test_only_simulations_can_be_replayed(finished, listening):
    path = finished.folder / "scenario.toml"
    path.write_text(path.read_text().replace('"simulation"', '"processes"'))
    with pytest.raises(UsageError, match=r"only simulations can be replayed exactly.*keelhaul run "):
        replay(finished.folder, listening)


def test_an_interrupted_run_cannot_be_replayed(finished, listening):
    path = finished.folder / "verdict.json"
    path.write_text(path.read_text().replace('"interrupted": false', '"interrupted": true'))
    with pytest.raises(UsageError, match="this run was interrupted"):
        replay(finished.folder, listening)


@pytest.mark.parametrize("name", ["scenario.toml", "plan.json"])
def test_a_folder_without_its_files_cannot_be_replayed(finished, listening, name):
    (finished.folder / name).unlink()
    with pytest.raises(UsageError, match=f"{name.replace('.', '[.]')}: can't be read"):
        replay(finished.folder, listening)


def test_without_history_and_digest_there_is_nothing_to_compare_with(finished, listening):
    (finished.folder / store.HISTORY).unlink()
    (finished.folder / store.VERDICT).unlink()
    with pytest.raises(UsageError, match=r"neither history\.jsonl nor its digest"):
        replay(finished.folder, listening)
