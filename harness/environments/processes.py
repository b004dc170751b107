"""The environment `processes`: each node an operating-system process on this machine, with a proxy on every link.

It needs neither root nor Docker. Cuts are the proxies' (`links.py`), kill is SIGKILL, pause is SIGSTOP. All files of a
node are in `folder/nodes/NAME/`: its log (`wal`), its trace and what its host printed. They are the nodes' own, so
nothing has to be collected.

A killed harness leaves nothing that runs for long: each host ends when its standard input does. Frozen ones can't;
`leftovers.py` finds them by the command line that is put together here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

import anyio

from keelhaul.harness.environments.clocks import skew_clocks
from keelhaul.harness.environments.environment import ClusterSpec, SetupError
from keelhaul.harness.environments.links import LOOPBACK, Links
from keelhaul.harness.environments.node_process import NodeProcess, Port
from keelhaul.harness.environments.status import ask, ask_all, leader_of
from keelhaul.nemesis.topology import Grudge
from keelhaul.nemesis.victim import VictimError
from keelhaul.nodes.host.stopping import EXIT_ADDRESS_TAKEN

READY_S = 10.0
"""From start to the first answer. It takes 0.3 s; the rest is for machines on which everything starts at once."""
SIGNAL_S = 5.0
"""From a signal to its effect. It takes milliseconds, but for a process in the middle of a slow disk's write."""
POLL_S = 0.002
READY_POLL_S = 0.02


