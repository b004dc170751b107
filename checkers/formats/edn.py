"""EDN values: Clojure's data notation, as Jepsen, Knossos and Elle write it.

Read are nil, booleans, numbers, strings, characters, keywords, symbols, vectors, lists, sets, maps, tags, comments and
`#_`. What comes out is what `values.freeze` would make of the JSON that means the same: vectors and lists are arrays,
a set is the array of its elements in a fixed order, a map is an object, keywords and symbols are texts, and what has a
tag is as it would be without.

So `:a` and `"a"` come out equal, though to EDN they differ. `texts` and `names` remember both kinds, for the reader of
a history to refuse one in which that could matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from typing import Any, Final

from keelhaul.checkers.formats.errors import error_at, excerpt
from keelhaul.checkers.values import freeze

DEPTH_MAX: Final = 100
DIGITS_MAX: Final = 4000
"""Digits of a number; Python stops reading decimals a little above."""

ATOM: Final = r"""[^\s,"\[\](){};#\\^@`~']++"""
STRING: Final = r'"(?:[^"\\]++|\\.)*+"'
SKIPPED: Final = r"(?:[\s,]++|;[^\n]*+)*+"
_SPACE = re.compile(SKIPPED)
_TOKEN = re.compile(
    rf"""{SKIPPED}(?:
        (?P<atom>{ATOM}(?:\#{ATOM})*+) | (?P<string>{STRING}) | (?P<open>[\[({{]|\#\{{) | (?P<close>[\])}}])
        | (?P<discard>\#_) | (?P<symbolic>\#\#\w++) | (?P<tag>\#[A-Za-z][\w.\-/$]*+)
        | (?P<char>\\(?:u[0-9a-fA-F]{{4}}|[a-z]++|\S)) | (?P<end>\Z) | (?P<bad>.)
    )""",
    re.DOTALL | re.VERBOSE,
)
_WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]*)N?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?M?", re.ASCII)
_RATIO = re.compile(r"[+-]?[0-9]+/[0-9]+", re.ASCII)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {"t": "\t", "r": "\r", "n": "\n", "b": "\b", "f": "\f", "\\": "\\", '"': '"'}
_CHARACTERS: Final = {"newline": "\n", "space": " ", "tab": "\t", "return": "\r", "backspace": "\b", "formfeed": "\f"}
_NAMED: Final = {"nil": None, "true": freeze(True), "false": freeze(False)}
_SYMBOLIC: Final = {"##Inf": float("inf"), "##-Inf": float("-inf"), "##NaN": freeze(float("nan"))}
_CLOSING: Final = {"[": "]", "(": ")", "{": "}", "#{": "}"}
SURROGATES = re.compile("[\ud800-\udfff]")


