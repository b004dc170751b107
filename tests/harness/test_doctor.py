"""Findings and the code that they add up to; what needs an engine is played here, and tried in tests/containers."""

from __future__ import annotations

import pytest

from keelhaul.harness import doctor
from keelhaul.harness.doctor import CONTAINERS, EVERYTHING, Finding, examine, exit_code
from keelhaul.harness.environments.container_engine import EngineError
from keelhaul.harness.environments.container_shell import Finished

GOOD = Finding("a", True, "fine")
OPTIONAL = Finding("b", False, "gone", "get it", CONTAINERS)
VITAL = Finding("c", False, "gone", "get it", EVERYTHING)


@pytest.mark.parametrize(
    ("findings", "code"),
    [([], 0), ([GOOD], 0), ([GOOD, OPTIONAL], 2), ([OPTIONAL, VITAL], 255), ([VITAL, GOOD], 255)],
)
def test_exit_code(findings, code):
    assert exit_code(findings) == code


def test_without_an_engine_all_else_is_still_examined(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    findings = {finding.name: finding for finding in examine(tmp_path / "not" / "made" / "yet")}
    assert list(findings) == ["Python", "loopback", "disk", "Docker engine"]
    assert findings["Python"].ok
    assert findings["loopback"].ok
    assert not findings["Docker engine"].ok
    assert "unix:///nonexistent.sock" in findings["Docker engine"].found
    assert "systemctl start docker" in findings["Docker engine"].fix


def test_what_falls_short_says_how_to_mend_it(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent.sock")
    monkeypatch.setattr(doctor, "FREE_BYTES_MIN", 1 << 62)
    monkeypatch.setattr(doctor, "PYTHON_MIN", (9, 9))
    findings = examine(tmp_path)
    assert [finding.name for finding in findings if not finding.ok] == ["Python", "disk", "Docker engine"]
    assert all(finding.fix for finding in findings if not finding.ok)
    assert not any(finding.fix for finding in findings if finding.ok)
    assert exit_code(findings) == 255


class PlayedShell:
    """Fails what contains one of `lacking`."""

    def __init__(self, *lacking: str) -> None:
        self.lacking = lacking

    def run(self, script, timeout_seconds):
        lacks = any(word in script for word in self.lacking)
        return Finished(1, "Operation not permitted\n") if lacks else Finished(0, "")


@pytest.mark.parametrize(
    ("examination", "command", "name"),
    [
        (doctor._net_admin, "ip link", "NET_ADMIN"),
        (doctor._netem, "tc qdisc", "netem"),
        (doctor._iptables, "nft", "iptables"),
    ],
)
def test_what_a_container_may_not_do_is_found(examination, command, name):
    finding = examination(PlayedShell(command))
    assert (finding.name, finding.ok) == (name, False)
    assert "Operation not permitted" in finding.found
    assert finding.fix


def test_a_freezer_that_refuses_is_found():
    class PlayedEngine:
        def pause(self, name):
            raise EngineError("pause: no freezer")

    finding = doctor._freezer(PlayedEngine(), "x")
    assert (finding.ok, finding.found) == (False, "pause: no freezer")
