"""One scenario, one seed: from folder to verdict, in whichever environment.

    folder ─► scenario.toml, plan.json ─► environment ∥ history.jsonl ─► checkers ─► verdict.json ─► report.html

What is recorded is on disk before anything is judged; a failure of ours in judging or reporting never loses it.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from keelhaul.checkers.checker import NodeTrace
from keelhaul.checkers.history import History, Row
from keelhaul.checkers.linearizability.checker import Linearizable
from keelhaul.checkers.linearizability.online import Online
from keelhaul.checkers.watcher import TraceChecker, Watcher
from keelhaul.harness import codec, plan_file, scenario, seeds, store
from keelhaul.harness.conductor import Conductor
from keelhaul.harness.console import Quiet
from keelhaul.harness.environments.environment import ClusterSpec, LiveEnvironment
from keelhaul.harness.garbage import no_cycle_collection
from keelhaul.harness.judge import Judged, judge, needs_traces
from keelhaul.harness.progress import Observer, RunFacts, Snapshot
from keelhaul.harness.run_log import logged
from keelhaul.harness.scenario import Scenario
from keelhaul.harness.systems import SYSTEMS
from keelhaul.nemesis.plan import Plan
from keelhaul.nemesis.planner import make_plan
from keelhaul.nodes.host.stopping import EXIT_CORRUPT_LOG, EXIT_NODE_FAILED
from keelhaul.workloads.registry import WORKLOADS
from keelhaul.workloads.workload import Workload

if TYPE_CHECKING:
    from keelhaul.harness.simulation.world import World

SYSTEM_FAILED = (EXIT_CORRUPT_LOG, EXIT_NODE_FAILED)
"""Exit codes of a host that blame the system; others (a full disk, no memory) blame the machine, and judge nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a run left: its rows, its nodes' traces (None if they could not be had, or weren't kept), and how it ended.

    `watchers` are those that watched it, by checker; `roles` what the nodes told of who led, if that is apart.
    """

    rows: tuple[Row, ...]
    traces: tuple[NodeTrace, ...] | None
    crashes: tuple[str, ...]
    interrupted: bool
    history_sha256: str
    watchers: dict[str, Watcher] = field(default_factory=dict)
    roles: tuple[NodeTrace, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A run that is over and judged; `record` is what verdict.json holds."""

    folder: Path
    record: dict[str, Any]
    interrupted: bool


def execute(
    chosen: Scenario, store_folder: Path, observer: Observer, *, plan: Plan | None = None, brief: bool = False
) -> Finished:
    """Run and judge. With `plan`, that plan instead of one from the seed; `brief`: a valid run keeps its verdict only.

    SetupError if the environment can't be had; then the folder holds no verdict.
    """
    with no_cycle_collection() if chosen.environment == "simulation" else nullcontext():
        return _run_and_judge(chosen, store_folder, observer, plan, brief)


def _run_and_judge(
    chosen: Scenario, store_folder: Path, observer: Observer, plan: Plan | None, brief: bool
) -> Finished:
    folder = store.new_run_folder(store_folder, chosen.name, chosen.seed)
    if plan is None:
        plan = make_plan(chosen.planner_settings(), chosen.time_limit_ns, seeds.stream(chosen.seed, "nemesis"))
    store.write_whole(folder / store.SCENARIO, scenario.dump(chosen).encode())
    plan_file.write_plan(folder, plan)
    if not brief:
        store.link(store_folder, folder, "current")
    with logged(observer, folder / store.LOG) as listener:
        listener.started(_facts(chosen))
        recorded = record(chosen, plan, folder, listener, brief=brief)
        listener.update(Snapshot(time_ns=0, time_limit_ns=chosen.time_limit_ns, phase="checking"))
        judged = _judge(chosen, plan, folder, recorded)
        _keep(chosen, plan, folder, recorded, judged, listener, brief)
    if not brief:
        store.link(store_folder, folder, "latest", f"{chosen.name}/latest")
    return Finished(folder=folder, record=judged.record, interrupted=recorded.interrupted)


def _judge(chosen: Scenario, plan: Plan, folder: Path, recorded: Recorded) -> Judged:
    history = History.of(recorded.rows)
    judged = judge(
        chosen,
        plan,
        history,
        recorded.traces,
        folder,
        recorded.crashes,
        watchers=recorded.watchers,
        roles=recorded.roles,
    )
    judged.record["crashes"] = list(recorded.crashes)
    judged.record["interrupted"] = recorded.interrupted
    judged.record["history_sha256"] = recorded.history_sha256
    store.write_whole(folder / store.VERDICT, codec.encode_pretty(judged.record))
    return judged


def _keep(
    chosen: Scenario, plan: Plan, folder: Path, recorded: Recorded, judged: Judged, observer: Observer, brief: bool
) -> None:
    """Keep a failing run in full, and of a valid one in brief only the verdict with the history's digest."""
    if brief and judged.record["verdict"] == "valid":
        (folder / store.HISTORY).unlink()
        return
    if brief and chosen.environment == "simulation":
        _keep_traces(chosen, plan, folder, recorded, observer)
    _report(chosen, folder, recorded, judged, observer)


def _keep_traces(chosen: Scenario, plan: Plan, folder: Path, recorded: Recorded, observer: Observer) -> None:
    """Write what the nodes told. If nobody kept it, let them tell it again: the same seed makes the same run."""
    traces = recorded.traces
    if traces is None and not recorded.interrupted:
        with TemporaryDirectory(prefix="keelhaul-again-") as temporary:
            again = record(chosen, plan, Path(temporary), Quiet())
        if again.history_sha256 == recorded.history_sha256:
            traces = again.traces
    if traces is None:
        observer.said("the nodes' traces were not kept: this run can't be repeated")
    else:
        store.write_traces(folder, traces)


