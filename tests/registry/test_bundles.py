"""Bundles: what goes into one comes out of it, elsewhere, once."""

import subprocess
import tarfile

import pytest

from ama_tfx.errors import ConflictError, IntegrityError, InvalidInputError, NotFoundError
from ama_tfx.registry import AssetRef, Facts, FileEntry, Ref
from ama_tfx.registry.sharing import AliasOutcome, inspect_bundle
from ama_tfx.registry.tree import Onto
from ama_tfx.storage import Digest
from ama_tfx.testing.processes import count_lines, kill_at_line


@pytest.fixture
def elsewhere(tmp_path, open_registry):
    """A registry on another machine."""
    return open_registry(tmp_path / "elsewhere", actor="bob")


@pytest.fixture
def filled(registry, write):
    """A registry with a model that was made from data."""
    registry.register("data", write("data", {"a.csv": b"1,2", "deep/b.csv": b"3,4"}), alias="newest")
    registry.register(
        "model",
        write("model", {"model.h5": b"weights", "copy.csv": b"1,2"}),
        Facts(
            kind="Model",
            message="the first",
            tags=("reviewed",),
            metrics={"auc": 0.875},
            properties={"lr": 0.1},
            refs=(Ref(AssetRef.parse("data")),),
            provenance={"pipeline": "taxi", "run_id": "7", "gates": [{"source": "Evaluator", "verdict": "blessed"}]},
        ),
        alias="production",
    )
    registry.notes.describe("model", "Guesses tips.")
    return registry


def everything(registry):
    """What a registry shows of each version that bundles carry, by reference."""
    shown = {}
    for asset in registry.assets():
        for version in registry.versions(asset.name):
            details = registry.show(version.reference)
            refs = [(role, str(target.reference)) for role, target in details.refs]
            told = (details.aliases, details.tags, details.properties, details.files, refs, details.metrics)
            shown[str(version.reference)] = (*told, version.message, str(version.semantic), version.kind)
    return shown


def test_what_is_bundled_is_the_same_elsewhere(filled, elsewhere, tmp_path):
    contents = filled.sharing.create_bundle(["model:production"], tmp_path / "model.ama")
    assert [str(version.asset) for version in contents.index.versions] == ["ama://default/data", "ama://default/model"]
    assert contents.blob_count == 3  # each content once
    applied = elsewhere.sharing.apply_bundle(tmp_path / "model.ama")
    assert everything(elsewhere) == everything(filled)
    assert len(everything(elsewhere)) == 2
    assert [step.outcome for step in applied.aliases] == [AliasOutcome.SET, AliasOutcome.SET]
    assert elsewhere.notes.description("model") == "Guesses tips."
    assert elsewhere.open("model:production/model.h5").read() == b"weights"
    assert elsewhere.upkeep.fsck(read_percent=100).findings == ()
    elsewhere.audit.verify()


def test_where_a_version_comes_from_is_remembered_and_found_by_its_run(filled, elsewhere, tmp_path):
    contents = filled.sharing.create_bundle(["model"], tmp_path / "model.ama")
    elsewhere.sharing.apply_bundle(tmp_path / "model.ama")
    (entry,) = elsewhere.show("model").registrations
    assert entry.registered_by == "bob"
    assert entry.provenance["pipeline"] == "taxi"
    assert entry.provenance["run_id"] == "7"
    origin = entry.provenance["bundle"]
    assert origin["digest"] == str(contents.digest)
    assert origin["registry"] == filled.id
    assert origin["reference"] == str(filled.resolve("model").reference)
    assert origin["created_by"] == "ann"
    assert origin["registration"]["provenance"]["run_id"] == "7"


def test_a_blessing_of_another_registry_is_history_and_no_verdict(filled, elsewhere, write, tmp_path):
    filled.sharing.create_bundle(["model"], tmp_path / "model.ama")
    elsewhere.register("model", write("own", {"x": b"own"}), alias="champion")
    elsewhere.protection.protect("model", "production", needs_blessing=True)
    applied = elsewhere.sharing.apply_bundle(tmp_path / "model.ama", move_aliases=True)
    outcomes = {step.alias.alias: step for step in applied.aliases}
    assert outcomes["production"].outcome is AliasOutcome.REFUSED
    assert "blessed" in outcomes["production"].why
    assert [alias.name for alias in elsewhere.aliases("model")] == ["champion"]
    assert "gates" not in elsewhere.show("model:2").registrations[0].provenance


