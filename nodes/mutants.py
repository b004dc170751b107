"""Named switches, each of which breaks one rule of one system, to prove that the harness would notice.

A node is given at most one. The code that obeys a rule asks for the switch by name, beside the rule.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A planted bug: `breaks` is the rule (docs/rules.md), `tells` how it shows."""

    name: str
    system: str
    breaks: str
    tells: str


REPLY_BEFORE_COMMIT = "reply-before-commit"

MUTANTS = {
    mutant.name: mutant
    for mutant in (
        Mutant(
            name=REPLY_BEFORE_COMMIT,
            system="raft",
            breaks="R-L18, F8: answer a write only when its entry is committed and applied",
            tells="a leader that is cut off acknowledges writes that the next leader never had: later reads miss them",
        ),
    )
}
