"""`keelhaul check --model` and `keelhaul export`: histories in files, as scripts and people use them."""

from __future__ import annotations

import gc
import json
import os
from itertools import count
from math import inf
from pathlib import Path

import pytest

from keelhaul.checkers.formats import FORMATS
from keelhaul.checkers.formats.export import EXPORTS
from keelhaul.harness import check_files
from keelhaul.harness.cli import check, export

LEGAL = """{:process 0, :type :invoke, :f :write, :value 3}
{:process 0, :type :ok, :f :write, :value 3}
{:process 1, :type :invoke, :f :cas, :value [3 4]}
{:process 2, :type :invoke, :f :read, :value nil}
{:process 1, :type :fail, :f :cas, :value [3 4]}
{:process 2, :type :ok, :f :read, :value 3}
"""
ILLEGAL = LEGAL.replace(":ok, :f :read, :value 3", ":ok, :f :read, :value 4")
KEYS = ("file", "verdict", "reason", "algorithm", "operations", "parse_ns", "check_ns")


@pytest.fixture
def files(keelhaul, tmp_path):
    """Write files into the current folder."""

    def write(**texts):
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
        return list(texts)

    return write


def records(ended):
    return [json.loads(line) for line in ended.out.splitlines()]


def test_a_valid_history_is_0_and_has_a_witness(keelhaul, files):
    ended = keelhaul("check", "--model", "cas-register", "--json", "--verify", *files(legal=LEGAL))
    assert ended.code == 0
    (record,) = records(ended)
    assert set(KEYS) < set(record)
    assert (record["file"], record["verdict"], record["reason"], record["operations"]) == ("legal", "valid", "", 2)
    assert record["verified"] is True
    assert record["witness"] == [0, 2]
    assert "refutation" not in record
    assert record["parse_ns"] > 0
    assert record["check_ns"] > 0


def test_an_invalid_one_is_1_and_has_a_refutation(keelhaul, files):
    ended = keelhaul("check", "--model", "cas-register", "--json", "--verify", *files(illegal=ILLEGAL))
    assert ended.code == 1
    (record,) = records(ended)
    assert record["verdict"] == "invalid"
    assert record["verified"] is True
    assert 2 in record["refutation"]
    assert "returned 4" in record["reason"]
    assert "witness" not in record


def test_the_strongest_level_that_holds_is_found(keelhaul, files):
    stale = (
        LEGAL
        + """{:process 3, :type :invoke, :f :read, :value nil}
{:process 3, :type :ok, :f :read, :value nil}
"""
    )
    ended = keelhaul("check", "--model", "cas-register", "--levels", "--json", *files(stale=stale))
    assert ended.code == 1
    (record,) = records(ended)
    assert record["strongest"] == ["sequential"]
    assert record["levels"]["causal"] == {"verdict": "valid", "reason": "", "operations": []}
    assert record["levels"]["linearizable"]["operations"] == record["refutation"]
    text = keelhaul("check", "--model", "cas-register", "--levels", "stale").out
    assert "the strongest level that holds: sequential. linearizable: " in text


def test_a_failed_cas_can_be_an_observation(keelhaul, files):
    (name,) = files(legal=LEGAL)
    assert keelhaul("check", "--model", "cas-register", name).code == 0
    ended = keelhaul("check", "--model", "cas-register", "--failed-cas", "observe", "--json", name)
    assert ended.code == 1
    assert 1 in ended.json["refutation"]


def test_many_files_are_judged_in_order_and_invalid_outranks_the_rest(keelhaul, files):
    names = files(a=LEGAL, b="[]", c=ILLEGAL, d="{:process 1", e=LEGAL)
    ended = keelhaul("check", "--model", "cas-register", "--json", *names)
    assert ended.code == 1
    found = [(record["file"], record["verdict"]) for record in records(ended)]
    assert found == [("a", "valid"), ("b", "unknown"), ("c", "invalid"), ("d", "unknown"), ("e", "valid")]
    assert ended.err == "keelhaul: d:1:1: this map is never closed\n"


