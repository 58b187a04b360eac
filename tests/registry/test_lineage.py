"""What was made from what: graphs, impact, and their drawings."""

import datetime
import random
import sqlite3

import pytest
import sqlalchemy as sa

from ama_tfx.catalog.schema import assets, refs, versions, workspaces
from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry import AssetName, AssetRef, Facts, Ref, SemanticVersion, Version
from ama_tfx.registry.lineage.tracing import Lineage, LineageEdge, LineageNode
from ama_tfx.storage import Digest
from tests.effort import at_most


@pytest.fixture
def make(registry, write):
    """A function that registers a version under a name, made from others: make("model", "data", schema="schema")."""

    def made(name, *inputs, alias=None, **roles):
        targets = [("input", text) for text in inputs] + list(roles.items())
        facts = Facts(refs=tuple(Ref(AssetRef.parse(text), role) for role, text in targets))
        return registry.register(name, write("content", {"data": name.encode()}), facts, alias=alias).version

    return made


def names(nodes):
    return [node.version.asset.name for node in nodes]


def edges(lineage):
    return sorted((edge.made.asset.name, edge.role, edge.made_from.asset.name) for edge in lineage.edges)


def test_a_graph_has_what_a_version_was_made_from_and_what_was_made_of_it(registry, make):
    make("raw")
    make("data", "raw")
    make("schema", "raw")
    make("model", "data", schema="schema")
    make("evaluation", "model")
    make("unrelated", "raw")
    lineage = registry.lineage.graph("model")
    assert names(lineage.nodes)[0] == "model"
    assert sorted(names(lineage.nodes)) == ["data", "evaluation", "model", "raw", "schema"]
    assert edges(lineage) == [
        ("data", "input", "raw"),
        ("evaluation", "input", "model"),
        ("model", "input", "data"),
        ("model", "schema", "schema"),
        ("schema", "input", "raw"),
    ]
    assert lineage.note == ""
    assert not any(node.is_elided for node in lineage.nodes)


def test_depths_are_counted_in_refs_and_what_goes_on_is_told(registry, make):
    make("a")
    for before, name in zip("abcd", "bcde", strict=True):
        make(name, before)
    assert names(registry.lineage.graph("c", up=1, down=0).nodes) == ["c", "b"]
    assert names(registry.lineage.graph("c", up=0, down=1).nodes) == ["c", "d"]
    assert names(registry.lineage.graph("c", up=0, down=0).nodes) == ["c"]
    assert names(registry.lineage.graph("c", up=2, down=2).nodes) == ["c", "b", "a", "d", "e"]
    elided = {node.version.asset.name: node.is_elided for node in registry.lineage.graph("c", up=1, down=2).nodes}
    assert elided == {"c": False, "b": True, "d": False, "e": False}


def test_impact_is_everything_made_of_a_version_with_the_aliases_that_point_there(registry, make):
    make("raw", alias="newest")
    make("data", "raw")
    make("model", "data", alias="production")
    make("report", "model", "raw")
    make("other", alias="production")
    impact = registry.lineage.impact("raw")
    assert [(each.steps, each.node.version.asset.name) for each in impact.affected] == [
        (1, "data"),
        (1, "report"),
        (2, "model"),
    ]
    assert list(map(str, impact.aliases)) == ["ama://default/model:production", "ama://default/raw:newest"]
    assert registry.lineage.impact("other").affected == ()


def test_a_fork_is_affected_and_so_is_what_was_made_of_it(registry, make):
    make("data")
    registry.sharing.fork("data", "copy")
    make("model", "copy")
    assert [(each.steps, each.node.version.asset.name) for each in registry.lineage.impact("data").affected] == [
        (0, "copy"),
        (1, "model"),
    ]
    forked = registry.lineage.graph("model").node(registry.resolve("copy").reference)
    assert forked.forked_from == str(registry.resolve("data").reference)


def test_a_node_has_its_aliases_and_whether_it_is_retired(registry, make):
    made = make("data", alias="b")
    registry.set_alias("data:1", "a")
    assert registry.lineage.graph("data").nodes == (LineageNode(made, ("a", "b")),)


def test_a_large_graph_is_cut_with_the_nearest_versions_kept_and_says_so(registry, make):
    make("raw")
    for number in range(6):
        make(f"model{number}", "raw")
    make("late", "model0")
    cut = registry.lineage.graph("raw", most=4)
    assert len(cut.nodes) == 5
    assert "late" not in names(cut.nodes)
    assert cut.note == "cut: of what was made from it the 4 nearest versions are shown"
    assert registry.lineage.graph("raw", most=7).note == ""
    impact = registry.lineage.impact("raw", most=3)
    assert len(impact.affected) == 3
    assert "3 nearest" in impact.note


