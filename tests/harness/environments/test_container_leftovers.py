"""Whose a container is; and removal that an engine makes difficult, played."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from keelhaul.harness.environments import container_leftovers
from keelhaul.harness.environments.container_engine import EngineError, Listed
from keelhaul.harness.environments.container_leftovers import (
    HARNESS_HOST,
    HARNESS_PID,
    HARNESS_STARTED,
    harness_lives,
    remove_run,
    run_labels,
    sweep_containers,
)


class PlayedEngine:
    """Two containers and a network; `stubborn` removals fail before one works."""

    def __init__(self, stubborn: int = 0) -> None:
        self.left = {"n1": "exited", "n2": "paused"}
        self.network = ["net"]
        self.stubborn = stubborn
        self.labels = run_labels("r1")
        self.closed = False

    def containers(self, label):
        return [Listed(name, name, state, self.labels) for name, state in self.left.items()]

    def networks(self, label):
        return [(name, self.labels) for name in self.network]

    def remove(self, name):
        if self.stubborn:
            self.stubborn -= 1
            raise EngineError(f"remove {name}: device busy", 500)
        self.left.pop(name, None)

    def remove_network(self, name):
        if self.left:
            raise EngineError("active endpoints", 403)
        self.network.remove(name)

    def close(self):
        self.closed = True


def test_a_run_is_removed_even_if_the_engine_falters():
    engine = PlayedEngine(stubborn=3)
    assert remove_run(engine, "r1") == ["n1", "n2", "net"]
    assert (engine.left, engine.network) == ({}, [])
    assert remove_run(engine, "r1") == []


def test_what_cannot_be_removed_is_told(monkeypatch):
    monkeypatch.setattr(container_leftovers, "REMOVAL_SECONDS", 0)
    with pytest.raises(EngineError, match="device busy"):
        remove_run(PlayedEngine(stubborn=10**6), "r1")


def test_this_process_is_a_live_harness():
    assert harness_lives(run_labels("r1"))


def test_an_ended_process_is_none():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not harness_lives({**run_labels("r1"), HARNESS_PID: str(ended.pid)})


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="without /proc a number is all there is")
def test_another_process_with_its_number_is_none():
    assert not harness_lives({**run_labels("r1"), HARNESS_STARTED: "1"})


def test_processes_of_another_machine_are_left_alone():
    assert harness_lives({HARNESS_HOST: f"not-{socket.gethostname()}", HARNESS_PID: "1"})


@pytest.mark.parametrize("pid", ["", "x", "-1", "99999999999999999999"])
def test_damaged_labels_mean_no_harness(pid):
    assert not harness_lives({**run_labels("r1"), HARNESS_PID: pid})


def test_only_runs_without_a_harness_are_swept(monkeypatch):
    engine = PlayedEngine()
    monkeypatch.setattr(container_leftovers, "connect", lambda: engine)
    assert sweep_containers() == []
    assert engine.left
    engine.labels = {**engine.labels, HARNESS_STARTED: "1", HARNESS_PID: "99999999"}
    assert sweep_containers() == ["Run r1: its harness is gone; removed 3 containers and networks."]
    assert engine.closed


def test_no_engine_no_leftovers(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    assert sweep_containers() == []
