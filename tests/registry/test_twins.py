"""Names that differ only in case look like one name, and are one on other systems; values no database can hold."""

import datetime

import pytest

from ama_tfx.errors import ConflictError, InvalidInputError, NotFoundError
from ama_tfx.registry import AssetName, AssetRef
from ama_tfx.testing.processes import race_threads


def test_a_workspace_that_differs_only_in_case_is_refused(registry, hello):
    registry.register("ama://Team/model", hello)
    with pytest.raises(
        ConflictError, match="workspace 'team' would differ from the existing 'Team' only in case; use 'Team'"
    ):
        registry.register("ama://team/model", hello)
    registry.register("ama://Team/other", hello)
    assert [str(asset.name) for asset in registry.assets()] == ["ama://Team/model", "ama://Team/other"]


def test_of_workspaces_that_differ_only_in_case_made_at_once_one_wins(registry, hello):
    outcomes = race_threads([lambda n=n: registry.register(f"ama://{n}/m", hello).created for n in ("ws", "WS", "Ws")])
    assert sorted(map(type, outcomes), key=str) == [ConflictError, ConflictError, bool]
    assert len(registry.assets()) == 1


def test_an_alias_that_differs_only_in_case_is_refused(registry, hello):
    registry.register("model", hello, alias="Champion")
    with pytest.raises(
        ConflictError, match="alias 'champion' would differ from the existing 'Champion' only in case; use 'Champion'"
    ):
        registry.set_alias("model:1", "champion")
    registry.register("other", hello, alias="champion")
    registry.remove_alias("model", "Champion")
    assert registry.set_alias("model:1", "champion") is not None
    assert [alias.name for alias in registry.aliases("model")] == ["champion"]


def test_a_refused_twin_registers_nothing(registry, hello, write):
    registry.register("model", hello, alias="Champion")
    with pytest.raises(ConflictError, match="only in case"):
        registry.register("model", write("new", {"x": b"y"}), alias="champion")
    assert [version.number for version in registry.versions("model")] == [1]


@pytest.mark.parametrize("number", [2, 2**31, 2**63, 10**30])
def test_a_number_no_database_can_hold_is_no_version(registry, hello, number):
    registry.register("model", hello)
    with pytest.raises(NotFoundError, match=f"no version '{number}' of asset 'model'; it has versions 1 to 1"):
        registry.resolve(AssetRef(AssetName("default", "model"), number))


def test_a_clock_without_a_zone_is_refused_and_nothing_is_registered(registry_url, open_registry, hello):
    registry = open_registry(registry_url, clock=lambda: datetime.datetime(2026, 1, 1))
    with pytest.raises(InvalidInputError, match="the registry's clock gave .*, which has no zone"):
        registry.register("model", hello)
    assert registry.assets() == []
