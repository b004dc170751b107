"""Reading whole histories: every shape of every format, joined to operations, or refused with line and column."""

from __future__ import annotations

import json

import pytest

from keelhaul.checkers.formats import FormatError, detect, read
from keelhaul.checkers.formats.edn import EdnReader
from keelhaul.checkers.formats.edn_values import KnownValues, value_of
from keelhaul.checkers.linearizability.operations import OPEN, MalformedOperation
from keelhaul.checkers.models.model import Keys
from keelhaul.checkers.values import freeze

EDN_MAPS = """{:process 0, :type :invoke, :f :write, :value 3}
{:process 1, :type :invoke, :f :cas, :value [3 4]}
{:process 0, :type :ok, :f :write, :value 3}
{:process :nemesis, :type :info, :f :start, :value "cut off"}
{:process 1, :type :fail, :f :cas, :value [3 4], :error :not-equal}
{:process 0, :type :invoke, :f :read, :value nil}
{:process 1, :type :invoke, :f :write, :value 5}
{:process 0, :type :ok, :f :read, :value 3}
{:process 1, :type :info, :f :write, :value 5, :error [:timeout "late"]}
"""
EDN_VECTOR = "; a comment\n[" + EDN_MAPS + "]"
EDN_LIST = "(" + EDN_MAPS.replace("\n", " ; another\n") + ")"
EDN_RECORDS = EDN_MAPS.replace("{:process", "#jepsen.history.Op{:index 0, :process")
EDN_SPREAD = EDN_MAPS.replace(", ", ",\n  ")
TEXT_LOG = """INFO  jepsen.core - Running test
INFO  jepsen.util - 0\t:invoke\t:write\t3
INFO  jepsen.util - 1\t:invoke\t:cas\t[3 4]
INFO  jepsen.util - 0\t:ok\t:write\t3
INFO  jepsen.util - :nemesis\t:info\t:start\t"cut off"
INFO  jepsen.util - 1\t:fail\t:cas\t[3 4]\t:not-equal
INFO  jepsen.util - 0\t:invoke\t:read\tnil
INFO  jepsen.util - 1\t:invoke\t:write\t5
INFO  jepsen.util - 0\t:ok\t:read\t3
INFO  jepsen.util - 1\t:info\t:write\t:timed-out
"""
HISTORY_TXT = "\n".join(line.partition(" - ")[2] for line in TEXT_LOG.splitlines()[1:])
BLANKS = TEXT_LOG.replace("\t:not-equal", "").replace("\t", "   ")
ROWS = [
    {"process": 0, "type": "invoke", "f": "write", "value": 3},
    {"process": 1, "type": "invoke", "f": "cas", "value": [3, 4]},
    {"process": 0, "type": "ok", "f": "write", "value": 3},
    {"process": "nemesis", "type": "info", "f": "start", "value": "cut off"},
    {"process": 1, "type": "fail", "f": "cas", "value": [3, 4], "error": "not-equal"},
    {"process": 0, "type": "invoke", "f": "read", "value": None},
    {"process": 1, "type": "invoke", "f": "write", "value": 5},
    {"process": 0, "type": "ok", "f": "read", "value": 3},
    {"process": 1, "type": "info", "f": "write", "value": 5},
]
JSON_LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
JSON_ARRAY = json.dumps(ROWS)
JSON_PRETTY = json.dumps(ROWS, indent=2)

SAME = {
    "edn": [EDN_MAPS, EDN_VECTOR, EDN_LIST, EDN_RECORDS, EDN_SPREAD, "\ufeff" + EDN_MAPS, "; note\n" + EDN_MAPS],
    "text-log": [TEXT_LOG, HISTORY_TXT, BLANKS, TEXT_LOG.replace("\n", "\r\n")],
    "json": [JSON_LINES, JSON_ARRAY, JSON_PRETTY, JSON_LINES.replace("\n", "\n\n"), JSON_LINES.replace("\n", "\r\n")],
}


def error(text, format_name=None):
    with pytest.raises(FormatError) as caught:
        read(text.encode(), format_name)
    return caught.value


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SAME.items() for text in texts])
def test_one_history_reads_the_same_in_every_shape(name, text):
    assert detect(text.removeprefix("\ufeff")) == name
    recorded = read(text.encode())
    assert recorded.f == ["write", "cas", "read", "write"]
    assert recorded.argument == [3, freeze([3, 4]), None, 5]
    assert recorded.result == [3, None, 3, None]
    assert recorded.invoked == [0, 1, 5, 6]
    assert recorded.returned == [2, 4, 7, OPEN]
    assert recorded.process == [0, 1, 0, 1]
    assert (recorded.failed, recorded.rows) == ([1], 9)


