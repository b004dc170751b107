"""Histories that others recorded, with verdicts that others gave, and the proof of each. They are not part of the
project."""

from pathlib import Path

import pytest

from keelhaul.checkers import formats, linearizability
from keelhaul.checkers.models.registry import model_named
from keelhaul.checkers.verdict import Verdict

RECORDED = Path("../shared/histories")
KNOSSOS = sorted(RECORDED.glob("knossos/*/*/*.edn"))
PORCUPINE = sorted(path for path in RECORDED.glob("porcupine/*/*") if path.suffix != ".tsv")

pytestmark = pytest.mark.skipif(not (KNOSSOS and PORCUPINE), reason=f"{RECORDED} is not here")


def outcome_of(path, name, failed_cas="ignore"):
    """Check a file, and its proof."""
    model = model_named(name)
    operations = formats.read(path.read_bytes()).operations(failed_cas=failed_cas, keys=model.keys)
    outcome = linearizability.check(model, operations)
    assert outcome.problem() is None
    return outcome


@pytest.mark.parametrize("path", KNOSSOS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_knossos_is_tested_with(path):
    outcome = outcome_of(path, path.parent.parent.name)
    assert outcome.verdict is {"good": Verdict.VALID, "bad": Verdict.INVALID}[path.parent.name]


def expected(path):
    """Look the verdict up in the table beside the file."""
    lines = (path.parent / "expected.tsv").read_text().splitlines()
    return Verdict(dict(line.split("\t") for line in lines)[path.name])


@pytest.mark.parametrize("path", PORCUPINE, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_porcupine_is_tested_with(path):
    """Porcupine takes a failed cas as an observation. Leaving it out can only turn invalid into valid."""
    etcd = path.parent.name == "etcd"
    outcome = outcome_of(path, "cas-register" if etcd else "key-value", "observe" if etcd else "ignore")
    assert outcome.verdict is expected(path)
    if etcd and outcome.verdict is Verdict.VALID:
        assert outcome_of(path, "cas-register").verdict is Verdict.VALID
