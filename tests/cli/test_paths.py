"""Paths in great numbers, and paths that are no text."""

from pathlib import Path

from ama_tfx.cli.paths import named_and_found
from ama_tfx.registry import Registry


def test_thousands_of_names_between_commas_are_told_apart_in_seconds(work):
    names = [f"f{number}" for number in range(5000)]
    for name in names:
        (work / name).touch()
    assert named_and_found([",".join(names)], work) == ([Path(name) for name in names], [])
    assert named_and_found([", ".join(names)], work) == ([Path(name) for name in names], [])


def test_a_name_with_commas_wins_in_a_list_and_alone(work):
    some, many = "a,b", ",".join("abcdefghijklmnopqrstuvwxyz")
    for name in (some, many, "c"):
        (work / name).touch()
    assert named_and_found(["a,b,c"], work) == ([Path("a,b"), Path("c")], [])
    assert named_and_found([many], work) == ([Path(many)], [])


def test_the_manifest_is_read_once_however_many_paths_are_downloaded(ama, upload, work, monkeypatch):
    names = ["a", "b", "d/c", "d/e"]
    upload("model", *names)
    reads, real = [], Registry._manifest

    def count(self, digest):
        reads.append(digest)
        return real(self, digest)

    monkeypatch.setattr(Registry, "_manifest", count)
    ama("download", "model", *names, "--output", "out")
    assert len(reads) == 1
    assert [(work / "out" / name).read_text() for name in names] == names


def test_a_registry_whose_path_is_no_utf8_is_used_and_shown(ama, write, tmp_path):
    registry = str(tmp_path / "r\udcff")
    write("a")
    ama("init", "model")
    ama("add", "a")
    ama("upload", "--registry", registry)
    assert "model" in ama("list", "--registry", registry).out
    assert ama("download", "model", "--output", "o\udcff", "--registry", registry, "--json").document[0]["changed"]
    assert "r\\udcff" in ama("show", "model", "--registry", f"{registry}x", code=3).err
