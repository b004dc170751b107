"""The shell's framing and its markers, against a played engine on the other end of a socket pair."""

from __future__ import annotations

import socket
import subprocess
import threading
from contextlib import suppress

import pytest

from keelhaul.harness.environments.container_shell import ContainerShell, Finished, ShellError


def frame(text: str, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(text.encode()).to_bytes(4, "big") + text.encode()


@pytest.fixture
def ends():
    ours, engines = socket.socketpair()
    yield ours, engines
    ours.close()
    engines.close()


def answered(engines, *pieces):
    def play():
        engines.recv(65536)
        with suppress(OSError):
            for piece in pieces:
                engines.sendall(piece)

    thread = threading.Thread(target=play)
    thread.start()
    return thread


def test_a_real_shell_behind_the_framing(ends):
    """Commands run in one shell: its variables stay, statuses and errors come back, also without a last newline."""
    ours, engines = ends
    shell_process = subprocess.Popen(
        ["/bin/sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
    )

    def commands_in():
        while data := engines.recv(65536):
            shell_process.stdin.write(data)
        shell_process.stdin.close()

    def output_out():
        while data := shell_process.stdout.read(7):
            engines.sendall(frame(data.decode()))

    threads = [threading.Thread(target=commands_in), threading.Thread(target=output_out)]
    for thread in threads:
        thread.start()
    shell = ContainerShell(ours)
    try:
        assert shell.run("kind=nft", 5).status == 0
        assert shell.run("printf $kind; printf oops >&2; false", 5) == Finished(1, "nftoops")
        assert shell.run("cat <<'END'\na\nb\nEND", 5).output == "a\nb\n"
    finally:
        shell.close()
        for thread in threads:
            thread.join()
        shell_process.wait()
        shell_process.stdout.close()


def test_chunks_may_come_in_any_pieces(ends):
    ours, engines = ends
    whole = frame("one\ntw") + frame("o\nkeelhaul-command-1-") + frame("ended 0\n")
    thread = answered(engines, *(whole[at : at + 3] for at in range(0, len(whole), 3)))
    finished = ContainerShell(ours).run("x", 5)
    thread.join()
    assert (finished.status, finished.output) == (0, "one\ntwo\n")


def test_an_earlier_commands_answer_is_not_taken_for_this_ones(ends):
    ours, engines = ends
    shell = ContainerShell(ours)
    thread = answered(engines, frame("keelhaul-command-1-ended 0\n"))
    assert shell.run("first", 5).status == 0
    thread.join()
    thread = answered(engines, frame("keelhaul-command-1-ended 0\nkeelhaul-command-2-ended 4\n"))
    assert shell.run("second", 5).status == 4
    thread.join()


def test_silence_is_told(ends):
    ours, _ = ends
    with pytest.raises(ShellError, match=r"did not answer within 0\.05 s"):
        ContainerShell(ours).run("sleep 9", 0.05)


def test_the_end_of_the_shell_is_told(ends):
    ours, engines = ends
    engines.close()
    with pytest.raises(ShellError):
        ContainerShell(ours).run("true", 5)


def test_endless_output_is_cut_off(ends):
    ours, engines = ends
    thread = answered(engines, *[frame("x" * 60_000)] * 40)
    with pytest.raises(ShellError, match="over 1048576 bytes"):
        ContainerShell(ours).run("yes", 5)
    ours.close()  # the engine may still be writing
    thread.join()
