from __future__ import annotations

import pytest

from ama_tfx.registry.lineage.ancestors import Ancestor, Ancestors
from ama_tfx.storage import Digest

ONE, TWO, THREE = (Digest(str(number) * 64) for number in range(3))


@pytest.mark.parametrize(
    ("files", "path", "found"),
    [
        ({"model.h5": ONE, "other.h5": TWO}, "model.h5", ONE),
        ({"checkpoint-5/model.safetensors": ONE}, "model.safetensors", ONE),
        ({"a/model.safetensors": ONE, "model.safetensors": TWO}, "model.safetensors", TWO),
        ({"a/model.safetensors": ONE, "b/model.safetensors": TWO}, "model.safetensors", None),
        ({"client-3.safetensors": ONE, "config.json": TWO}, "mean.safetensors", ONE),
        ({"client-3.safetensors": ONE, "client-4.safetensors": TWO}, "mean.safetensors", None),
        ({"v1.json": ONE}, "v2.json", None),
        ({"model.h5": ONE}, "model.keras", None),
    ],
)
def test_a_file_of_the_path_or_the_only_one_alike_is_an_ancestor(
    files: dict[str, Digest], path: str, found: Digest | None
) -> None:
    assert Ancestor(files).of(path) == found


def test_each_version_gives_one_ancestor_at_most() -> None:
    versions = [Ancestor({"m.h5": ONE}), Ancestor({"x": TWO}), Ancestor({"a/m.h5": THREE, "b.h5": TWO})]
    assert Ancestors(versions).of("m.h5") == (ONE, THREE)
