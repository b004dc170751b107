"""Same seed, same bytes: in one process, in others with other hash seeds, and under other versions of Python."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from keelhaul.harness.simulation.network import Network
from keelhaul.nodes.events import Received
from keelhaul.nodes.raft.node import Raft

ROOT = Path(__file__).parents[2]
NEEDED = ("msgspec", "tomli_w", "rich")

PROGRAM = """
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
if len(sys.argv) > 1:  # an interpreter without an installation: the links under .venv are the import root
    sys.path[:0] = sys.argv[1:]
from dataclasses import replace
from keelhaul.harness import scenario, seeds
from keelhaul.harness.console import Quiet
from keelhaul.harness.run import record
from keelhaul.nemesis.planner import make_plan
chosen = replace(scenario.load(Path("scenarios/raft-register.toml")), time_limit_s=6.0, quiet_s=1.0, seed=7)
plan = make_plan(chosen.planner_settings(), chosen.time_limit_ns, seeds.stream(chosen.seed, "nemesis"))
with TemporaryDirectory() as folder:
    print(record(chosen, plan, Path(folder), Quiet()).history_sha256)
"""


def elsewhere(python, *paths, hash_seed="random"):
    """The digest that another process gets for seed 7."""
    done = subprocess.run(
        [python, "-c", PROGRAM, *paths],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def seven(run, small):
    return run(replace(small, seed=7))


def test_a_digest_is_the_files(seven):
    assert seven.recorded.history_sha256 == hashlib.sha256(seven.history).hexdigest()
    assert seven.recorded.history_sha256 != hashlib.sha256(b"").hexdigest()
    assert len(seven.recorded.rows) > 500


def test_the_same_seed_gives_the_same_bytes_and_traces_in_one_process(run, small, seven):
    again = run(replace(small, seed=7))
    assert again.history == seven.history
    assert again.recorded.traces == seven.recorded.traces


def test_another_seed_gives_another_history(run, small, seven):
    assert run(replace(small, seed=8)).history != seven.history


@pytest.mark.parametrize("hash_seed", ["0", "1", "424242"])
def test_the_hash_seed_of_another_process_changes_nothing(seven, hash_seed):
    assert elsewhere(sys.executable, hash_seed=hash_seed) == seven.recorded.history_sha256


OTHER_VERSIONS = sorted({"3.11", "3.12", "3.13"} - {f"3.{sys.version_info.minor}"})


@pytest.mark.parametrize("version", OTHER_VERSIONS)
def test_another_version_of_python_gives_the_same_bytes(seven, version):
    assert elsewhere(interpreter(version), str(ROOT / ".venv" / "links")) == seven.recorded.history_sha256


def interpreter(version):
    """A Python of that version that has what a run needs; skips where there is none. CI makes those below .venv."""
    ours = ROOT / ".venv" / f"python{version}" / "bin" / "python"
    found = [
        str(ours) if ours.exists() else None,
        shutil.which(f"python{version}"),
        *map(str, Path.home().glob(f".pyenv/versions/{version}.*/bin/python")),
    ]
    works = [python for python in found if python and answers(python, "import sys; print(sys.version)")]
    if not works:
        pytest.skip(f"no python{version} on this machine")
    if not (ROOT / ".venv" / "links").is_dir():
        pytest.skip("no .venv/links: `make setup` makes them")
    for python in works:
        if answers(python, f"import {', '.join(NEEDED)}"):
            return python
    pytest.skip(f"python{version} has no {' or no '.join(NEEDED)}, which a run needs")


def answers(python, program):
    return subprocess.run([python, "-c", program], capture_output=True, check=False, timeout=60).returncode == 0


def test_nodes_share_nothing_through_their_messages(run, small, seven, monkeypatch):
    """Each message goes through JSON, as on a real wire: a node that changed one after sending, or kept a part of one
    that it got, would now go another way."""
    send, carried = Network.send, []

    def through_the_wire(network, source, dest, body):
        carried.append(dest)
        send(network, source, dest, json.loads(json.dumps(body)))

    monkeypatch.setattr(Network, "send", through_the_wire)
    assert run(replace(small, seed=7)).history == seven.history
    assert len(carried) > 1000


def test_the_wire_would_show_a_shared_message(run, small, monkeypatch):
    """The alarm: nodes that spoil the commands they receive spoil the leader's log too, unless there is a wire."""
    step = Raft.step

    def spoiling(node, now_ns, event):
        effects = step(node, now_ns, event)
        if isinstance(event, Received):
            for *_, command in event.body.get("entries", ()):
                if command is not None and command[0] == "write":
                    command[2] = 0
        return effects

    monkeypatch.setattr(Raft, "step", spoiling)
    shared = run(small)
    send = Network.send
    monkeypatch.setattr(Network, "send", lambda network, a, b, body: send(network, a, b, json.loads(json.dumps(body))))
    assert run(small).history != shared.history
