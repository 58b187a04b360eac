"""What notebooks show is text: nothing of what others wrote is markup, and no password is in it."""

import re

import pytest

from ama_tfx.registry import Facts, Location, Ref, Registry
from ama_tfx.registry.names import AssetRef
from ama_tfx.registry.repr_html import Listing, facts_html, rows_html

HOSTILE = "<script>alert(1)</script> \"'&\u202e gpj.exe \x1b[2J"
TAGS = re.compile(r"</?(table|thead|tbody|tr|th|td|p|em|br)>")


def assert_is_text(html):
    """Check that the only markup is ours, without attributes, and that nothing reorders or hides."""
    rest = TAGS.sub("", html)
    assert not set("<>\"'") & set(rest)
    assert not {"\u202e", "\x1b", "\x00"} & set(rest)


@pytest.fixture
def model(local_registry, write):
    local_registry.register("data", write("d", {"d.csv": b"1"}))
    facts = Facts(
        kind="Model",
        message=HOSTILE,
        properties={"note": HOSTILE, "deep": {"<b>": ["</td>"]}},
        refs=(Ref(AssetRef.parse("data")),),
        tags=("t",),
        metrics={"auc": 0.5},
    )
    return local_registry.register("model", write("m", {"it's & co.txt": b"x"}), facts, alias="prod")


def test_everything_a_notebook_may_show_is_escaped(local_registry, model, write):
    shown = [
        model,
        model.version,
        local_registry.show("model"),
        local_registry.asset("model"),
        local_registry.versions("model"),
        local_registry.assets(),
        local_registry.assets()[0],
        local_registry.find(write("copy", {"x": b"x"}) / "x"),
        local_registry.find(write("copy", {"x": b"x"}) / "x")[0],
    ]
    for value in shown:
        html = value._repr_html_()
        assert html.startswith("<table>")
        assert_is_text(html)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &quot;&#x27;&amp;\\u202e gpj.exe \\x1b[2J" in shown[0]._repr_html_()
    assert "it&#x27;s &amp; co.txt" in shown[2]._repr_html_()


def test_details_tell_files_refs_and_numbers(local_registry, model):
    html = local_registry.show("model")._repr_html_()
    for text in (
        "<th>metric auc</th><td>0.5</td>",
        "<th>aliases</th><td>prod</td>",
        "made from",
        "ama://default/data:1",
    ):
        assert text in html


def test_who_registered_is_escaped_too(tmp_path, write):
    with Registry(tmp_path / "r", create=True, actor="<i>ann</i>") as registry:
        html = registry.register("m", write("m", {"a": b"a"})).version._repr_html_()
    assert "&lt;i&gt;ann&lt;/i&gt;" in html


def test_lists_are_short_and_say_how_much_is_left_out(model):
    html = Listing([model.version] * 60)._repr_html_()
    assert html.count("<tr>") == 51
    assert html.endswith("<p>… and 10 more</p>")
    assert Listing([])._repr_html_() == "<em>none</em>"
    assert len(facts_html({"long": "x" * 10_000})) < 400


def test_a_listing_is_a_list(local_registry, model):
    versions = local_registry.versions("model")
    assert isinstance(versions, list)
    assert versions == [model.version]


def test_columns_are_escaped_as_values_are():
    assert_is_text(rows_html([{HOSTILE: HOSTILE}]) + facts_html({HOSTILE: HOSTILE}))


def test_no_password_is_shown(tmp_path):
    secret = "hunter2secret"
    location = Location.parse(f"postgresql://ann:{secret}@h/db?blobs={tmp_path}")
    registry = Registry.__new__(Registry)
    registry.location, registry.workspace = location, "default"
    assert repr(registry).startswith("Registry('postgresql://ann:***@h/db?blobs=")
    assert secret not in repr(registry)
    assert secret not in repr(location)
