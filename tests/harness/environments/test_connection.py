"""The client's connection: refused, answered or broken, and never a doubt which."""

from __future__ import annotations

import contextlib
import socket

import anyio
import pytest

from keelhaul.harness.environments.connection import Broken, Connection, Refused
from keelhaul.nodes.messages import FrameDecoder, encode_frame, envelope


@contextlib.asynccontextmanager
async def served(answer):
    """A node that calls `answer(stream, envelope)` for every frame; yields a function that connects to it."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    address = listener.extra(anyio.abc.SocketAttribute.local_address)
    connections = []

    async def serve(stream):
        decoder = FrameDecoder()
        with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            async with stream:
                while True:
                    for found in decoder.feed(await stream.receive()):
                        await answer(stream, found)

    async def connect(**more):
        connections.append(await Connection.open(*address, "c1", 5.0, **more))
        return connections[-1]

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        try:
            yield connect
        finally:
            for connection in connections:
                connection.close()
            tasks.cancel_scope.cancel()


async def reply(stream, to, **body):
    await stream.send(encode_frame(envelope("n1", to["src"], {"in_reply_to": to["body"]["msg_id"], **body})))


def test_requests_are_numbered_and_answered():
    asked = []

    async def answer(stream, found):
        asked.append(found)
        await reply(stream, found, type="read_ok", value=len(asked))

    async def run():
        async with served(answer) as connect:
            connection = await connect(node_name="n1")
            body = {"type": "read", "key": 1}
            answers = [await connection.request(body) for _ in range(2)]
            assert body == {"type": "read", "key": 1}
            assert connection.usable
            return answers

    assert anyio.run(run) == [
        {"in_reply_to": 1, "type": "read_ok", "value": 1},
        {"in_reply_to": 2, "type": "read_ok", "value": 2},
    ]
    assert asked == [
        {"src": "c1", "dest": "n1", "body": {"type": "read", "key": 1, "msg_id": number}} for number in (1, 2)
    ]


def test_answers_to_something_else_are_ignored():
    async def answer(stream, found):
        stale = {**found, "body": {**found["body"], "msg_id": found["body"]["msg_id"] - 1}}
        await reply(stream, stale, type="stale")
        await stream.send(encode_frame(envelope("n1", "c1", {"type": "news"})))
        await reply(stream, found, type="read_ok")
        await reply(stream, found, type="twice")

    async def run():
        async with served(answer) as connect:
            connection = await connect()
            return [(await connection.request({"type": "read"}))["type"] for _ in range(3)]

    assert anyio.run(run) == ["read_ok"] * 3


def test_nobody_there_is_refused():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

        async def run():
            with pytest.raises(Refused, match=f"127.0.0.1:{port}"):
                await Connection.open("127.0.0.1", port, "c1", 5.0)

        anyio.run(run)


def test_no_answer_to_the_connection_attempt_is_refused():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()

        async def run():
            # Fill the queue of connections that nobody accepts.
            waiting = [socket.socket() for _ in range(4)]
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(address)
            with pytest.raises(Refused, match=r"no answer within 0\.1 s"):
                await Connection.open(*address, "c1", 0.1)
            for one in waiting:
                one.close()

        anyio.run(run)


@pytest.mark.parametrize("last_words", [b"", b"\xff\xff\xff\xff", b"\0\0\0\x02{}"])
def test_a_node_that_hangs_up_or_talks_rubbish_breaks_the_connection(last_words):
    async def answer(stream, found):
        if last_words:
            await stream.send(last_words)
        await stream.aclose()

    async def run():
        async with served(answer) as connect:
            connection = await connect()
            with pytest.raises(Broken, match="the connection died"):
                await connection.request({"type": "write"})
            assert not connection.usable
            with pytest.raises(Broken, match="an earlier request"):
                await connection.request({"type": "write"})

    anyio.run(run)


def test_a_deadline_closes_the_connection_for_good():
    asked = []

    async def answer(stream, found):
        asked.append(found["body"]["type"])

    async def run():
        async with served(answer) as connect:
            connection = await connect()
            with anyio.move_on_after(0.1) as deadline:
                await connection.request({"type": "slow"})
            assert deadline.cancelled_caught
            assert not connection.usable
            with pytest.raises(Broken):
                await connection.request({"type": "next"})

    anyio.run(run)
    assert asked == ["slow"]


def test_a_second_request_at_the_same_time_is_not_sent():
    async def answer(stream, found):
        await anyio.sleep(0.05)
        await reply(stream, found, type="read_ok")

    async def run():
        async with served(answer) as connect, anyio.create_task_group() as tasks:
            connection = await connect()
            tasks.start_soon(connection.request, {"type": "first"})
            await anyio.sleep(0.01)
            with pytest.raises(Broken, match="still unanswered"):
                await connection.request({"type": "second"})

    anyio.run(run)


def test_a_connection_that_was_closed_meanwhile_is_not_usable():
    async def answer(stream, found):
        await reply(stream, found, type="read_ok")
        await stream.aclose()

    async def run():
        async with served(answer) as connect:
            connection = await connect()
            await connection.request({"type": "read"})
            with anyio.fail_after(5):
                while connection.usable:
                    await anyio.sleep(0.005)
            connection.close()
            connection.close()

    anyio.run(run)
