"""The links' proxies: whole frames or nothing, cuts at once, and nothing that grows."""

from __future__ import annotations

import asyncio
import contextlib

from keelhaul.harness.environments.links import LOOPBACK, Links
from keelhaul.nodes.messages import FrameDecoder, encode_frame, envelope


def frame(text):
    return encode_frame(envelope("n1", "n2", {"type": "told", "text": text}, cluster="c", incarnation=1))


class Receiver:
    """A node's ear: keeps the texts that arrive, and reads only while it is told to."""

    def __init__(self):
        self.texts = []
        self.connections = 0
        self.writers = []
        self.awake = asyncio.Event()
        self.awake.set()
        self.server = None

    async def open(self, port=0):
        self.server = await asyncio.start_server(self.listen, LOOPBACK, port)
        return self.server.sockets[0].getsockname()

    async def listen(self, reader, writer):
        self.connections += 1
        self.writers.append(writer)
        decoder = FrameDecoder()
        with contextlib.suppress(ConnectionError):
            while await self.awake.wait() and (data := await reader.read(65536)):
                self.texts += [found["body"]["text"] for found in decoder.feed(data)]

    def close(self):
        self.server.close()
        for writer in self.writers:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def linked():
    """Links between three nodes, with a receiver for n2."""
    links, receiver = Links(("n1", "n2", "n3")), Receiver()
    await links.open()
    links.set_target("n2", await receiver.open())
    try:
        yield links, receiver
    finally:
        receiver.close()
        await links.close()
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def sender(links, name="n1"):
    """A connection of a node's to n2, as far as it can know."""
    reader, writer = await asyncio.open_connection(*links.addresses(name)["n2"])
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


async def tell_until_heard(writer, receiver, text):
    """Say it again and again until it arrives."""
    async with asyncio.timeout(10):
        while text not in receiver.texts:
            writer.write(frame(text))
            await asyncio.sleep(0.005)


def test_each_direction_has_an_address_of_its_own():
    async def run():
        async with linked() as (links, _):
            return [address for name in ("n1", "n2", "n3") for address in links.addresses(name).values()]

    addresses = asyncio.run(run())
    assert len(set(addresses)) == 6
    assert {host for host, _ in addresses} == {"127.0.0.1"}


def test_frames_come_through_whole_and_in_order():
    async def run():
        async with linked() as (links, receiver), sender(links) as (_, writer):
            texts = [str(number) * (number * 37) for number in range(100)]
            data = b"".join(map(frame, texts))
            for start in range(0, len(data), 1000):
                writer.write(data[start : start + 1000])
                await asyncio.sleep(0)
            await until(lambda: len(receiver.texts) == 100)
            return receiver.texts == texts

    assert asyncio.run(run())


def test_a_cut_drops_frames_while_connections_stay_up_and_a_heal_lets_new_ones_through():
    async def run():
        async with linked() as (links, receiver), sender(links) as (_, one), sender(links, "n3") as (_, three):
            await tell_until_heard(one, receiver, "before")
            await tell_until_heard(three, receiver, "before, from n3")
            links.cut({"n2": ("n1",)})
            one.write(frame("dropped"))
            await tell_until_heard(three, receiver, "n3 is not cut")
            await asyncio.sleep(0.05)
            links.cut({})
            await tell_until_heard(one, receiver, "after")
            return receiver.texts, receiver.connections

    texts, connections = asyncio.run(run())
    assert "dropped" not in texts
    assert connections == 2


def test_only_the_direction_of_the_grudge_is_cut():
    async def run():
        async with linked() as (links, receiver), sender(links) as (_, writer):
            links.cut({"n1": ("n2", "n3"), "n3": ("n1", "n2")})
            await tell_until_heard(writer, receiver, "n2 hears still")

    asyncio.run(run())


