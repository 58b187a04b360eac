"""Storing files ahead of their registration: nothing is visible by it, and nothing is stored twice."""

from __future__ import annotations

import pytest

from ama_tfx.errors import NotFoundError
from ama_tfx.registry import AssetRef, Facts, Ref
from ama_tfx.testing.processes import race


def test_what_is_stored_ahead_is_visible_to_nobody_and_found_by_the_registration(registry, write):
    folder = write("content", {"a": b"a" * 1000, "b/c": b"c" * 1000})
    assert registry.store("rows", folder) > 0
    assert not registry.exists("rows")
    assert registry.assets() == []
    assert registry.store("rows", folder) == 0
    registered = registry.register("rows", folder)
    assert (registered.created, registered.version.number) == (True, 1)
    assert registered.new_bytes < 1000, "the manifest alone"


def test_parts_that_processes_store_at_once_make_one_asset(local_registry, write, open_registry):
    parts = {f"shard-{number}": bytes([number]) * 5000 for number in range(6)}
    folder = write("content", parts)

    def storing(names):
        def store():
            with open_registry(local_registry.location.folder) as registry:
                return registry.store("rows", {name: folder / name for name in names})

        return store

    names = sorted(parts)
    assert all(isinstance(result, int) for result in race([storing(names[i : i + 3]) for i in (0, 2, 3)]))
    assert local_registry.register("rows", folder).new_bytes < 1000
    assert [entry.path for entry in local_registry.show("rows").files] == names
    assert local_registry.upkeep.fsck(read_percent=100).is_clean


def test_what_is_never_registered_is_no_damage(local_registry, write):
    local_registry.store("rows", write("content", {"a": b"a"}))
    checked = local_registry.upkeep.fsck(read_percent=100)
    assert (checked.is_clean, checked.unreferenced_count) == (True, 1)


def test_a_ref_to_nothing_is_refused_before_anything_is_stored(registry, write):
    registry.register("data", write("data", {"d": b"d"}), Facts())
    with pytest.raises(NotFoundError, match="'gone'"):
        registry.store("rows", write("content", {"a": b"a"}), (Ref(AssetRef.parse("gone"), "input"),))
    assert registry.store("rows", write("content", {"a": b"a"}), (Ref(AssetRef.parse("data"), "input"),)) > 0
