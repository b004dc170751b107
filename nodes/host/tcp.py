"""The host's network: frames over TCP. What a node sends goes out over a connection of its own to each peer; what peers
and clients send comes in over theirs.

Nothing here is reliable, and nothing pretends to be: a frame that finds no room is dropped, like a packet, and the
protocol above must live with that (G8). What matters is that nothing waits and nothing grows:

* a peer that is down, cut off or paused costs a bounded outbox, from which the oldest frame is dropped first;
* a connection across a cut is given up soon, because TCP doubles its pauses between retries and would sit silent for
  seconds after the heal; a new one is tried at short, even intervals;
* a client that sends but doesn't read is hung up on.

Each frame between nodes names cluster, sender and receiver. What is meant for somebody else is dropped (G7): ports and
addresses get used again.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from keelhaul.nodes.events import Body, ClientRequest, Event, Received
from keelhaul.nodes.messages import FRAME_BYTES_MAX, FrameDecoder, FrameError, encode_frame, envelope

OUTBOX_FRAMES_MAX = 256
"""A second or so of one node's messages to a peer; older ones tell the peer nothing that it will not be told again."""
OUTBOX_BYTES_MAX = FRAME_BYTES_MAX
"""One frame of the largest size must fit; 256 of them must not."""
REPLY_BYTES_MAX = FRAME_BYTES_MAX
"""Unread replies of one client. An honest one waits for each answer, so one frame of the largest size will do."""
RECONNECT_S = 0.1
"""A fraction of an election timeout: a healed link must be in use before it can matter that it isn't."""
CONNECT_TIMEOUT_S = 0.5
"""Below TCP's own first retry of a lost SYN (1 s): a fresh try after a heal comes sooner."""
UNACKNOWLEDGED_MS_MAX = 800
"""How long sent bytes may stay unacknowledged. On one machine or bridge an acknowledgement takes far below 1 ms."""
KEEPALIVE_S = 5
"""When a silent incoming connection is first asked for a sign of life: those of cut-off peers would pile up."""
BACKLOG = 256


class Address(NamedTuple):
    """Where something listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class AddressTaken(Exception):
    """Somebody else listens there, or it isn't an address of this machine."""


