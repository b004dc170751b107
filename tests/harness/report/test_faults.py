"""The faults of a run as people see them."""

from keelhaul.harness.report.faults import bands_of, grudge_words

SPLIT = {"n1": ["n2", "n3"], "n2": ["n1"], "n3": ["n1"]}


def test_a_fault_lasts_from_its_start_to_its_stop(history_of, nemesis_row):
    history = history_of(
        nemesis_row(10, "start-partition", "invoke", fault=0, shape="isolate-one"),
        nemesis_row(12, "start-partition", "done", fault=0, shape="isolate-one", outcome="in_force", grudge=SPLIT),
        nemesis_row(13, "start-pause", "invoke", fault=1, target="leader"),
        nemesis_row(14, "start-pause", "done", fault=1, target="leader", outcome="skipped", reason="nobody leads"),
        nemesis_row(15, "start-kill", "invoke", fault=2, target="n3"),
        nemesis_row(16, "start-kill", "done", fault=2, target="n3", outcome="in_force", nodes=["n3"]),
        nemesis_row(20, "stop-partition", "invoke", fault=0),
        nemesis_row(22, "stop-partition", "done", fault=0, outcome="lifted", grudge=SPLIT),
    )
    partition, pause, kill = bands_of(history)
    assert (partition.kind, partition.what, partition.outcome) == ("partition", "isolate-one n1 | n2,n3", "in force")
    assert partition.start_ns in (10, 12)
    assert partition.end_ns == 22
    assert (pause.start_ns, pause.end_ns, pause.outcome, pause.reason) == (None, None, "skipped", "nobody leads")
    assert (kill.what, kill.end_ns) == ("n3", None)


def test_a_heal_ends_what_was_in_force(history_of, nemesis_row):
    history = history_of(
        nemesis_row(10, "start-pause", "invoke", fault=0),
        nemesis_row(12, "start-pause", "done", fault=0, outcome="indeterminate", reason="no answer", nodes=["n1"]),
        nemesis_row(20, "heal", "invoke", faults=[0]),
        nemesis_row(24, "heal", "done", faults=[0], outcome="lifted"),
    )
    (pause,) = bands_of(history)
    assert (pause.outcome, pause.reason, pause.end_ns) == ("indeterminate", "no answer", 24)


def test_rows_of_other_shapes_are_survived(history_of, nemesis_row):
    history = history_of(
        (0, "info", "nemesis", "start-partition", None),
        (1, "info", "nemesis", "start-partition", ["x"]),
        nemesis_row(2, "start-kill", "done", fault={"a": 1}, outcome=["?"], nodes=7, grudge="x"),
        nemesis_row(3, "stop-kill", "done"),
        nemesis_row(4, "anything", "done"),
    )
    assert all(isinstance(band.what, str) for band in bands_of(history))


def test_cuts_are_put_in_words():
    assert grudge_words(SPLIT) == "n1 | n2,n3"
    assert grudge_words({"n1": ["n2"], "n3": ["n2"]}) == "n1,n3 not hearing n2"
    assert grudge_words({"n1": ["n2"], "n2": ["n3"], "n3": ["n1"]}) == (
        "n1 not hearing n2; n2 not hearing n3; n3 not hearing n1"
    )
    assert grudge_words({}) == ""
