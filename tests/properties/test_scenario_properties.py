"""Whatever a scenario file holds, it is read or refused; never anything else."""

from __future__ import annotations

import re

import pytest
import tomli_w
from hypothesis import assume, given
from hypothesis import strategies as st

from keelhaul.harness.scenario import Scenario, Simulation, dump, load, override, problems_of
from keelhaul.harness.validation import UsageError
from keelhaul.nemesis.planner import KINDS, FaultSetting
from keelhaul.nemesis.topology import SHAPES

NAMES = """
    name nodes time_limit_s system workload nemesis final simulation run rate concurrency timeout_ms keys first_s
    duration_s gap_s faults kind shapes targets quiet_s recovery_s latency_ms loss_percent seed environment mutant
    election_timeout_ms heartbeat_ms
"""
KEYS = st.sampled_from(re.findall(r"\w+", NAMES)) | st.text(max_size=6)
WORDS = st.sampled_from(["raft", "register", "partition", "kill", "halves", "leader", "n1", "simulation", "x"])
SCALARS = (
    st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=6)
    | WORDS
    | st.dates()
    | st.datetimes()
    | st.times()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=20
)
# Mostly right, so that what lies deeper is reached too.
PLAUSIBLE = st.fixed_dictionaries(
    {
        "name": st.just("tiny") | SCALARS,
        "system": st.fixed_dictionaries({"name": st.just("raft")}) | VALUES,
        "workload": st.fixed_dictionaries({"name": st.just("register")}) | VALUES,
    },
    optional={
        "nodes": st.integers(0, 32),
        "nemesis": st.fixed_dictionaries(
            {},
            optional={
                "faults": st.lists(st.dictionaries(KEYS, VALUES, max_size=4) | VALUES, max_size=3),
                "gap_s": SCALARS,
            },
        ),
        "simulation": st.dictionaries(KEYS, SCALARS, max_size=3),
        "run": st.dictionaries(KEYS, SCALARS, max_size=3),
    },
)


@pytest.fixture(scope="module")
def read_or_refused(tmp_path_factory):
    """Read bytes as a scenario file: the scenario, or None if it was refused, with sentences."""
    path = tmp_path_factory.mktemp("scenarios") / "some.toml"

    def read_or_refused(content):
        path.write_bytes(content)
        try:
            return load(path)
        except UsageError as error:
            problems = error.problems
        assert problems
        assert all(isinstance(problem, str) and problem.startswith(f"{path}: ") for problem in problems)
        return None

    return read_or_refused


@given(st.dictionaries(KEYS, VALUES, max_size=6) | PLAUSIBLE)
def test_any_document_is_read_or_refused(read_or_refused, document):
    try:
        content = tomli_w.dumps(document).encode()
    except (ValueError, TypeError, UnicodeEncodeError):
        assume(False)
    found = read_or_refused(content)
    if found is not None:
        assert read_or_refused(dump(found).encode()) == found


@given(st.binary(max_size=200) | st.text(alphabet="[]{}=\"'.#\n 1ea-x", max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused(read_or_refused, content):
    assert read_or_refused(content) is None


NUMBERS = st.floats(0, 1000) | st.integers(0, 1000)
SCENARIOS = st.builds(
    Scenario,
    name=st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,20}\Z").filter(lambda name: name not in ("latest", "current")),
    system=st.just("raft"),
    workload=st.just("register"),
    nodes=st.integers(3, 31),
    system_options=st.dictionaries(st.sampled_from(["pre_vote", "check_quorum"]), st.integers(0, 1)),
    workload_options=st.fixed_dictionaries({"keys": st.integers(1, 1000)}),
    time_limit_s=st.floats(0.001, 1000) | st.integers(1, 1000),
    rate=st.floats(0.01, 1e6),
    concurrency=st.integers(1, 10_000),
    timeout_ms=st.integers(1, 600_000),
    faults=st.lists(
        st.builds(
            FaultSetting,
            kind=st.sampled_from(list(KINDS)),
            shapes=st.lists(st.sampled_from(list(SHAPES)), min_size=1).map(tuple),
            targets=st.lists(st.sampled_from(["one", "leader", "n3"]), min_size=1).map(tuple),
        ),
        max_size=3,
        unique_by=lambda setting: setting.kind,
    ).map(tuple),
    first_s=NUMBERS,
    gap_s=NUMBERS,
    quiet_s=NUMBERS,
    simulation=st.builds(Simulation, latency_ms=NUMBERS, loss_percent=st.floats(0, 100)),
    seed=st.integers(0, 2**63 - 1),
    environment=st.sampled_from(["simulation", "processes", "containers"]),
    mutant=st.none() | st.just("reply-before-commit"),
    fail_fast=st.booleans(),
)


@given(SCENARIOS)
def test_what_is_written_is_read_back_as_the_same(read_or_refused, scenario):
    assert problems_of(scenario) == []
    assert read_or_refused(dump(scenario).encode()) == scenario


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "nodes": st.integers(),
            "time_limit_s": st.floats(),
            "rate": st.floats(),
            "concurrency": st.integers(),
            "seed": st.integers(0),
            "mutant": st.text(max_size=5) | st.just("reply-before-commit"),
        },
    )
)
def test_what_the_command_line_says_is_refused_or_can_be_read_again(read_or_refused, changes):
    before = Scenario(name="tiny", system="raft", workload="register", workload_options={"keys": 5})
    try:
        changed = override(before, **changes)
    except UsageError:
        return
    assert read_or_refused(dump(changed).encode()) == changed
