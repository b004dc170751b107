"""Which order each level asks for, as views: sets of operations with what has to stand before what.

*Process order*: an operation stands before those that its process invoked after it had returned. What is open never
returned, so nothing stands behind it; in our histories its process does nothing more anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from keelhaul.checkers.levels.arrange import Cycle, Scene, View, in_turn
from keelhaul.checkers.levels.seen import Seen

Edges = list[dict[int, None]]
"""By position: what has to stand before it, positions too."""


def of_all(scene: Scene) -> View:
    """Everything, in process order: one view, for sequential consistency."""
    return _view(scene, _relevant(scene), _in_process_order(scene, lambda at: True))


def of_object(scene: Scene, part: int) -> View:
    """The same for one object."""
    positions = [at for at in _relevant(scene) if scene.part[at] == part]
    return _view(scene, positions, _in_process_order(scene, lambda at: scene.part[at] == part))


def of_processes(scene: Scene, guarantee: str, seen: Seen) -> Iterator[tuple[int | None, View | Cycle]]:
    """Yield each process that observes, and its view: all changes and its own observations, as far as the guarantee
    orders them; or a cycle. The process is None if that is everybody's, or nobody observes anything."""
    operations = scene.operations
    shared = _GUARANTEED[guarantee](scene, seen)
    cycle = _cycle(shared)
    if cycle:
        yield None, Cycle(sorted(cycle))
        return
    relevant = _relevant(scene)
    whole = _view(scene, relevant, shared)
    processes = dict.fromkeys(operations.process[at] for at in relevant if scene.claims(at))
    for process in processes or [None]:
        foreign = {at for at in relevant if not scene.changes(at) and operations.process[at] != process}
        if guarantee in ("causal", "monotonic-writes", "writes-follow-reads"):
            yield process, whole.without(foreign)
            continue
        kept = [at for at in relevant if at not in foreign]
        yield process, _view(scene, kept, _own(scene, guarantee, process))


def _relevant(scene: Scene) -> list[int]:
    """Leave out observations that were never answered."""
    return [at for at in range(len(scene.action)) if scene.changes(at) or not scene.is_open(at)]


def _view(scene: Scene, positions: Sequence[int], edges: Edges) -> View:
    place = {at: number for number, at in enumerate(positions)}
    return View(positions, [[place[earlier] for earlier in edges[at] if earlier in place] for at in positions])


def _cycle(edges: Edges) -> list[int]:
    """Return operations each of which has to stand before the one in front of it in the list, in a circle; [] if there
    is no such circle."""
    fine = set(in_turn([list(earlier) for earlier in edges]))
    if len(fine) == len(edges):
        return []
    path = [next(at for at in range(len(edges)) if at not in fine)]
    while True:
        following = next(earlier for earlier in edges[path[-1]] if earlier not in fine)
        if following in path:
            return path[path.index(following) :]
        path.append(following)


def _nothing(scene: Scene) -> Edges:
    return [{} for _ in scene.action]


def _in_process_order(scene: Scene, chosen: Callable[[int], bool]) -> Edges:
    """Order the chosen operations of each process; only what doesn't follow from the rest is listed."""
    edges = _nothing(scene)
    invoked, returned = scene.operations.invoked, scene.operations.returned
    latest: dict[int, list[int]] = {}
    for at, process in enumerate(scene.operations.process):
        if not chosen(at):
            continue
        tips = latest.setdefault(process, [])
        todo, met = [*tips], set(tips)
        while todo:
            earlier = todo.pop()
            if returned[earlier] < invoked[at]:
                edges[at][earlier] = None
            else:  # it was still going on: what came before that
                todo += [other for other in edges[earlier] if other not in met]
                met.update(edges[earlier])
        latest[process] = [tip for tip in tips if tip not in edges[at]] + [at]
    return edges


def _causal(scene: Scene, seen: Seen) -> Edges:
    edges = _in_process_order(scene, lambda at: True)
    for at in _relevant(scene):
        edges[at].update(dict.fromkeys(seen.by(at)))
    return edges


def _monotonic_writes(scene: Scene, seen: Seen) -> Edges:
    return _in_process_order(scene, scene.changes)


def _writes_follow_reads(scene: Scene, seen: Seen) -> Edges:
    """What a process saw stands before what it changes later."""
    edges = _nothing(scene)
    for positions in _by_process(scene):
        for at, earlier in _returned_earlier(scene, positions, scene.changes, scene.claims):
            edges[at].update(dict.fromkeys(change for other in earlier for change in seen.by(other) if change != at))
    return edges


def _own(scene: Scene, guarantee: str, process: int | None) -> Edges:
    """Order what one process did: its changes before its later observations, or its observations among each other."""
    edges = _nothing(scene)
    before = scene.changes if guarantee == "read-your-writes" else scene.claims
    for positions in _by_process(scene):
        if positions and scene.operations.process[positions[0]] == process:
            for at, earlier in _returned_earlier(scene, positions, scene.claims, before):
                edges[at].update(dict.fromkeys(earlier))
    return edges


def _by_process(scene: Scene) -> Iterable[list[int]]:
    found: dict[int, list[int]] = {}
    for at in _relevant(scene):
        found.setdefault(scene.operations.process[at], []).append(at)
    return found.values()


def _returned_earlier(
    scene: Scene, positions: Sequence[int], later: Callable[[int], bool], earlier: Callable[[int], bool]
) -> Iterator[tuple[int, list[int]]]:
    """Yield the operations of one kind, and all of the other kind that had returned before."""
    invoked, returned = scene.operations.invoked, scene.operations.returned
    for number, at in enumerate(positions):
        if later(at):
            yield at, [other for other in positions[:number] if earlier(other) and returned[other] < invoked[at]]


def _unordered(scene: Scene, seen: Seen) -> Edges:
    return _nothing(scene)


_GUARANTEED: Final[dict[str, Callable[[Scene, Seen], Edges]]] = {
    "causal": _causal,
    "monotonic-writes": _monotonic_writes,
    "writes-follow-reads": _writes_follow_reads,
    "read-your-writes": _unordered,
    "monotonic-reads": _unordered,
}
