"""Retiring versions beside everything else that goes on."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from ama_tfx.errors import ConflictError, InvalidInputError, NotFoundError
from ama_tfx.registry import Facts, Onto, Ref, Registry
from ama_tfx.registry.names import AssetRef

AT_ONCE = timedelta(0)


@pytest.fixture
def registry(tmp_path):
    with Registry(tmp_path / "registry", create=True) as registry:
        yield registry


@pytest.fixture
def versions(registry, write):
    """Three versions of 'model', each with a file of its own."""
    folders = [write(str(n), {"weights": random.Random(n).randbytes(50_000), "same": b"same" * 1000}) for n in range(3)]
    return [registry.register("model", folder).version for folder in folders]


def collect(registry):
    """Condemn, then delete."""
    registry.upkeep.gc(quarantine=AT_ONCE)
    return registry.upkeep.gc(quarantine=AT_ONCE)


def test_files_that_another_version_has_stay(registry, versions, tmp_path):
    registry.upkeep.retire("model:1", "old")
    assert collect(registry).deleted
    assert registry.upkeep.verify("model:2").is_whole
    assert registry.upkeep.verify("model:1/same").is_whole
    assert [path for path, _ in registry.upkeep.verify("model:1").problems] == ["weights"]
    assert registry.show("model:1").files == registry.show("model:1").files
    assert [file.path for file in registry.show("model:1").files] == ["same", "weights"]
    assert registry.upkeep.fsck(read_percent=100).is_clean
    registry.audit.verify()


def test_a_base_that_is_retired_during_an_upload_is_not_built_upon(registry, versions, write):
    base = AssetRef(versions[0].asset, versions[0].digest)
    content = Onto({"more": write("more", {"more": b"more"}) / "more"}, base=base)

    def retire_and_collect(_):
        registry.upkeep.retire("model:1", "old")
        collect(registry)

    with pytest.raises(ConflictError, match="is retired"):
        registry.register("model", content, before_commit=retire_and_collect)
    assert len(registry.versions("model")) == 3
    assert registry.upkeep.fsck(read_percent=100).is_clean


def test_a_version_is_taken_back_though_a_collection_has_condemned_its_files(registry, versions, tmp_path):
    registry.upkeep.retire("model:1", "old")
    assert registry.upkeep.gc(quarantine=timedelta(days=1)).condemned
    assert registry.upkeep.unretire("model:1") == versions[0]
    collect(registry)
    assert registry.upkeep.verify("model:1").is_whole


def test_registering_the_same_content_beside_a_collection_brings_a_version_back(registry, versions, write):
    registry.upkeep.retire("model:1", "old")
    registry.upkeep.gc(quarantine=AT_ONCE)
    again = write("0", {})
    done = registry.register("model", again, before_commit=lambda _: registry.upkeep.gc(quarantine=AT_ONCE))
    assert (done.created, done.version.number) == (False, 1)
    collect(registry)
    assert registry.upkeep.retired() == []
    assert registry.upkeep.verify("model:1").is_whole


def test_a_version_that_stays_keeps_what_it_was_made_from(registry, versions, write):
    ref = Ref(AssetRef(versions[0].asset, versions[0].digest), "base_model")
    registry.register("child", write("child", {"a": b"a"}), Facts(refs=(ref,)), alias="prod")
    plan = registry.upkeep.keep_only(["model"], "last 1", dry_run=True)
    assert [version.number for version in plan.retired] == [2]
    assert {kept.version.number: kept.reasons for kept in plan.kept} == {
        3: ("last 1",),
        1: ("used by a kept version",),
    }
    with pytest.raises(ConflictError, match=r"1 version\(s\) that are not retired are made from it"):
        registry.upkeep.retire("model:1", "old")


def test_a_version_whose_files_are_gone_is_not_taken_back(registry, versions):
    registry.upkeep.retire("model:1", "old")
    collect(registry)
    with pytest.raises(NotFoundError, match="its files are gone"):
        registry.upkeep.unretire("model:1")
    assert [retired.version.number for retired in registry.upkeep.retired()] == [1]


def test_no_alias_and_no_pin_keeps_a_retired_version(registry, versions, write):
    registry.upkeep.retire("model:1", "old")
    with pytest.raises(ConflictError, match="is retired; take it back first: `ama retire --undo`"):
        registry.set_alias("model:1", "champion")
    with pytest.raises(ConflictError, match="is retired; take it back first"):
        registry.notes.pin("model:1", "keep")
    again = write("again", {"weights": random.Random(0).randbytes(50_000), "same": b"same" * 1000})
    assert registry.register("model", again, alias="champion").alias_refused is None
    assert registry.upkeep.retired() == []
    assert registry.resolve("model:champion").number == 1


def test_an_alias_on_a_retired_version_is_found_by_fsck(registry, versions):
    registry.set_alias("model:1", "champion")
    with registry._database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO retirements (version_id, reason, retired_at, retired_by) "
            "SELECT version_id, 'forged', moved_at, moved_by FROM aliases"
        )
    found = {finding.problem: finding for finding in registry.upkeep.fsck().findings}
    assert "has: alias champion" in found["kept and retired"].detail
    assert not found["kept and retired"].is_note


@pytest.mark.parametrize("reason", ["\u200b", "\u00ad \u2800", "\u3164", "red \x1b[31m"])
def test_a_reason_is_text_that_is_seen(registry, versions, reason):
    with pytest.raises(InvalidInputError, match="reason"):
        registry.upkeep.retire("model:1", reason)
    assert registry.upkeep.retired() == []


def test_undoing_a_rule_takes_back_versions_of_the_assets_that_are_named(registry, versions, write):
    for number in range(2):
        registry.register("other", write(f"other{number}", {"a": bytes([number])}))
    plan = registry.upkeep.keep_only(["model", "other"], "last 1")
    # Two files of 50,000 bytes that only these have, one of 1; what all versions of 'model' share stays.
    assert (len(plan.retired), plan.freed_bytes) == (3, 100_001)
    back, gone = registry.upkeep.undo_keep_only(["other"], "last 1")
    assert ([str(version.asset) for version in back], gone) == (["ama://default/other"], [])
    assert [(r.version.asset.name, r.version.number) for r in registry.upkeep.retired()] == [("model", 1), ("model", 2)]