def test_what_is_not_there_is_not_found_and_negative_depths_are_refused(registry, make):
    make("data")
    with pytest.raises(NotFoundError, match="no asset 'nothing'"):
        registry.lineage.graph("nothing")
    with pytest.raises(NotFoundError, match="no version '7'"):
        registry.lineage.impact("data:7")
    with pytest.raises(InvalidInputError, match="up cannot be negative: -1"):
        registry.lineage.graph("data", up=-1)


def put_rows(connection, count, edges_of):
    """Write versions of one asset each, without content, as only somebody at the database can."""
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    workspace = connection.execute(workspaces.insert().values(name="default", created_at=now)).inserted_primary_key[0]
    made = {"workspace_id": workspace, "created_at": now}
    rows = [{"id": i, "name": f"a{i}", "folded_name": f"a{i}", **made} for i in range(1, count + 1)]
    connection.execute(assets.insert(), rows)
    same = {"number": 1, "semantic": "1.0.0", "kind": "Files", "message": "", "size_bytes": 0, "file_count": 0}
    by = {"created_at": now, "created_by": "ann"}
    rows = [{"id": i, "asset_id": i, "digest": Digest.of(str(i).encode()), **same, **by} for i in range(1, count + 1)]
    connection.execute(versions.insert(), rows)
    rows = [{"version_id": made, "role": "input", "target_id": source} for made, source in edges_of]
    connection.execute(refs.insert(), rows)


def count_statements(registry):
    counted = []
    sa.event.listen(registry._database.engine, "before_cursor_execute", lambda *_: counted.append(1))
    return counted


def test_ten_thousand_versions_take_a_few_queries_and_no_time(registry):
    chance = random.Random(1)
    pairs = {(made, chance.randrange(max(1, made - 500), made)) for made in range(2, 10_001) for _ in range(3)}
    with registry._database.write() as connection:
        put_rows(connection, 10_000, sorted(pairs))
    queries = count_statements(registry)
    with at_most(2):  # it takes 0.4 s
        lineage = registry.lineage.graph("a1")
        impact = registry.lineage.impact("a1")
    assert len(lineage.nodes) == 10_000
    assert len(lineage.edges) == len(pairs)
    assert len(impact.affected) == 9_999
    assert len(queries) <= 40


def test_edges_that_were_forged_into_a_circle_end(registry):
    with registry._database.write() as connection:
        put_rows(connection, 3, [(1, 2), (2, 3), (3, 1)])
    lineage = registry.lineage.graph("a1")
    assert names(lineage.nodes) == ["a1", "a2", "a3"]
    assert len(lineage.edges) == 3
    assert [(e.steps, e.node.version.asset.name) for e in registry.lineage.impact("a1").affected] == [
        (1, "a3"),
        (2, "a2"),
    ]


def test_no_database_takes_an_edge_from_a_version_that_is_not_there_yet(registry, make):
    made = make("data")
    with registry._database.read() as connection:
        row = connection.execute(sa.select(versions.c.id)).scalar_one()
    with pytest.raises(Exception, match="(?i)foreign key"), registry._database.write() as connection:
        connection.execute(refs.insert().values(version_id=row, role="input", target_id=row + 1))
    assert registry.lineage.graph("data").nodes[0].version == made
    assert sqlite3.sqlite_version_info >= (3, 8, 3)  # recursive queries


HOSTILE = '"];\n]] --> x["<script>alert(1)</script>\u202e`\\'


def hostile_lineage():
    """A graph as a forged catalog gives it: roles and aliases that no registry takes."""

    def node(number, *aliases):
        name, digest = AssetName("default", f"a{number}"), Digest.of(str(number).encode())
        now = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
        return LineageNode(Version(name, 1, SemanticVersion(1, 0, 0), digest, "Files", "", 0, 1, now, "ann"), aliases)

    one, two = node(1, HOSTILE), node(2)
    edge = LineageEdge(one.version.reference, HOSTILE, two.version.reference)
    return Lineage(one.version.reference, (one, two), (edge,))


def test_a_drawing_for_graphviz_is_escaped():
    drawn = hostile_lineage().to_dot()
    label = '\\"];\\\\n]] --> x[\\"<script>alert(1)</script>\\\\u202e`\\\\'
    assert drawn.split("\n") == [
        "digraph lineage {",
        "  rankdir=LR;",
        "  node [shape=box];",
        f'  n0 [label="default/a1:1, {label}", style=bold];',
        '  n1 [label="default/a2:1"];',
        f'  n1 -> n0 [label="{label}"];',
        "}",
    ]


def test_a_drawing_for_mermaid_is_escaped():
    lines = hostile_lineage().to_mermaid().split("\n")
    assert len(lines) == 4
    assert lines[0] == "flowchart LR"
    assert lines[2] == '  n1["default/a2:1"]'
    for line in (lines[1], lines[3]):
        inner = line[line.index('"') + 1 : line.rindex('"')]
        assert not set('"<>[]`\\;') & set(inner.replace(";", "", inner.count("#")))
        assert "#34;" in inner
        assert "#60;script#62;" in inner
