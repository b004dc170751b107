"""How much memory a process holds, by the system's own account."""

from __future__ import annotations

import builtins

from keelhaul.harness import memory


def test_what_is_allocated_shows():
    before = memory.resident_mb()
    block = bytearray(60_000_000)
    block[::4096] = b"x" * len(block[::4096])
    after = memory.resident_mb()
    assert 5 < before < 5000
    assert 40 < after - before < 100


def test_without_the_systems_account_the_peak_is_told(monkeypatch):
    def refuse(*arguments, **options):
        raise FileNotFoundError

    monkeypatch.setattr(builtins, "open", refuse)
    assert memory.resident_mb() > 5
