"""Linearizability: could one copy of the data, doing one operation at a time, have given these answers?

    from keelhaul.checkers import linearizability

    outcome = linearizability.check("cas-register", history)
    outcome.verdict, outcome.witness, outcome.refutation, outcome.reason

**The question** (Herlihy and Wing, 1990). An operation that returned took effect at one moment between its invocation
and its return. A history is linearizable if moments can be chosen such that the operations, in that order, are a legal
run of the model. Such an order is a *linearization*.

**Closed intervals.** Events are numbered by the one recorder that wrote them, and order is read off these numbers,
never off clocks. Where times are all there is, calls come before returns at equal times: an interval contains its ends.
If it didn't, two operations that touch would be ordered though nobody saw which was first, and a correct system would
be found guilty. Widening an interval can lose a violation, but never invent one.

**Unknown outcomes.** What ended `info`, or never ended, took effect at some moment after its invocation, however late,
or never: it is *open*. It need not be in a linearization, and nothing stands behind its return. What ended `fail` never
took effect and is no part of the question; with one exception: a cas that failed may be taken as the observation that
the expected value was not there (`failed_cas="observe"`).

**Parts** (P-compositionality). Objects that don't touch each other, as keys of a store, can be judged one by one: give
each operation the latest invocation up to its place in its own object's linearization as its moment, and all of them
merge into one order that keeps real time (outcome.py, `merged`). The reverse is plain.

**How it is decided.** Gibbons and Korach (1997): NP-complete in general, so no algorithm is quick on everything; but
where values tell who saw whom, the order is nearly forced. portfolio.py tries what is quick, having looked whether the
history is of that kind:

| file | decides | by |
|---|---|---|
| zones.py, clusters.py | registers whose values are written once | intervals that can't overlap |
| versions.py, clusters.py | put, append, get of texts that are told apart | the same, on chains |
| texts.py | the same, tried first | the order that gets show |
| inclusion.py | lists and sets that only grow | what a read saw, later ones see |
| fifo.py, ownership.py, permits.py, tokens.py | queues, locks, tokens | patterns that rule each other out |
| staleness.py | refutes registers with repeated values | values that were gone when they were read |
| absorption.py | registers with repeated values | search, leaving out what nobody can notice |
| breadth.py | the same, where that takes long | all ways at once, of each kind the thriftiest |
| engine.py | everything else | search, with outlook.py: where things only grow, it sees what can't be reached |

**Why pruning is sound.** A search leaves out an order only if there is another one, still to be tried, that is as good:
an *exchange* argument. Four of them are at work, and stand in full where they are used. An observer moves forward to
where its answer is first right: it changes nothing, so nobody notices. Of two operations that do the same, the one
with the earlier deadline goes first: swap them. A blind write absorbs the writes that are pending: they may stand right
before it, where nobody sees them. And of two beginnings of an order that lead to the same state, the one that has used
less and settled more can go on in every way that the other can, so the other is dropped (dominance).

**Proof.** `valid` comes with a linearization, `invalid` with a small sub-history that has none (refute.py). verify.py
looks at both again, by itself. `Unknown` is an answer too: with a budget spent, it says how far it came.
"""

from __future__ import annotations

from keelhaul.checkers.linearizability.budget import Budget
from keelhaul.checkers.linearizability.operations import OPEN, Call, MalformedOperation, Operations
from keelhaul.checkers.linearizability.outcome import Outcome, check
from keelhaul.checkers.models.model import ILLEGAL, Action, Kind, Model
from keelhaul.checkers.models.registry import model_named

__all__ = [
    "ILLEGAL",
    "OPEN",
    "Action",
    "Budget",
    "Call",
    "Kind",
    "MalformedOperation",
    "Model",
    "Operations",
    "Outcome",
    "check",
    "model_named",
]
