"""The commands, as scripts use them: exit codes, the last line, and messages that a person can act on."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from keelhaul.harness import codec
from keelhaul.harness import run as run_module
from keelhaul.harness.cli import COMMANDS, options
from keelhaul.harness.environments.environment import ENVIRONMENTS, SetupError


def refused(ended, *words, code=254):
    """Whether a command was refused with one clear message that holds these words."""
    said = ended.out + ended.err
    return ended.code == code and "Traceback" not in said and all(word in said for word in words)


# --- run


def test_a_valid_run(keelhaul, tiny):
    ended = keelhaul("run", tiny, "--quiet", "--json")
    assert ended.code == 0
    assert ended.out.count("\n") == 1
    assert ended.json["verdict"] == "valid"
    folder = Path(ended.json["run"])
    assert folder.parent == Path.cwd() / "store" / "tiny"
    assert json.loads((folder / "verdict.json").read_text()) == ended.json
    assert ended.json["reproduce"] == f"keelhaul replay store/tiny/{folder.name}"


def test_options_change_the_scenario_and_are_kept(keelhaul, tiny):
    options = ["--seed", 9, "--nodes", 3, "--time-limit", 1.5, "--rate", 50, "--concurrency", 4, "--env", "simulation"]
    ended = keelhaul("run", tiny, *options, "--store", "elsewhere", "--quiet", "--json")
    folder = Path(ended.json["run"])
    assert folder.parent == Path.cwd() / "elsewhere" / "tiny"
    text = (folder / "scenario.toml").read_text()
    for line in ("seed = 9", "nodes = 3", "time_limit_s = 1.5", "rate = 50.0", "concurrency = 4"):
        assert f"\n{line}\n" in text


def test_the_store_may_come_from_the_environment(keelhaul, tiny, monkeypatch):
    monkeypatch.setenv("KEELHAUL_STORE", "from-environment")
    assert "/from-environment/tiny/" in keelhaul("run", tiny, "--quiet", "--json").json["run"]


def test_without_json_a_person_is_told_verdict_folder_and_command(keelhaul, tiny):
    ended = keelhaul("run", tiny)
    assert ended.code == 0
    said = ended.out + ended.err
    assert "valid" in said
    assert "store/tiny/" in said
    assert "keelhaul replay store/tiny/" in said


def test_an_invalid_run_is_1_and_an_unknown_one_2(keelhaul, tiny):
    ended = [
        keelhaul("run", tiny, "--mutant", "reply-before-commit", "--seed", seed, "--time-limit", 6, "--quiet", "--json")
        for seed in range(1, 9)
    ]
    assert {e.code for e in ended} <= {0, 1}
    found = next(e for e in ended if e.code == 1)
    assert found.json["verdict"] == "invalid"
    unknown = keelhaul("run", tiny, "--rate", "0.01", "--quiet", "--json")
    assert (unknown.code, unknown.json["verdict"]) == (2, "unknown")


def test_an_interrupted_run_is_130_with_its_verdict(keelhaul, tiny, monkeypatch):
    record = run_module.record
    monkeypatch.setattr(run_module, "record", lambda *a, **m: interrupted(record(*a, **m)))
    ended = keelhaul("run", tiny, "--quiet", "--json")
    assert ended.code == 130
    assert ended.json["interrupted"] is True


def interrupted(recorded):
    from dataclasses import replace

    return replace(recorded, interrupted=True)


# --- check, replay


def test_check_gives_the_same_verdict(keelhaul, tiny):
    first = keelhaul("run", tiny, "--quiet", "--json")
    for path in ("latest", first.json["run"], f"{first.json['run']}/history.jsonl", "store/tiny/latest"):
        again = keelhaul("check", path, "--json")
        assert again.code == 0
        assert again.out.count("\n") == 1
        assert again.json["verdict"] == "valid"
        assert again.json["checkers"] == first.json["checkers"]
        assert again.json["operations"] == first.json["operations"]


def test_replay_proves_it_and_repeats_the_verdict(keelhaul, tiny):
    first = keelhaul("run", tiny, "--quiet", "--json")
    ended = keelhaul("replay", "latest")
    assert ended.code == 0
    assert f"sha256 {first.json['history_sha256']}" in ended.out
    assert "its verdict: valid" in ended.out


def test_a_replay_that_differs_is_1_and_says_where(keelhaul, tiny):
    folder = Path(keelhaul("run", tiny, "--quiet", "--json").json["run"])
    history = folder / "history.jsonl"
    lines = history.read_bytes().splitlines(keepends=True)
    history.write_bytes(b"".join([*lines[:3], b"{}\n", *lines[4:]]))
    ended = keelhaul("replay", folder)
    assert ended.code == 1
    assert ended.out.startswith("different: row 3 was {} and is now {")


# --- torture


def test_torture(keelhaul, tiny):
    ended = keelhaul("torture", tiny, "--seeds", "1-4", "--jobs", 1, "--json", "--quiet")
    assert ended.code == 0
    assert ended.json == {"verdict": "valid", "runs": 4, "valid": 4, "unknown": 0, "invalid": 0, "failures": []}


def test_torture_names_each_failure_with_its_command(keelhaul, tiny):
    arguments = ["--mutant", "reply-before-commit", "--time-limit", 6, "--jobs", 1, "--json", "--quiet"]
    ended = keelhaul("torture", tiny, "--seeds", "1-4", *arguments)
    assert ended.code == 1
    assert ended.json["invalid"] == len(ended.json["failures"]) >= 1
    for failure in ended.json["failures"]:
        assert set(failure) == {"seed", "run", "verdict", "reason", "reproduce"}
        assert keelhaul(*failure["reproduce"].split()[1:]).code == 0


@pytest.mark.parametrize(("text", "first", "last"), [("7", 7, 7), ("3-5", 3, 5), ("3..5", 3, 5), ("0-0", 0, 0)])
def test_ranges_of_seeds(text, first, last):
    from keelhaul.harness.cli.torture import seed_range

    assert seed_range(text) == range(first, last + 1)


@pytest.mark.parametrize("text", ["", "5-3", "a-b", "1-", "-1", "1-2-3", "1,2", "1-99999999999", "9" * 30, "１-２"])
def test_what_is_no_range_of_seeds(keelhaul, tiny, text):
    assert refused(keelhaul("torture", tiny, "--seeds", text), "seeds")


# --- what there is


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("systems", "raft"),
        ("workloads", "register"),
        ("faults", "partition"),
        ("mutants", "reply-before-commit"),
        ("environments", "containers"),
    ],
)
def test_lists(keelhaul, what, name):
    ended = keelhaul("list", what)
    assert ended.code == 0
    assert any(line.split()[0] == name for line in ended.out.splitlines())
    assert name in keelhaul("list").out


def test_scenarios_of_this_folder_are_listed(keelhaul, tmp_path):
    assert keelhaul("list", "scenarios").out == ""
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "mine.toml").touch()
    assert keelhaul("list", "scenarios").out.strip() == os.path.join("scenarios", "mine.toml")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(keelhaul, shell):
    ended = keelhaul("completion", shell)
    assert ended.code == 0
    assert "_KEELHAUL_COMPLETE" in ended.out


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
def test_every_command_has_help(keelhaul, command):
    ended = keelhaul(*command, "--help")
    assert ended.code == 0
    assert ended.out.startswith("Usage: keelhaul")


def test_commands_do_not_hide_names_that_the_command_line_needs(keelhaul):
    """A command's module becomes a name of its package once it was used: `list` must still be the builtin."""
    for name in COMMANDS:
        assert keelhaul(name, "--help").code == 0
    assert keelhaul("--help").code == 0
    assert refused(keelhaul("chek"), "did you mean 'check'?")