def test_made_twice_a_bundle_is_the_same_to_the_byte(filled, tmp_path):
    filled.sharing.create_bundle(["model:1", "data:newest"], tmp_path / "one.ama")
    filled.sharing.create_bundle(["data", "model:production"], tmp_path / "two.ama")
    assert (tmp_path / "one.ama").read_bytes() == (tmp_path / "two.ama").read_bytes()
    filled.notes.tag("model", "new")
    filled.sharing.create_bundle(["data", "model"], tmp_path / "three.ama")
    assert (tmp_path / "one.ama").read_bytes() != (tmp_path / "three.ama").read_bytes()


def test_a_bundle_is_a_tar_that_checks_itself(filled, tmp_path):
    filled.sharing.create_bundle(["model"], tmp_path / "model.ama")
    with tarfile.open(tmp_path / "model.ama") as archive:
        members = archive.getmembers()
        archive.extractall(tmp_path / "unpacked")
    assert [members[0].name, members[-1].name] == ["index.json", "SHA256SUMS"]
    assert {(m.mtime, m.uid, m.uname, m.mode, m.type) for m in members} == {(0, 0, "", 0o644, tarfile.REGTYPE)}
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path / "unpacked", capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.count(": OK") == len(members) - 1 == 6


def test_applying_twice_changes_nothing(filled, elsewhere, tmp_path):
    filled.sharing.create_bundle(["model"], tmp_path / "model.ama")
    elsewhere.sharing.apply_bundle(tmp_path / "model.ama")
    head = elsewhere.audit.head()
    again = elsewhere.sharing.apply_bundle(tmp_path / "model.ama")
    assert [placement.is_known for placement in again.placements] == [True, True]
    assert {step.outcome for step in again.aliases} == {AliasOutcome.THERE}
    assert again.new_bytes == 0
    assert elsewhere.audit.head() == head


def test_applied_where_it_comes_from_a_bundle_changes_nothing(filled, tmp_path):
    filled.sharing.create_bundle(["model"], tmp_path / "model.ama")
    head = filled.audit.head()
    assert all(p.is_known for p in filled.sharing.apply_bundle(tmp_path / "model.ama").placements)
    assert filled.audit.head() == head


def test_a_dry_run_checks_everything_and_changes_nothing(filled, elsewhere, tmp_path):
    filled.sharing.create_bundle(["model"], tmp_path / "model.ama")
    planned = elsewhere.sharing.apply_bundle(tmp_path / "model.ama", dry_run=True)
    assert not planned.is_done
    assert [(str(p.asset), p.is_known) for p in planned.placements] == [
        ("ama://default/data", False),
        ("ama://default/model", False),
    ]
    assert elsewhere.assets() == []
    assert elsewhere.audit.head().count == 0
    assert list((elsewhere.location.folder / "blobs").rglob("*.pack")) == []


def test_an_alias_that_points_elsewhere_stays_unless_it_is_to_be_moved(filled, elsewhere, write, tmp_path):
    elsewhere.register("model", write("own", {"x": b"own"}), alias="production")
    filled.sharing.create_bundle(["model"], tmp_path / "model.ama")
    kept = elsewhere.sharing.apply_bundle(tmp_path / "model.ama")
    assert {s.alias.alias: s.outcome for s in kept.aliases} == {
        "newest": AliasOutcome.SET,
        "production": AliasOutcome.KEPT,
    }
    assert elsewhere.resolve("model:production").number == 1
    moved = elsewhere.sharing.apply_bundle(tmp_path / "model.ama", move_aliases=True)
    assert [s.outcome for s in moved.aliases] == [AliasOutcome.THERE, AliasOutcome.MOVED]
    assert elsewhere.resolve("model:production").number == 2
    last = elsewhere.alias_moves("model", "production")[0]
    assert (last.from_version, last.to_version) == (1, 2)
    assert last.reason == f"bundle {moved.digest} of registry {filled.id}"


def test_a_semantic_version_is_kept_where_it_goes_forward(registry, elsewhere, write, tmp_path):
    for number in range(3):
        registry.register("model", write("m", {"x": str(number).encode()}))
    registry.sharing.create_bundle(["model:3"], tmp_path / "three.ama")
    registry.sharing.create_bundle(["model:1"], tmp_path / "one.ama")
    elsewhere.sharing.apply_bundle(tmp_path / "three.ama")
    elsewhere.sharing.apply_bundle(tmp_path / "one.ama")
    assert [(v.number, str(v.semantic)) for v in elsewhere.versions("model")] == [(2, "1.0.3"), (1, "1.0.2")]