def bind(address: Address) -> socket.socket:
    """Listen on an address, or AddressTaken. Who connects waits until `Network.open` accepts."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise AddressTaken(f"can't listen on {address}: {error}") from error
    return listening


class Network:
    """All connections of one node. What is sent before `open` waits in the peers' outboxes."""

    def __init__(self, name: str, cluster: str, incarnation: int, peers: Mapping[str, Address]) -> None:
        self.name = name
        self.cluster = cluster
        self.peers = {peer: _Peer(address) for peer, address in peers.items()}
        self.incoming: set[_Incoming] = set()
        self.clients: dict[str, _Incoming] = {}
        self.receive: Callable[[Event], None]
        self._incarnation = incarnation
        self._serial = 0
        self._server: asyncio.Server | None = None

    async def open(self, listening: socket.socket, receive: Callable[[Event], None]) -> None:
        """Accept connections, begin to connect to the peers, and call `receive` with each event that arrives."""
        self.receive = receive
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Incoming(self), sock=listening, backlog=BACKLOG
        )
        for peer in self.peers.values():
            peer.start()

    def send(self, dest: str, body: Body) -> None:
        """Send to a peer, or drop; KeyError if there is no such peer."""
        peer = self.peers[dest]
        peer.send(encode_frame(envelope(self.name, dest, body, cluster=self.cluster, incarnation=self._incarnation)))

    def reply(self, client: str, body: Body) -> None:
        """Answer over the connection that `client` asked on; drop it if that is gone."""
        connection = self.clients.get(client)
        if connection is not None:
            connection.write(encode_frame(envelope(self.name, connection.source, body)))

    def next_client(self, source: str) -> str:
        """Name a client's connection; no two connections share a name within an incarnation."""
        self._serial += 1
        return f"{source}#{self._serial}"

    async def close(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        for peer in self.peers.values():
            peer.stop()
        for connection in self.incoming:
            connection.hang_up()
        await asyncio.sleep(0)


class _Incoming(asyncio.Protocol):
    """One accepted connection: a peer's, or a client's."""

    def __init__(self, network: Network) -> None:
        self.source = ""
        self._network = network
        self._client: str | None = None
        self._decoder = FrameDecoder()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._network.incoming.add(self)
        _set_keepalive(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        try:
            for found in self._decoder.feed(data):
                if "cluster" in found:
                    self._from_peer(found)
                else:
                    self._from_client(found)
        except FrameError:
            self.hang_up()

    def connection_lost(self, exc: Exception | None) -> None:
        self._network.incoming.discard(self)
        if self._client is not None:
            self._network.clients.pop(self._client, None)

    def write(self, frame: bytes) -> None:
        if self._transport.get_write_buffer_size() > REPLY_BYTES_MAX:
            self.hang_up()
        else:
            self._transport.write(frame)

    def hang_up(self) -> None:
        self._transport.abort()

    def _from_peer(self, found: dict[str, Any]) -> None:
        network = self._network
        if found["cluster"] == network.cluster and found["dest"] == network.name and found["src"] in network.peers:
            network.receive(Received(found["src"], found["body"]))

    def _from_client(self, found: dict[str, Any]) -> None:
        # A client that doesn't say whom it means, means whoever answers.
        if found["dest"] not in (self._network.name, ""):
            return
        if self._client is None:
            self.source = found["src"]
            self._client = self._network.next_client(self.source)
            self._network.clients[self._client] = self
        elif found["src"] != self.source:
            raise FrameError("a connection speaks for one client")
        self._network.receive(ClientRequest(self._client, found["body"]))


class _Outbox:
    """Frames that wait for a connection, or for room in one; the oldest are dropped when there are too many."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._bytes = 0

    def push(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._bytes += len(frame)
        while len(self._frames) > OUTBOX_FRAMES_MAX or (self._bytes > OUTBOX_BYTES_MAX and len(self._frames) > 1):
            self.pop()

    def pop(self) -> bytes:
        frame = self._frames.popleft()
        self._bytes -= len(frame)
        return frame

    def __bool__(self) -> bool:
        return bool(self._frames)


class _Peer:
    """The way to one peer: a connection whenever there can be one, and an outbox for when there is none."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._outbox = _Outbox()
        self._connection: _Outgoing | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep_connected())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._connection is not None:
            self._connection.transport.abort()

    def send(self, frame: bytes) -> None:
        self._outbox.push(frame)
        self.flush()

    def flush(self) -> None:
        """Hand frames to the connection for as long as it takes more."""
        connection = self._connection
        while self._outbox and connection is not None and connection.has_room:
            connection.transport.write(self._outbox.pop())

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with suppress(OSError):
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    _, connection = await loop.create_connection(_Outgoing, *self._address)
                await self._use(connection)
            await asyncio.sleep(RECONNECT_S)

    async def _use(self, connection: _Outgoing) -> None:
        connection.on_room = self.flush
        self._connection = connection
        self.flush()
        await connection.lost.wait()
        self._connection = None


class _Outgoing(asyncio.Protocol):
    """One connection to a peer. `has_room` is False while its buffer is full (above asyncio's 64 KiB) or it is lost."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.has_room = True
        self.lost = asyncio.Event()
        self.on_room: Callable[[], None] = lambda: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        _limit_unacknowledged(transport.get_extra_info("socket"))

    def pause_writing(self) -> None:
        self.has_room = False

    def resume_writing(self) -> None:
        self.has_room = True
        self.on_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self.has_room = False
        self.lost.set()


def _limit_unacknowledged(connection: socket.socket) -> None:
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS_MAX)


def _set_keepalive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 5)