class Processes:
    """A cluster of processes. Every method may be cancelled; `stop` cleans up after any of them."""

    def __init__(self, spec: ClusterSpec) -> None:
        self._spec = spec
        self._folder = spec.folder.resolve() / "nodes"
        self._links = Links(spec.nodes)
        self._ports: dict[str, Port] = {}
        self._processes = {name: NodeProcess(name, self._folder / name / "host.log") for name in spec.nodes}
        self._died: list[tuple[str, int]] = []

    @property
    def nodes(self) -> tuple[str, ...]:
        """All members' names."""
        return self._spec.nodes

    @property
    def died(self) -> tuple[tuple[str, int], ...]:
        """The nodes that ended by themselves so far, each with its exit code: the system's failure, or the host's."""
        self._look()
        return tuple(self._died)

    def address(self, node: str) -> tuple[str, int]:
        """Where clients reach this node; settled when `start` returns."""
        return self._ports[node].address

    async def start(self) -> None:
        """Start the proxies and all nodes; return when every node answers."""
        try:
            for name in self.nodes:
                (self._folder / name).mkdir(parents=True, exist_ok=True)
                self._choose_port(name)
            await self._links.open()
        except OSError as error:
            raise SetupError(f"the environment 'processes' can't be set up: {error}") from error
        if problems := await self._bring_up(self.nodes, self._choose_port):
            raise SetupError("\n".join(problems))

    async def collect(self) -> None:
        """Nothing to do: the files are where they belong. Nodes that ended meanwhile are taken note of."""
        self._look()

    async def stop(self) -> None:
        """Kill all nodes and close the proxies; safe at any time, also twice. VictimError if one doesn't end."""
        with anyio.CancelScope(shield=True):
            try:
                await self.kill(self.nodes)
            finally:
                await self._links.close()
                for port in self._ports.values():
                    port.release()

    async def leader(self) -> str | None:
        """Ask every node that runs; the one of the highest term that says that it leads."""
        self._look()
        awake = [name for name, process in self._processes.items() if process.is_running and not process.is_paused]
        return leader_of(await ask_all({name: self.address(name) for name in awake}))

    async def cut(self, grudge: Grudge) -> None:
        """Have the proxies drop exactly this."""
        self._links.cut(grudge)

    async def kill(self, nodes: Sequence[str]) -> None:
        """End these nodes with SIGKILL, frozen ones too."""
        self._look()
        for name in nodes:
            self._processes[name].kill()
        await self._until(lambda name: not self._processes[name].is_running, nodes, "did not end after SIGKILL")

    async def restart(self, nodes: Sequence[str]) -> None:
        """Start those of these nodes that don't run, on the same addresses; return when they answer."""
        self._look()
        down = [name for name in nodes if not self._processes[name].is_running]
        if problems := await self._bring_up(down, lambda name: None):
            raise VictimError("\n".join(problems))

    async def pause(self, nodes: Sequence[str]) -> None:
        """Freeze these nodes with SIGSTOP: all of them, or none and VictimError if one doesn't run."""
        self._look()
        if down := [name for name in nodes if not self._processes[name].is_running]:
            raise VictimError(f"{', '.join(down)} can't be paused: not running")
        for name in nodes:
            self._processes[name].freeze()
        await self._until(lambda name: self._processes[name].is_frozen, nodes, "did not freeze after SIGSTOP")

    async def resume(self, nodes: Sequence[str]) -> None:
        """Let frozen nodes go on with SIGCONT; those that run, or are dead, are left alone."""
        for name in nodes:
            self._processes[name].thaw()

    async def skew(self, nodes: Sequence[str], rate_ppm: int, jump_ms: int) -> None:
        """Have these nodes' hosts let their clocks run wrong, or right again."""
        await skew_clocks({name: self.address(name) for name in nodes}, rate_ppm, jump_ms)

    def _look(self) -> None:
        """Take note of processes that ended."""
        for name, process in self._processes.items():
            if (code := process.died()) is not None:
                self._died.append((name, code))

    async def _until(self, reached: Callable[[str], bool], nodes: Sequence[str], problem: str) -> None:
        # Shielded: it takes milliseconds, and afterwards it is known what is so.
        with anyio.move_on_after(SIGNAL_S, shield=True):
            while late := [name for name in nodes if not reached(name)]:
                await anyio.sleep(POLL_S)
                self._look()
        if late:
            raise VictimError(f"{', '.join(late)} {problem} within {SIGNAL_S:g} s")

    async def _bring_up(self, names: Sequence[str], on_taken: Callable[[str], None]) -> list[str]:
        """Start these nodes side by side and wait until they answer; return what went wrong, a sentence a node."""
        problems: dict[str, str | None] = dict.fromkeys(names)

        async def one(name: str) -> None:
            problems[name] = await self._bring_one_up(name, on_taken)

        async with anyio.create_task_group() as tasks:
            for name in names:
                tasks.start_soon(one, name)
        return [problem for problem in problems.values() if problem is not None]

    async def _bring_one_up(self, name: str, on_taken: Callable[[str], None]) -> str | None:
        process = self._processes[name]
        with anyio.move_on_after(READY_S):
            while True:
                try:
                    process.start(self._command(name))
                except OSError as error:
                    return f"{name} can't be started: {error}"
                code = await self._answer_or_exit(process)
                if code is None:
                    return None
                if code != EXIT_ADDRESS_TAKEN:
                    self._died.append((name, code))
                    return f"{name} ended with exit code {code} while it started. It said:\n{process.log_tail()}"
                on_taken(name)
                await anyio.sleep(READY_POLL_S)
        return f"{name} didn't answer within {READY_S:g} s. It said:\n{process.log_tail()}"

    async def _answer_or_exit(self, process: NodeProcess) -> int | None:
        """Return None when the node answers, or its exit code when it ended."""
        while True:
            if (code := process.died()) is not None:
                return code
            if await ask(process.name, self.address(process.name)) is not None:
                return None
            await anyio.sleep(READY_POLL_S)

    def _choose_port(self, name: str) -> None:
        if name in self._ports:
            self._ports[name].release()
        self._ports[name] = Port(LOOPBACK)
        self._links.set_target(name, self._ports[name].address)

    def _command(self, name: str) -> list[str]:
        """What starts a node. -P: a file of the user's folder must not stand in for a module of the same name."""
        spec = self._spec
        host, port = self.address(name)
        command = [sys.executable, "-P", "-m", "keelhaul.nodes.host"]
        command += ["--system", spec.system, "--name", name, "--cluster", spec.run_id, "--seed", str(spec.seed)]
        command += ["--data", str(self._folder / name), "--listen", f"{host}:{port}", "--members", ",".join(spec.nodes)]
        for peer, (peer_host, peer_port) in self._links.addresses(name).items():
            command += ["--peer", f"{peer}={peer_host}:{peer_port}"]
        for option, value in spec.options.items():
            command += ["--option", f"{option}={value}"]
        if spec.mutant is not None:
            command += ["--mutant", spec.mutant]
        return [*command, "--harness-pid", str(os.getpid()), "--exit-on-eof"]
