"""The network between node processes: every directed link goes through a proxy of ours, in the harness' own process.

    n1's host ──► proxy n1→n2 ──► n2's host          n2's host ──► proxy n2→n1 ──► n1's host

A node only ever sends over the connections that it made, so one proxy sees all that goes one way, and a cut in one
direction is just that. The proxies know where frames begin and end, not what is in them. A cut link takes frames and
drops them whole, while its connections stay up: to both nodes it looks as if packets got lost. What was handed on
before the cut was in flight, and still arrives.

A link's state belongs to the link and not to a connection, so it holds across kills and restarts on either side. A
receiver that is down costs the sender its connection; it tries again by itself. A receiver that doesn't read stops the
proxy from reading, so the pile grows in the sender's bounded outbox; unless the link is cut: then it is read and
dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from keelhaul.nemesis.topology import Grudge, hears
from keelhaul.nodes.messages import FrameCutter, FrameError

LOOPBACK = "127.0.0.1"
CONNECT_TIMEOUT_S = 1.0
"""On loopback only a full queue of unaccepted connections takes any time at all."""


class Links:
    """All links of one cluster."""

    def __init__(self, nodes: tuple[str, ...]) -> None:
        self._links = {(sender, receiver): _Link() for sender in nodes for receiver in nodes if sender != receiver}

    async def open(self) -> None:
        """Start every proxy, on ports that the system chooses; OSError if that can't be done."""
        for link in self._links.values():
            await link.open()

    def addresses(self, sender: str) -> Mapping[str, tuple[str, int]]:
        """Return where `sender` reaches each of its peers."""
        return {receiver: link.address for (source, receiver), link in self._links.items() if source == sender}

    def set_target(self, receiver: str, address: tuple[str, int]) -> None:
        """Say where a node listens, before anybody talks to it; connections to where it listened before end."""
        for (_, node), link in self._links.items():
            if node == receiver:
                link.set_target(address)

    def cut(self, grudge: Grudge) -> None:
        """Drop exactly what this grudge says, from this moment on, on old connections and new ones."""
        for (sender, receiver), link in self._links.items():
            link.set_cut(not hears(grudge, receiver, sender))

    async def close(self) -> None:
        """Stop every proxy and hang up on everybody; safe to call at any time, also twice."""
        for link in self._links.values():
            link.close()
        # Transports let go of their sockets in the loop's next round.
        await asyncio.sleep(0)
        await asyncio.sleep(0)


class _Link:
    """One direction between two nodes: a listening socket, and the connections that go through it."""

    def __init__(self) -> None:
        self.is_cut = False
        self.pipes: set[_Pipe] = set()
        self.address = (LOOPBACK, 0)
        self.target = (LOOPBACK, 0)
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Pipe(self), LOOPBACK, 0)
        self.address = (LOOPBACK, self._server.sockets[0].getsockname()[1])

    def set_target(self, address: tuple[str, int]) -> None:
        self.target = address
        for pipe in self.pipes:
            pipe.abort()

    def set_cut(self, is_cut: bool) -> None:
        self.is_cut = is_cut
        for pipe in self.pipes:
            pipe.balance()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for pipe in self.pipes:
            pipe.abort()


class _Pipe(asyncio.Protocol):
    """One connection through a link: this side takes the sender's bytes, `_Outlet` hands frames to the receiver."""

    def __init__(self, link: _Link) -> None:
        self._link = link
        self._cutter = FrameCutter()
        self._outlet = _Outlet(self)
        self._reading = True
        self._inlet: asyncio.Transport
        self._connecting: asyncio.Task[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._inlet = transport
        self._link.pipes.add(self)
        self.balance()
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def data_received(self, data: bytes) -> None:
        try:
            frames = self._cutter.feed(data)
        except FrameError:
            self.abort()
            return
        if frames and not self._link.is_cut and self._outlet.transport is not None:
            self._outlet.transport.write(b"".join(frames))

    def connection_lost(self, exc: Exception | None) -> None:
        self._connecting.cancel()
        if self._outlet.transport is None:
            self._link.pipes.discard(self)
        else:
            self._outlet.transport.close()  # what was handed on still arrives

    def balance(self) -> None:
        """Read from the sender exactly as long as there is somewhere to put it, or a cut to drop it in."""
        reading = self._link.is_cut or self._outlet.has_room
        if reading != self._reading and not self._inlet.is_closing():
            self._reading = reading
            if reading:
                self._inlet.resume_reading()
            else:
                self._inlet.pause_reading()

    def ended(self) -> None:
        """The receiver's side is over; so is the whole."""
        self._link.pipes.discard(self)
        self._inlet.abort()

    def abort(self) -> None:
        """Hang up on both sides at once."""
        self._inlet.abort()
        if self._outlet.transport is not None:
            self._outlet.transport.abort()

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await asyncio.get_running_loop().create_connection(lambda: self._outlet, *self._link.target)
        except OSError:
            self._inlet.abort()


class _Outlet(asyncio.Protocol):
    """The connection to the receiver. It has room from when it is made, for as long as its buffer isn't full."""

    def __init__(self, pipe: _Pipe) -> None:
        self.transport: asyncio.Transport | None = None
        self.has_room = False
        self._pipe = pipe

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.resume_writing()

    def pause_writing(self) -> None:
        self.has_room = False
        self._pipe.balance()

    def resume_writing(self) -> None:
        self.has_room = True
        self._pipe.balance()

    def connection_lost(self, exc: Exception | None) -> None:
        self._pipe.ended()
