"""Scenario files: what is read, what is refused and how that is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keelhaul.harness import scenario
from keelhaul.harness.scenario import Scenario, Simulation, chosen_by, dump, load, override
from keelhaul.harness.validation import UsageError
from keelhaul.nemesis.planner import KINDS, FaultSetting
from keelhaul.workloads.registry import WORKLOADS

MAIN = Path(__file__).parents[2] / "scenarios" / "raft-register.toml"
SMALLEST = 'name = "tiny"\n[system]\nname = "raft"\n[workload]\nname = "register"\n'


@pytest.fixture
def problems(tmp_path):
    """Read a text as a scenario file; return its problems, without the file's name before each."""

    def problems(text):
        path = tmp_path / "some.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(UsageError) as refused:
            load(path)
        assert all(problem.startswith(f"{path}: ") for problem in refused.value.problems)
        return [problem.removeprefix(f"{path}: ") for problem in refused.value.problems]

    return problems


@pytest.fixture
def loaded(tmp_path):
    """Read a text as a scenario file."""

    def loaded(text):
        path = tmp_path / "some.toml"
        path.write_text(text)
        return load(path)

    return loaded


# --- what is read


def test_the_main_scenario():
    found = load(MAIN)
    assert (found.name, found.system, found.workload, found.nodes) == ("raft-register", "raft", "register", 5)
    assert (found.time_limit_s, found.rate, found.concurrency, found.timeout_ms) == (30, 100, 10, 1000)
    assert [setting.kind for setting in found.faults] == ["partition", "kill", "pause"]
    assert found.system_options == {"election_timeout_ms": 300, "heartbeat_ms": 50}
    assert found.workload_options == {"keys": 5}
    assert (found.environment, found.seed, found.mutant) == ("simulation", 1, None)
    assert found.members == ("n1", "n2", "n3", "n4", "n5")
    assert found.time_limit_ns == 30_000_000_000


def test_the_smallest_scenario_gets_the_defaults(loaded):
    defaults = Scenario(name="tiny", system="raft", workload="register", workload_options={"keys": 5})
    assert loaded(SMALLEST) == defaults


def test_what_is_written_is_read_back_as_the_same(loaded):
    main = load(MAIN)
    other = Scenario(
        name="a.b-c_1",
        system="raft",
        workload="register",
        nodes=3,
        system_options={"heartbeat_ms": 20},
        workload_options={"keys": 1},
        time_limit_s=0.25,
        rate=0.5,
        faults=(FaultSetting(kind="partition", shapes=("bridge",), targets=("n3", "leader")),),
        simulation=Simulation(latency_ms=0.1, loss_percent=12.5),
        seed=2**63 - 1,
        environment="containers",
        mutant="reply-before-commit",
    )
    for written in (main, other, replace(main, faults=()), replace(main, quiet_s=0)):
        assert loaded(dump(written)) == written
        assert dump(loaded(dump(written))) == dump(written)


def test_clock_faults_have_bounds_of_their_own_which_are_written_and_read_back(loaded):
    text = """[[nemesis.faults]]
kind = "clock-rate"
percent_max = 0.5
targets = ["leader"]
[[nemesis.faults]]
kind = "clock-offset"
ms_max = 30
[[nemesis.faults]]
kind = "kill"
"""
    rate, offset, kill = loaded(SMALLEST + text).faults
    assert (rate.percent_max, rate.targets, offset.ms_max) == (0.5, ("leader",), 30)
    written = dump(replace(load(MAIN), faults=(rate, offset, kill)))
    assert loaded(written).faults == (rate, offset, kill)
    assert (written.count("percent_max"), written.count("ms_max")) == (1, 1)


def test_the_planner_gets_nanoseconds():
    settings = load(MAIN).planner_settings()
    assert (settings.first_ns, settings.duration_ns, settings.gap_ns) == (10**9, 15 * 10**8, 10**9)


# --- what is refused


def test_two_misspelt_names_are_both_told_with_what_is_nearest(problems):
    text = MAIN.read_text().replace("partition", "partiton").replace("register", "regster")
    assert problems(text) == [
        f"workload.name: no such workload: 'regster'; did you mean 'register'? (allowed: {', '.join(WORKLOADS)})",
        f"nemesis.faults[0].kind: no such fault: 'partiton'; did you mean 'partition'? (allowed: {', '.join(KINDS)})",
    ]


