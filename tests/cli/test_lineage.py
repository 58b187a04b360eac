"""``ama lineage``, ``impact``, ``log --audit`` and ``audit verify``."""

import sqlite3

import pytest


@pytest.fixture
def made(ama, upload, write):
    """A model that was made from embeddings, and those from text."""
    upload("text", "a.txt", alias="newest")
    for asset, source in (("embeddings", "text"), ("model", "embeddings"), ("report", "model")):
        write(f"{asset}.bin")
        ama("init", asset)
        ama("add", f"{asset}.bin")
        ama("add", "ref", source, "--role", "trained_on")
        if asset == "report":
            ama("add", "ref", "text")
        if asset == "model":
            ama("set", "--alias", "production")
        ama("upload")


def test_a_tree_shows_both_directions_and_what_hangs_on_two_branches_once(ama, made):
    assert ama("lineage", "embeddings").out.split("\n") == [
        "embeddings:1 (1.0.0)",
        "",
        "made from:",
        "└─ trained_on: text:1 (1.0.0) [newest]",
        "",
        "made of it:",
        "└─ trained_on: model:1 (1.0.0) [production]",
        "   └─ trained_on: report:1 (1.0.0)",
        "",
    ]
    assert ama("lineage", "text", "--down", "9").out.split("\n") == [
        "text:1 (1.0.0) [newest]",
        "",
        "made of it:",
        "├─ trained_on: embeddings:1 (1.0.0)",
        "│  └─ trained_on: model:1 (1.0.0) [production]",
        "│     └─ trained_on: report:1 (1.0.0)",
        "└─ input: report:1 (1.0.0)",
        "",
    ]


def test_depth_is_limited_and_what_goes_on_is_shown(ama, made):
    assert ama("lineage", "report", "--up", "1").out.split("\n")[2:] == [
        "made from:",
        "├─ input: text:1 (1.0.0) [newest]",
        "└─ trained_on: model:1 (1.0.0) [production]",
        "   └─ …",
        "",
    ]
    assert ama("lineage", "text", "--up", "1").out.split("\n")[1].startswith("made from nothing that is registered")
    assert ama("lineage", "text", "--up", "-1", code=2).err.startswith("ama: error: Invalid value for '--up'")


def test_json_has_nodes_and_edges_and_quiet_the_references(ama, made):
    document = ama("lineage", "model", "--json").document
    assert sorted(document) == ["edges", "nodes", "note", "root"]
    assert document["nodes"][0]["aliases"] == ["production"]
    assert document["nodes"][0]["reference"] == document["root"]
    assert {edge["role"] for edge in document["edges"]} == {"trained_on", "input"}
    quiet = ama("lineage", "model", "-q").out.split()
    assert quiet == [node["reference"] for node in document["nodes"]]


def test_other_programs_draw_it(ama, made):
    assert ama("lineage", "model", "--dot").out.startswith("digraph lineage {\n")
    assert ama("lineage", "model", "--mermaid").out.startswith('flowchart LR\n  n0["default/model:1, production"]\n')


def test_impact_names_the_aliases_that_are_affected(ama, made):
    out = ama("impact", "text").out
    assert "3 versions were made from text:1" in out
    assert "affected: model:production, text:newest" in out
    assert [line.rpartition("@")[0] for line in ama("impact", "text", "-q").out.split()] == [
        "ama://default/embeddings",
        "ama://default/report",
        "ama://default/model",
    ]
    assert ama("impact", "report", "--json").document["affected"] == []


def test_the_audit_log_is_shown_of_an_asset_and_of_the_registry(ama, made):
    every = ama("log", "--audit", "--json").document
    assert [entry["sequence"] for entry in every] == list(range(1, len(every) + 1))
    own = ama("log", "model", "--audit", "--json").document
    assert [(entry["action"], entry["subject"]) for entry in own] == [
        ("version.register", "ama://default/model"),
        ("alias.set", "ama://default/model:production"),
    ]
    assert "alias.set" in ama("log", "--audit").out
    assert ama("log", "nothing", "--audit", code=3).err


def test_an_edited_entry_is_named_and_a_lost_end_is_found_by_the_head(ama, made, home):
    head = ama("audit", "verify", "-q").out.strip()
    assert head == ama("audit", "verify", "--json").document["head"]
    assert "its first 6 entries are those of then" in ama("audit", "verify", "--head", head).out
    assert ama("audit", "verify", "--head", "x", code=2).err.startswith("ama: error: not the head of an audit log: 'x'")
    database = sqlite3.connect(home / "registry" / "catalog.db")
    database.executescript("DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE sequence = 6;")
    database.close()
    assert "its end was cut off" in ama("audit", "verify", "--head", head, code=5).err
    database = sqlite3.connect(home / "registry" / "catalog.db")
    database.executescript("DROP TRIGGER audit_no_update; UPDATE audit SET actor = 'eve' WHERE sequence = 2;")
    database.close()
    assert "entry 2 (alias.set 'ama://default/text:newest') was edited" in ama("audit", "verify", code=5).err
