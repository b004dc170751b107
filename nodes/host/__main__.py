"""`python -m keelhaul.nodes.host`: the program that runs one node. Reads arguments, starts the host, names what failed.

It ends at once on SIGTERM, on Ctrl-C and, with `--exit-on-eof`, when whoever started it is gone.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Thread

from keelhaul.nodes.host.host import HostConfig, serve
from keelhaul.nodes.host.stopping import EXIT_ADDRESS_TAKEN, EXIT_CORRUPT_LOG, EXIT_STORAGE_FAILED, crash
from keelhaul.nodes.host.tcp import Address, AddressTaken
from keelhaul.nodes.host.wal_file import LogInUse
from keelhaul.nodes.node import NodeConfig
from keelhaul.nodes.registry import SYSTEMS, UnknownSystem, node_factory
from keelhaul.nodes.storage import CorruptLog


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a node until it is told to end, or fails."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        factory = node_factory(given.system)
        config = _host_config(given)
    except (UnknownSystem, ValueError) as error:
        parser.error(str(error))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(128 + signal.SIGINT))
    if given.exit_on_eof:
        Thread(target=_exit_on_eof, name="end of input", daemon=True).start()
    try:
        config.data.mkdir(parents=True, exist_ok=True)
        asyncio.run(serve(config, factory))
    except AddressTaken as error:
        crash(EXIT_ADDRESS_TAKEN, str(error))
    except CorruptLog as error:
        crash(EXIT_CORRUPT_LOG, f"{config.data / 'wal'}: {error}; this node doesn't start on it")
    except (LogInUse, OSError) as error:
        crash(EXIT_STORAGE_FAILED, f"can't use the folder {config.data}: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m keelhaul.nodes.host", description="Run one node.")
    parser.add_argument("--system", required=True, help=f"{', '.join(SYSTEMS)}, or module:attribute of a node's class")
    parser.add_argument("--name", required=True, help="this node")
    parser.add_argument("--cluster", required=True, help="whom it belongs to; frames of other clusters are dropped")
    parser.add_argument("--data", required=True, type=Path, help="the folder of its log and its trace")
    parser.add_argument("--listen", required=True, type=_address, metavar="HOST:PORT", help="where it listens")
    parser.add_argument("--members", required=True, metavar="N1,N2,…", help="all nodes, in one order everywhere")
    parser.add_argument("--peer", action="append", default=[], type=_peer, metavar="NAME=HOST:PORT", help="one a peer")
    parser.add_argument("--option", action="append", default=[], type=_option, metavar="NAME=VALUE")
    parser.add_argument("--mutant", help="the rule to break")
    parser.add_argument("--seed", type=int, default=0, help="of the node's random generator")
    parser.add_argument("--harness-pid", type=int, help="whose child this is; `keelhaul clean` looks for it")
    parser.add_argument("--exit-on-eof", action="store_true", help="end when standard input does")
    return parser


def _host_config(given: argparse.Namespace) -> HostConfig:
    members = tuple(given.members.split(","))
    peers = dict(given.peer)
    wanted = [member for member in members if member != given.name]
    if given.name not in members:
        raise ValueError(f"--name {given.name} isn't one of --members {given.members}")
    if sorted(peers) != sorted(wanted) or len(given.peer) != len(wanted):
        raise ValueError(f"--peer must be given once for each of {', '.join(wanted) or 'nobody'}; got {list(peers)}")
    return HostConfig(
        node=NodeConfig(name=given.name, members=members, options=dict(given.option), mutant=given.mutant),
        seed=given.seed,
        cluster=given.cluster,
        data=given.data,
        listen=given.listen,
        peers=peers,
    )


def _address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if not (host and colon and port.isdecimal() and 0 < int(port) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is no HOST:PORT")
    return Address(host, int(port))


def _peer(text: str) -> tuple[str, Address]:
    name, _, address = text.partition("=")
    return name, _address(address)


def _option(text: str) -> tuple[str, int | str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE")
    return name, int(value) if value.isdecimal() else value


def _exit_on_eof() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
