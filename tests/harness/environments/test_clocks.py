"""Telling hosts to let their nodes' clocks run wrong: those that do it, that won't, and that aren't there."""

from __future__ import annotations

import socket
import threading

import anyio
import pytest

from keelhaul.harness.environments import clocks
from keelhaul.harness.environments.clocks import skew_clocks
from keelhaul.nemesis.victim import VictimError
from keelhaul.nodes.messages import FrameDecoder, encode_frame, envelope


@pytest.fixture
def host():
    """Starts a listener that answers one request with the given body, or hangs up (None); returns its address. What
    was asked for is in `host.asked`."""
    threads = []

    def start(body):
        server = socket.create_server(("127.0.0.1", 0))
        threads.append(threading.Thread(target=answer_once, args=(server, body)))
        threads[-1].start()
        return server.getsockname()

    def answer_once(server, body):
        with server, server.accept()[0] as connection:
            (found,) = FrameDecoder().feed(connection.recv(65536))
            start.asked.append((found["dest"], found["body"]))
            if body is not None:
                reply = {**body, "in_reply_to": found["body"]["msg_id"]}
                connection.sendall(encode_frame(envelope("n1", found["src"], reply)))

    start.asked = []
    yield start
    for thread in threads:
        thread.join()


DONE = {"type": "host/skew_ok"}


def test_every_host_is_told(host):
    anyio.run(skew_clocks, {"n1": host(DONE), "n2": host(DONE)}, -5000, 20)
    told = {node: (body["type"], body["rate_ppm"], body["jump_ms"]) for node, body in host.asked}
    assert told == {"n1": ("host/skew", -5000, 20), "n2": ("host/skew", -5000, 20)}


@pytest.mark.parametrize(
    ("body", "why"), [(None, "the connection died"), ({"type": "error", "code": 10, "text": "not known"}, "not known")]
)
def test_who_does_not_say_that_it_is_done_is_named_and_the_others_are_not(host, body, why):
    with pytest.raises(VictimError, match=f"^n2's clock can't be set: .*{why}[^;]*$"):
        anyio.run(skew_clocks, {"n1": host(DONE), "n2": host(body)}, 5, 0)


def test_the_silent_and_the_absent_are_named(monkeypatch):
    monkeypatch.setattr(clocks, "ANSWER_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        closed = gone.getsockname()
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(VictimError) as raised:
        anyio.run(skew_clocks, {"n1": mute.getsockname(), "n2": closed}, 5, 0)
    assert "n1's clock can't be set: no answer within 0.05 s" in str(raised.value)
    assert "n2's clock can't be set: " in str(raised.value)


def test_nobody_to_be_told_is_no_problem():
    anyio.run(skew_clocks, {}, 5, 0)
