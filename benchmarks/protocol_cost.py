"""What does an operation cost? Messages, syncs and round trips of each protocol and way to read, beside what is due.

Counted in the simulator without faults, in steady state, one operation at a time: each begins when all is silent
after a heartbeat and is over, with everything that it set off, long before the next one, so that heartbeats are not
counted but notices of a commit would be. Two more lines show what many clients at once share.

    messages      between nodes, over all nodes
    syncs         over all nodes; "in a row" are those that the answer had to wait for, one after the other
    round trips   that the answer had to wait for, beside the client's own
    due           what theory asks for with n nodes, the leader's own part and the client included
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from benchmarks.quiet_cluster import MS, QuietCluster
from keelhaul.nodes.events import Body

LATENCY_NS = 10 * MS
SYNC_NS = MS // 100
"""So much below the latency that both can be told from one sum."""
ELECTION_MS, HEARTBEAT_MS = 3000, 1000
SETTLE_NS = 10 * LATENCY_NS
OPERATION_NS = 40 * LATENCY_NS
OPERATIONS = 5
NODES = 5
CLIENTS, CLIENTS_NS = 64, 2000 * MS


@dataclass(frozen=True, slots=True)
class Cost:
    """What one operation took; `sent` says which messages. `round_trips` counts halves, too."""

    messages: int
    syncs: int
    syncs_in_a_row: int
    round_trips: float
    sent: dict[str, int] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Case:
    """An operation to be measured, and what theory says of it with n nodes: (messages, syncs, in a row, round trips).

    `request` makes the number-th request; `elsewhere`: it goes to a node that doesn't lead. `why` explains what is
    above theory, or what theory is.
    """

    system: str
    operation: str
    options: dict[str, int | str]
    request: Callable[[int], Body]
    due: Callable[[int], tuple[int, int, int, float]]
    elsewhere: bool = False
    why: str = ""


def _write(number: int) -> Body:
    return {"type": "write", "key": "k", "value": number}


def _read(number: int) -> Body:
    return {"type": "read", "key": "k"}


def _propose(number: int) -> Body:
    return {"type": "propose", "key": f"k{number}", "value": number}


def _read_unwritten(number: int) -> Body:
    return {"type": "read", "key": f"k{number}"}


def _read_decided(number: int) -> Body:
    return {"type": "read", "key": "written"}


def _round_with_sync(n: int) -> tuple[int, int, int, float]:
    return 2 * (n - 1), n, 1, 1.0


def _round(n: int) -> tuple[int, int, int, float]:
    return 2 * (n - 1), 0, 0, 1.0


def _nothing(n: int) -> tuple[int, int, int, float]:
    return 0, 0, 0, 0.0


def _cases() -> Iterator[Case]:
    for system in ("raft", "paxos"):
        yield Case(system, "write", {}, _write, _round_with_sync)
        yield Case(system, "read, log", {"read_mode": "log"}, _read, _round_with_sync)
    yield Case("raft", "read, read-index", {"read_mode": "read-index"}, _read, _round)
    yield Case("raft", "read, lease", {"read_mode": "lease"}, _read, _nothing)
    yield Case(
        "raft",
        "read, follower",
        {"read_mode": "follower"},
        _read,
        lambda n: (2 * (n - 1) + 2, 0, 0, 2.0),
        elsewhere=True,
        why="the follower's question and the leader's round",
    )
    yield Case("raft", "read, stale", {"read_mode": "stale"}, _read, _nothing, elsewhere=True)
    yield Case("paxos", "read, confirm", {"read_mode": "confirm"}, _read, _round)
    yield Case("paxos", "read, lease", {"read_mode": "lease"}, _read, _nothing)
    yield Case("paxos", "read, quorum", {"read_mode": "quorum"}, _read, _round, elsewhere=True)
    yield Case(
        "synod",
        "first write",
        {},
        _propose,
        lambda n: (4 * (n - 1), 2 * n, 2, 2.0),
        why="each acceptor tells every learner, not just one; the round is on disk before anybody hears of it",
    )
    yield Case(
        "synod",
        "read, undecided",
        {},
        _read_unwritten,
        lambda n: (2 * (n - 1), n, 1, 1.0),
        why="likewise its round",
    )
    yield Case("synod", "read, decided", {}, _read_decided, _nothing)


CASES = tuple(_cases())


def measured(case: Case, nodes: int = NODES) -> Cost:
    """Return what one operation costs; AssertionError if it doesn't cost the same each time."""
    cluster = _settled(case, nodes)
    node = _node_for(case, cluster)
    costs = [_operate(cluster, node, case.request(number)) for number in range(1, OPERATIONS + 1)]
    assert all(cost == costs[0] for cost in costs), f"{case.system}, {case.operation}: {costs}"
    return costs[0]