def test_every_problem_is_told_at_once(problems):
    assert problems(
        """
        name = ""
        nodes = 0
        time_limit = 5
        [workload]
        name = "register"
        rate = "fast"
        concurrency = 1.5
        [nemesis]
        gap_s = -1
        faults = [{kind = "partition", shapes = ["brige"]}, {targets = []}]
        [simulation]
        loss_percent = 101
        [final]
        quiet_s = nan
        """
    ) == [
        "name: '' can't name a folder; allowed are up to 64 letters, digits, '.', '_' and '-', beginning with a letter "
        "or digit, but not latest or current",
        "nodes: 0 isn't a whole number from 1 to 31",
        "time_limit: no such setting: 'time_limit'; did you mean 'time_limit_s'? "
        "(allowed: name, nodes, time_limit_s, system, workload, nemesis, administrator, final, simulation, run)",
        "workload.rate: 'fast' isn't a number from 0.01 to 1e+06",
        "workload.concurrency: 1.5 isn't a whole number from 1 to 10000",
        "nemesis.gap_s: -1 isn't a number from 0 to 604800",
        "nemesis.faults[0].shapes[0]: no such shape: 'brige'; did you mean 'bridge'? "
        "(allowed: halves, majorities-ring, bridge, isolate-one, one-way)",
        "nemesis.faults[1].targets: [] isn't a list of names (allowed: "
        + ", ".join(["one", "minority", "majority", "all", "leader", *(f"n{n}" for n in range(1, 32))])
        + ")",
        "nemesis.faults[1].kind: is missing",
        "simulation.loss_percent: 101 isn't a number from 0 to 100",
        "final.quiet_s: nan isn't a number from 0 to 604800",
        "system: is missing",
    ]


@pytest.mark.parametrize("table", ["system", "workload", "nemesis", "final", "simulation", "run"])
@pytest.mark.parametrize("value", ["3", '"text"', "[1]", "true", "1979-05-27", "[[1]]", "nan"])
def test_a_wrong_type_for_a_table(problems, table, value):
    (problem, *_) = problems(f"{table} = {value}\n")
    assert problem.startswith(f"{table}: ")
    assert "isn't a table with" in problem


@pytest.mark.parametrize("value", ["3", "[]", "{}", "true", "07:32:00"])
def test_a_wrong_type_for_a_name(problems, value):
    assert any(problem.startswith("system.name: ") for problem in problems(f"[system]\nname = {value}\n"))
    assert any(problem.startswith("name: ") for problem in problems(f"name = {value}\n"))


@pytest.mark.parametrize("value", ['"5"', "true", "[5]", "5.0", "1979-05-27", "{}", "-1", "32", "0x" + "f" * 5000])
def test_a_wrong_value_for_a_whole_number(problems, value):
    assert any("nodes: " in problem for problem in problems(f"nodes = {value}\n"))


@pytest.mark.parametrize("value", ['"5"', "true", "[5]", "nan", "-inf", "inf", "1e400", "0"])
def test_a_wrong_value_for_a_number(problems, value):
    assert any("time_limit_s: " in problem for problem in problems(f"time_limit_s = {value}\n"))


@pytest.mark.parametrize("value", ["3", '"partition"', "[3]", '["partition"]', "{}"])
def test_a_wrong_type_for_the_faults(problems, value):
    assert any("nemesis.faults" in problem for problem in problems(f"[nemesis]\nfaults = {value}\n"))


@pytest.mark.parametrize(
    "name", ["..", "../x", "/etc", "a/b", "a b", "", "-x", ".x", "latest", "current", "x" * 65, "ä", "a\\n", "x\\u0000"]
)
def test_a_name_that_would_lead_out_of_the_store_or_collide_there(problems, name):
    (problem, *_) = problems(SMALLEST.replace("tiny", name))
    assert "can't name a folder" in problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            SMALLEST + "[run]\nmutant = 'reply-before-comit'",
            "run.mutant: no such mutant: 'reply-before-comit'; did you mean 'reply-before-commit'? "
            "(allowed: reply-before-commit",
        ),
        (SMALLEST + "keyz = 3", "workload.keyz: no such setting: 'keyz'; did you mean 'keys'?"),
        (
            SMALLEST + "[[nemesis.faults]]\nkind = 'kill'\ntargets = ['n6']",
            "fault kill: no node n6",
        ),
        (
            SMALLEST + "[[nemesis.faults]]\nkind = 'kill'\n[[nemesis.faults]]\nkind = 'kill'",
            "nemesis.faults: each kind at most once; give it several shapes or targets instead",
        ),
        (
            SMALLEST + "[[nemesis.faults]]\nkind = 'kill'\n[[nemesis.faults]]\nkind = 'pause'\nms_max = 2",
            "nemesis.faults[1].ms_max: is a setting of clock-offset, not of pause",
        ),
        (
            SMALLEST + "[[nemesis.faults]]\nkind = 'clock-rate'\npercent_max = 90.5",
            "nemesis.faults[0].percent_max: 90.5 isn't a number from 0.001 to 90",
        ),
        (
            SMALLEST + "[[nemesis.faults]]\nkind = 'clock-offset'\nms_max = 0.5",
            "nemesis.faults[0].ms_max: 0.5 isn't a whole number from 1 to 600000",
        ),
        (
            SMALLEST.replace('"raft"', '"raft"\nheartbeat_ms = 300'),
            "system: election_timeout_ms must be at least twice heartbeat_ms, and heartbeat_ms at least 1",
        ),
        (SMALLEST + "rate = 1\nrate = 2", "not TOML: Cannot overwrite a value"),
        ("name = ", "not TOML: Invalid value"),
        (b"\xff\xfe", "not TOML: 'utf-8' codec can't decode"),
        ("x = " + "[" * 5000, "not TOML: maximum recursion depth exceeded"),
        ("nodes = " + "9" * 5000, "not TOML: Exceeds the limit"),
    ],
)
def test_other_problems(problems, text, expected):
    (problem,) = problems(text)
    assert problem.startswith(expected)


