"""Small histories for the report's tests, and a reader of its HTML."""

import json
from html.parser import HTMLParser

import pytest

from keelhaul.checkers.history import NEMESIS, History, Row

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Reads a page: every element with its attributes, the text by element, and whether the tags match."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements = []
        self.problems = []
        self.texts = []
        self._open = []
        self.feed(text)
        self.close()
        self.problems += [f"{tag} is never closed" for tag in self._open]

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        if not self._open or self._open[-1] != tag:
            self.problems.append(f"{tag} is closed in {self._open[-3:]}")
        else:
            self._open.pop()

    def handle_data(self, data):
        self.texts.append((self._open[-1] if self._open else "", data))

    def text(self):
        """What a person reads."""
        return "\n".join(text for tag, text in self.texts if tag not in ("script", "style"))

    def tags(self):
        return [tag for tag, _ in self.elements]

    def data(self):
        """What the page's script reads."""
        return json.loads(next(text for tag, text in self.texts if tag == "script"))


@pytest.fixture
def read_page():
    return Page


@pytest.fixture
def history_of():
    """Builds a history from (time, type, process, f, value[, error]), without the indices."""

    def build(*rows):
        return History.of(Row(index, *row) for index, row in enumerate(rows))

    return build


@pytest.fixture
def nemesis_row():
    """Builds a row of the nemesis."""

    def build(time, f, phase, **value):
        return (time, "info", NEMESIS, f, {"phase": phase, **value})

    return build
