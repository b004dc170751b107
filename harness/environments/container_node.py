"""One node: the container that holds its network, the container that runs its program, and what can be done to them.

Everything here blocks (containers.py calls it in threads), and fails with one of FAILURES. Whether a container runs is
asked of the engine each time and never remembered, so that a call that broke off half-way costs nothing later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from keelhaul.harness.environments.container_engine import Engine, EngineError
from keelhaul.harness.environments.container_leftovers import NODE, ROLE
from keelhaul.harness.environments.container_network import RulesError, drop_from, find_iptables
from keelhaul.harness.environments.container_shell import ContainerShell, ShellError
from keelhaul.harness.environments.environment import ClusterSpec

PORT = 7000
"""Where each node listens inside its own namespace."""
DATA = "/data"
HOLD = ("sleep", "infinity")
PROGRAM_MEMORY = "512m"
HOLDER_MEMORY = "64m"
LOG_TAIL_LINES = 15
TRACE_BYTES_MAX = 1 << 30
WAL_BYTES_MAX = 16 << 20
FAILURES = (EngineError, ShellError, RulesError)

Command = Callable[[ClusterSpec, str, Mapping[str, str]], Sequence[str]]
"""Makes a node's command line, from the cluster, the node's name, and all nodes' addresses (host:port)."""


def host_command(spec: ClusterSpec, node: str, addresses: Mapping[str, str]) -> Sequence[str]:
    """Make the command line of nodes/host."""
    command = ["python3", "-m", "keelhaul.nodes.host", "--system", spec.system, "--name", node]
    command += ["--cluster", spec.run_id, "--data", DATA, "--listen", addresses[node]]
    command += ["--members", ",".join(spec.nodes), "--seed", str(spec.seed)]
    for peer in spec.nodes:
        command += ["--peer", f"{peer}={addresses[peer]}"] if peer != node else []
    for name, value in spec.options.items():
        command += ["--option", f"{name}={value}"]
    return command + (["--mutant", spec.mutant] if spec.mutant is not None else [])


class ContainerNode:
    """A node of a run. `inside` is its address among its peers, `published` where this machine reaches it; both are
    known, and fixed, once its network is held."""

    def __init__(self, engine: Engine, node: str, run_name: str, image: str, labels: Mapping[str, str]) -> None:
        """Name it; nothing is made yet. `run_name` is the network's name, and begins the containers'."""
        self.node = node
        self.inside = ""
        self.published = ("", 0)
        self._engine = engine
        self._network = run_name
        self._program = f"{run_name}-{node}"
        self._holder = f"{run_name}-{node}-network"
        self._image = image
        self._labels = labels
        self._shell: ContainerShell | None = None
        self._was_made = False

    def hold_network(self) -> None:
        """Make the node's namespace, and put an empty table of rules into it: what can't be cut should be known now."""
        self._engine.create(
            self._holder,
            self._image,
            HOLD,
            labels={**self._labels, NODE: self.node, ROLE: "network"},
            published_port=PORT,
            network_mode=self._network,
            cap_add=["NET_ADMIN"],
            mem_limit=HOLDER_MEMORY,
        )
        self._engine.start(self._holder)
        self.inside, self.published = self._engine.addresses(self._holder, self._network, PORT)
        self.drop_from(())

    def start_program(self, command: Sequence[str]) -> None:
        """Make and start the program inside the namespace."""
        self._engine.create(
            self._program,
            self._image,
            command,
            labels={**self._labels, NODE: self.node, ROLE: "program"},
            network_mode=f"container:{self._holder}",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            init=True,
            mem_limit=PROGRAM_MEMORY,
        )
        self._was_made = True
        self._engine.start(self._program)

    def start_again(self) -> None:
        """Start the program on the data that it left."""
        self._engine.start(self._program)

    def kill(self) -> None:
        """End the program with SIGKILL, frozen or not; a dead one is left alone."""
        self._engine.kill(self._program)

    def pause(self) -> None:
        """Freeze the program; a frozen one is left alone."""
        if self._engine.state(self._program) != "paused":
            self._engine.pause(self._program)

    def resume(self) -> None:
        """Let a frozen program go on; one that isn't is left alone."""
        if self._engine.state(self._program) == "paused":
            self._engine.unpause(self._program)

    def require_running(self) -> None:
        """EngineError if the program has ended."""
        if self.exit_code() is not None:
            raise EngineError(f"{self._program} is not running")

    def exit_code(self) -> int | None:
        """Return the program's exit code (137 after SIGKILL); None while it runs, frozen or not, or was never made."""
        return self._engine.exit_code(self._program) if self._was_made else None

    def drop_from(self, addresses: Sequence[str]) -> None:
        """Drop what comes from exactly these addresses; return when that is in force.

        The shell that is kept may have died unseen, and the last heal must not fail for that: a new one is tried.
        """
        shell, self._shell = self._shell, None
        if shell is not None:
            try:
                self._drop_through(shell, addresses)
            except FAILURES:
                pass
            else:
                return
        self._drop_through(self._engine.shell(self._holder), addresses, new=True)

    def last_words(self) -> str:
        """Return the end of what the program wrote."""
        return self._engine.log_tail(self._program, LOG_TAIL_LINES).strip() or "nothing"

    def collect(self, folder: Path) -> None:
        """Copy the log, the trace and, unless it is large, the write-ahead log into `folder`, as far as they exist."""
        if not self._was_made:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._engine.save_log(self._program, folder / "host.log")
        # The engine's archiver stumbles over files that grow while it reads them.
        grows = self._engine.state(self._program) == "running"
        if grows:
            self._engine.pause(self._program)
        try:
            self._engine.save_file(self._program, f"{DATA}/trace.jsonl", folder / "trace.jsonl", TRACE_BYTES_MAX)
            self._engine.save_file(self._program, f"{DATA}/wal", folder / "wal", WAL_BYTES_MAX)
        finally:
            if grows:
                self._engine.unpause(self._program)

    def close(self) -> None:
        """Hang up the shell."""
        if self._shell is not None:
            self._shell.close()
            self._shell = None

    def _drop_through(self, shell: ContainerShell, addresses: Sequence[str], *, new: bool = False) -> None:
        """Use this shell, and keep it if that went well."""
        try:
            if new:
                find_iptables(shell)
            drop_from(shell, addresses)
        except FAILURES:
            shell.close()
            raise
        self._shell = shell
