"""Histories that others recorded, with verdicts that others gave. They are not part of the project."""

import re
from pathlib import Path

import pytest

from keelhaul.checkers.history import History, Row
from keelhaul.checkers.linearizability import check_operations
from keelhaul.checkers.models.register import Register
from keelhaul.checkers.verdict import Verdict

RECORDED = Path("../shared/histories")
KNOSSOS = sorted(RECORDED.glob("knossos/cas-register/*/*.edn"))
ETCD = sorted(RECORDED.glob("porcupine/etcd/*.log"))

pytestmark = pytest.mark.skipif(not (KNOSSOS and ETCD), reason=f"{RECORDED} is not here")

TOKEN = re.compile(
    r"""[\s,]+|;[^\n]*|(?P<open>[\[({])|(?P<close>[\])}])|"(?P<text>(?:[^"\\]|\\.)*)"|(?P<atom>[^\s,\[\](){}";]+)"""
)


def read_edn(text):
    """Read all values in a text of lists, vectors, maps, keywords, symbols, strings and numbers."""
    stack = [[]]
    for match in TOKEN.finditer(text):
        if match["open"]:
            stack.append([])
        elif match["close"]:
            items = stack.pop()
            stack[-1].append(dict(zip(items[::2], items[1::2], strict=True)) if match["close"] == "}" else items)
        elif match["text"] is not None:
            stack[-1].append(match["text"])
        elif match["atom"]:
            stack[-1].append(atom(match["atom"]))
    (values,) = stack
    return values


def atom(word):
    if word in ("nil", "true", "false"):
        return {"nil": None, "true": True, "false": False}[word]
    try:
        return int(word)
    except ValueError:
        return word


def history_of(events):
    """Make a history of one key from (type, process, f, value). Some records go on with a process after its info, and
    number it anew only by hand: here it gets a new number, as a new process has."""
    rows, numbers, asked = [], {}, {}
    for kind, process, f, value in events:
        number = numbers.setdefault(process, len(numbers))
        if kind == "invoke":
            asked[number] = value
        told = value if f == "read" else asked[number]
        rows.append(Row(len(rows), len(rows), kind, number, f, ["x", told]))
        if kind == "info":
            numbers[process] = len(numbers) + 1000 * len(rows)
    return History.of(rows)


def knossos(path):
    values = read_edn(path.read_text())
    events = values[0] if isinstance(values[0], list) else values
    return history_of(
        (event[":type"][1:], event[":process"], event[":f"][1:], event[":value"])
        for event in events
        if isinstance(event[":process"], int)
    )


LINE = re.compile(r"^INFO\s+jepsen\.util - (\d+)\s+:(\w+)\s+:(\w+)\s+(.*)$")


def etcd(path):
    events = []
    for line in path.read_text().splitlines():
        match = LINE.match(line)
        if match:
            process, kind, f, value = match.groups()
            events.append((kind, int(process), f, None if value == ":timed-out" else read_edn(value)[0]))
    return history_of(events)


@pytest.mark.parametrize("path", KNOSSOS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_knossos_cas_registers(path):
    """Knossos leaves failed operations out, as `drop` does."""
    history = knossos(path)
    assert len(history) > 1
    result = check_operations(Register(), history.operations)
    if all(operation.outcome == "fail" for operation in history.operations):
        assert result.verdict is Verdict.UNKNOWN  # two of the good ones: to us nothing is no evidence
    else:
        assert result.verdict is {"good": Verdict.VALID, "bad": Verdict.INVALID}[path.parent.name]


@pytest.fixture(scope="module")
def etcd_expected():
    lines = (RECORDED / "porcupine/etcd/expected.tsv").read_text().splitlines()
    return dict(line.split("\t") for line in lines)


@pytest.mark.parametrize("path", ETCD, ids=lambda path: path.stem)
def test_etcd_registers(path, etcd_expected):
    """Porcupine takes a failed cas as an observation. Leaving it out can only turn invalid into valid."""
    history = etcd(path)
    assert len(history) > 100
    observed = check_operations(Register(failed_cas="observe"), history.operations).verdict
    assert observed is Verdict(etcd_expected[path.name])
    if observed is Verdict.VALID:
        assert check_operations(Register(), history.operations).verdict is Verdict.VALID
