"""docs/histories.md says what the commands do."""

from __future__ import annotations

import re
from pathlib import Path

from keelhaul.checkers.formats import FORMATS

PAGE = (Path(__file__).parents[3] / "docs" / "histories.md").read_text()
ILLEGAL = """{:process 0, :type :invoke, :f :read, :value nil}
{:process 0, :type :ok, :f :read, :value 4}
"""


def named(table):
    """The names in backquotes in a table's first column."""
    return re.findall(r"`(\w+(?:-\w+)*)`", " ".join(row.split("|")[1] for row in table.splitlines()[2:]))


def table_after(heading):
    return PAGE.partition(heading)[2].lstrip("\n").partition("\n\n")[0]


def test_its_fields_are_those_of_the_record(keelhaul, tmp_path):
    (tmp_path / "bad.edn").write_text(ILLEGAL)
    record = keelhaul("check", "--model", "register", "--json", "--verify", "--levels", "bad.edn").json
    (tmp_path / "good.edn").write_text(ILLEGAL.replace("4", "nil"))
    record |= keelhaul("check", "--model", "register", "--json", "--verify", "good.edn").json
    assert sorted(named(table_after("one object a file, in order.\n"))) == sorted(record)


def test_its_formats_are_all(keelhaul):
    assert named(table_after("or named with `--format`:\n")) == list(FORMATS)


def test_its_example_of_the_library_runs():
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert "read(data)" in example
    exec(compile(example, "docs/histories.md", "exec"), {"data": ILLEGAL.replace("4", "nil").encode()})