def test_what_failed_is_left_out_and_indexes_stay():
    operations = read(EDN_MAPS.encode()).operations()
    assert operations.f == ["write", "read", "write"]
    assert list(operations.index) == [0, 2, 3]
    assert operations.failed is None
    assert operations.key is None


def test_a_cas_that_failed_can_be_an_observation():
    operations = read(EDN_MAPS.encode()).operations(failed_cas="observe")
    assert operations.f == ["write", "cas", "read", "write"]
    assert operations.failed == [False, True, False, False]
    assert operations.returned[1] == 4


def test_only_a_cas_can_be_an_observation():
    text = EDN_MAPS.replace(":fail, :f :cas", ":ok, :f :cas") + (
        "{:process 7, :type :invoke, :f :read}{:process 7, :type :fail, :f :read}"
    )
    operations = read(text.encode()).operations(failed_cas="observe")
    assert operations.f == ["write", "cas", "read", "write"]
    assert operations.failed is None


KEYED = """{:process 0, :type :invoke, :f :put, :key "a", :value "1"}
{:process 1, :type :invoke, :f :get, :key "b", :value nil}
{:process 0, :type :ok, :f :put, :key "a", :value "1"}
{:process 1, :type :ok, :f :get, :key "b", :value ""}
{:process 1, :type :invoke, :f :get, :key "b", :value nil}
"""


@pytest.mark.parametrize("keys", list(Keys))
def test_a_field_for_the_key_makes_independent_objects(keys):
    operations = read(KEYED.encode()).operations(keys=keys)
    assert operations.key == ["a", "b", "b"]
    assert operations.argument == ["1", None, None]
    assert operations.result == ["1", "", None]


def test_so_do_pairs_of_key_and_value():
    rows = [
        {"process": 0, "type": "invoke", "f": "cas", "value": ["x", [1, 2]]},
        {"process": 0, "type": "ok", "f": "cas", "value": ["x", [1, 2]]},
        {"process": 0, "type": "invoke", "f": "read", "value": ["y", None]},
        {"process": 0, "type": "ok", "f": "read", "value": ["y", 7]},
        {"process": 0, "type": "invoke", "f": "write", "value": ["y", [1, 2]]},
    ]
    recorded = read("\n".join(map(json.dumps, rows)).encode())
    operations = recorded.operations()
    assert operations.key == ["x", "y", "y"]
    assert operations.argument == [freeze([1, 2]), None, freeze([1, 2])]
    assert operations.result == [freeze([1, 2]), 7, None]
    assert recorded.operations(keys=Keys.NEVER).key is None


@pytest.mark.parametrize(
    "rows",
    [
        [("cas", [1, 2], [1, 2])],
        [("write", [1, 2], [1, 2]), ("read", None, [1, 2])],
        [("write", ["x", 2], ["x", 2]), ("read", ["x", None], ["y", 2])],
        [("txn", [["r", 1, None], ["r", 2, None]], [["r", 1, None], ["r", 2, None]])],
    ],
)
def test_a_pair_need_not_be_a_key_and_a_value(rows):
    written = [
        {"process": 0, "type": type_, "f": f, "value": value}
        for f, argument, result in rows
        for type_, value in (("invoke", argument), ("ok", result))
    ]
    assert read(json.dumps(written).encode()).operations(keys=Keys.MAYBE).key is None


def test_where_keys_must_be_a_value_without_one_is_named():
    with pytest.raises(MalformedOperation, match="row 0: 'write' has no key"):
        read(EDN_MAPS.encode()).operations(keys=Keys.ALWAYS)


def test_elles_examples_name_no_process_and_no_function():
    recorded = read(b"{:index 0 :type :invoke :value [[:append 1 2]]}\n{:index 1 :type :ok, :value [[:append 1 2]]}")
    assert recorded.f == ["txn"]
    assert recorded.argument == [freeze([["append", 1, 2]])]
    assert recorded.returned == [1]


