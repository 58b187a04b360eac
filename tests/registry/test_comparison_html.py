"""Comparisons as pages: names are hostile, pages are text."""

import re
from html.parser import HTMLParser

import pytest

from ama_tfx.registry.comparison.html import fragment, page
from ama_tfx.registry.comparison.results import Comparison, Subject
from ama_tfx.registry.comparison.rows import (
    Distance,
    FileCell,
    FileRow,
    MetricRow,
    Problem,
    SchemaRow,
    TensorCell,
    TensorRow,
    ValueRow,
)

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>javascript:alert(1)\u202eexe.txt\x1b[31m&amp;"
HARMLESS = {"bdi", "body", "caption", "code", "div", "h1", "head", "html", "meta", "p", "style", "table", "tbody", "td"}
HARMLESS |= {"th", "thead", "title", "tr"}


class Tags(HTMLParser):
    """Collects the tags, attributes and texts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts = set(), set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {(tag, name, value) for name, value in attrs}

    def handle_data(self, data):
        self.texts.append(data)


def everything(name):
    """Return a comparison in which every text is a name."""
    cell = FileCell(name, "0" * 64, 1)
    return Comparison(
        subjects=(Subject(name, None), Subject(name, None)),
        facts=(ValueRow("", name, (name, [name])),),
        params=(ValueRow(name, name, (name, {name: name})),),
        metrics=(MetricRow(name, name, (0.5, 0.75), (None, True)),),
        files=(FileRow(name, (cell, cell), ("", "moved")),),
        shared_bytes=(1, 1),
        total_bytes=(1, 1),
        refs=(ValueRow("", name, ([name], [name, name])),),
        schema=(SchemaRow(name, 1, name, name, True),),
        tensors=(
            TensorRow(
                name,
                name,
                (TensorCell(name, (1,)), TensorCell(name, (1,), "values", Distance(5.0, 5.5, 1.0, 26.0, 0.5))),
            ),
        ),
        problems=(Problem(1, name, name),),
    )


def test_a_page_of_hostile_names_has_no_tag_or_attribute_of_theirs():
    text = page(everything(HOSTILE))
    found = Tags(text)
    assert found.tags <= HARMLESS
    assert {name for _, name, _ in found.attributes} <= {
        "class",
        "charset",
        "content",
        "http-equiv",
        "lang",
        "name",
        "scope",
    }
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert (
        sum(r"<script>alert(1)</script>" in shown and r"\u202eexe.txt\x1b[31m&amp;" in shown for shown in found.texts)
        > 20
    )


def test_a_page_needs_nothing_from_elsewhere_and_may_load_nothing():
    text = page(everything("model:1"))
    assert not re.search(r"https?:|//|url\(|@import|<script|<link|<img|<a ", text)
    assert ("meta", "content", "default-src 'none'; style-src 'unsafe-inline'") in Tags(text).attributes


def test_a_page_of_lone_surrogates_can_be_written():
    assert r"\ud800" in page(everything("a\ud800")).encode().decode()


def test_a_table_of_many_rows_is_cut():
    rows = tuple(ValueRow("p.yml", f"n{n:04}", (0, 1)) for n in range(1500))
    text = fragment(Comparison((Subject("a", None), Subject("b", None)), ("params",), params=rows))
    assert "n0999" in text
    assert "n1000" not in text
    assert "… and 500 more rows" in text


def test_nothing_that_differs_is_said():
    assert "Nothing that was compared differs." in fragment(
        Comparison((Subject("a", None), Subject("b", None)), ("params",))
    )


@pytest.mark.parametrize("name", ["model:1"])
def test_the_page_is_the_one_agreed_on(golden, name):
    golden("comparison.html", page(everything(name)))


def test_a_notebook_is_given_the_same_tables(local_registry, write):
    for n in (1, 2):
        local_registry.register("model", write(f"{n}", {"p.yml": b"lr: %d\n" % n}))
    comparison = local_registry.compare(["model:1", "model:2"])
    assert comparison._repr_html_() == fragment(comparison)
    assert '<td class="changed"><bdi>2</bdi></td>' in comparison._repr_html_()