def record(chosen: Scenario, plan: Plan, folder: Path, observer: Observer, *, brief: bool = False) -> Recorded:
    """Run the plan and the workload and write the history; judge nothing. `brief`: a simulation writes no traces, and
    keeps only those that a checker needs afterwards."""
    workload = WORKLOADS[chosen.workload].make(chosen.workload_options, seeds.draws(chosen.seed, "workload"))
    traces: tuple[NodeTrace, ...] | None
    roles, watchers = None, {}
    with store.HistoryWriter(folder / store.HISTORY) as writer:
        conductor = Conductor(chosen, workload, writer, _watch(workload) if chosen.fail_fast else None)
        if chosen.environment == "simulation":
            watchers = _watchers(chosen)
            world = _world(chosen, folder, tuple(watchers.values()), brief)
            interrupted = not _simulate(chosen, plan, world, conductor, observer)
            traces, roles, crashes = world.traces(), world.roles(), tuple(world.crashes)
            world.dispose()
            if traces is not None and not brief:
                store.write_traces(folder, traces)
        else:
            crashes, interrupted = _live(chosen, plan, folder, conductor, observer)
            traces = _collected(folder, chosen.members, observer)
        writer.flush()
    if conductor.violation is not None:
        observer.said(f"stopped at the first violation: {conductor.violation.reason}")
    return Recorded(
        rows=tuple(writer.rows),
        traces=traces,
        crashes=crashes,
        interrupted=interrupted,
        history_sha256=writer.sha256(),
        watchers=watchers,
        roles=roles,
    )


def _watch(workload: Workload) -> Online | None:
    """Return what finds the workload's violations while the run is going; None if nothing can."""
    watching = (checker.online() for checker in workload.checkers.values() if isinstance(checker, Linearizable))
    return next(watching, None)


def _watchers(chosen: Scenario) -> dict[str, Watcher]:
    """Begin the watch of every checker of this system that can watch."""
    return {
        name: checker.watcher(chosen.members, in_order=True)
        for name, checker in SYSTEMS[chosen.system].invariants.items()
        if isinstance(checker, TraceChecker)
    }


def _world(chosen: Scenario, folder: Path, watchers: tuple[Watcher, ...], brief: bool) -> World:
    from keelhaul.harness.simulation.world import World

    return World(chosen, folder, watchers, keeps_traces=not brief or needs_traces(chosen))


def _simulate(chosen: Scenario, plan: Plan, world: World, conductor: Conductor, observer: Observer) -> bool:
    """Run in virtual time; return False if that was interrupted."""
    from keelhaul.harness.simulation.driver import SimulatedRun

    run = SimulatedRun(chosen, plan, world, conductor, observer)
    completed = run.run()
    run.dispose()
    return completed


def _live(
    chosen: Scenario, plan: Plan, folder: Path, conductor: Conductor, observer: Observer
) -> tuple[tuple[str, ...], bool]:
    import anyio

    from keelhaul.harness.live import LiveRun

    environment = _environment(chosen, folder, observer)
    run = LiveRun(chosen, plan, environment, conductor, observer)
    anyio.run(run.run)
    crashes = []
    for node, code in environment.died:
        sentence = f"{node} with exit code {code}; see nodes/{node}/host.log"
        if code in SYSTEM_FAILED:
            crashes.append(sentence)
        else:
            observer.said(f"a node ended by itself, for a reason of this machine: {sentence}")
    return tuple(crashes), run.interrupted


def _environment(chosen: Scenario, folder: Path, observer: Observer) -> LiveEnvironment:
    spec = ClusterSpec(
        run_id=f"{chosen.name}-{folder.name}",
        folder=folder,
        system=chosen.system,
        nodes=chosen.members,
        options=dict(chosen.system_options),
        mutant=chosen.mutant,
        seed=chosen.seed,
    )
    if chosen.environment == "processes":
        from keelhaul.harness.environments.processes import Processes

        return Processes(spec)
    from keelhaul.harness.environments.containers import Containers

    return Containers(spec, say=observer.said)


def _collected(folder: Path, nodes: tuple[str, ...], observer: Observer) -> tuple[NodeTrace, ...] | None:
    try:
        return store.read_traces(folder, nodes)
    except ValueError as error:
        observer.said(f"a trace can't be read: {error}")
        return None


def _report(chosen: Scenario, folder: Path, recorded: Recorded, judged: Judged, observer: Observer) -> None:
    """Write the report; a failure here is told, and costs nothing else."""
    from keelhaul.harness.report.data import ReportData
    from keelhaul.harness.report.page import write_report

    data = ReportData(
        history=History.of(recorded.rows),
        record=judged.record,
        results=judged.judgement.results,
        scenario=chosen.name,
        scenario_text=scenario.dump(chosen),
    )
    try:
        write_report(folder, data)
    except Exception as error:  # the verdict stands whatever becomes of its picture
        observer.said(f"the report could not be written: {type(error).__name__}: {error}")


def _facts(chosen: Scenario) -> RunFacts:
    return RunFacts(
        scenario=chosen.name,
        environment=chosen.environment,
        seed=chosen.seed,
        nodes=chosen.members,
        time_limit_ns=chosen.time_limit_ns,
        mutant=chosen.mutant,
    )
