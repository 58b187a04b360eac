"""What a search finds: every field, on each kind of database."""

import datetime

import pytest
import sqlalchemy as sa

from ama_tfx.catalog import search
from ama_tfx.errors import InvalidInputError, NotFoundError, QueryError
from ama_tfx.registry import AssetRef, Facts, Query, Ref
from ama_tfx.storage import Digest

SHARED = Digest.of(b"shared").hex


@pytest.fixture
def world(registry, write):
    """Five versions, one a day from 2026-01-01 on, by two people in two workspaces."""
    clock = registry._clock

    def add(asset, day, files, alias=None, **facts):
        clock.now = datetime.datetime(2026, 1, day, 12, tzinfo=datetime.timezone.utc)
        registry.register(asset, write(f"{day}", files), Facts(**facts), alias=alias)

    add(
        "taxi/raw",
        1,
        {"data/train.csv": b"shared", "data/eval.csv": b"e" * 2000},
        kind="Examples",
        message="From Üsküdar",
    )
    add(
        *("taxi/model", 2, {"model.h5": b"one"}, "champion"),
        kind="Model",
        tags=("prod", "taxi"),
        message="The FIRST model",
        properties={"lr": 0.1, "note": 'a "b"', "final": True, "layers": 10, "parts": [1]},
        refs=(Ref(AssetRef.parse("taxi/raw:1"), "trained_on"),),
        provenance={"pipeline": "taxi", "run_id": "run-1"},
    )
    registry._actor = "bob"
    add(
        *("taxi/model", 3, {"model.h5": b"two", "vocab/words.txt": b"shared"}),
        kind="Model",
        tags=("trial",),
        message="50% better_now",
        properties={"lr": "fast", "note": "2026-01-01", "final": False, "layers": 9, "parts": None},
        provenance={"pipeline": "taxi", "run_id": "run-2"},
    )
    add("other", 4, {"model.h5": b"three"}, properties={"lr": -5})
    add("ama://team/taxi", 5, {"x": b"x"}, tags=("prod",))
    registry.notes.record_metrics("taxi/model:1", {"auc": 0.9, "loss": 0.5})
    registry.notes.record_metrics("taxi/model:2", {"auc": 0.95})
    registry.notes.record_metrics("other:1", {"loss": -1.0})
    registry.notes.describe("other", "Something about Boats and (parts)")
    clock.now = datetime.datetime(2026, 1, 6, 11, 50, tzinfo=datetime.timezone.utc)
    return registry


ALL = ["team/taxi:1", "other:1", "taxi/model:2", "taxi/model:1", "taxi/raw:1"]
MODELS = ["taxi/model:2", "taxi/model:1"]
FIRST, SECOND, OTHER, RAW, TEAM = "taxi/model:1", "taxi/model:2", "other:1", "taxi/raw:1", "team/taxi:1"