def test_the_version(keelhaul):
    ended = keelhaul("--version")
    assert (ended.code, ended.out.split()[0]) == (0, "keelhaul,")


def test_the_environments_of_the_options_are_the_environments():
    """They are written twice so that --help needs no import."""
    assert tuple(ENVIRONMENTS) == options.ENVIRONMENTS


# --- mistakes


def test_no_such_scenario(keelhaul):
    assert refused(keelhaul("run", "scenarios/nothing.toml"), "nothing.toml", "can't be read")


def test_two_misspelt_names_are_both_told(keelhaul, main_file, tmp_path):
    typo = tmp_path / "typo.toml"
    typo.write_text(main_file.read_text().replace("partition", "partiton").replace("register", "regster"))
    for command in (("run", typo), ("torture", typo, "--seeds", "1-2")):
        ended = keelhaul(*command)
        assert refused(ended, "'partiton'; did you mean 'partition'?", "'regster'; did you mean 'register'?")
        assert len(ended.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--time-limit", "-5"], ["time-limit"]),
        (["--time-limit", "0"], ["time-limit"]),
        (["--time-limit", "inf"], ["time-limit", "604800"]),
        (["--time-limit", "nan"], ["time-limit"]),
        (["--nodes", "0"], ["nodes"]),
        (["--nodes", "32"], ["nodes", "31"]),
        (["--rate", "1e9"], ["rate"]),
        (["--rate", "x"], ["rate"]),
        (["--concurrency", "0"], ["concurrency"]),
        (["--seed", "-1"], ["seed"]),
        (["--seed", "9" * 30], ["seed"]),
        (["--env", "kubernets"], ["simulation", "processes", "containers"]),
        (["--mutant", "reply-before-comit"], ["did you mean 'reply-before-commit'?"]),
        (["--nodse", "3"], ["--nodse"]),
        (["--store", "tiny.toml"], ["store"]),
        (["--store", "tiny.toml/below"], ["tiny.toml", "no run can be stored there"]),
        (["another"], ["another"]),
    ],
)
def test_wrong_options(keelhaul, tiny, arguments, words):
    assert refused(keelhaul("run", tiny, *arguments), *words)


