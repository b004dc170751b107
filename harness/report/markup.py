"""HTML that can't be broken from inside: text is escaped unless this file made it.

Whatever is not `Markup` is escaped where it is put in, so a forgotten call shows a stray
`&lt;` and never runs a script.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from typing import Any

from keelhaul.harness.report.wording import printable


class Markup(str):
    """HTML, as opposed to text."""

    __slots__ = ()


def escaped(content: Any) -> Markup:
    """Return the content as HTML: Markup as it is, anything else as text."""
    return content if isinstance(content, Markup) else Markup(html.escape(printable(str(content))))


def joined(parts: Iterable[Any]) -> Markup:
    """Return the parts, one after the other."""
    return Markup("".join(escaped(part) for part in parts))


def element(tag: str, *content: Any, **attributes: str | None) -> Markup:
    """Return an element. An attribute's name may end in `_` where Python wants it (`class_`), `_` within is `-`; None
    leaves it out."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{written}>{joined(content)}</{tag}>")


def table(columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]], empty: str) -> Markup:
    """Return a table; columns are (heading, class), such as number or value. Without rows: the sentence `empty`."""
    body = [
        element("tr", *(_cell(content, column) for content, column in zip(row, columns, strict=True))) for row in rows
    ]
    if not body:
        return element("p", empty, class_="note")
    head = element("tr", *(element("th", heading, class_=kind or None, scope="col") for heading, kind in columns))
    whole = element("table", element("thead", head), element("tbody", *body))
    return element("div", whole, class_="wide")


def _cell(content: Any, column: tuple[str, str]) -> Markup:
    return element("td", content, class_=column[1] or None)


def json_for_script(value: Any) -> str:
    """Return JSON that can stand within a script element: pure ASCII, so no U+2028, and nothing that could end the
    element, open a comment or begin an entity."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