def test_what_was_asked_for_goes_into_another_workspace_and_the_rest_keeps_its_name(filled, elsewhere, tmp_path):
    filled.sharing.create_bundle(["model"], tmp_path / "model.ama")
    elsewhere.sharing.apply_bundle(tmp_path / "model.ama", workspace="team")
    assert [str(asset.name) for asset in elsewhere.assets()] == ["ama://default/data", "ama://team/model"]
    assert elsewhere.resolve("ama://team/model:production").digest == filled.resolve("model").digest
    assert elsewhere.upkeep.fsck(read_percent=100).findings == ()
    assert [(w.name, w.asset_count, w.version_count) for w in elsewhere.sharing.workspaces()] == [
        ("default", 1, 1),
        ("team", 1, 1),
    ]


def test_without_refs_a_bundle_needs_what_it_was_made_from_to_be_there(filled, elsewhere, tmp_path):
    filled.sharing.create_bundle(["model"], tmp_path / "model.ama", with_refs=False)
    filled.sharing.create_bundle(["data"], tmp_path / "data.ama")
    assert [v.asset.name for v in inspect_bundle(tmp_path / "model.ama").index.versions] == ["model"]
    with pytest.raises(
        NotFoundError, match="was made from ama://default/data@sha256:.*, which is not in this registry"
    ):
        elsewhere.sharing.apply_bundle(tmp_path / "model.ama")
    assert elsewhere.assets() == []
    elsewhere.sharing.apply_bundle(tmp_path / "data.ama")
    elsewhere.sharing.apply_bundle(tmp_path / "model.ama")
    assert everything(elsewhere) == everything(filled)


def test_a_bundle_replaces_nothing_unless_it_is_told_to(filled, tmp_path):
    target = tmp_path / "model.ama"
    target.write_text("mine")
    with pytest.raises(ConflictError, match="exists already"):
        filled.sharing.create_bundle(["model"], target)
    assert target.read_text() == "mine"
    with pytest.raises(NotFoundError):
        filled.sharing.create_bundle(["nothing"], target, force=True)
    assert target.read_text() == "mine"
    filled.sharing.create_bundle(["model"], target, force=True)
    assert inspect_bundle(target, read_data=True).is_verified
    with pytest.raises(InvalidInputError, match="it is a folder"):
        filled.sharing.create_bundle(["model"], tmp_path)
    with pytest.raises(InvalidInputError, match="at least one version"):
        filled.sharing.create_bundle([], tmp_path / "none.ama")


