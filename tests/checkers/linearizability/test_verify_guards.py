"""Every guard of the verifier, and of what it asks, is needed: without it, it accepts a proof that is none, or falls
over.

As test_guards.py does with the algorithms. A refutation is none if some of the other operations make it legal.
"""

from random import Random

import pytest

from keelhaul.checkers.linearizability import orders, verify
from tests.checkers.linearizability.test_guards import DRAWS, Guard, first_wrong, without
from tests.oracle.brute import COUNTED, order_of, refutes
from tests.oracle.corrupted import KINDS as WAYS
from tests.oracle.corrupted import is_linearization, tampered
from tests.oracle.specifications import SPECIFICATIONS

CORES = 10
"""Choices of a history's operations that are tried as its refutation."""

GROWING = ("list", "grow-only-set")
GUARDS = [
    # --- linearizations
    Guard("verify", "len(set(order)) != len(order) or ", ""),
    Guard("verify", "not all(0 <= at < len(operations) for at in order)", "False"),
    Guard("verify", "if operations.returned[at] < latest:", "if False:"),
    Guard("verify", "if returned != OPEN and at not in placed:", "if False:"),
    Guard("verify", "all(model.replay([actions[at] for at in run]) for run in runs)", "True"),
    # --- what may be left out of a refutation
    Guard("verify", " or len(kept) != len(core)", ""),
    Guard("verify", "part is None or ", ""),
    Guard("sparing", "    while found := [", "    if found := ["),
    Guard("sparing", "over = max((returned[at] for at in bound", "over = min((returned[at] for at in bound"),
    Guard("sparing", "in (about[at], None)", "in (about[at],)", models=("fifo-queue", "stack")),
    Guard("sparing", "before = bisect_left(ends, invoked[at])", "before = len(ends)"),
    Guard("sparing", "bisect_left(begun, returned[at])", "bisect_left(begun, invoked[at])"),
    Guard("sparing", "return model.leaves is not None or model.kind(action) is Kind.BLIND", "return True"),
    Guard("sparing", "return bool(model.successors(model.leaves(change), action))", "return False"),
    Guard("sparing", "return model.notices is None or model.notices(action, change)", "return False"),
    Guard("sparing", "return model.notices is None or model", "return model.notices is not None and model"),
    # --- trying orders
    Guard("verify", "if legal is False:", "if True:"),
    Guard("orders", "if row != OPEN) & ~self.loose", ") & ~self.loose"),
    Guard("orders", "if row != OPEN) & ~self.loose", "if row != OPEN)"),
    Guard("orders", "at & 1 and model.kind(line.actions[at]) is Kind.OBSERVER:", "at & 1:"),
    Guard("orders", "line.required >> at & 1 and ", ""),
    Guard("orders", "if harmless and line", "if line"),
    Guard("orders", "if reached == (state,):", "if reached:", models=("multi-register",)),
    Guard("orders", "known.setdefault((placed & line.required, state)", "known.setdefault((placed & line.required, 0)"),
    Guard("orders", "if any(less & ~placed == 0 for less in others):", "if others:"),
    Guard("orders", "if not line.blind & ~placed:", "if True:"),
    Guard("orders", "if last is None or not line.loose >> last & 1:", "if last is None:"),
    Guard("orders", "return any(model.reaches(state, line", "return any(False and model.reaches(state, line"),
    Guard("orders", "return all(model.reaches(state, line", "return all(not model.reaches(state, line"),
    Guard("orders", " or line.likes[action.f, action.argument] > 1:", ":", models=("list",)),
    Guard("orders", "(action.f, action.argument) not in line.shared(placed)", "False", models=GROWING),
    Guard("orders", "return after != (state,) and ", "return ", models=("grow-only-set",)),
    Guard("orders", " and all(model.reaches(left", " or all(model.reaches(left", models=("list",)),
    Guard("orders", "(harmless or line.loose >> at & 1) and _comes", "_comes", models=GROWING),
    # --- counting
    Guard("sparing", " and sums[False] >= 0", "", models=COUNTED),
    Guard("sparing", "within if amount > 0 else overlaps", "within", models=COUNTED),
    Guard("sparing", "within if amount > 0 else overlaps", "overlaps", models=COUNTED),
    Guard("sparing", "since <= invoked[at] and returned[at] <= end", "returned[at] <= end", models=COUNTED),
    Guard("sparing", "since <= invoked[at] and returned[at] <= end", "since <= invoked[at]", models=COUNTED),
    Guard("sparing", "invoked.__getitem__, kept)), width)):", "invoked.__getitem__, kept)), room)):", models=COUNTED),
    Guard("sparing", "+= amount\n", "+= abs(amount)\n", models=COUNTED),
    Guard("sparing", "sums[at in chosen]", "sums[True]", models=COUNTED),
    # --- anchors
    Guard("sparing", 'if action.outcome != "ok":', "if False:"),
    Guard("sparing", " and model.kind(action) is not Kind.OBSERVER:\n        told", ":\n        told"),
    Guard("orders", "and invoked < self._returned[place] and len", "and False and len"),
]


def verified_by(module):
    """Return what says which proof of a history it accepts that is none: some of the operations as a refutation, orders
    that were tampered with."""

    def wrong(case, seed):
        random, specification, count = Random(seed), SPECIFICATIONS[case.name], len(case.operations)
        order = order_of(specification, case.operations)
        if order is None:
            cores = [[at, *range(count)] for at in range(count)]
            accepts = [
                core for core in cores if module.problem_with_refutation(case.model, case.operations, core) is None
            ]
            if accepts:
                return f"{accepts} name an operation twice"
        for kind in WAYS if order is not None else ():
            found = tampered(random, kind, order, [], case.operations)
            accepted = module.problem_with_linearization(case.model, case.operations, found) is None
            if accepted and not is_linearization(specification, case.operations, found):
                return f"{found} is no linearization"
        for _ in range(CORES if count else 0):
            core = sorted(random.sample(range(count), random.randint(1, count)))
            accepted = module.problem_with_refutation(case.model, case.operations, core) is None
            if accepted and (order is not None or not refutes(specification, case.operations, core)):
                return f"{core} is no refutation"
        return None

    return wrong


def in_use(module, file, monkeypatch):
    """Have the verifier ask this instead of the file, and return the verifier."""
    if file == "verify":
        return module
    for asking in (verify, orders):
        for name, found in list(vars(asking).items()):
            origin = getattr(found, "__module__", None)
            if origin == f"keelhaul.checkers.linearizability.{file}" != asking.__name__:
                monkeypatch.setattr(asking, name, getattr(module, name))
    return verify


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: f"{guard.guard[:40]} -> {guard.without[:40]}")
def test_without_the_guard_a_proof_is_accepted_that_is_none(guard, monkeypatch):
    with without(guard) as loaded:
        module = in_use(loaded, guard.file, monkeypatch)
        names = [*guard.models] or list(SPECIFICATIONS)
        assert first_wrong(names, verified_by(module), guard.first, DRAWS) is not None