def test_small_files_are_read_several_at_a_time_and_no_large_one_with_them(files, monkeypatch):
    names = files(a=LEGAL, b=ILLEGAL, large=LEGAL * 3, c="{", d=LEGAL)
    happened = []
    monkeypatch.setattr(check_files, "TOGETHER_S", inf)
    read_file, checked, told = check_files.read_file, check_files._checked, check_files._Checked.told
    monkeypatch.setattr(
        check_files, "read_file", lambda path, name: happened.append(path.name) or read_file(path, name)
    )
    monkeypatch.setattr(check_files, "_checked", lambda *asked: happened.append("judged") or checked(*asked))
    monkeypatch.setattr(check_files._Checked, "told", lambda *asked: happened.append("told") or told(*asked))
    question = check_files.question("cas-register", budget_s=60, budget_mb=4000)
    found = [*check_files.check_files([Path(name) for name in names], question, ahead_bytes=len(LEGAL) * 2)]
    both = ["a", "b", "judged", "judged", "told", "told"]
    assert happened == [*both, "large", "judged", "told", "c", "d", "judged", "told"]
    assert [record["file"] for record in found] == names
    assert [record["verdict"] for record in found] == ["valid", "invalid", "valid", "unknown", "valid"]


@pytest.mark.parametrize(("together_s", "judged_by_then"), [(0.0, 1), (inf, 2)])
def test_a_record_does_not_wait_for_what_takes_long(files, monkeypatch, together_s, judged_by_then):
    judged, paths = [], [Path(name) for name in files(a=LEGAL, b=ILLEGAL)]
    checked = check_files._checked
    monkeypatch.setattr(check_files, "TOGETHER_S", together_s)
    monkeypatch.setattr(check_files, "_checked", lambda *asked: judged.append("judged") or checked(*asked))
    question = check_files.question("cas-register", budget_s=60, budget_mb=4000)
    found = check_files.check_files(paths, question)
    assert next(found)["file"] == str(paths[0])
    assert len(judged) == judged_by_then
    found.close()
    assert gc.isenabled()


def test_what_was_found_before_an_interrupt_is_told(files, monkeypatch):
    paths, checked = [Path(name) for name in files(a=LEGAL, b=ILLEGAL, c=LEGAL, d=LEGAL)], check_files._checked
    asked_for = count()

    def interrupted(*asked):
        if next(asked_for) == 2:
            raise KeyboardInterrupt
        return checked(*asked)

    monkeypatch.setattr(check_files, "TOGETHER_S", inf)
    monkeypatch.setattr(check_files, "_checked", interrupted)
    found = check_files.check_files(paths, check_files.question("cas-register", budget_s=60, budget_mb=4000))
    assert [next(found)["verdict"], next(found)["verdict"]] == ["valid", "invalid"]
    with pytest.raises(KeyboardInterrupt):
        next(found)
    assert gc.isenabled()


def test_a_file_that_cannot_be_read_is_254_and_the_others_are_judged(keelhaul, files):
    names = files(bad="{:process 0, :type :invoke, :f :read, :value [1 }", empty="[]", good=LEGAL)
    ended = keelhaul("check", "--model", "register", "--verify", *names)
    assert ended.code == 254
    assert "keelhaul: bad:1:49: '}' where ']' is expected" in ended.err
    assert "Traceback" not in ended.err


def test_an_empty_history_is_2(keelhaul, files):
    ended = keelhaul("check", "--model", "register", "--json", *files(empty="[]"))
    assert (ended.code, ended.json["verdict"]) == (2, "unknown")
    assert ended.json["reason"] == "there is no operation in it"


def test_a_history_of_failures_only_is_valid(keelhaul, files):
    text = "{:process 0, :type :invoke, :f :write, :value 3} {:process 0, :type :fail, :f :write, :value 3}"
    ended = keelhaul("check", "--model", "register", "--json", "--verify", *files(failures=text))
    assert (ended.code, ended.json["verdict"], ended.json["verified"]) == (0, "valid", True)


def test_operations_of_another_model_are_refused_by_name(keelhaul, files):
    ended = keelhaul("check", "--model", "mutex", *files(legal=LEGAL))
    assert ended.code == 254
    assert "legal: this is no history of a mutex: " in ended.err
    assert "'write'" in ended.err