@pytest.mark.parametrize(
    "text",
    ["[[:append 9 1] [:r 8 nil]]", "[[:append 9 1]   [:r 8 nil]]", "[[:r :x [1 2 3]] [:w 2 7]]", "[[:r 1 [ 2  3 ]]]"],
)
def test_transactions_read_the_same_however_they_are_spaced(text):
    row = f"{{:process 0, :type :invoke, :f :txn, :value {text}}}"
    (value,) = read(row.encode()).argument
    spaced = text.replace("[", "[ ").replace("]", " ]").replace(" ", " , ")
    assert read(row.replace(text, spaced).encode()).argument == [value]
    assert value[1][1] in ("append", "r")


PLAIN = ["[1 nil]", "[nil 0]", "[12 3 45]", "[7]", "[nil nil]"]
ALMOST_PLAIN = ["[]", "[01 2]", "[1 -2]", "[1 2N]", "[1 1234567890123456789]", "[1 true]", "[1  2]", "[1,2]", "[ 1 2]"]
OTHERS = ["[1 [2 3]]", "[1 :a]", "[1 nil2]", "[1 \u0662]", "[1 2] 3", "[1 2", "1 2]"]


@pytest.mark.parametrize("text", [*PLAIN, *ALMOST_PLAIN, *OTHERS])
def test_vectors_are_read_at_once_as_they_are_step_by_step(text):
    def outcome(reads):
        try:
            return reads()
        except FormatError as error:
            return error.problem

    found, expected = outcome(lambda: KnownValues()[text]), outcome(lambda: value_of(text, EdnReader("")))
    assert repr(found) == repr(expected)


def test_a_process_may_go_on_after_an_info():
    text = "0\t:invoke\t:write\t1\n0\t:info\t:write\t1\n0\t:invoke\t:write\t2\n0\t:ok\t:write\t2"
    assert read(text.encode()).returned == [OPEN, 3]


def test_an_empty_vector_is_a_history_without_rows():
    assert len(read(b"[]")) == len(read(b" [ ]\n", "edn")) == 0


ROW = "{:process 0, :type :invoke, :f :read, :value nil}\n"


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        (ROW + ROW, (2, 1), "process 0 invokes 'read' while its 'read' is still open"),
        (ROW + " " + ROW.replace("invoke", "ok").replace("0", "1"), (2, 2), "'read', but it has nothing open"),
        (ROW + ROW.replace("invoke", "ok").replace(":read", ":write"), (2, 1), "'write', but what it has open"),
        (ROW.replace("invoke", "begin"), (1, 1), "its :type is ':begin' (allowed: :invoke, :ok, :fail, :info)"),
        (ROW + "{:process 1}", (2, 1), "this map has no :type"),
        (ROW.replace(" 0", ' "zero"'), (1, 1), "its :process is"),
        (ROW.replace(" 0", " -3"), (1, 1), "its :process is '-3'"),
        (ROW.replace(" 0", " 1.5"), (1, 1), "its :process is '1.5'"),
        (ROW.replace(":read", "17"), (1, 1), "its :f is '17'"),
        (ROW + "[1 2]", (2, 1), "a map is expected, but here is '[1 2]'"),
        (ROW + "{:type :ok", (2, 1), "this map is never closed"),
        (ROW + "{:type :ok 7", (2, 12), "a key such as :type is expected, but here is '7'"),
        (ROW + "{:type :ok :type :ok}", (2, 12), "this map has :type twice"),
        (ROW + "{:type :ok, :value [1 2}", (2, 24), "'}' where ']' is expected"),
        (ROW.replace("nil", "[1 [2 [3 [4 0x]]]]"), (1, 58), "no number"),
        (ROW.replace("nil", "3x"), (1, 46), "no number"),
        ("[" + ROW, (2, 1), "the text ends before the ']' that ends the history"),
        ("[" + ROW + "] 7", (2, 3), "after the end of the history there is '7'"),
        (KEYED + ROW.replace(" 0", " 5"), (6, 1), "this row has no :key"),
        (ROW + KEYED.replace(" 0", " 5"), (2, 1), "this row has a :key and others don't"),
        (ROW.replace("nil", ":a") + ROW.replace("nil", '"a"').replace(" 0", " 1"), (1, 1), "both :a and 'a' as values"),
    ],
)
def test_a_wrong_edn_history_is_refused_with_its_place(text, place, says):
    found = error(text, "edn")
    assert says in found.problem
    assert (found.line, found.column) == place


