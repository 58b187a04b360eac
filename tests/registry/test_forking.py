"""Forks: the same versions under another name, without a byte more."""

import pytest

from ama_tfx.errors import ConflictError, InvalidInputError, NotFoundError
from ama_tfx.registry import AssetRef, Facts, Ref


@pytest.fixture
def models(registry, write):
    """An asset of three versions, made from data."""
    registry.register("data", write("data", {"a": b"data"}))
    for number in (1, 2, 3):
        facts = Facts(
            message=f"number {number}",
            tags=(f"t{number}",),
            metrics={"auc": number / 4},
            refs=(Ref(AssetRef.parse("data")),),
            provenance={"gates": [{"source": "Evaluator", "verdict": "blessed"}]},
        )
        registry.register("model", write("m", {"m": str(number).encode()}), facts)
    registry.set_alias("model:2", "production")
    return registry


def stored(registry):
    return sorted((path.name, path.stat().st_size) for path in registry.location.folder.rglob("*.pack"))


def test_a_fork_has_the_same_content_and_remembers_where_it_comes_from(models):
    before = stored(models)
    forked = models.sharing.fork("model:production", "mine")
    assert stored(models) == before
    ((old, new),) = forked.versions
    assert (old.asset.name, old.number, new.asset.name, new.number) == ("model", 2, "mine", 1)
    assert old.digest == new.digest
    details = models.show("mine")
    assert (details.tags, details.metrics, details.version.message) == (("t2",), {"auc": 0.5}, "number 2")
    assert [(role, target.asset.name) for role, target in details.refs] == [("input", "data")]
    assert details.aliases == ()
    assert [entry.provenance for entry in details.registrations] == [
        {
            "forked_from": {
                "reference": str(old.reference),
                "version": 2,
                "semantic": str(old.semantic),
                "created_by": "ann",
            }
        }
    ]
    assert models.upkeep.fsck(read_percent=100).findings == ()
    models.audit.verify()


def test_all_versions_are_forked_in_their_order_and_aliases_where_it_is_asked_for(models):
    forked = models.sharing.fork("model", "ama://team/mine", all_versions=True, aliases=True)
    assert forked.new_count == 3
    assert forked.aliases == ("production",)
    versions = models.versions("ama://team/mine")
    assert [(v.number, v.message) for v in versions] == [(3, "number 3"), (2, "number 2"), (1, "number 1")]
    assert [v.semantic for v in versions] == [v.semantic for v in models.versions("model")]
    assert models.resolve("ama://team/mine:production").number == 2
    assert models.alias_moves("ama://team/mine", "production")[0].reason == "forked from ama://default/model:production"


def test_forked_again_a_fork_gets_what_it_lacks(models, write):
    models.sharing.fork("model", "mine", all_versions=True)
    head = models.audit.head()
    assert models.sharing.fork("model", "mine", all_versions=True).new_count == 0
    assert models.audit.head() == head
    models.register("model", write("m", {"m": b"4"}))
    assert models.sharing.fork("model", "mine", all_versions=True).new_count == 1
    assert [version.number for version in models.versions("mine")] == [4, 3, 2, 1]


def test_a_dry_run_changes_nothing(models):
    head = models.audit.head()
    planned = models.sharing.fork("model", "mine", all_versions=True, dry_run=True)
    assert [old.number for old, _ in planned.versions] == [1, 2, 3]
    assert not planned.is_done
    assert models.audit.head() == head
    assert not models.exists("mine")


def test_a_fork_replaces_nothing(models, write):
    models.register("other", write("o", {"o": b"other"}))
    with pytest.raises(ConflictError, match="ama://default/other exists and is no fork of default/model"):
        models.sharing.fork("model", "other")
    with pytest.raises(InvalidInputError, match="forked into itself"):
        models.sharing.fork("model:1", "model")
    with pytest.raises(InvalidInputError, match="takes an asset, not one version"):
        models.sharing.fork("model:1", "mine", all_versions=True)
    with pytest.raises(InvalidInputError, match="whole versions"):
        models.sharing.fork("model:1/m", "mine")
    with pytest.raises(InvalidInputError, match="expected an asset's name"):
        models.sharing.fork("model:1", "mine:2")
    with pytest.raises(NotFoundError):
        models.sharing.fork("nothing", "mine")
    assert [asset.name.name for asset in models.assets()] == ["data", "model", "other"]