def test_a_frame_that_is_half_through_when_the_cut_comes_is_dropped_whole():
    async def run():
        async with linked() as (links, receiver), sender(links) as (_, writer):
            await tell_until_heard(writer, receiver, "before")
            data = frame("in the middle")
            writer.write(data[:11])
            await asyncio.sleep(0.05)
            links.cut({"n2": ("n1",)})
            writer.write(data[11:] + frame("during")[:9])
            await asyncio.sleep(0.05)
            links.cut({})
            writer.write(frame("during")[9:])
            await tell_until_heard(writer, receiver, "after")
            return set(receiver.texts)

    # The one that began in the cut and ended after it counts as sent after it.
    assert asyncio.run(run()) == {"before", "during", "after"}


def test_a_cut_holds_for_connections_that_are_made_during_it():
    async def run():
        async with linked() as (links, receiver):
            links.cut({"n2": ("n1",)})
            async with sender(links) as (_, writer):
                writer.write(frame("dropped"))
                await until(lambda: receiver.connections == 1)
                await asyncio.sleep(0.05)
                links.cut({})
                await tell_until_heard(writer, receiver, "after")
            return set(receiver.texts)

    assert asyncio.run(run()) == {"after"}


def test_a_receiver_that_is_down_costs_the_sender_its_connection():
    async def run():
        async with linked() as (links, receiver), sender(links) as (reader, writer):
            await tell_until_heard(writer, receiver, "before")
            port = receiver.server.sockets[0].getsockname()[1]
            receiver.close()
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 10) == b""
            async with sender(links) as (reader, _):
                with contextlib.suppress(ConnectionError):
                    assert await asyncio.wait_for(reader.read(), 10) == b""
            await receiver.open(port)
            async with sender(links) as (_, writer):
                await tell_until_heard(writer, receiver, "up again")

    asyncio.run(run())


def test_a_sender_that_hangs_up_takes_its_connection_to_the_receiver_along():
    async def run():
        async with linked() as (links, receiver):
            async with sender(links) as (_, writer):
                await tell_until_heard(writer, receiver, "before")
                assert links._links["n1", "n2"].pipes
            await until(lambda: not links._links["n1", "n2"].pipes)

    asyncio.run(run())


def test_a_receiver_that_sleeps_stops_the_sender_until_the_link_is_cut():
    async def run():
        async with linked() as (links, receiver), sender(links) as (_, writer):
            await tell_until_heard(writer, receiver, "before")
            receiver.awake.clear()
            big = frame("x" * 1_000_000)
            stuck = asyncio.ensure_future(drain_all(writer, [big] * 100))
            await asyncio.sleep(0.5)
            assert not stuck.done()
            links.cut({"n2": ("n1",)})
            await asyncio.wait_for(stuck, 10)
            links.cut({})
            receiver.awake.set()
            await tell_until_heard(writer, receiver, "awake")
            return len(receiver.texts)

    assert asyncio.run(run()) < 100


async def drain_all(writer, frames):
    for data in frames:
        writer.write(data)
        await writer.drain()


def test_a_hostile_sender_is_hung_up_on():
    async def run():
        async with linked() as (links, receiver), sender(links) as (reader, writer):
            await tell_until_heard(writer, receiver, "before")
            writer.write(b"\xff" * 100)
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 10) == b""

    asyncio.run(run())


def test_a_target_that_moves_is_followed():
    async def run():
        async with linked() as (links, receiver), sender(links) as (reader, writer):
            await tell_until_heard(writer, receiver, "before")
            elsewhere = Receiver()
            links.set_target("n2", await elsewhere.open())
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 10) == b""
            async with sender(links) as (_, again):
                await tell_until_heard(again, elsewhere, "moved")
            elsewhere.close()

    asyncio.run(run())


def test_closing_twice_or_before_opening_is_fine():
    async def run():
        links = Links(("n1", "n2"))
        await links.close()
        await links.open()
        await links.close()
        await links.close()
        return links._links["n1", "n2"].pipes

    assert asyncio.run(run()) == set()
