"""Changes to a history that must not change its verdict, or only in one direction; on histories too long for an
oracle."""

from collections import Counter
from random import Random

import pytest

from keelhaul.checkers.history import History, Row
from keelhaul.checkers.linearizability import check_operations
from keelhaul.checkers.models.register import Register
from keelhaul.checkers.verdict import Verdict

COUNT = 400


def verdict(history, **options):
    result = check_operations(Register(**options), history.operations)
    return result.verdict if result.details["judged"] else Verdict.VALID


def renumbered(rows):
    return History.of(Row(at, at, row.type, row.process, row.f, row.value) for at, row in enumerate(rows))


def with_values(history, change):
    return History.of(Row(row.index, row.time, row.type, row.process, row.f, change(row)) for row in history.rows)


@pytest.fixture(params=["drop", "observe"])
def cases(request, small):
    """Yields (random, history, its verdict, the same judgement for other histories), and sees to both verdicts."""

    def generate():
        seen = Counter()
        for seed in range(COUNT):
            random = Random(f"metamorphic/{seed}")
            history = small.draws[0 if seed % 2 else 2](random, 24)
            before = verdict(history, failed_cas=request.param)
            seen[before] += 1
            yield random, history, before, lambda changed: verdict(changed, failed_cas=request.param)
        assert min(seen[Verdict.VALID], seen[Verdict.INVALID]) > COUNT // 12, seen

    return generate()


def test_names_of_values_do_not_matter(cases):
    for _, history, before, judge in cases:
        names = {None: None, 0: "zero", 1: True, 2: [2, {"x": None}], 3: 1.5}

        def change(row, names=names):
            key, value = row.value
            return [key, [names[item] for item in value] if row.f == "cas" else names[value]]

        assert judge(with_values(history, change)) is before


def test_names_of_processes_do_not_matter(cases):
    for random, history, before, judge in cases:
        processes = list(dict.fromkeys(row.process for row in history.rows))
        shuffled = dict(zip(processes, random.sample(processes, len(processes)), strict=True))
        rows = [Row(r.index, r.time, r.type, shuffled[r.process], r.f, r.value) for r in history.rows]
        assert judge(History.of(rows)) is before


def test_times_do_not_matter(cases):
    for random, history, before, judge in cases:
        times = sorted(random.randrange(10) for _ in history.rows)
        rows = [
            Row(r.index, time, r.type, r.process, r.f, r.value) for r, time in zip(history.rows, times, strict=True)
        ]
        assert judge(History.of(rows)) is before


def test_a_key_that_nothing_else_touches_does_not_matter(cases):
    for random, history, before, judge in cases:
        apart = [("write", 7), ("read", 7), ("cas", [7, 8])]
        added = [Row(0, 0, kind, 9999, f, ["other", value]) for f, value in apart for kind in ("invoke", "ok")]
        assert judge(renumbered(interleaved(random, history.rows, added))) is before


def interleaved(random, one, other):
    """Mix two sequences, each in its own order."""
    turns = [True] * len(one) + [False] * len(other)
    random.shuffle(turns)
    first, second = iter(one), iter(other)
    return [next(first) if turn else next(second) for turn in turns]


def test_it_is_valid_exactly_if_each_key_is(cases):
    for _, history, before, judge in cases:
        parts = [renumbered([row for row in history.rows if row.value[0] == key]) for key in ("a", "b")]
        assert (before is Verdict.VALID) is all(judge(part) is Verdict.VALID for part in parts)


def test_a_wider_interval_keeps_valid_valid(cases):
    for random, history, before, judge in cases:
        rows = list(history.rows)
        for _ in range(4):
            at = random.randrange(len(rows))
            first, second = rows[at], rows[min(at + 1, len(rows) - 1)]
            # Moving an invocation up over a completion, or a completion down over an invocation: the same swap.
            if first.type in ("ok", "fail") and second.type == "invoke" and first.process != second.process:
                rows[at : at + 2] = second, first
        if before is Verdict.VALID:
            assert judge(renumbered(rows)) is Verdict.VALID


def test_an_answer_that_is_not_known_keeps_valid_valid(cases):
    for random, history, before, judge in cases:
        last = {row.process: row.index for row in history.rows}
        ends = [row for row in history.rows if row.type == "ok" and last[row.process] == row.index]
        if before is Verdict.VALID and ends:
            lost = random.choice(ends)
            rows = list(history.rows)
            rows[lost.index] = Row(lost.index, lost.time, "info", lost.process, lost.f, lost.value)
            assert judge(History.of(rows)) is Verdict.VALID


def test_an_open_write_that_nobody_saw_changes_nothing(small):
    """Without failed comparisons: one of those may owe its failure to a write that nobody saw."""
    for seed in range(COUNT):
        random = Random(f"unseen/{seed}")
        history = small.draws[0 if seed % 2 else 2](random, 24)
        rows = list(history.rows)
        rows.insert(random.randint(0, len(rows)), Row(0, 0, "invoke", 8888, "write", ["a", "unseen"]))
        assert verdict(renumbered(rows)) is verdict(history), seed


def test_a_prefix_of_a_valid_history_is_valid(cases):
    for random, history, before, judge in cases:
        if before is Verdict.VALID:
            assert judge(History.of(history.rows[: random.randint(0, len(history))])) is Verdict.VALID


def test_reading_it_all_back_at_the_end_changes_nothing_for_a_correct_store(small):
    for seed in range(COUNT):
        random = Random(f"sequential/{seed}")
        rows, store = [], {}
        for _ in range(40):
            key, value = random.choice("ab"), random.randrange(3)
            f = random.choice(("read", "write"))
            asked, answer = (None, store.get(key)) if f == "read" else (value, value)
            if f == "write":
                store[key] = value
            rows += [Row(0, 0, "invoke", 0, f, [key, asked]), Row(0, 0, "ok", 0, f, [key, answer])]
        assert verdict(renumbered(rows)) is Verdict.VALID
        key = random.choice([*store])
        wrong = [Row(0, 0, "invoke", 0, "read", [key, None]), Row(0, 0, "ok", 0, "read", [key, store[key] + 1])]
        assert verdict(renumbered([*rows, *wrong])) is Verdict.INVALID
