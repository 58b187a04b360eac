"""The picture of a lineage: where things are drawn, and that names are only text in it."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from ama_tfx.registry import AssetName, AssetRef, Facts, Ref, SemanticVersion, Version
from ama_tfx.registry.lineage.layout import lay_out
from ama_tfx.registry.lineage.tracing import Lineage, LineageEdge, LineageNode
from ama_tfx.storage import Digest

SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 9))
    pair = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda arrow: arrow[0] != arrow[1])
    return count, draw(st.lists(pair, max_size=15))


@given(graphs())
def test_no_card_lies_on_another_and_nothing_lies_above_the_picture(graph):
    count, arrows = graph
    layout = lay_out(count, arrows)
    for one, other in itertools.combinations(range(count), 2):
        if layout.layers[one] == layout.layers[other]:
            assert abs(layout.places[one] - layout.places[other]) > 0.999
    assert min(layout.places[node] for node in range(count)) >= 0.499


@given(graphs())
def test_every_arrow_goes_from_its_start_to_its_end_layer_by_layer_and_past_the_cards(graph):
    count, arrows = graph
    layout = lay_out(count, arrows)
    assert set(layout.routes) == set(arrows)
    for (source, target), route in layout.routes.items():
        assert (route[0], route[-1]) == (source, target)
        steps = {abs(layout.layers[b] - layout.layers[a]) for a, b in itertools.pairwise(route)}
        assert steps <= {1} or len(route) == 2
        for point in route[1:-1]:
            beside = [node for node in range(count) if layout.layers[node] == layout.layers[point]]
            assert all(abs(layout.places[node] - layout.places[point]) > 0.749 for node in beside)


@given(graphs().map(lambda graph: (graph[0], [arrow for arrow in graph[1] if arrow[0] < arrow[1]])))
def test_without_circles_every_arrow_points_to_the_right(graph):
    layout = lay_out(*graph)
    assert all(layout.layers[source] < layout.layers[target] for source, target in graph[1])


def test_what_is_made_from_nothing_stands_before_its_first_use():
    layout = lay_out(4, [(0, 1), (1, 2), (3, 2)])
    assert [layout.layers[node] for node in range(4)] == [0, 1, 2, 1]


def drawn(svg):
    return [text.text for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_cards_tell_name_kind_and_aliases_and_arrows_their_roles(local_registry, write):
    local_registry.register("data", write("content", {"x": b"d"}), Facts(kind="Examples"), alias="fresh")
    refs = (Ref(AssetRef.parse("data"), "trained_on"), Ref(AssetRef.parse("data"), "validated_on"))
    local_registry.register("model", write("content", {"x": b"m"}), Facts(kind="Model", refs=refs), alias="champion")
    assert drawn(local_registry.lineage.graph("model").to_svg()) == [
        "model:1",
        "Model · 1.0.0",
        "champion",
        "data:1",
        "Examples · 1.0.0",
        "fresh",
        "trained_on, validated_on",
    ]


def test_the_picture_is_the_reviewed_one(golden):
    golden(
        "lineage.svg", a_lineage(("examples", "trained_on", "model"), ("model", "evaluated_by", "evaluation")).to_svg()
    )


def a_lineage(*edges, aliases=(), note=""):
    names = dict.fromkeys(name for source, _, made in edges for name in (made, source))
    nodes = {name: a_node(name, number, aliases) for number, name in enumerate(names)}
    told = [
        LineageEdge(nodes[made].version.reference, role, nodes[source].version.reference)
        for source, role, made in edges
    ]
    return Lineage(next(iter(nodes.values())).version.reference, tuple(nodes.values()), tuple(told), note)


def a_node(name, number, aliases=()):
    import datetime

    digest = Digest.parse(f"sha256:{number:064x}")
    now = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)
    kinds = {"model": "Model", "examples": "Examples", "evaluation": "ModelEvaluation"}
    number_1 = SemanticVersion(1, 0, 0)
    version = Version(AssetName("default", name), 1, number_1, digest, kinds.get(name, "Files"), "", 1, 1, now, "ann")
    return LineageNode(version, tuple(aliases))


def test_whatever_stands_in_a_role_or_a_note_is_text_in_the_picture():
    evil = "</text><script>alert(1)</script>"
    svg = a_lineage(("examples", evil[:26], "model"), note=f"{evil}\x00\ud800&").to_svg()
    tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()}
    assert tags == {"svg", "title", "style", "defs", "marker", "path", "rect", "g", "text"}
    assert f"{evil}\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}&" in drawn(svg)
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_aliases_that_find_no_room_are_counted():
    aliases = [f"production-{number}" for number in range(5)]
    texts = drawn(a_lineage(("examples", "trained_on", "model"), aliases=aliases).to_svg())
    assert texts[2:4] == ["production-0", "+4"]


def test_a_version_alone_is_a_picture_too(local_registry, write):
    local_registry.register("lonely", write("content", {"x": b"d"}))
    assert drawn(local_registry.lineage.graph("lonely").to_svg()) == ["lonely:1", "Files · 1.0.0"]