class EdnReader:
    """Reads values out of one text; every error names its place in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()
        """The keywords that were met."""
        self.texts: set[str] = set()
        """The strings that were met."""

    def value(self, position: int = 0, depth: int = 0) -> tuple[Hashable, int]:
        """Return the value at a position and where it ends; FormatError if there is none."""
        found = _TOKEN.match(self.text, position)
        assert found is not None, "the last branch takes anything"
        kind = found.lastgroup or "bad"
        token, start, end = found[kind], found.start(kind), found.end()
        if kind == "atom":
            return self._atom(token, start), end
        if kind == "string":
            return self._string(token, start), end
        if kind == "open":
            return self._collection(token, start, end, depth)
        if kind in ("tag", "discard"):
            return self._after(kind, end, depth, start)
        if kind == "char":
            return self._character(token[1:], start), end
        if kind == "symbolic" and token in _SYMBOLIC:
            return _SYMBOLIC[token], end
        if kind == "end":
            raise error_at(self.text, start, "the text ends where a value is expected")
        what = "a string that never ends" if token == '"' else f"{excerpt(self.text, start)} is no EDN value"
        raise error_at(self.text, start, what)

    def _after(self, kind: str, end: int, depth: int, start: int) -> tuple[Hashable, int]:
        """Read what a tag is for; after `#_`, skip a value and read the next."""
        if depth >= DEPTH_MAX:
            raise self._too_deep(start)
        if kind == "discard":
            _, end = self.value(end, depth + 1)
        return self.value(end, depth + 1)

    def _collection(self, opening: str, start: int, position: int, depth: int) -> tuple[Hashable, int]:
        if depth >= DEPTH_MAX:
            raise self._too_deep(start)
        items, end = self._items(_CLOSING[opening], start, position, depth)
        if opening in ("[", "("):
            return ("array", *items), end
        if opening == "#{":
            return ("array", *sorted(items, key=_rank)), end
        if len(items) % 2:
            raise error_at(self.text, start, "this map has a key without a value")
        return ("object", *sorted(zip(items[::2], items[1::2], strict=True), key=_rank_of_key)), end

    def _items(self, closing: str, start: int, position: int, depth: int) -> tuple[list[Hashable], int]:
        items: list[Hashable] = []
        while True:
            found = _TOKEN.match(self.text, position)
            assert found is not None, "the last branch takes anything"
            if found.lastgroup == "close":
                if found["close"] != closing:
                    place = found.start("close")
                    raise error_at(self.text, place, f"{found['close']!r} where {closing!r} is expected")
                return items, found.end()
            if found.lastgroup == "end":
                raise error_at(self.text, start, f"{self.text[start]!r} is never closed")
            if found.lastgroup == "discard":
                _, position = self.value(found.end(), depth + 1)
                continue
            item, position = self.value(position, depth + 1)
            items.append(item)

    def _too_deep(self, start: int) -> Exception:
        return error_at(self.text, start, f"values are nested more than {DEPTH_MAX} deep")

    def _atom(self, token: str, start: int) -> Hashable:
        if token in _NAMED:
            return _NAMED[token]
        first = token[0]
        if first == ":" and len(token) > 1:
            self.names.add(token[1:])
            return token[1:]
        if first.isdigit() or (first in "+-" and token[1:2].isdigit()):
            return self._number(token, start)
        if first != ":":
            self.names.add(token)
            return token
        raise error_at(self.text, start, f"{excerpt(token)} is no EDN value")

    def _number(self, token: str, start: int) -> Hashable:
        if len(token) > DIGITS_MAX:
            raise error_at(self.text, start, f"a number of more than {DIGITS_MAX} digits")
        if _WHOLE.fullmatch(token):
            return int(token.rstrip("N"))
        if _DECIMAL.fullmatch(token):
            return float(token.rstrip("M"))
        if _RATIO.fullmatch(token):
            return token
        raise error_at(self.text, start, f"{excerpt(token)} is no number")

    def _string(self, token: str, start: int) -> str:
        text = token[1:-1]
        if "\\" in text:
            text = self._unescape(text, start)
        self.texts.add(text)
        return text

    def _unescape(self, text: str, start: int) -> str:
        def one(found: re.Match[str]) -> str:
            if found[1]:
                return chr(int(found[1], 16))
            if found[2] not in _ESCAPED:
                raise error_at(self.text, start, f"{excerpt(found[0])} is no escape in a string")
            return _ESCAPED[found[2]]

        return whole_text(_ESCAPE.sub(one, text), lambda: error_at(self.text, start, "half a surrogate pair"))

    def _character(self, name: str, start: int) -> str:
        if len(name) > 1 and name[0] == "u":
            name = whole_text(chr(int(name[1:], 16)), lambda: error_at(self.text, start, "half a surrogate pair"))
        elif len(name) > 1 and name not in _CHARACTERS:
            raise error_at(self.text, start, f"{excerpt(name)} is no character")
        text = _CHARACTERS.get(name, name)
        self.texts.add(text)
        return text


def end_of_space(text: str, position: int) -> int:
    """Return where white space and comments end."""
    found = _SPACE.match(text, position)
    assert found is not None, "it matches nothing, too"
    return found.end()


def whole_text(text: str, error: Callable[[], Exception]) -> str:
    """Join surrogate pairs; raise `error()` if a half has no other half, for such a text can't be written out again."""
    if not SURROGATES.search(text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise error() from None


def _rank(value: Any) -> tuple[str, str]:
    """Put any values into one order; texts into the one that `freeze` has them in."""
    return type(value).__name__, value if isinstance(value, str) else repr(value)


def _rank_of_key(item: tuple[Any, Any]) -> tuple[str, str]:
    return _rank(item[0])
