"""The workloads by name: validation, `keelhaul list` and the docs all come from here."""

from __future__ import annotations

from keelhaul.workloads.key_value import KEY_VALUE
from keelhaul.workloads.lock.files import FILES
from keelhaul.workloads.lock.workload import GUARDED_RESOURCE, LOCK
from keelhaul.workloads.register import REGISTER
from keelhaul.workloads.workload import WorkloadKind
from keelhaul.workloads.write_once import WRITE_ONCE

WORKLOADS: dict[str, WorkloadKind] = {
    kind.name: kind for kind in (REGISTER, KEY_VALUE, WRITE_ONCE, LOCK, GUARDED_RESOURCE, FILES)
}