def test_an_unknown_command_is_told_with_the_nearest(keelhaul):
    assert refused(keelhaul("chek"), "did you mean 'check'?")


def test_no_command_shows_what_there_is(keelhaul):
    ended = keelhaul()
    assert ended.code == 254
    assert "torture" in ended.out + ended.err


def test_a_missing_argument(keelhaul):
    assert refused(keelhaul("run"), "SCENARIO")
    assert refused(keelhaul("torture", "x.toml"), "--seeds")


@pytest.mark.parametrize("command", ["check", "replay"])
def test_what_is_not_there_cannot_be_judged_or_replayed(keelhaul, command, tmp_path):
    assert refused(keelhaul(command, "latest"), "latest: no such run")
    assert refused(keelhaul(command, "nowhere"), "nowhere: no such run")
    assert refused(keelhaul(command, tmp_path))


@pytest.mark.parametrize(
    "content",
    [
        bytes(range(256)) * 64,
        b"[" * 100_000,
        b'{"a": 1}\n',
        b'{"index":' + b"9" * 50_000 + b"}\n",
        b"\n",
        b"x" * 3_000_000,
    ],
    ids=["binary", "deep", "no history", "huge number", "empty line", "huge line"],
)
def test_hostile_histories_are_refused(keelhaul, tmp_path, content):
    (tmp_path / "history.jsonl").write_bytes(content)
    ended = keelhaul("check", tmp_path)
    assert refused(ended, "history.jsonl")
    assert len(ended.err.splitlines()) == 1
    assert len(ended.err) < 1000


def test_an_empty_history_is_unknown(keelhaul, tmp_path):
    (tmp_path / "history.jsonl").touch()
    ended = keelhaul("check", tmp_path, "--json")
    assert (ended.code, ended.json["verdict"]) == (2, "unknown")


# --- failures


def fails_with(monkeypatch, error):
    def execute(*_, **__):
        raise error

    monkeypatch.setattr(run_module, "execute", execute)


def test_an_environment_that_cannot_be_had_is_255_without_a_traceback(keelhaul, tiny, monkeypatch):
    fails_with(monkeypatch, SetupError("Docker doesn't answer at unix:///x; start it"))
    assert refused(keelhaul("run", tiny, "--quiet"), "Docker doesn't answer", "start it", code=255)


def test_a_mistake_of_ours_is_255_and_called_so(keelhaul, tiny, monkeypatch):
    fails_with(monkeypatch, RuntimeError("a mistake of ours"))
    ended = keelhaul("run", tiny, "--quiet")
    assert ended.code == 255
    assert "RuntimeError: a mistake of ours" in ended.err
    assert "a bug in keelhaul, not in the system under test" in ended.err


def test_ctrl_c_is_130(keelhaul, tiny, monkeypatch):
    fails_with(monkeypatch, KeyboardInterrupt())
    ended = keelhaul("run", tiny, "--quiet")
    assert (ended.code, ended.err.strip()) == (130, "keelhaul: interrupted")


def test_output_is_one_line_of_json_also_for_what_is_odd(keelhaul, tiny):
    """Nothing else may follow on standard output."""
    ended = keelhaul("run", tiny, "--json")
    assert ended.out == codec.encode_line(ended.json).decode()
