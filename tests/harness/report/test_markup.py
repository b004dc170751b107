"""HTML that can't be broken from inside."""

import json

from hypothesis import given
from hypothesis import strategies as st

from keelhaul.harness.report.markup import Markup, element, escaped, json_for_script, table

HOSTILE = "</script><img src=x onerror='alert(1)'>\"&"


def test_text_is_escaped_and_markup_is_not():
    inner = element("b", HOSTILE)
    assert escaped(inner) is inner
    whole = element("p", inner, HOSTILE, 7, class_="x", data_plot=HOSTILE, title=None)
    assert whole.count("<") == 4
    assert whole.startswith('<p class="x" data-plot="&lt;/script&gt;')
    assert "title" not in whole
    assert whole.endswith("7</p>")


def test_a_table_has_a_class_for_each_column_or_says_why_it_is_empty():
    columns = (("name", ""), ("count", "number"))
    whole = table(columns, [("a<", 1)], "nothing")
    assert '<td>a&lt;</td><td class="number">1</td>' in whole
    assert '<th class="number" scope="col">count</th>' in whole
    assert table(columns, [], "nothing") == '<p class="note">nothing</p>'
    assert isinstance(table(columns, [], ""), Markup)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_survives_the_way_into_a_script_element(value):
    written = json_for_script(value)
    assert written.isascii()
    assert not set("<>&") & set(written)
    assert json.loads(written) == value


def test_lone_surrogates_and_line_separators_are_escaped():
    assert json_for_script("\u2028\u2029\ud800</script>") == '"\\u2028\\u2029\\ud800\\u003c/script\\u003e"'
