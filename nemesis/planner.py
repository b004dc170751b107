"""The planner: a seed and settings become a plan.

Every kind that is asked for comes once, in random order and aimed at the leader where it can be, before any comes
twice: a run that never lost its leader proves little. After that everything is drawn. Between faults lie stable
stretches, so that operations meet both the fault and the recovery; now and then the next fault begins while the last
one is still in force.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from keelhaul.nemesis.plan import Plan, TimedFault
from keelhaul.nemesis.targets import SYMBOLS
from keelhaul.nemesis.topology import SHAPES

KINDS = {
    "partition": "links between nodes are cut, in one of several shapes, some of them one-way",
    "kill": "nodes are ended at once and started again later on what they had synced",
    "pause": "nodes are frozen and go on later",
    "clock-rate": "nodes' clocks run too fast or too slow, by up to percent_max",
    "clock-offset": "nodes' clocks jump ahead, or stand still as after a jump back, by up to ms_max",
}
SECOND = 1_000_000_000
OVERLAP_PERCENT = 20
MARGIN_NS = SECOND // 2
"""The last fault is over that long before the main phase ends, so that its end is in the main phase too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSetting:
    """One kind of fault, with the shapes (partition) and targets (all others, isolate-one) to draw from. `percent_max`
    bounds what a clock's rate is wrong by, `ms_max` its jumps; what leases allow for is the system's own option."""

    kind: str
    shapes: tuple[str, ...] = tuple(SHAPES)
    targets: tuple[str, ...] = ("one", "minority", "majority", "leader")
    percent_max: float = 2.0
    ms_max: int = 2

    def __post_init__(self) -> None:
        assert self.kind in KINDS
        assert set(self.shapes) <= set(SHAPES)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannerSettings:
    """Times in ns: the first fault starts `first_ns` into the run, each lasts and is followed by about so long."""

    faults: tuple[FaultSetting, ...]
    first_ns: int = 1 * SECOND
    duration_ns: int = 3 * SECOND // 2
    gap_ns: int = SECOND


def make_plan(settings: PlannerSettings, time_limit_ns: int, random: Random) -> Plan:
    """Fill the main phase with faults. If it is too short for one of each kind, they are shortened to fit."""
    requested = tuple(setting.kind for setting in settings.faults)
    if not settings.faults:
        return Plan((), ())
    scale = _scale(settings, time_limit_ns)
    faults: list[TimedFault] = []
    start_ns = int(settings.first_ns * scale)
    for setting, aim_at_leader in _deck(settings.faults, random):
        duration_ns = _lasting(int(settings.duration_ns * scale), random)
        gap_ns = _around(int(settings.gap_ns * scale), random)
        overlaps = random.randrange(100) < OVERLAP_PERCENT
        stop_ns = start_ns + duration_ns
        if stop_ns > time_limit_ns - int(MARGIN_NS * scale):
            break
        faults.append(_drawn(setting, len(faults), start_ns, stop_ns, random, aim_at_leader=aim_at_leader))
        start_ns = stop_ns - duration_ns // 2 if overlaps and not aim_at_leader else stop_ns + gap_ns
    return Plan(tuple(faults), requested)


def _scale(settings: PlannerSettings, time_limit_ns: int) -> float:
    """Return 1, or less where one of each kind would not fit at the longest draws."""
    longest_ns = len(settings.faults) * 3 * (settings.duration_ns + settings.gap_ns) // 2
    return min(1.0, time_limit_ns / (settings.first_ns + MARGIN_NS + longest_ns))


def _around(mean_ns: int, random: Random) -> int:
    return mean_ns // 2 + random.randrange(mean_ns + 1)


def _lasting(mean_ns: int, random: Random) -> int:
    """Return a duration; never 0, or a plan of instants would have no end."""
    return max(1, _around(mean_ns, random))


def _deck(settings: tuple[FaultSetting, ...], random: Random) -> Iterator[tuple[FaultSetting, bool]]:
    """Yield settings without end: shuffled rounds, the first of them aimed at the leader."""
    first = True
    while True:
        deck = list(settings)
        random.shuffle(deck)
        for setting in deck:
            yield setting, first
        first = False


def _drawn(
    setting: FaultSetting, number: int, start_ns: int, stop_ns: int, random: Random, *, aim_at_leader: bool
) -> TimedFault:
    shape, target = _aim(setting, aim_at_leader, random)
    fault = TimedFault(id=number, kind=setting.kind, start_ns=start_ns, stop_ns=stop_ns, target=target, shape=shape)
    if setting.kind == "clock-rate":
        return replace(fault, rate_ppm=_wrong_by(int(setting.percent_max * 10_000), random))
    if setting.kind == "clock-offset":
        return replace(fault, jump_ms=_wrong_by(setting.ms_max, random))
    return fault


def _wrong_by(most: int, random: Random) -> int:
    """Draw from the outer half of what is allowed, either way: a clock that is hardly wrong finds nothing."""
    return random.randint(max(most // 2, 1), most) * random.choice((-1, 1))


def _aim(setting: FaultSetting, aim_at_leader: bool, random: Random) -> tuple[str | None, str | None]:
    """Return shape and target."""
    leader = aim_at_leader and "leader" in setting.targets
    if setting.kind != "partition":
        return None, "leader" if leader else random.choice(setting.targets)
    if leader and "isolate-one" in setting.shapes:
        return "isolate-one", "leader"
    shape = random.choice(setting.shapes)
    lonely = [target for target in setting.targets if target in ("one", "leader") or target not in SYMBOLS]
    return shape, random.choice(lonely) if shape == "isolate-one" and lonely else None
