"""A client's connection to a node, for the live driver: one request at a time, and no doubt about what was sent.

Three outcomes, and the difference is the point. `Refused`: nothing was sent, so trying elsewhere is safe. An answer. Or
`Broken`, a deadline, a cancellation: the request may have been sent, and nobody knows what becomes of it. After that
the connection is closed for good, so that a late answer can't be taken for that of the next request.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import anyio

from keelhaul.nodes.events import Body
from keelhaul.nodes.messages import FrameDecoder, FrameError, encode_frame, envelope

READ_BYTES = 64 * 1024


class Refused(Exception):
    """No connection could be made, so nothing was sent."""


class Broken(Exception):
    """The connection died when the request may already have been sent."""


class Connection:
    """An open connection; make one with `Connection.open`."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client_name: str, node_name: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._client_name = client_name
        self._node_name = node_name
        self._decoder = FrameDecoder()
        self._msg_id = 0
        self._usable = True

    @classmethod
    async def open(cls, host: str, port: int, client_name: str, timeout_s: float, *, node_name: str = "") -> Connection:
        """Connect, or Refused. With `node_name`, a node of any other name at that address won't listen."""
        try:
            with anyio.fail_after(timeout_s):
                reader, writer = await asyncio.open_connection(host, port)
        except OSError as error:  # a TimeoutError is one too
            raise Refused(f"{host}:{port}: {str(error) or f'no answer within {timeout_s} s'}") from error
        return cls(reader, writer, client_name, node_name)

    @classmethod
    async def open_answered(
        cls, host: str, port: int, client_name: str, timeout_s: float, node_name: str
    ) -> Connection:
        """Connect and let the node answer one `status` request, or Refused.

        An open connection proves little: a container engine's port proxy accepts on behalf of a dead node, and the
        kernel on behalf of a frozen one. Nothing of an operation has been sent by then, so that trying elsewhere is
        safe.
        """
        connection = await cls.open(host, port, client_name, timeout_s, node_name=node_name)
        try:
            with anyio.fail_after(timeout_s):
                await connection.request({"type": "status"})
        except (Broken, TimeoutError) as error:
            connection.close()
            raise Refused(f"{host}:{port}: connected, but nobody answers: {error}") from error
        return connection

    @property
    def usable(self) -> bool:
        """Whether another request can be made over this connection, as far as this side knows."""
        return self._usable and not self._reader.at_eof()

    async def request(self, body: Body) -> Body:
        """Send `body` with a fresh `msg_id` and return the body of its answer, or Broken. One at a time.

        Whatever ends it before the answer is here, cancellation included, closes the connection.
        """
        if not self._usable:
            raise Broken("an earlier request broke this connection, or is still unanswered")
        msg_id = self._msg_id = self._msg_id + 1
        frame = encode_frame(envelope(self._client_name, self._node_name, {**body, "msg_id": msg_id}))
        self._usable = False
        answer: Body | None = None
        try:
            self._writer.write(frame)
            await self._writer.drain()
            answer = await self._answer(msg_id)
            self._usable = True
        except (OSError, FrameError) as error:
            raise Broken(f"the connection died: {str(error) or type(error).__name__}") from error
        finally:
            if answer is None:
                self.close()
        return answer

    def close(self) -> None:
        """Hang up at once; safe to call twice, and where nothing may be awaited."""
        self._usable = False
        with suppress(RuntimeError):  # the event loop may be gone already
            self._writer.transport.abort()

    async def _answer(self, msg_id: int) -> Body:
        while data := await self._reader.read(READ_BYTES):
            for found in self._decoder.feed(data):
                body: Body = found["body"]
                if body.get("in_reply_to") == msg_id:
                    return body
        raise ConnectionResetError("the node hung up")