CASES = {
    # free text: names, descriptions, messages, tags
    "": [OTHER, SECOND, FIRST, RAW],
    "taxi": [SECOND, FIRST, RAW],
    "TAXI model": MODELS,
    "boats": [OTHER],
    '"about boats"': [OTHER],
    '"(parts)"': [OTHER],
    "first": [FIRST],
    "üsküdar": [RAW],
    "ÜSK?DAR": [RAW],
    "50%": [SECOND],
    "5_%": [],
    "better_now": [SECOND],
    "f*model": [FIRST],
    "trial": [SECOND],
    # labels
    "name:taxi/model": MODELS,
    "name:taxi/*": [SECOND, FIRST, RAW],
    "name:Taxi/model": [],
    "name:taxi": [],
    "name:*model": MODELS,
    r"name:\*": [],
    "name!=taxi/*": [OTHER],
    "workspace:team": [TEAM],
    "workspace:* tag:prod": [TEAM, FIRST],
    "workspace:team OR tag:prod": [TEAM, FIRST],
    "alias:champion": [FIRST],
    "alias:*": [FIRST],
    "alias!=champion": [OTHER, SECOND, RAW],
    "tag:prod": [FIRST],
    "tag:pro?": [FIRST],
    "tag:PROD": [],
    "tag!=prod": [OTHER, SECOND, RAW],
    "-tag:*": [OTHER, RAW],
    "kind:Model": MODELS,
    "kind!=Model": [OTHER, RAW],
    "by:ann": [FIRST, RAW],
    "by:b*": [OTHER, SECOND],
    "pipeline:taxi": MODELS,
    "pipeline!=taxi": [OTHER, RAW],
    "run:run-1": [FIRST],
    "run:*": MODELS,
    "file:model.h5": [OTHER, SECOND, FIRST],
    "file:words.txt": [SECOND],
    "file:vocab/words.txt": [SECOND],
    "file:vocab/*": [SECOND],
    "file:*.csv": [RAW],
    "file:h5": [],
    "file!=*.h5": [RAW],
    # metrics
    "metric.auc>0.9": [SECOND],
    "metric.auc>=0.9": MODELS,
    "metric.auc<0.95": [FIRST],
    "metric.auc<=0.95": MODELS,
    "metric.auc:0.9": [FIRST],
    "metric.auc=0.90": [FIRST],
    "metric.auc!=0.9": [SECOND],
    "NOT metric.auc:0.9": [OTHER, SECOND, RAW],
    "metric.auc:0.9..0.95": MODELS,
    "metric.auc:0.91..": [SECOND],
    "metric.auc:..0.91": [FIRST],
    "metric.auc!=0.91..": [FIRST],
    "metric.auc:0.95..0.9": [],
    "metric.loss<0": [OTHER],
    "metric.loss:*": [OTHER, FIRST],
    "metric.loss!=*": [],
    "NOT metric.loss:*": [SECOND, RAW],
    "metric.none>0": [],
    # properties
    "property.lr:0.1": [FIRST],
    "property.lr:1e-1": [FIRST],
    "property.lr!=0.1": [OTHER, SECOND],
    "property.lr<1": [OTHER, FIRST],
    "property.lr:-10..0": [OTHER],
    "property.lr:fast": [SECOND],
    "property.lr:f*": [SECOND],
    "property.lr:*": [OTHER, SECOND, FIRST],
    "property.lr>=a": [SECOND],
    'property.lr:"0.1"': [],
    "property.layers>9": [FIRST],
    "property.layers>=9": MODELS,
    "property.final:true": [FIRST],
    "property.final!=true": [SECOND],
    "property.parts:null": [SECOND],
    "property.parts!=null": [FIRST],
    r'property.note:"a \"b\""': [FIRST],
    "property.note>=2025-12-31": MODELS,
    "property.note:2026-*": [SECOND],
    # times, sizes, versions
    "created>2026-01-03": [OTHER],
    "created>=2026-01-03": [OTHER, SECOND],
    "created<2026-01-02": [RAW],
    "created<=2026-01-02": [FIRST, RAW],
    "created:2026-01-02": [FIRST],
    "created!=2026-01-02": [OTHER, SECOND, RAW],
    "created:2026-01": [OTHER, SECOND, FIRST, RAW],
    "created:2025": [],
    "created:2026-01-02..2026-01-03": MODELS,
    "created>2026-01-03T12:00": [OTHER],
    "created>2026-01-03T11:59": [OTHER, SECOND],
    "created:2026-01-03T13:00+01:00": [SECOND],
    "created:3d": [OTHER, SECOND],
    "created>48h": [OTHER],
    "created<4d": [RAW],
    "created:4d..3d": [FIRST],
    "size>2kB": [RAW],
    "size:3": [FIRST],
    "size<=3B": [FIRST],
    "size:4..10": [OTHER, SECOND],
    "size<999999999999999PB": [OTHER, SECOND, FIRST, RAW],
    "version:2": [SECOND],
    "version>1": [SECOND],
    "version<=999999999999999999": [OTHER, SECOND, FIRST, RAW],
    "semantic:1.0.1": [SECOND],
    "semantic:1.0": [OTHER, SECOND, FIRST, RAW],
    "semantic>1.0.0": [SECOND],
    "semantic>1.0": [],
    "semantic<2": [OTHER, SECOND, FIRST, RAW],
    "semantic:1.0.1..3": [SECOND],
    "semantic!=1.0.0": [SECOND],
    # content and refs
    f"sha256:{SHARED}": [SECOND, RAW],
    f"sha256:{SHARED[:8]}": [SECOND, RAW],
    f"sha256:{SHARED[:9].upper()}": [SECOND, RAW],
    f"sha256!={SHARED}": [OTHER, FIRST],
    "refs:taxi/raw": [FIRST],
    "refs:taxi/raw:1": [FIRST],
    "refs:taxi/raw:latest": [FIRST],
    "refs:ama://default/taxi/raw": [FIRST],
    "refs:taxi/model": [],
    "refs!=taxi/raw": [OTHER, SECOND, RAW],
    # putting together
    "tag:prod OR tag:trial": MODELS,
    "kind:Model NOT tag:prod": [SECOND],
    "(tag:prod OR by:bob) metric.auc:*": MODELS,
    "tag:prod OR by:bob metric.auc:*": MODELS,
    "-(kind:Model OR name:other)": [RAW],
    # order
    "sort:name": [OTHER, SECOND, FIRST, RAW],
    "sort:name sort:version": [OTHER, FIRST, SECOND, RAW],
    "sort:metric.auc desc": [SECOND, FIRST, OTHER, RAW],
    "sort:metric.auc": [FIRST, SECOND, OTHER, RAW],
    "sort:metric.loss": [OTHER, FIRST, SECOND, RAW],
    "sort:size": [FIRST, OTHER, SECOND, RAW],
    "sort:created": [RAW, FIRST, SECOND, OTHER],
    "sort:semantic desc sort:name": [SECOND, OTHER, FIRST, RAW],
    "sort:by sort:kind": [RAW, FIRST, OTHER, SECOND],
    "workspace:* sort:workspace desc": [TEAM, OTHER, SECOND, FIRST, RAW],
}


