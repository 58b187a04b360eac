"""The files of artifacts, wherever they lie, and links among them."""

from __future__ import annotations

from pathlib import Path

import pytest

fileio = pytest.importorskip("tfx.dsl.io.fileio")
from ama_tfx.components.links import refuse_links_below  # noqa: E402
from ama_tfx.components.tree import local_copy, tree_digests, tree_sizes  # noqa: E402
from ama_tfx.errors import InvalidInputError  # noqa: E402

SHA256_OF_AB = "fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603"


@pytest.fixture(scope="module")
def store():
    """A folder with one file in an object store; written once, for to write there again appends."""
    import tensorflow as tf  # noqa: F401 - whose file systems know ram://

    folder = "ram://tree/artifact"
    fileio.makedirs(f"{folder}/part")
    with fileio.open(f"{folder}/part/rows", "wb") as stream:
        stream.write(b"ab")
    return folder


def test_what_lies_here_is_given_as_it_is(tmp_path):
    with local_copy(str(tmp_path)) as place:
        assert place == tmp_path


@pytest.mark.parametrize("end", ["", "/"])
def test_a_folder_of_an_object_store_is_copied_for_the_block_under_its_own_name(store, end):
    with local_copy(store + end) as copy:
        assert copy.name == "artifact"
        assert (copy / "part" / "rows").read_bytes() == b"ab"
    assert not copy.parent.exists()


def test_one_file_of_an_object_store_is_copied_as_a_file(store):
    with local_copy(f"{store}/part/rows") as copy:
        assert (copy.name, copy.read_bytes()) == ("rows", b"ab")
    assert not copy.parent.exists()


@pytest.mark.parametrize("end", ["", "/"])
def test_files_are_named_by_their_paths_in_the_artifact(store, tmp_path, end):
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "rows").write_bytes(b"ab")
    for uri in (store, str(tmp_path)):
        assert tree_sizes(uri + end) == {"part/rows": 2}
        assert tree_digests(uri + end) == {"part/rows": SHA256_OF_AB}


@pytest.mark.parametrize("target", ["/etc", "/etc/hostname"])
def test_a_link_anywhere_below_is_refused(tmp_path, target):
    refuse_links_below(str(tmp_path))
    Path(tmp_path, "a", "b").mkdir(parents=True)
    Path(tmp_path, "a", "b", "link").symlink_to(target)
    with pytest.raises(InvalidInputError, match="a/b/link' is a link; expected a model of regular files"):
        refuse_links_below(str(tmp_path))
