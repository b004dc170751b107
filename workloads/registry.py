"""The workloads by name: validation, `keelhaul list` and the docs all come from here."""

from __future__ import annotations

from keelhaul.workloads.register import REGISTER
from keelhaul.workloads.workload import WorkloadKind

WORKLOADS: dict[str, WorkloadKind] = {kind.name: kind for kind in (REGISTER,)}