def test_files_that_are_not_there_are_all_named_at_once(keelhaul, files):
    ended = keelhaul("check", "--model", "register", "no.edn", *files(legal=LEGAL), "nope.edn")
    assert ended.code == 254
    assert ended.out == ""
    assert ended.err == "keelhaul: no.edn: no such file\nkeelhaul: nope.edn: no such file\n"


def test_all_wrong_names_are_told_with_the_nearest(keelhaul, files):
    ended = keelhaul("check", "--model", "cas-regster", "--algorithm", "zone", *files(legal=LEGAL))
    assert ended.code == 254
    assert "cas-register" in ended.err.splitlines()[0]
    assert "zones" in ended.err.splitlines()[1]


@pytest.mark.parametrize(
    "arguments", [("--verify",), ("--jobs", "2"), ("--budget-s", "1"), ("--format", "edn"), ("--algorithm", "engine")]
)
def test_options_for_files_need_a_model(keelhaul, arguments):
    ended = keelhaul("check", "latest", *arguments)
    assert ended.code == 254
    assert f"{arguments[0]} need --model" in ended.err


def test_stored_runs_come_one_at_a_time(keelhaul):
    ended = keelhaul("check", "one", "two")
    assert (ended.code, "one stored run at a time" in ended.err) == (254, True)


def test_a_run_of_ours_can_be_checked_against_a_model(keelhaul, tiny):
    run = keelhaul("run", tiny, "--quiet", "--json")
    ended = keelhaul("check", "--model", "cas-register", "--json", "--verify", "latest", run.json["run"])
    assert ended.code == 254
    ended = keelhaul("check", "--model", "cas-register", "--json", "--verify", run.json["run"])
    assert (ended.code, ended.json["verified"]) == (0, True)
    assert ended.json["operations"] > 50


def test_a_format_can_be_named(keelhaul, files):
    (name,) = files(legal=LEGAL)
    assert keelhaul("check", "--model", "cas-register", "--format", "edn", name).code == 0
    ended = keelhaul("check", "--model", "cas-register", "--format", "json", name)
    assert (ended.code, "this is no JSON" in ended.err) == (254, True)


def test_an_algorithm_can_be_named(keelhaul, files):
    ended = keelhaul("check", "--model", "cas-register", "--algorithm", "engine", "--json", *files(legal=LEGAL))
    assert (ended.code, ended.json["algorithm"]) == (0, "engine")


def test_beyond_the_budget_it_is_2_with_how_far_it_got(keelhaul, files):
    operations = [f"{{:process {n}, :type :invoke, :f :add, :value {1 << n}}}" for n in range(24)]
    operations += [f"{{:process {n}, :type :ok, :f :add, :value {1 << n}}}" for n in range(24)]
    operations.insert(24, "{:process 99, :type :invoke, :f :read, :value nil}")
    operations.append("{:process 99, :type :ok, :f :read, :value -1}")
    (name,) = files(hard="\n".join(operations))
    ended = keelhaul("check", "--model", "counter", "--budget-s", "0.1", "--json", "--verify", name)
    assert (ended.code, ended.json["verdict"]) == (2, "unknown")
    assert "budget of 0.1 s" in ended.json["reason"]
    assert "verified" not in ended.json


def test_a_file_may_have_any_name(keelhaul, tmp_path):
    name = os.fsdecode(b"caf\xe9.edn")
    (tmp_path / name).write_text(LEGAL)
    ended = keelhaul("check", "--model", "cas-register", "--json", name, name + "x")
    assert (ended.code, ended.err) == (254, "keelhaul: caf\ufffd.ednx: no such file\n")
    assert keelhaul("check", "--model", "cas-register", "--json", name).json["file"] == "caf\ufffd.edn"


def test_for_people_there_is_a_line_a_file_and_the_reason(keelhaul, files):
    ended = keelhaul("check", "--model", "cas-register", "--verify", *files(legal=LEGAL, illegal=ILLEGAL))
    first, second, reason = ended.out.splitlines()
    assert first.startswith("legal: valid (2 operations, ")
    assert first.endswith(" ms, proof verified)")
    assert second.startswith("illegal: invalid (")
    assert "returned 4" in reason


def test_a_proof_that_does_not_verify_is_a_failure_of_ours(keelhaul, files, monkeypatch):
    monkeypatch.setattr(check_files, "check", lambda *a, **m: Forged())
    ended = keelhaul("check", "--model", "cas-register", "--verify", *files(legal=LEGAL))
    assert ended.code == 255
    assert "PROOF NOT VERIFIED" in ended.out