def test_a_killed_writer_leaves_no_bundle_and_the_next_one_removes_its_leftover(local_registry, hello, tmp_path):
    local_registry.register("model", hello)
    folder = tmp_path / "out"
    folder.mkdir()

    def create():
        local_registry.sharing.create_bundle(["model"], folder / "model.ama", force=True)

    lines = count_lines(create)
    assert lines > 200
    (folder / "model.ama").unlink()
    for line in range(1, lines, lines // 40):
        assert kill_at_line(create, line) or line > 0.8 * lines
        if (folder / "model.ama").exists():
            inspect_bundle(folder / "model.ama", read_data=True)
            (folder / "model.ama").unlink()
    create()
    whole = inspect_bundle(folder / "model.ama", read_data=True)
    assert [path.name for path in folder.iterdir()] == ["model.ama"]
    assert whole.blob_count == 1


def test_content_that_is_kept_elsewhere_stays_there(registry, elsewhere, write, tmp_path):
    there = FileEntry("big.bin", Digest.of(b"big"), 3, "https://example.com/big.bin")
    content = Onto({"small.txt": write("s", {"small.txt": b"small"}) / "small.txt"}, external=(there,))
    registry.register("model", content)
    contents = registry.sharing.create_bundle(["model"], tmp_path / "model.ama")
    assert contents.blob_count == 1
    elsewhere.sharing.apply_bundle(tmp_path / "model.ama")
    assert elsewhere.show("model").files == registry.show("model").files
    assert elsewhere.show("model").files[0].url == "https://example.com/big.bin"


def test_lost_bytes_make_no_bundle(filled, tmp_path):
    for pack in (filled.location.folder / "blobs" / "packs").rglob("*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(b"")
    with pytest.raises(IntegrityError):
        filled.sharing.create_bundle(["model"], tmp_path / "model.ama")
    assert not (tmp_path / "model.ama").exists()


def test_many_versions_go_in_the_order_in_which_they_were_registered(registry, elsewhere, write, tmp_path):
    for number in range(12):
        refs = (Ref(AssetRef.parse(f"a:{number}")),) if number else ()
        registry.register("a", write("a", {"x": str(number).encode()}), Facts(refs=refs))
    registry.sharing.create_bundle(["a:12"], tmp_path / "a.ama")
    applied = elsewhere.sharing.apply_bundle(tmp_path / "a.ama")
    assert [p.version.number for p in applied.placements] == list(range(1, 13))
    assert everything(elsewhere) == everything(registry)
    assert [node.version.number for node in elsewhere.lineage.graph("a").nodes] == list(range(12, 0, -1))


def test_a_bundle_that_nobody_could_read_is_not_made(registry, write, tmp_path):
    long = {f"k{n}": "x" * 500_000 for n in range(18)}
    registry.register("data", write("d", {"a": b"a"}), Facts(provenance=long))
    with pytest.raises(
        InvalidInputError, match=r"of its 1 versions may have 8388608 bytes and has 90\d{5}; make several"
    ):
        registry.sharing.create_bundle(["data"], tmp_path / "x.ama")
    assert not (tmp_path / "x.ama").exists()


def test_a_retired_version_goes_along_without_its_bytes(filled, elsewhere, write, tmp_path):
    filled.register("data", write("newer", {"a.csv": b"5,6"}))
    filled.set_alias("data:2", "newest")
    filled.sharing.create_bundle(["data:1"], tmp_path / "whole.ama")
    filled.remove_alias("model", "production")
    filled.upkeep.retire("model:1", "too old")
    filled.upkeep.retire("data:1", "too old")
    contents = filled.sharing.create_bundle(["model"], tmp_path / "model.ama")
    assert [version.retired for version in contents.index.versions] == ["too old", "too old"]
    assert contents.blob_count == 0
    elsewhere.sharing.apply_bundle(tmp_path / "model.ama")
    assert [(str(each.version.asset), each.reason) for each in elsewhere.upkeep.retired()] == [
        ("ama://default/data", "too old"),
        ("ama://default/model", "too old"),
    ]
    assert [node.retired for node in elsewhere.lineage.graph("model").nodes] == [True, True]
    assert elsewhere.upkeep.fsck(read_percent=100).is_clean
    elsewhere.audit.verify()
    back = elsewhere.sharing.apply_bundle(tmp_path / "whole.ama")
    assert [placement.is_known for placement in back.placements] == [False]
    assert [str(each.version.asset) for each in elsewhere.upkeep.retired()] == ["ama://default/model"]
    assert elsewhere.open("data:1/deep/b.csv").read() == b"3,4"
    elsewhere.audit.verify()
    with pytest.raises(ConflictError, match="is retired"):
        filled.sharing.fork("data:1", "copy")


def test_a_protected_alias_is_set_by_a_bundle_only_for_a_reason(filled, elsewhere, write, tmp_path):
    filled.sharing.create_bundle(["model"], tmp_path / "model.ama")
    elsewhere.register("model", write("own", {"x": b"own"}))
    elsewhere.protection.protect("model", "production")
    applied = elsewhere.sharing.apply_bundle(tmp_path / "model.ama")
    why = {step.alias.alias: step.why for step in applied.aliases if step.outcome is AliasOutcome.REFUSED}
    assert "moves or goes only for a reason" in why["production"]
    assert elsewhere.aliases("model") == []
    elsewhere.sharing.apply_bundle(tmp_path / "model.ama", reason="agreed")
    assert elsewhere.resolve("model:production").number == 2


def test_an_alias_of_a_version_that_is_retired_is_not_set_by_a_bundle(filled, elsewhere, tmp_path):
    filled.sharing.create_bundle(["model"], tmp_path / "model.ama")
    elsewhere.sharing.apply_bundle(tmp_path / "model.ama")
    elsewhere.remove_alias("model", "production")
    elsewhere.upkeep.retire("model:1", "old")
    back = elsewhere.sharing.apply_bundle(tmp_path / "model.ama")
    assert [step.outcome for step in back.aliases] == [AliasOutcome.THERE, AliasOutcome.SET]  # its files came along
    assert elsewhere.upkeep.retired() == []
