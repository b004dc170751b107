"""The Paxos systems, and the counter-example, as the harness knows them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from keelhaul.checkers.paxos import SYNOD_INVARIANTS, PaxosInvariants
from keelhaul.harness.systems.system import System
from keelhaul.nodes.paxos.multi.settings import Settings
from keelhaul.nodes.paxos.settings import NaiveSettings, SynodSettings


def _synod_fits(options: dict[str, Any], members: tuple[str, ...]) -> object:
    return SynodSettings.of(options).quorums_of(members)


def _paxos_fits(options: dict[str, Any], members: tuple[str, ...]) -> object:
    settings = Settings.of(options)
    return settings.quorums_of(settings.first_voters(members))


SYNOD = System(
    name="synod",
    does="single-decree Paxos with proposers, acceptors and learners: registers that can be written once",
    options=asdict(SynodSettings()),
    check=SynodSettings.of,
    fits=_synod_fits,
    invariants={"synod-invariants": PaxosInvariants(SYNOD_INVARIANTS)},
)
PAXOS = System(
    name="paxos",
    does="Multi-Paxos: a replicated key-value store; reads through the log, by confirmation, by lease, or by quorum",
    options=asdict(Settings()),
    check=Settings.of,
    fits=_paxos_fits,
    invariants={"paxos-invariants": PaxosInvariants()},
    administration=("reconfigure",),
)
NAIVE_PAXOS = System(
    name="naive-paxos",
    does="a counter-example: one phase, no ballots, the most votes of a majority of answers win; must be refuted",
    options=asdict(NaiveSettings()),
    check=NaiveSettings.of,
    invariants={},
)
