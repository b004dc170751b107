"""A node's stand-in for tests of the network: it says who it hears, from its first moment on.

It sends a datagram to every peer each millisecond, counts whose it gets, and answers over TCP, framed as nodes are:
`status`, `heard` (how many datagrams of whom since this incarnation began) and `end` (it ends by itself, with 3).
Arguments: its name, its data folder, and NAME=HOST:PORT for each node. Runs inside the node image.
"""

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

from keelhaul.nodes.messages import FrameDecoder, encode_frame, envelope

HEARING_PORT = 7001
SEND_EVERY_S = 0.001


class Ear(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard = Counter()

    def datagram_received(self, data, address):
        self.heard[data.decode()] += 1


async def shout(name, peers, transport):
    while True:
        for host, _ in peers.values():
            transport.sendto(name.encode(), (host, HEARING_PORT))
        await asyncio.sleep(SEND_EVERY_S)


def answer(body, name, incarnation, ear):
    if body["type"] == "end":
        print("ending by itself", flush=True)
        os._exit(3)
    facts = {"type": "heard_ok", "heard": dict(ear.heard), "incarnation": incarnation}
    status = {"type": "status_ok", "role": "leader", "term": int(name[1:]), "leader": name, "commit_index": 0}
    return {**(status if body["type"] == "status" else facts), "in_reply_to": body["msg_id"]}


async def main(name, data, nodes):
    boots = Path(data, "boots")
    incarnation = int(boots.read_text()) + 1 if boots.exists() else 1
    boots.write_text(str(incarnation))
    with Path(data, "trace.jsonl").open("a") as trace:
        trace.write(f'{{"type":"boot","incarnation":{incarnation}}}\n')
    host, port = nodes.pop(name)
    loop = asyncio.get_running_loop()
    transport, ear = await loop.create_datagram_endpoint(Ear, local_addr=(host, HEARING_PORT))

    async def serve(reader, writer):
        decoder = FrameDecoder()
        while received := await reader.read(65536):
            for found in decoder.feed(received):
                writer.write(encode_frame(envelope(name, found["src"], answer(found["body"], name, incarnation, ear))))
        writer.close()

    await asyncio.start_server(serve, host, port)
    print(f"incarnation {incarnation} is up", flush=True)
    await shout(name, nodes, transport)


def address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], {n: address(a) for n, a in (arg.split("=") for arg in sys.argv[3:])}))