def short(found):
    return [
        f"{'' if m.version.asset.workspace == 'default' else 'team/'}{m.version.asset.name}:{m.version.number}"
        for m in found
    ]


def test_each_field_finds_what_it_says(world):
    wrong = {}
    for query, expected in CASES.items():
        if (got := short(world.search(query))) != expected:
            wrong[query] = (got, expected)
    assert len(CASES) > 120
    assert wrong == {}


def test_a_match_tells_aliases_tags_and_metrics(world):
    (match,) = world.search("tag:prod")
    assert (match.aliases, match.tags, match.metrics) == (("champion",), ("prod", "taxi"), {"auc": 0.9, "loss": 0.5})
    assert match.version == world.resolve("taxi/model:1")
    assert match.to_json() == {
        **match.version.to_json(),
        "aliases": ["champion"],
        "tags": ["prod", "taxi"],
        "metrics": {"auc": 0.9, "loss": 0.5},
    }


def test_a_notebook_shows_matches_as_a_table_with_everything_escaped(registry, hello):
    registry.register("model", hello, Facts(message="<script>alert(1)</script>", tags=("a", "b")))
    html = registry.search("")._repr_html_()
    assert "<td>ama://default/model:1</td><td></td><td>a, b</td><td></td>" in html
    assert "<td>&lt;script&gt;alert(1)&lt;/script&gt;</td>" in html
    assert registry.search("tag:none")._repr_html_() == "<em>none</em>"


def test_the_newest_match_of_each_asset(world):
    assert short(world.search("", latest=True)) == [OTHER, SECOND, RAW]
    assert short(world.search("metric.auc:0.9", latest=True)) == [FIRST]
    assert short(world.search("workspace:* sort:name", latest=True)) == [OTHER, TEAM, SECOND, RAW]


def test_the_limit_says_whether_there_is_more(world):
    found = world.search("kind:Model", limit=1)
    assert (short(found), found.more, len(found)) == ([SECOND], True, 1)
    found = world.search("kind:Model", limit=2)
    assert (short(found), found.more) == (MODELS, False)
    assert short(world.search("", limit=None, workspace="*")) == ALL
    for wrong in (0, -1):
        with pytest.raises(InvalidInputError, match=f"limit {wrong} is no number of versions"):
            world.search("", limit=wrong)