class Forged:
    """An outcome whose proof isn't one."""

    verdict = check_files.Verdict.VALID
    reason, algorithm, witness, refutation, left = "", "zones", [0, 1], None, ()

    def problem(self):
        return "it is no legal run"


# --- export


def test_what_is_exported_gets_the_same_verdict(keelhaul, files):
    for name in files(legal=LEGAL, illegal=ILLEGAL):
        assert keelhaul("export", name, "--output", f"{name}.edn").code == 0
        codes = {keelhaul("check", "--model", "cas-register", path).code for path in (name, f"{name}.edn")}
        assert codes == {0 if name == "legal" else 1}


def test_porcupine_gets_json(keelhaul, files):
    ended = keelhaul("export", *files(legal=LEGAL), "--to", "porcupine", "--failed-cas", "observe")
    write, cas, read = json.loads(ended.out)
    assert write == {
        "ClientId": 0,
        "Input": {"f": "write", "value": 3},
        "Call": 0,
        "Output": {"ok": True, "value": 3},
        "Return": 1,
    }
    assert cas["Output"] == {"ok": False}
    assert read["Input"] == {"f": "read", "value": None}


def test_one_violated_key_settles_the_verdict_and_the_others_are_only_read(keelhaul, files):
    stale = [("write", 1), ("write", 2), ("read", 1)]
    rows = [
        {"process": 0, "type": kind, "f": f, "value": [key, None if f == "read" and kind == "invoke" else value]}
        for key, asked in (("z", stale[:1]), ("a", stale), ("b", stale))
        for f, value in asked
        for kind in ("invoke", "ok")
    ]
    text = "\n".join(map(json.dumps, rows))
    for jobs in ("1", "3"):
        ended = keelhaul("check", "--model", "register", "--verify", "--json", "--jobs", jobs, *files(keyed=text))
        assert (ended.json["verdict"], ended.json["verified"]) == ("invalid", True)
        assert ended.json["reason"].startswith("key a: ")
        assert ended.json["reason"].endswith("(1 of 3 keys were not judged, for one is violated.)")
    odd = text.replace('"f": "write", "value": ["b"', '"f": "wrote", "value": ["b"')
    ended = keelhaul("check", "--model", "register", "--json", *files(odd=odd))
    assert "not 'wrote'" in ended.json["reason"]


def test_one_key_can_be_exported(keelhaul, files):
    rows = "".join(f'{{"process":{n},"type":"invoke","f":"write","value":["k{n}",{n}]}}\n' for n in range(3))
    (name,) = files(keyed=rows)
    ended = keelhaul("export", name, "--key", '"k1"')
    assert ended.out.splitlines()[0] == "{:index 0, :type :invoke, :process 1, :f :write, :value 1}"
    ended = keelhaul("export", name, "--key", '"k7"')
    assert (ended.code, 'there are: "k0", "k1", "k2"' in ended.err) == (254, True)
    ended = keelhaul("export", *files(legal=LEGAL), "--key", "1")
    assert (ended.code, "has no keys" in ended.err) == (254, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{:process 1", "bad:1:1: this map is never closed"),
        ('{"process":0,"type":"invoke","f":"two words","value":1}', "bad: the function 'two words' can't be an EDN"),
    ],
)
def test_what_cannot_be_exported_is_refused(keelhaul, files, text, says):
    ended = keelhaul("export", *files(bad=text))
    assert ended.code == 254
    assert says in ended.err


def test_a_file_that_is_not_there(keelhaul):
    ended = keelhaul("export", "nowhere")
    assert (ended.code, "nowhere:1:1: it can't be read" in ended.err) == (254, True)


# --- what is written twice


def test_the_command_line_knows_the_formats_and_the_exports():
    assert tuple(FORMATS) == check.FORMATS == export.FORMATS
    assert EXPORTS == export.EXPORTS


@pytest.mark.parametrize("what", ["models", "algorithms"])
def test_models_and_algorithms_can_be_listed(keelhaul, what):
    ended = keelhaul("list", what)
    assert ended.code == 0
    assert ("cas-register" if what == "models" else "zones") in ended.out