def _settled(case: Case, nodes: int) -> QuietCluster:
    """Return a cluster with a leader, if it has such a thing, and one operation done."""
    timing = {} if case.system == "synod" else {"election_timeout_ms": ELECTION_MS, "heartbeat_ms": HEARTBEAT_MS}
    options = {**timing, **case.options}
    cluster = QuietCluster(case.system, nodes, options, latency_ns=LATENCY_NS, sync_ns=SYNC_NS)
    cluster.run_for(5 * ELECTION_MS * MS)
    first = _write(0) if case.system != "synod" else {"type": "propose", "key": "written", "value": 0}
    cluster.request(cluster.leader or cluster.names[0], first, lambda body: None)
    cluster.run_for(5 * ELECTION_MS * MS)
    return cluster


def _node_for(case: Case, cluster: QuietCluster) -> str:
    leader = cluster.leader
    if leader is None:
        return cluster.names[0]
    return next(name for name in cluster.names if name != leader) if case.elsewhere else leader


def _operate(cluster: QuietCluster, node: str, request: Body) -> Cost:
    """Do one operation in the silence after a heartbeat; where none are sent, it is silent anyway."""
    if cluster.leader is not None and len(cluster.names) > 1:
        sent = cluster.sent.total()
        cluster.run_until(lambda: cluster.sent.total() > sent)
    cluster.run_for(SETTLE_NS)
    sent_before, syncs_before, began_ns = cluster.sent.copy(), cluster.syncs, cluster.scheduler.now_ns
    answers: list[tuple[int, Body]] = []
    cluster.request(node, request, lambda body: answers.append((cluster.scheduler.now_ns, body)))
    cluster.run_for(OPERATION_NS)
    assert len(answers) == 1, f"{request} got no answer"
    answered_ns, body = answers[0]
    assert body["type"] != "error", f"{request} got {body}"
    sent: Counter[str] = cluster.sent - sent_before
    trips, rest_ns = divmod(answered_ns - began_ns, LATENCY_NS)
    return Cost(sent.total(), cluster.syncs - syncs_before, rest_ns // SYNC_NS, trips / 2, dict(sent))


def shared(system: str, nodes: int = NODES) -> tuple[float, float]:
    """Return messages and syncs per write when many clients write at once, one write after the other each.

    A simulated disk syncs for each step that writes; the host's log file (nodes/host/wal_file.py) groups those.
    """
    options = {"election_timeout_ms": 300, "heartbeat_ms": 50}
    cluster = QuietCluster(system, nodes, options, latency_ns=MS, sync_ns=MS)
    cluster.run_for(CLIENTS_NS)
    leader = cluster.leader
    assert leader is not None
    done = 0

    def write(body: Body | None) -> None:
        nonlocal done
        done += body is not None
        cluster.scheduler.after(MS, cluster.request, leader, _write(done), write)

    for _ in range(CLIENTS):
        write(None)
    cluster.run_for(CLIENTS_NS)
    done, sent, syncs = 0, cluster.sent.total(), cluster.syncs
    cluster.run_for(CLIENTS_NS)
    return (cluster.sent.total() - sent) / done, (cluster.syncs - syncs) / done


def main() -> None:
    """Print a line a case."""
    print(f"protocol cost: {NODES} nodes, steady state, one operation at a time; (due)")
    print(f"  {'':<8}{'':<18}{'messages':>12}{'syncs':>12}{'in a row':>12}{'round trips':>14}")
    for case in CASES:
        cost = measured(case)
        due = case.due(NODES)
        cells = (
            f"{cost.messages} ({due[0]})",
            f"{cost.syncs} ({due[1]})",
            f"{cost.syncs_in_a_row} ({due[2]})",
            f"{cost.round_trips:g} ({due[3]:g})",
        )
        line = f"  {case.system:<8}{case.operation:<18}{cells[0]:>12}{cells[1]:>12}{cells[2]:>12}{cells[3]:>14}"
        print(f"{line}  {case.why}".rstrip())
    for system in ("raft", "paxos"):
        messages, syncs = shared(system)
        print(f"  {system}, {CLIENTS} clients at once: {messages:.1f} messages and {syncs:.1f} steps that sync a write")


if __name__ == "__main__":
    main()