def test_a_search_is_about_the_registrys_workspace_unless_something_else_is_said(world):
    assert short(world.search("tag:prod")) == [FIRST]
    assert short(world.search("tag:prod", workspace="team")) == [TEAM]
    assert short(world.search("tag:prod", workspace="*")) == [TEAM, FIRST]
    assert short(world.search("tag:prod workspace:team")) == [TEAM]
    assert short(world.search("tag:prod workspace:team", workspace="default")) == []


def test_a_sort_beside_the_query_counts_more_than_the_querys(world):
    assert short(world.search("kind:Model sort:version", sort="metric.auc desc")) == [SECOND, FIRST]
    assert short(world.search("sort:version desc", sort="kind")) == [RAW, OTHER, SECOND, FIRST]
    with pytest.raises(QueryError, match="cannot sort by 'nname'; did you mean 'name'"):
        world.search("", sort="nname")


def test_a_query_that_was_read_before_finds_the_same(world):
    query = Query.parse("kind:Model metric.auc>0.9")
    assert short(world.search(query)) == [SECOND]


def test_refs_to_what_is_not_there_is_an_error_and_not_nothing(world):
    with pytest.raises(NotFoundError, match="no asset 'taxi/rav' in workspace 'default'; did you mean 'taxi/raw'"):
        world.search("refs:taxi/rav")
    with pytest.raises(NotFoundError, match="no version '7' of asset 'taxi/raw'"):
        world.search("refs:taxi/raw:7")


def test_what_looks_like_sql_is_text(world):
    for text in ("'; DROP TABLE versions; --", "' OR 1=1 --", "%", "_", "\\\\", '"a" OR 1', "$1 :x"):
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        assert short(world.search(f'"{quoted}"')) == ([SECOND] if text in {"%", "_"} else [])
        assert short(world.search(f'tag:"{quoted}"')) == []
        assert short(world.search(f'property."{quoted}">1')) == []
    assert len(world.search("", limit=None)) == 4


def test_an_empty_registry_has_nothing_to_find(registry):
    found = registry.search("metric.auc>0.9 tag:prod created>2026-01-01 sort:metric.auc")
    assert (list(found), found.more) == ([], False)


def test_searching_changes_nothing_and_is_not_logged(world):
    before = world.audit.entries()
    world.search("taxi sort:metric.auc desc", latest=True)
    assert world.audit.entries() == before


@pytest.mark.parametrize("query", ["file:a.bin", "file:x/a.bin", "file:a*", "file:x/*", "file:*.bin -file:b.bin"])
def test_sqlite_reads_no_table_of_files_to_find_one_by_its_path(local_registry, write, query):
    local_registry.register("a", write("a", {"x/a.bin": b"a"}))
    engine, plan = local_registry._database.engine, []

    @sa.event.listens_for(engine, "after_cursor_execute")
    def explain(connection, cursor, statement, parameters, context, many):
        asked = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        plan.extend(step for *_, step in asked)

    assert len(local_registry.search(query)) == 1
    assert any("ix_files_path" in step or "ix_files_name" in step for step in plan)
    assert [step for step in plan if step.startswith("SCAN files")] == []


def test_a_metric_that_is_asked_for_and_sorted_by_is_read_in_order(local_registry, write, monkeypatch):
    monkeypatch.setattr(search, "_AHEAD", 2)
    for number, auc in enumerate([0.5, 0.9, 0.5, 0.7, 0.75], 1):
        local_registry.register("a", write(str(number), {"x": str(number).encode()}))
        local_registry.notes.record_metrics(f"a:{number}", {"auc": auc})
    asked = [(way, limit) for way in ("", " desc") for limit in (1, 2, 3)]
    found = [short(local_registry.search(f"metric.auc<0.8 sort:metric.auc{way}", limit=limit)) for way, limit in asked]
    rising, falling = ["a:3", "a:1", "a:4"], ["a:5", "a:4", "a:3"]
    assert found == [rising[:1], rising[:2], rising, falling[:1], falling[:2], falling]


def test_a_property_with_a_nul_is_text_that_no_pattern_is(registry, write):
    registry.register("a", write("a", {"x": b"x"}), Facts(properties={"note": "a\0b"}))
    assert len(registry.search("property.note:*")) == 1
    assert short(registry.search("property.note:a")) == []