def test_a_key_that_is_no_word_is_shown_harmlessly(problems):
    (problem, *_) = problems('"\\u001b[31m\\n" = 1\n')
    assert "\x1b" not in problem
    assert "\n" not in problem
    (problem, *_) = problems(f'"{"k" * 10_000}" = 1\n')
    assert len(problem) < 400


def test_a_file_that_is_not_there_is_told_with_its_neighbours(tmp_path):
    (tmp_path / "raft-register.toml").touch()
    with pytest.raises(UsageError, match=r"no such scenario: 'raft-regster\.toml'; did you mean 'raft-register\.toml'"):
        load(tmp_path / "raft-regster.toml")
    with pytest.raises(UsageError, match=r"nothing\.toml: can't be read: No such file or directory"):
        load(tmp_path / "nowhere" / "nothing.toml")


def test_a_folder_is_no_scenario(tmp_path):
    with pytest.raises(UsageError, match="can't be read: Is a directory"):
        load(tmp_path)


# --- the command line


def test_the_command_line_overrides_and_none_leaves_alone():
    changed = override(load(MAIN), nodes=3, time_limit_s=5.0, rate=None, seed=9, environment="processes", mutant=None)
    expected = replace(load(MAIN), nodes=3, time_limit_s=5.0, seed=9, environment="processes")
    assert changed == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"nodes": 32}, "--nodes: 32 isn't a whole number from 1 to 31"),
        ({"time_limit_s": float("inf")}, "--time-limit: inf isn't a number from 0.001 to 604800"),
        ({"time_limit_s": float("nan")}, "--time-limit: nan isn't a number"),
        ({"time_limit_s": 1e-9}, "--time-limit: 1e-09 isn't a number"),
        ({"rate": 1e9}, "--rate: 1000000000.0 isn't a number from 0.01 to 1e+06"),
        ({"rate": 0.001}, "--rate: 0.001 isn't a number"),
        ({"concurrency": 0}, "--concurrency: 0 isn't a whole number from 1 to 10000"),
        ({"seed": 2**63}, "--seed: 9223372036854775808 isn't a whole number"),
        ({"environment": "kubernets"}, "--env: no such environment: 'kubernets'"),
        ({"mutant": "reply-before"}, "--mutant: no such mutant: 'reply-before'; did you mean 'reply-before-commit'?"),
    ],
)
def test_the_command_line_is_held_to_the_bounds_of_the_file(changes, expected):
    """What is run must be readable again from the run's folder."""
    with pytest.raises(UsageError) as refused:
        chosen_by(MAIN, changes)
    (problem,) = refused.value.problems
    assert problem.startswith(expected)


def test_several_problems_of_the_command_line_are_told_at_once():
    with pytest.raises(UsageError) as refused:
        override(load(MAIN), nodes=99, rate=-1.0)
    assert len(refused.value.problems) == 2


def test_what_an_override_breaks_is_told(loaded):
    aimed = loaded(SMALLEST + "[[nemesis.faults]]\nkind = 'kill'\ntargets = ['n5']")
    with pytest.raises(UsageError, match="fault kill: no node n5"):
        override(aimed, nodes=3)


def test_the_bounds_of_the_command_line_are_readable_again(loaded):
    for changes in (
        {"nodes": 31, "time_limit_s": 0.001, "rate": 0.01, "concurrency": 1, "seed": 0},
        {"nodes": 1, "time_limit_s": 604800.0, "rate": 1e6, "concurrency": 10_000, "seed": 2**63 - 1},
    ):
        changed = override(load(MAIN), **changes)
        assert loaded(dump(changed)) == changed


def test_every_field_of_a_scenario_is_in_its_file():
    """A field that dump forgets would come back as its default."""
    written = dump(replace(load(MAIN), mutant="reply-before-commit", administrator_every_s=2.0))
    assert "[administrator]\nevery_s = 2.0\n" in written
    elsewhere = {"system", "workload", "system_options", "workload_options", "environment", "administrator_every_s"}
    for name in Scenario.__slots__:
        assert f"{name} = " in written or f"[{name}]" in written or f"[nemesis.{name}]" in written or name in elsewhere
    assert scenario.SECOND == 10**9
