"""A cluster of real processes on loopback, without proxies between them, and the cheapest clients that can load it."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from tempfile import TemporaryDirectory

from keelhaul.nodes.messages import LENGTH_BYTES, FrameCutter

LOOPBACK = "127.0.0.1"
KEYS = 100
READY_S = 20.0
POLL_S = 0.05


class ProcessCluster:
    """Nodes `n1` … of a system, each a process with a log file of its own that it syncs."""

    def __init__(self, system: str, nodes: int, options: Mapping[str, int | str], folder: Path) -> None:
        self.ports = {f"n{number}": port for number, port in enumerate(_free_ports(nodes), 1)}
        self._processes = [
            subprocess.Popen(
                self._command(system, name, options, folder),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
            )
            for name in self.ports
        ]

    def _command(self, system: str, name: str, options: Mapping[str, int | str], folder: Path) -> list[str]:
        command = [sys.executable, "-P", "-m", "keelhaul.nodes.host", "--system", system, "--name", name]
        command += ["--cluster", "throughput", "--data", str(folder / name), "--members", ",".join(self.ports)]
        command += ["--listen", f"{LOOPBACK}:{self.ports[name]}", "--exit-on-eof"]
        for peer, port in self.ports.items():
            command += ["--peer", f"{peer}={LOOPBACK}:{port}"] if peer != name else []
        for option, value in options.items():
            command += ["--option", f"{option}={value}"]
        return command

    def stop(self) -> None:
        """End all processes."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait()
            process.stdin.close()

    async def leader(self) -> str:
        """Return who leads, as soon as somebody does; TimeoutError if that takes too long."""
        async with asyncio.timeout(READY_S):
            while True:
                for name in self.ports:
                    if (await self._status(name)).get("role") == "leader":
                        return name
                await asyncio.sleep(POLL_S)

    async def _status(self, name: str) -> dict[str, object]:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self.ports[name])
            writer.write(_frame(f'{{"src":"ask","dest":"{name}","body":{{"type":"status","msg_id":1}}}}'))
            length = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
            answer = json.loads(await reader.readexactly(length))
            writer.close()
        except (OSError, asyncio.IncompleteReadError):
            return {}
        return answer["body"]


@contextmanager
def running(system: str, nodes: int, options: Mapping[str, int | str]) -> Iterator[ProcessCluster]:
    """Run a cluster whose files are where temporary ones are kept."""
    with TemporaryDirectory() as folder:
        cluster = ProcessCluster(system, nodes, options, Path(folder))
        try:
            yield cluster
        finally:
            cluster.stop()


class Writer(asyncio.Protocol):
    """A client with a connection of its own, which writes again as soon as it has its answer."""

    def __init__(self, number: int, node: str) -> None:
        self.committed = 0
        self._cutter = FrameCutter()
        self._begun = 0
        self._form = (
            f'{{"src":"c{number}","dest":"{node}","body":{{"type":"write","key":{number % KEYS},'
            '"value":%d,"msg_id":%d}}'
        )
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._write()

    def data_received(self, data: bytes) -> None:
        """Take the answer, and write again."""
        for frame in self._cutter.feed(data):
            assert b'"type":"write_ok"' in frame, frame
            self.committed += 1
            self._write()

    def _write(self) -> None:
        self._begun += 1
        self._transport.write(_frame(self._form % (self._begun, self._begun)))

    def stop(self) -> None:
        """Hang up."""
        self._transport.abort()


async def load(cluster: ProcessCluster, clients: int, warm_up_s: float, measured_s: float) -> float:
    """Return how many writes a second are committed for so many clients, after a while."""
    loop = asyncio.get_running_loop()
    leader = await cluster.leader()
    writers = []
    for number in range(clients):
        made = Writer(number, leader)
        await loop.create_connection(lambda made=made: made, LOOPBACK, cluster.ports[leader])
        writers.append(made)
    await asyncio.sleep(warm_up_s)
    before, start_s = sum(writer.committed for writer in writers), loop.time()
    await asyncio.sleep(measured_s)
    after, end_s = sum(writer.committed for writer in writers), loop.time()
    for writer in writers:
        writer.stop()
    return (after - before) / (end_s - start_s)


def children_s() -> float:
    """Return the processor's time of all processes that this one has started and that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _frame(text: str) -> bytes:
    payload = text.encode()
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload


def _free_ports(count: int) -> list[int]:
    """Return ports that are free now. Nothing keeps others from taking them; then the node says so and ends."""
    held = [create_server((LOOPBACK, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports
