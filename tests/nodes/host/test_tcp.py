"""The host's network, on loopback: who is heard, who is not, and that nothing grows."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from keelhaul.nodes.events import ClientRequest, Received
from keelhaul.nodes.host import tcp
from keelhaul.nodes.host.tcp import Address, AddressTaken, Network, bind
from keelhaul.nodes.messages import FrameDecoder, encode_frame, envelope


def listen():
    """Listen on a free port."""
    listening = bind(Address("127.0.0.1", 0))
    return listening, Address(*listening.getsockname())


async def until(condition):
    while not condition():
        await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def opened(peers=None, cluster="c", listening=None):
    """A network of n1's, its address, and the events that arrive."""
    if listening is None:
        listening, _ = listen()
    address = Address(*listening.getsockname())
    network, events = Network("n1", cluster, 4, peers or {}), []
    await network.open(listening, events.append)
    try:
        yield network, address, events
    finally:
        await network.close()
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def connected(address):
    """Somebody's connection to the network."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


async def read_frames(reader, count=1):
    decoder, found = FrameDecoder(), []
    while len(found) < count:
        found += decoder.feed(await reader.read(65536))
    return found


def test_a_taken_address_is_named():
    listening, address = listen()
    with listening, pytest.raises(AddressTaken, match=f"127.0.0.1:{address.port}"):
        bind(address)


def test_peers_and_clients_are_told_apart_and_others_are_not_heard():
    async def run():
        async with opened({"n2": Address("127.0.0.1", 1)}) as (_, address, events), connected(address) as (_, writer):
            frames = [
                envelope("n2", "n1", {"type": "wrong cluster"}, cluster="other", incarnation=1),
                envelope("n2", "n3", {"type": "wrong dest"}, cluster="c", incarnation=1),
                envelope("n9", "n1", {"type": "no member"}, cluster="c", incarnation=1),
                envelope("c1", "n3", {"type": "wrong dest"}),
                envelope("n2", "n1", {"type": "peer"}, cluster="c", incarnation=1),
                envelope("c1", "n1", {"type": "client", "msg_id": 1}),
                envelope("c1", "", {"type": "client who doesn't know our name", "msg_id": 2}),
            ]
            writer.write(b"".join(encode_frame(frame) for frame in frames))
            await until(lambda: len(events) >= 3)
            return events

    assert asyncio.run(run()) == [
        Received("n2", {"type": "peer"}),
        ClientRequest("c1#1", {"type": "client", "msg_id": 1}),
        ClientRequest("c1#1", {"type": "client who doesn't know our name", "msg_id": 2}),
    ]


def test_a_reply_goes_back_over_the_very_connection_that_asked():
    async def run():
        async with opened() as (network, address, events), connected(address) as one, connected(address) as two:
            for _, writer in (one, two):
                writer.write(encode_frame(envelope("c1", "n1", {"type": "read", "msg_id": 7})))
            await until(lambda: len(events) == 2)
            names = [event.client for event in events]
            network.reply(names[1], {"type": "for the second", "in_reply_to": 7})
            network.reply(names[0], {"type": "for the first", "in_reply_to": 7})
            network.reply("c1#99", {"type": "for nobody", "in_reply_to": 7})
            return [(await read_frames(reader))[0] for reader, _ in (one, two)], names

    (first, second), names = asyncio.run(run())
    assert len(set(names)) == 2
    assert first == {"src": "n1", "dest": "c1", "body": {"type": "for the first", "in_reply_to": 7}}
    assert second["body"]["type"] == "for the second"


def test_a_reply_to_a_client_that_hung_up_is_dropped():
    async def run():
        async with opened() as (network, address, events):
            async with connected(address) as (_, writer):
                writer.write(encode_frame(envelope("c1", "n1", {"type": "read", "msg_id": 7})))
                await until(lambda: events)
            await until(lambda: not network.clients)
            network.reply(events[0].client, {"type": "late", "in_reply_to": 7})
            return len(network.incoming)

    assert asyncio.run(run()) == 0


@pytest.mark.parametrize(
    "rubbish",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\0\x02{}",
        encode_frame(envelope("c1", "n1", {"type": "a"})) + encode_frame(envelope("c2", "n1", {"type": "b"})),
    ],
)
def test_rubbish_is_hung_up_on(rubbish):
    async def run():
        async with opened() as (_, address, _), connected(address) as (reader, writer):
            writer.write(rubbish)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""

    asyncio.run(asyncio.wait_for(run(), 10))


def test_a_client_that_never_reads_is_hung_up_on(monkeypatch):
    monkeypatch.setattr(tcp, "REPLY_BYTES_MAX", 1_000_000)

    async def run():
        async with opened() as (network, address, events), connected(address) as (_, writer):
            writer.write(encode_frame(envelope("c1", "n1", {"type": "read", "msg_id": 7})))
            await until(lambda: events)
            for _ in range(200):
                network.reply(events[0].client, {"type": "big", "text": "x" * 100_000})
            await until(lambda: not network.clients)

    asyncio.run(asyncio.wait_for(run(), 10))


def test_g7_messages_name_cluster_and_incarnation_and_wait_for_a_peer_that_is_not_up_yet():
    async def run():
        listening, address = listen()
        listening.close()
        async with opened({"n2": address}) as (network, _, _):
            network.send("n2", {"type": "early"})
            await asyncio.sleep(0.05)
            with bind(address) as second:
                second.setblocking(False)
                connection, _ = await asyncio.get_running_loop().sock_accept(second)
                with connection:
                    network.send("n2", {"type": "late"})
                    reader, writer = await asyncio.open_connection(sock=connection)
                    found = await read_frames(reader, 2)
                    writer.close()
                    return found

    assert asyncio.run(asyncio.wait_for(run(), 10)) == [
        {"src": "n1", "dest": "n2", "cluster": "c", "incarnation": 4, "body": {"type": kind}}
        for kind in ("early", "late")
    ]


def test_a_lost_connection_is_made_again():
    async def run():
        listening, address = listen()
        with listening:
            listening.setblocking(False)
            async with opened({"n2": address}) as (network, _, _):
                for kind in ("one", "two", "three"):
                    connection, _ = await asyncio.get_running_loop().sock_accept(listening)
                    network.send("n2", {"type": kind})
                    reader, writer = await asyncio.open_connection(sock=connection)
                    assert [found["body"]["type"] for found in await read_frames(reader)] == [kind]
                    writer.transport.abort()

    asyncio.run(asyncio.wait_for(run(), 10))


def test_a_peer_that_does_not_read_costs_a_bounded_outbox_and_the_oldest_are_dropped(monkeypatch):
    monkeypatch.setattr(tcp, "UNACKNOWLEDGED_MS_MAX", 60_000)

    async def run():
        listening, address = listen()
        with listening:
            listening.setblocking(False)
            async with opened({"n2": address}) as (network, _, _):
                connection, _ = await asyncio.get_running_loop().sock_accept(listening)
                with connection:
                    count = 2000
                    for number in range(count):
                        network.send("n2", {"type": "big", "number": number, "text": "x" * 10_000})
                        await asyncio.sleep(0)
                    reader, writer = await asyncio.open_connection(sock=connection)
                    decoder, numbers = FrameDecoder(), []
                    while numbers[-1:] != [count - 1]:
                        numbers += [found["body"]["number"] for found in decoder.feed(await reader.read(1 << 20))]
                    writer.transport.abort()
                    return numbers

    numbers = asyncio.run(asyncio.wait_for(run(), 30))
    assert numbers == sorted(numbers)
    # What the kernel had taken arrives from the beginning, and of what waited, the newest.
    assert numbers[0] == 0
    assert numbers[-tcp.OUTBOX_FRAMES_MAX :] == list(range(2000 - tcp.OUTBOX_FRAMES_MAX, 2000))
    assert len(numbers) < 2000


def test_an_outbox_bounds_bytes_but_always_takes_one_frame(monkeypatch):
    monkeypatch.setattr(tcp, "OUTBOX_BYTES_MAX", 10)
    outbox = tcp._Outbox()
    outbox.push(b"x" * 50)
    assert outbox.pop() == b"x" * 50
    for frame in (b"aaaa", b"bbbb", b"cccc"):
        outbox.push(frame)
    assert [outbox.pop(), outbox.pop(), bool(outbox)] == [b"bbbb", b"cccc", False]


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this platform has no TCP_USER_TIMEOUT")
def test_connections_are_quick_and_give_up_soon():
    async def run():
        listening, address = listen()
        with listening:
            listening.setblocking(False)
            async with opened({"n2": address}) as (network, _, _):
                connection, _ = await asyncio.get_running_loop().sock_accept(listening)
                peer = network.peers["n2"]
                await until(lambda: peer._connection is not None)
                ours = peer._connection.transport.get_extra_info("socket")
                with connection:
                    return (
                        ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY),
                        ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
                    )

    assert asyncio.run(run()) == (1, tcp.UNACKNOWLEDGED_MS_MAX)
