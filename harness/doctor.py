"""What this machine lacks, if anything, and how to get it: the examinations behind `keelhaul doctor`.

Each examination gives one finding. Those that containers need are tried for real, in one small container of the node
image without any network but its own loopback: a rule is put in, a queueing discipline is asked for, the container is
frozen and thawed. So a finding is about this kernel and this engine, not about what their versions promise.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keelhaul.harness.environments.container_engine import Engine, EngineError, NoEngine, connect
from keelhaul.harness.environments.container_leftovers import remove_run, run_labels
from keelhaul.harness.environments.container_network import RulesError, drop_from, find_iptables
from keelhaul.harness.environments.container_shell import ContainerShell, ShellError
from keelhaul.harness.environments.images import available_base, has_image, read_content, tag_of

PYTHON_MIN = (3, 11)
FREE_BYTES_MIN = 2 << 30
"""The images take 0.3 GB; a torture run that keeps its failures takes some more."""
SHELL_SECONDS = 5.0
PROBE_ADDRESS = "192.0.2.1"
"""Reserved for examples: nobody has it."""

EVERYTHING = "everything"
CONTAINERS = "--env containers"
DELAYS = "delays in containers"
SOCKETS = "--env processes and containers"
IMAGE_FIX = "Run `make images` (or any run with --env containers): it builds the image, once"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing. `fix` says what to do if it isn't ok, and is empty if it is; `needed_by` says what
    doesn't work without it."""

    name: str
    ok: bool
    found: str
    fix: str = ""
    needed_by: str = CONTAINERS


def examine(folder: Path | None = None) -> list[Finding]:
    """Examine this machine; `folder` is where runs will be stored (default: here). Takes a second or two."""
    findings = [_python(), _loopback(), _disk(folder or Path.cwd())]
    try:
        engine = connect()
    except NoEngine as error:
        return [*findings, Finding("Docker engine", False, error.found, error.fix)]
    try:
        return [*findings, _engine(engine), *_containers(engine)]
    except EngineError as error:
        return [*findings, Finding("Docker engine", False, str(error), "See whether `docker run` works at all")]
    finally:
        engine.close()


def exit_code(findings: Sequence[Finding]) -> int:
    """Return 0 if all is well, 2 if something is missing that not every run needs, 255 if no run would work."""
    missing = {finding.needed_by for finding in findings if not finding.ok}
    return 255 if EVERYTHING in missing else 2 if missing else 0


def _python() -> Finding:
    wanted = ".".join(map(str, PYTHON_MIN))
    found = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= PYTHON_MIN
    fix = "" if ok else f"Install Python {wanted} or newer, and `make setup PYTHON=…`"
    return Finding("Python", ok, f"{found} ({wanted} or newer is needed)", fix, EVERYTHING)


def _loopback() -> Finding:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            found = f"127.0.0.1 can be listened on (port {server.getsockname()[1]} was)"
    except OSError as error:
        fix = "Bring the loopback interface up: sudo ip link set lo up"
        return Finding("loopback", False, f"127.0.0.1 can't be listened on: {error}", fix, SOCKETS)
    return Finding("loopback", True, found, needed_by=SOCKETS)


def _disk(folder: Path) -> Finding:
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    ok = free >= FREE_BYTES_MIN
    fix = "" if ok else "Free some space, or store runs elsewhere with --store DIR"
    found = f"{free / 1e9:.1f} GB free at {folder} ({FREE_BYTES_MIN / 1e9:.1f} GB are asked for)"
    return Finding("disk", ok, found, fix, EVERYTHING)


def _engine(engine: Engine) -> Finding:
    said = engine.version()
    found = f"version {said.get('Version')}, API {said.get('ApiVersion')}, {said.get('Os')}/{said.get('Arch')}"
    if said.get("Os") != "linux":
        return Finding("Docker engine", False, found, "Switch the engine to Linux containers")
    return Finding("Docker engine", True, found)


def _containers(engine: Engine) -> list[Finding]:
    tag = tag_of(read_content())
    if not has_image(engine):
        base = available_base(engine)
        found = f"{tag} is not built yet; " + (f"its base {base} is here" if base else "there is no base image either")
        return [Finding("node image", False, found, IMAGE_FIX)]
    return [Finding("node image", True, f"{tag} is here"), *_tried(engine, tag)]


def _tried(engine: Engine, image: str) -> list[Finding]:
    """Try things out in a container of its own, and remove it."""
    run_id = f"doctor-{os.getpid()}"
    name = f"keelhaul-{run_id}"
    try:
        engine.create(
            name,
            image,
            ("sleep", "300"),
            labels=run_labels(run_id),
            network_mode="none",
            cap_add=["NET_ADMIN"],
        )
        engine.start(name)
        shell = engine.shell(name)
        try:
            findings = [_net_admin(shell), _iptables(shell), _netem(shell)]
        finally:
            shell.close()
        return [*findings, _freezer(engine, name)]
    except (EngineError, ShellError) as error:
        return [Finding("a container", False, str(error), "See whether `docker run` works at all")]
    finally:
        remove_run(engine, run_id)


def _net_admin(shell: ContainerShell) -> Finding:
    done = shell.run("ip link set lo mtu 9000", SHELL_SECONDS)
    if done.status == 0:
        return Finding("NET_ADMIN", True, "a container that asks for it may change its network")
    fix = "Let the engine grant NET_ADMIN: rootless engines and some hosted CI runners don't"
    return Finding("NET_ADMIN", False, f"a container may not change its network: {_line(done.output)}", fix)


def _iptables(shell: ContainerShell) -> Finding:
    try:
        find_iptables(shell)
        drop_from(shell, [PROBE_ADDRESS])
        kind = shell.run("echo $kind", SHELL_SECONDS).output.strip()
    except RulesError as error:
        fix = "The kernel needs nf_tables or ip_tables: sudo modprobe -a nf_tables ip_tables iptable_filter"
        return Finding("iptables", False, _line(str(error)), fix)
    return Finding("iptables", True, f"iptables-{kind} puts rules in and lists them")


def _netem(shell: ContainerShell) -> Finding:
    done = shell.run("tc qdisc add dev lo root netem delay 1ms", SHELL_SECONDS)
    if done.status == 0:
        return Finding("netem", True, "tc netem works", needed_by=DELAYS)
    fix = "sudo modprobe sch_netem; many kernels of virtual machines lack it. Partitions, pauses, kills do without"
    return Finding("netem", False, f"tc netem doesn't work: {_line(done.output)}", fix, DELAYS)


def _freezer(engine: Engine, name: str) -> Finding:
    try:
        engine.pause(name)
        engine.unpause(name)
    except EngineError as error:
        return Finding("pause", False, str(error), "The engine needs the cgroup freezer: rootless ones need cgroup v2")
    return Finding("pause", True, "containers can be frozen and thawed")


def _line(text: str) -> str:
    return " / ".join(text.strip().splitlines())[:200]
