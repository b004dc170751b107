"""Whose a container is, and how all that belongs to a run is removed: by the run itself, or later by `keelhaul clean`.

Everything that a run makes carries its id and its harness: process number, that process's start (numbers get used
again), and machine. A harness that is killed can't clean up; what it left is told from live runs by these labels.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from keelhaul.harness.environments.container_engine import Engine, EngineError, connect
from keelhaul.harness.environments.environment import SetupError

RUN = "keelhaul.run"
NODE = "keelhaul.node"
ROLE = "keelhaul.role"
"""What a container is for: `network`, the holder of a node's network, or `program`, the node itself."""
HARNESS_PID = "keelhaul.harness_pid"
HARNESS_STARTED = "keelhaul.harness_started"
HARNESS_HOST = "keelhaul.harness_host"

REMOVAL_SECONDS = 40
AT_ONCE = 8


def run_labels(run_id: str) -> dict[str, str]:
    """Make the labels of everything that this process makes for a run."""
    pid = os.getpid()
    return {
        RUN: run_id,
        HARNESS_PID: str(pid),
        HARNESS_STARTED: _started(pid),
        HARNESS_HOST: socket.gethostname(),
    }


def remove_run(engine: Engine, run_id: str) -> list[str]:
    """Remove all containers and networks of a run; return their names. EngineError if something could not be removed.

    Whatever state they are in, and however often it is called. Engines fail now and then when much is removed side by
    side, so what is left is tried again until the deadline.
    """
    label = f"{RUN}={run_id}"
    removed: list[str] = []
    deadline = time.monotonic() + REMOVAL_SECONDS
    while True:
        containers = [one.name for one in engine.containers(label)]
        networks = [name for name, _ in engine.networks(label)]
        if not containers and not networks:
            return sorted(set(removed))
        error = _remove_side_by_side(engine, containers) or _remove_networks(engine, networks)
        if error is not None and time.monotonic() > deadline:
            raise error
        removed += containers + networks
        time.sleep(0.0 if error is None else 0.2)


def sweep_containers() -> list[str]:
    """Remove what killed harnesses of this machine left; live runs are left alone. Returns a sentence for each run
    that was swept; nothing if no engine answers."""
    try:
        engine = connect()
    except SetupError:
        return []
    try:
        return [_swept(engine, run_id) for run_id in _orphaned_runs(engine)]
    except EngineError as error:
        return [f"The engine did not answer, so there may be more: {error}"]
    finally:
        engine.close()


def harness_lives(labels: Mapping[str, str]) -> bool:
    """Say whether the harness behind these labels may still be at work. One on another machine is taken to be."""
    if labels.get(HARNESS_HOST) != socket.gethostname():
        return True
    try:
        pid = int(labels.get(HARNESS_PID, ""))
        os.kill(pid, 0)
    except PermissionError:
        pass  # it is there, and somebody else's
    except (ValueError, OverflowError, OSError):
        return False
    return labels.get(HARNESS_STARTED) == _started(pid)


def _orphaned_runs(engine: Engine) -> list[str]:
    containers = [one.labels for one in engine.containers(RUN)]
    networks = [labels for _, labels in engine.networks(RUN)]
    return sorted({labels[RUN] for labels in containers + networks if not harness_lives(labels)})


def _swept(engine: Engine, run_id: str) -> str:
    try:
        removed = remove_run(engine, run_id)
    except EngineError as error:
        return f"Run {run_id}: its harness is gone, but not everything could be removed: {error}."
    return f"Run {run_id}: its harness is gone; removed {len(removed)} containers and networks."


def _remove_side_by_side(engine: Engine, containers: list[str]) -> EngineError | None:
    def remove(name: str) -> EngineError | None:
        try:
            engine.remove(name)
        except EngineError as error:
            return error
        return None

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return next(filter(None, pool.map(remove, containers)), None)


def _remove_networks(engine: Engine, networks: list[str]) -> EngineError | None:
    for name in networks:
        try:
            engine.remove_network(name)
        except EngineError as error:
            return error
    return None


def _started(pid: int) -> str:
    """Return when a process began, in the kernel's ticks; empty where there is no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The program's name, in brackets, may hold spaces and brackets; field 22 is the 20th after it.
    return stat.rpartition(")")[2].split()[19]
