"""Delete a guard, and a history is judged wrongly: none of them is there for nothing."""

import pytest

from keelhaul.checkers.linearizability import absorption
from tests.oracle.differential import problem
from tests.oracle.guards import GUARDS, told, without


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
def test_without_the_guard_a_history_is_judged_wrongly(guard):
    case = guard.case()
    answer, wrong = problem(absorption.decide, case)
    assert answer in ("valid", "invalid")
    assert wrong is None
    assert told(without(guard), case) != told(absorption.decide, case)