LINE = '{"process": 0, "type": "invoke", "f": "read", "value": null}\n'


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        (LINE + LINE, (2, 1), "process 0 invokes 'read' while"),
        (LINE + LINE.replace("invoke", "begin"), (2, 1), "its type is \"'begin'\" (allowed: invoke, ok, fail, info)"),
        (LINE.replace('"invoke"', "[1]"), (1, 1), "its type is '[1]'"),
        (LINE + "[1, 2]", (2, 1), "a row is an object, but here is '[1, 2]'"),
        (LINE + "x", (2, 1), "this is no JSON: Expecting value"),
        (LINE + '{"process": 0, "type"', (2, 22), "this is no JSON: Expecting ':' delimiter"),
        (LINE.replace(" 0", " true"), (1, 1), "its process is 'True'"),
        (LINE.replace(" 0", " -1"), (1, 1), None),
        (LINE.replace(" 0", " -2"), (1, 1), "its process is '-2'"),
        (LINE.replace('"read"', "null"), (1, 1), "its f is 'None'"),
        (LINE.replace("null", "9" * 5000), (1, 1), "can't be read"),
        (LINE.replace("null", "[" * 101 + "]" * 101), (1, 1), "nested more than 100 deep"),
        (LINE.replace("null", '"\\ud800"'), (1, 1), "half a surrogate pair"),
        ("[" + LINE + LINE, (2, 1), "a comma or ']' is expected"),
        ("[" + LINE, (2, 1), "the text ends before the ']'"),
        ("[" + LINE + "] 7", (2, 3), "after the end of the history there is '7'"),
        (LINE + LINE.replace(" 0", ' 1, "key": 2'), (2, 1), "some rows of this history have a key and others don't"),
    ],
)
def test_a_wrong_json_history_is_refused_with_its_place(text, place, says):
    if says is None:
        assert read(text.encode()).process == [-1]
        return
    found = error(text, "json")
    assert says in found.problem
    assert (found.line, found.column) == place


@pytest.mark.parametrize("depth", [1_000, 100_000, 1_000_000])
def test_json_of_any_depth_is_refused(depth):
    assert "deep" in error(LINE.replace("null", "[" * depth + "]" * depth), "json").problem


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "no line of this text is a row"),
        ("INFO something else\nand more\n", 1, "no line of this text is a row"),
        ("0\t:invoke\t:read\tnil\n0\t:ok\t:read\n", 2, "a row is process, type, f and value"),
        ("0\t:invoke\t:read\tnil\nx y\t:ok\t:read\t3", 2, "its process is 'y'"),
        ("0\t:invoke\t:read\t[1", 1, "its value can't be read: '[' is never closed"),
        ("0\t:invoke\t:read\t1 2", 1, "its value can't be read: '1 2' is more than one value"),
        ("0\t:invoke\t:read\tnil\n\n0\t:invoke\t:read\tnil", 3, "is still open"),
        ('0\t:invoke\t:write\t:a\n1\t:invoke\t:write\t"a"', 1, "both :a and 'a'"),
    ],
)
def test_a_wrong_log_is_refused_with_its_line(text, line, says):
    found = error(text, "text-log")
    assert says in found.problem
    assert found.line == line


def test_bytes_that_are_no_text_are_refused_with_their_place():
    with pytest.raises(FormatError, match=r"line 2, column 3: the byte 0xff isn't UTF-8"):
        read(b"{}\nab\xff")


def test_more_shapes_than_are_learnt_are_read_all_the_same():
    fields = [f", :x{number} {number}" for number in range(40)]
    maps = (f"{{:process {n}, :type :invoke{extra}, :f :write, :value {n}}}" for n, extra in enumerate(fields))
    text = "".join(maps)
    recorded = read(text.encode())
    assert recorded.argument == recorded.process == list(range(40))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"a"', "json"),
        ("{:a", "edn"),
        ("{ , :a", "edn"),
        ("#op{:a", "edn"),
        ("[{:a", "edn"),
        ('[{"a"', "json"),
        ("[\n\n  {\n", "edn"),
        ("({:a", "edn"),
        ("; x\n[", "edn"),
        ("[]", "json"),
        ("", "text-log"),
        ("INFO  jepsen", "text-log"),
        ("0\t:invoke", "text-log"),
        ("{}", "json"),
    ],
)
def test_the_first_characters_tell_the_format(text, name):
    assert detect(text) == name
