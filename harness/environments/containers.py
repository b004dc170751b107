"""Nodes in containers: real TCP, real disks, iptables cuts, cgroup pauses, SIGKILL.

Each node is two containers:

* the **network holder** (`keelhaul-RUN-n1-network`) does nothing but own a network namespace: the node's address, its
  published port, and the rules that cut it off. Only it has NET_ADMIN;
* the **program** (`keelhaul-RUN-n1`) runs the node inside that namespace, without any privilege.

Why two? A container that is killed and started again gets a new, empty namespace: its rules are gone, and perhaps its
address. And nothing can be run in a frozen container. With a holder, the namespace lives as long as the run. So a cut
stays in force across a kill and restart, with no moment in which the new incarnation can talk through it; the rules of
a dead or frozen node can be changed; addresses and ports stay. It is also quicker: to start a program again in a
namespace that is there takes half the time.

A cut drops packets where they come in, as a grudge says it (nemesis/topology.py, container_network.py), through a shell
in the holder that is kept open (container_shell.py). Clients come through the published port, from the bridge's own
address, so they still reach a node that is cut off from its peers.

The engine's calls block, so they run in threads, eight at most; each has a time-out of its own.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread

from keelhaul.harness.environments.clocks import skew_clocks
from keelhaul.harness.environments.container_engine import Engine, EngineError, connect
from keelhaul.harness.environments.container_leftovers import AT_ONCE, remove_run, run_labels
from keelhaul.harness.environments.container_node import FAILURES, PORT, Command, ContainerNode, host_command
from keelhaul.harness.environments.environment import ClusterSpec, SetupError
from keelhaul.harness.environments.images import Say, ensure_image
from keelhaul.harness.environments.status import ask, ask_all, leader_of
from keelhaul.nemesis.topology import Grudge
from keelhaul.nemesis.victim import VictimError

START_SECONDS = 15.0
RESTART_SECONDS = 10.0
POLL_SECONDS = 0.05
PATIENT_ANSWER_SECONDS = 0.5

_T = TypeVar("_T")


class Containers:
    """A cluster in containers; a LiveEnvironment."""

    def __init__(
        self,
        spec: ClusterSpec,
        *,
        say: Say = lambda _: None,
        command: Command = host_command,
        connect: Callable[[], Engine] = connect,
    ) -> None:
        """Promise a cluster; nothing happens before `start`. `say` hears what takes long, such as building images."""
        self._spec = spec
        self._say = say
        self._command = command
        self._connect = connect
        self._engine: Engine | None = None
        self._members: dict[str, ContainerNode] = {}
        self._down: set[str] = set()
        self._died: list[tuple[str, int]] = []
        self._limiter = anyio.CapacityLimiter(AT_ONCE)
        self._cutting = anyio.Lock()

    @property
    def nodes(self) -> tuple[str, ...]:
        """All members' names, in the one order that is the same everywhere."""
        return self._spec.nodes

    @property
    def died(self) -> tuple[tuple[str, int], ...]:
        """The nodes that ended by themselves, each with its exit code, as of the last kill, restart or collect."""
        return tuple(self._died)

    def address(self, node: str) -> tuple[str, int]:
        """Where clients reach this node: host and port, the same for the whole run.

        The engine's proxy listens there, also while the node is dead: a connection is taken, and then hung up on.
        """
        return self._members[node].published

    async def start(self) -> None:
        """Bring every node up; return when each answers. SetupError if that can't be done here."""
        engine = await self._blocking(self._open)
        # Abandoned if it is cancelled: it may take a minute, and what it makes belongs to no run.
        image = await anyio.to_thread.run_sync(ensure_image, engine, self._say_from_thread, abandon_on_cancel=True)
        name = "keelhaul-" + re.sub(r"[^a-zA-Z0-9_.-]", "-", self._spec.run_id)
        labels = run_labels(self._spec.run_id)
        try:
            await self._blocking(lambda: engine.create_network(name, labels))
            for node in self.nodes:
                self._members[node] = ContainerNode(engine, node, name, image, labels)
            await self._each(self.nodes, ContainerNode.hold_network)
            addresses = {node: f"{member.inside}:{PORT}" for node, member in self._members.items()}
            await self._each(
                self.nodes, lambda member: member.start_program(self._command(self._spec, member.node, addresses))
            )
            await self._until_all_answer(self.nodes, START_SECONDS)
        except (VictimError, EngineError) as error:
            raise SetupError(
                f"Docker: the cluster did not come up: {error}. `keelhaul doctor` tells what this machine lacks"
            ) from None

    async def leader(self) -> str | None:
        """Who leads, by the highest term that a node answers with at once; None if nobody does."""
        return leader_of(await ask_all({node: member.published for node, member in self._members.items()}))

    async def cut(self, grudge: Grudge) -> None:
        """Put exactly these cuts in force, in place of any before; an empty grudge heals. They outlive a restart."""

        def drop(member: ContainerNode) -> None:
            member.drop_from([self._members[sender].inside for sender in grudge.get(member.node, ())])

        async with self._cutting:
            await self._each(self.nodes, drop)

    async def kill(self, nodes: Sequence[str]) -> None:
        """End these nodes with SIGKILL, frozen or not; dead ones are left alone."""
        await self._each(nodes, self._look)
        self._down.update(nodes)
        await self._each(nodes, ContainerNode.kill)

    async def restart(self, nodes: Sequence[str]) -> None:
        """Start killed nodes again on the data that they left, and wait for an answer; those that run are left
        alone."""
        await self._each(nodes, self._look)
        dead = [node for node in nodes if node in self._down]
        await self._each(dead, ContainerNode.start_again)
        self._down.difference_update(dead)  # from here on, an end is its own
        await self._until_all_answer(dead, RESTART_SECONDS)

    async def pause(self, nodes: Sequence[str]) -> None:
        """Freeze these nodes; their connections stay up and say nothing. If one doesn't run, none is frozen."""
        await self._each(nodes, ContainerNode.require_running)
        await self._each(nodes, ContainerNode.pause)

    async def resume(self, nodes: Sequence[str]) -> None:
        """Let frozen nodes go on; those that run are left alone."""
        await self._each(nodes, ContainerNode.resume)

    async def skew(self, nodes: Sequence[str], rate_ppm: int, jump_ms: int) -> None:
        """Have these nodes' hosts let their clocks run wrong, or right again: containers share the kernel's clock."""
        await skew_clocks({node: self._members[node].published for node in nodes}, rate_ppm, jump_ms)

    async def collect(self) -> None:
        """Put each node's `trace.jsonl`, `wal` and `host.log` into `folder/nodes/NAME/`. What can't be had is told, and
        missing; no file is ever there in part."""
        folder = self._spec.folder / "nodes"

        def collect_from(member: ContainerNode) -> None:
            member.collect(folder / member.node)
            self._look(member)

        try:
            await self._each(list(self._members), collect_from)
        except VictimError as error:
            self._say(f"not everything could be collected: {error}")

    async def stop(self) -> None:
        """End the nodes and remove all that belongs to the run, as far as it exists; safe to call at any time, also
        twice. VictimError if something is left."""
        engine = self._engine
        if engine is None:
            return
        for member in self._members.values():
            member.close()
        try:
            await self._blocking(lambda: remove_run(engine, self._spec.run_id))
        except EngineError as error:
            raise VictimError(f"not all of the run could be removed: {error}. Try `keelhaul clean`") from None
        self._members = {}
        self._engine = None
        engine.close()

    def _look(self, member: ContainerNode) -> None:
        """Take note of whether the node runs, and of an end that nobody brought about."""
        code = member.exit_code()
        if code is None:
            self._down.discard(member.node)
        elif member.node not in self._down:
            self._down.add(member.node)
            self._died.append((member.node, code))

    def _say_from_thread(self, text: str) -> None:
        anyio.from_thread.run_sync(self._say, text)

    def _open(self) -> Engine:
        # Kept from within the thread: a cancellation in between would lose it, and `stop` must find it.
        self._engine = self._connect()
        return self._engine

    async def _until_all_answer(self, nodes: Sequence[str], patience_seconds: float) -> None:
        """Wait until each of them answers; VictimError if one ends, or isn't there in time."""
        deadline = anyio.current_time() + patience_seconds

        async def one(node: str) -> None:
            member = self._members[node]
            while await ask(node, member.published, PATIENT_ANSWER_SECONDS) is None:
                code = await self._blocking(member.exit_code)
                if code is not None:
                    said = await self._blocking(member.last_words)
                    raise VictimError(f"it ended with exit code {code}; it said: {said}")
                if anyio.current_time() > deadline:
                    said = await self._blocking(member.last_words)
                    raise VictimError(f"it does not answer within {patience_seconds:g} s; it said: {said}")
                await anyio.sleep(POLL_SECONDS)

        await self._side_by_side(nodes, one)

    async def _each(self, nodes: Sequence[str], action: Callable[[ContainerNode], None]) -> None:
        """Do something blocking to each node, side by side; VictimError names those for which it failed."""

        async def one(node: str) -> None:
            await self._blocking(lambda: action(self._members[node]))

        await self._side_by_side(nodes, one)

    async def _side_by_side(self, nodes: Sequence[str], action: Callable[[str], Awaitable[None]]) -> None:
        failures: dict[str, str] = {}

        async def one(node: str) -> None:
            try:
                await action(node)
            except (VictimError, *FAILURES) as error:
                failures[node] = str(error)

        async with anyio.create_task_group() as tasks:
            for node in nodes:
                tasks.start_soon(one, node)
        if failures:
            raise VictimError("; ".join(f"{node}: {failures[node]}" for node in nodes if node in failures))

    async def _blocking(self, call: Callable[[], _T]) -> _T:
        return await anyio.to_thread.run_sync(call, limiter=self._limiter)
