"""Asking for a status: from nodes that answer, from those that only accept, and from nobody."""

from __future__ import annotations

import socket
import threading

import anyio
import pytest

from keelhaul.harness.environments.status import Status, ask, ask_all, leader_of
from keelhaul.nodes.messages import FrameDecoder, encode_frame, envelope

LEADER = {"type": "status_ok", "role": "leader", "term": 3, "leader": "n1", "commit_index": 9}


@pytest.fixture
def node():
    """Starts a listener that answers one request with the given body, or hangs up (None); returns its address."""
    threads = []

    def start(body):
        server = socket.create_server(("127.0.0.1", 0))
        threads.append(threading.Thread(target=_answer_once, args=(server, body)))
        threads[-1].start()
        return server.getsockname()

    yield start
    for thread in threads:
        thread.join()


def _answer_once(server, body):
    with server, server.accept()[0] as connection:
        (found,) = FrameDecoder().feed(connection.recv(65536))
        assert found["body"]["type"] == "status"
        if body is not None:
            reply = {**body, "in_reply_to": found["body"]["msg_id"]}
            connection.sendall(encode_frame(envelope("n1", found["src"], reply)))


@pytest.fixture
def mute():
    """A listener as a frozen node is: its kernel accepts, and nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def test_an_answer(node):
    assert anyio.run(ask, "n1", node(LEADER), 5.0) == Status(role="leader", term=3, leader="n1", commit_index=9)


@pytest.mark.parametrize(
    "body", [None, {"type": "error", "code": 10}, {**LEADER, "term": "high"}, {"type": "status_ok"}]
)
def test_no_status_in_it(node, body):
    assert anyio.run(ask, "n1", node(body), 5.0) is None


def test_the_silent_and_the_absent_are_left_out(node, mute):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        closed = gone.getsockname()
    addresses = {"n1": mute, "n2": node(LEADER), "n3": closed}
    assert list(anyio.run(ask_all, addresses)) == ["n2"]


def test_the_highest_term_leads():
    def status(role, term):
        return Status(role=role, term=term, leader=None, commit_index=0)

    statuses = {"n1": status("leader", 3), "n2": status("leader", 12), "n3": status("follower", 13)}
    assert leader_of(statuses) == "n2"
    assert leader_of({"n3": status("candidate", 13)}) is None
    assert leader_of({}) is None
