"""Links: what is found out later is followed like refs, and changes no version."""

from __future__ import annotations

import pytest

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry import AssetRef, Facts, Ref
from ama_tfx.registry.lineage.linking import LINEAGE_KIND, record_links
from ama_tfx.registry.lineage.tracing import LineageEdge


@pytest.fixture
def make(registry, write):
    """A function that registers a version under a name, made from others: make("model", "data", schema="schema")."""

    def made(name, *inputs, **roles):
        targets = [("input", text) for text in inputs] + list(roles.items())
        facts = Facts(refs=tuple(Ref(AssetRef.parse(text), role) for role, text in targets))
        return registry.register(name, write("content", {"data": name.encode()}), facts).version.reference

    return made


@pytest.fixture
def link(registry):
    """A function that records links: link((made, role, source), ...)."""

    def linked(*links, asset="lineage/taxi", **provenance):
        return record_links(registry, asset, [LineageEdge(*each) for each in links], provenance)

    return linked


def names(nodes):
    return sorted(node.version.asset.name for node in nodes)


def edges(lineage):
    return sorted((edge.made.asset.name, edge.role, edge.made_from.asset.name) for edge in lineage.edges)


def test_a_link_is_shown_like_a_ref_and_the_version_that_keeps_it_is_not(registry, make, link):
    data = make("data")
    model, evaluation = make("model", trained_on="data"), make("evaluation")
    link((evaluation, "evaluated_by", model), run_id="r1")
    lineage = registry.lineage.graph("model")
    assert names(lineage.nodes) == ["data", "evaluation", "model"]
    assert edges(lineage) == [("evaluation", "evaluated_by", "model"), ("model", "trained_on", "data")]
    assert lineage.down(model) == [("evaluated_by", evaluation)]
    assert lineage.up(model) == [("trained_on", data)]
    assert registry.resolve("model").reference == model, "its identity is what it was"


def test_links_and_refs_are_followed_through_each_other_in_both_directions(registry, make, link):
    raw, data = make("raw"), make("data")
    model, tuned = make("model", trained_on="data"), make("tuned")
    evaluation = make("evaluation", model="tuned")
    link((data, "cleaned_from", raw), (tuned, "base_model", model))
    everything = ["data", "evaluation", "model", "raw", "tuned"]
    for start in (raw, data, model, tuned, evaluation):
        assert names(registry.lineage.graph(start).nodes) == everything
    impact = registry.lineage.impact("raw")
    assert [(each.node.version.asset.name, each.steps) for each in impact.affected] == [
        ("data", 1),
        ("model", 2),
        ("tuned", 3),
        ("evaluation", 4),
    ]


def test_depths_count_links_as_steps(registry, make, link):
    raw, data, model = make("raw"), make("data"), make("model")
    link((data, "cleaned_from", raw), (model, "trained_on", data))
    lineage = registry.lineage.graph("model", up=1, down=0)
    assert names(lineage.nodes) == ["data", "model"]
    assert [node.version.asset.name for node in lineage.nodes if node.is_elided] == ["data"]
    assert names(registry.lineage.graph("model", up=2, down=0).nodes) == ["data", "model", "raw"]


def test_what_is_known_already_is_not_recorded_again(registry, make, link):
    data, model, evaluation = make("data"), make("model", trained_on="data"), make("evaluation")
    assert link((model, "trained_on", data)) is None, "a ref says so"
    first = link((model, "trained_on", data), (evaluation, "evaluated_by", model))
    assert first.version.asset.name == "lineage/taxi"
    assert first.version.kind == LINEAGE_KIND
    assert registry.show(first.version.reference).properties["links"] == [
        {"from": str(evaluation), "role": "evaluated_by", "to": str(model)}
    ]
    assert link((evaluation, "evaluated_by", model), asset="lineage/other") is None
    assert [asset.name.name for asset in registry.assets() if asset.name.name.startswith("lineage/")] == [
        "lineage/taxi"
    ]


def test_links_that_were_drawn_into_a_circle_end(registry, make, link):
    a, b = make("a"), make("b")
    link((a, "base_model", b))
    link((b, "base_model", a))
    assert edges(registry.lineage.graph("a")) == [("a", "base_model", "b"), ("b", "base_model", "a")]
    assert [each.node.version.asset.name for each in registry.lineage.impact("a").affected] == ["b"]


def test_a_version_that_keeps_links_keeps_nobodys_bytes(registry, make, link):
    old, new = make("model"), make("evaluation")
    link((new, "evaluated_by", old))
    registry.register("model", registry_file(registry), Facts(message="newer"))
    plan = registry.upkeep.keep_only(["model"], "last 1")
    assert [version.number for version in plan.retired] == [1]


def registry_file(registry):
    return registry.location.folder / "registry.json"


@pytest.mark.parametrize("kind", ["ama_tfx.Run", "ama_tfx.Verdict"])
def test_what_only_tells_of_a_version_keeps_nobodys_bytes(registry, make, write, kind):
    facts = Facts(kind=kind, refs=(Ref(make("model"), "judged"),))
    registry.register("said", write("said", {"text": b"of it"}), facts)
    assert [version.number for version in registry.upkeep.retire("model:1", "superseded").versions] == [1]


def test_what_says_it_keeps_links_and_does_not_is_ignored(registry, make, write):
    model, other = make("model"), make("other")
    odd = ["text", 3, {}, [{"from": str(model)}], [{"from": "model", "role": "x", "to": str(other)}], [None], [["a"]]]
    forged = [{"from": str(model), "role": "base_model", "to": f"{other.asset}@sha256:{64 * 'a'}"}]
    for number, links in enumerate([*odd, forged]):
        facts = Facts(kind=LINEAGE_KIND, properties={"links": links}, refs=(Ref(model, "linked"), Ref(other, "linked")))
        registry.register(f"odd{number}", write("content", {"data": b"x"}), facts)
    assert edges(registry.lineage.graph("model")) == []


def test_a_link_that_can_mean_nothing_is_refused_and_nothing_is_registered(registry, make, link):
    model, other = make("model"), make("other")
    for bad, message in [
        ((AssetRef.parse("model:1"), "role", other), "may move; expected a reference by digest"),
        ((model, "ro le", other), "not a valid role: 'ro le'"),
        ((model, "base_model", model), "to itself in role 'base_model'"),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            link((model, "base_model", other), bad)
    gone = AssetRef.parse(f"model@sha256:{64 * 'b'}")
    with pytest.raises(NotFoundError, match="model"):
        link((model, "base_model", gone))
    assert names(registry.lineage.graph("model").nodes) == ["model"]
