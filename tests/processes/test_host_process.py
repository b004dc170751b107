"""The host as a program: its arguments, its exit codes, and what a kill leaves behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from keelhaul.nodes.messages import FrameDecoder, encode_frame, envelope
from keelhaul.nodes.storage import encode_header, encode_record, recover

pytestmark = pytest.mark.processes


class Program:
    """One host, and a way to talk to it."""

    def __init__(self, folder, port, *more):
        self.folder, self.port = folder, port
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "keelhaul.nodes.host", "--name", "n1", "--cluster", "c", "--members", "n1"),
                *("--data", str(folder), "--listen", f"127.0.0.1:{port}", *more),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def until_listening(self):
        assert self.process.stdout.readline() == f"listening 127.0.0.1:{self.port}\n".encode()
        return self

    def ask(self, **body):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall(encode_frame(envelope("c1", "n1", {"msg_id": 1, **body})))
            decoder = FrameDecoder()
            while True:
                data = connection.recv(65536)
                if not data:
                    return None
                for found in decoder.feed(data):
                    return found["body"]

    def end(self):
        """Wait for the end; return exit code and what was said on stderr."""
        said = self.process.communicate(timeout=20)[1].decode()
        return self.process.returncode, said


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def host(tmp_path, port, register_system):
    started = []

    def start(*more, system=register_system):
        started.append(Program(tmp_path / "n1", port, "--system", system, *more))
        return started[-1]

    yield start
    for program in started:
        program.process.kill()
        program.process.communicate()


def test_what_was_acknowledged_survives_sigkill(host, tmp_path):
    for incarnation in (1, 2, 3):
        program = host("--seed", "7").until_listening()
        assert program.ask(type="read")["value"] == (None if incarnation == 1 else incarnation - 1)
        assert program.ask(type="write", value=incarnation)["type"] == "write_ok"
        program.process.kill()
        assert program.end()[0] == -signal.SIGKILL
    found = recover((tmp_path / "n1" / "wal").read_bytes(), "c", "n1")
    assert [record[0] for record in found.records] == ["boot", "value"] * 3
    traces = [json.loads(line) for line in (tmp_path / "n1" / "trace.jsonl").read_text().splitlines()]
    assert [(trace["type"], trace["incarnation"]) for trace in traces] == [
        (kind, incarnation) for incarnation in (1, 2, 3) for kind in ("boot", "written")
    ]
    assert [trace["time"] for trace in traces] == sorted(trace["time"] for trace in traces)
    # One seed, but another stream for each incarnation.
    assert len({trace["draw"] for trace in traces if trace["type"] == "boot"}) == 3


def test_a_timer_fires_with_the_generation_that_was_set_last(host):
    assert host().until_listening().ask(type="timer", delay_ms=20)["generation"] == 2


def test_an_exception_of_the_nodes_ends_it(host):
    program = host().until_listening()
    assert program.ask(type="fail") is None
    code, said = program.end()
    assert code == 70
    assert "ZeroDivisionError: a bug of the node's" in said


def test_a_log_that_is_damaged_in_the_middle_is_refused(host, tmp_path):
    (tmp_path / "n1").mkdir()
    damaged = encode_record(["value", "abc"]).replace(b"abc", b"abd")
    data = encode_header("c", "n1") + damaged + encode_record(["value", "def"])
    (tmp_path / "n1" / "wal").write_bytes(data)
    code, said = host().end()
    assert code == 65
    assert "this is no torn tail" in said
    assert "Traceback" not in said
    assert (tmp_path / "n1" / "wal").read_bytes() == data


def test_a_taken_address_is_told_apart_and_writes_nothing(host, tmp_path, port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        code, said = host().end()
    assert code == 75
    assert f"can't listen on 127.0.0.1:{port}" in said
    assert list((tmp_path / "n1").iterdir()) == []


def test_two_hosts_never_share_a_folder(host, tmp_path, port):
    host().until_listening()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        other = free.getsockname()[1]
    second = Program(tmp_path / "n1", other, "--system", "durable_register:DurableRegister")
    code, said = second.end()
    assert code == 74
    assert "in use by another process" in said


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (("--peer", "n2=127.0.0.1:1"), "--peer must be given once for each of nobody"),
        (("--members", "n2,n3"), "--name n1 isn't one of"),
        (("--option", "leader"), "is no NAME=VALUE"),
        (("--listen", "localhost"), "is no HOST:PORT"),
        (("--system", "rafd"), "did you mean 'raft'"),
        (("--system", "no_such_module:Node"), "can't be loaded"),
        (("--system", "durable_register:Node"), "can't be loaded"),
    ],
)
def test_bad_arguments_are_named(host, more, complaint):
    code, said = host(*more).end()
    assert code == 2
    assert complaint in said
    assert "Traceback" not in said


def test_it_ends_with_its_input_if_told_so(host):
    program = host("--exit-on-eof").until_listening()
    assert program.process.poll() is None
    assert program.end()[0] == 0  # closes the pipe first


def test_it_ends_on_sigterm(host):
    program = host().until_listening()
    os.kill(program.process.pid, signal.SIGTERM)
    assert program.process.wait(10) == 0
