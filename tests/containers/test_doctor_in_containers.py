"""The doctor on a real engine: it tries things out in a container, and leaves none."""

from __future__ import annotations

import os

import pytest

from keelhaul.harness.doctor import examine
from keelhaul.harness.environments.container_leftovers import RUN
from keelhaul.harness.environments.images import ensure_image

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("containers")]


def test_a_container_is_tried_and_removed(engine):
    ensure_image(engine, print)
    findings = {finding.name: finding for finding in examine()}
    expected = ["Python", "loopback", "disk", "Docker engine", "node image", "NET_ADMIN", "iptables", "netem", "pause"]
    assert list(findings) == expected
    for name in ("Docker engine", "node image", "NET_ADMIN", "iptables", "pause"):
        assert findings[name].ok, findings[name]
    assert engine.containers(f"{RUN}=doctor-{os.getpid()}") == []
