"""Drafts in ``with`` blocks: all of it becomes a version, or nothing does."""

import tempfile

import pytest

from ama_tfx.errors import ConflictError, InvalidInputError, NotFoundError
from ama_tfx.registry import Registry


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Where drafts keep what is written into them."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def paths(registry, reference):
    return [entry.path for entry in registry.manifest(reference).files]


def test_a_block_that_ends_well_is_a_version(registry, write, temporary):
    data = registry.register("data", write("data", {"d.csv": b"1"}), alias="now").version
    folder = write("model", {"weights/w.bin": b"w", "model.h5": b"h5"})
    with registry.draft("models/ranker") as draft:
        draft.add(folder / "model.h5").add(folder / "weights", to="parts/w")
        draft.write("notes.txt", b"by hand").write("umlaut.txt", "ü")
        draft.ref("data:now", role="trained_on")
        draft.set(alias="champion", message="first", tags=["a"], properties={"lr": 0.1}, kind="Model")
        draft.set(tags=["b"], metrics={"auc": 0.9})
    version = draft.registered.version
    assert (version.asset.name, version.number, version.kind, version.message) == ("models/ranker", 1, "Model", "first")
    details = registry.show("models/ranker:champion")
    assert [entry.path for entry in details.files] == ["model.h5", "notes.txt", "parts/w/w.bin", "umlaut.txt"]
    assert (details.aliases, details.tags, details.properties) == (("champion",), ("a", "b"), {"lr": 0.1})
    assert [(role, ref.digest) for role, ref in details.refs] == [("trained_on", data.digest)]
    assert registry.notes.metrics("models/ranker") == {"auc": 0.9}
    assert registry.open("models/ranker:1/umlaut.txt").read() == "ü".encode()
    assert list(temporary.iterdir()) == []


def test_a_draft_gives_paths_to_write_to(local_registry, temporary):
    with local_registry.draft("model") as draft:
        saved = draft.path("saved/variables")
        saved.mkdir()
        (saved / "v.bin").write_bytes(b"v")
        draft.path("model.keras").write_bytes(b"k")
        draft.path("empty").mkdir()
    assert paths(local_registry, "model") == ["model.keras", "saved/variables/v.bin"]
    assert local_registry.manifest("model").directories == ("empty",)
    assert list(temporary.iterdir()) == []


def test_a_folder_can_be_the_whole_version(local_registry, write):
    with local_registry.draft("model") as draft:
        draft.add(write("m", {"a/b.txt": b"b", "c.txt": b"c"}), to="")
        draft.write("d.txt", b"d")
    assert paths(local_registry, "model") == ["a/b.txt", "c.txt", "d.txt"]


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()])
def test_a_block_that_fails_leaves_nothing(registry, write, temporary, error):
    def fail():
        with registry.draft("model") as draft:
            draft.write("a.txt", b"a").set(alias="prod")
            assert len(list(temporary.iterdir())) == 1
            raise error

    with pytest.raises(type(error)):
        fail()
    assert registry.assets() == []
    assert list(temporary.iterdir()) == []


def test_a_registration_that_fails_leaves_nothing_and_says_so(registry, write, temporary):
    folder = write("m", {"a.txt": b"a"})

    def lose_a_file():
        with registry.draft("model") as draft:
            draft.add(folder / "a.txt").write("b.txt", b"b")
            (folder / "a.txt").unlink()
        return draft

    with pytest.raises(NotFoundError):
        lose_a_file()
    assert registry.assets() == []
    assert list(temporary.iterdir()) == []


def test_a_draft_without_a_file_is_no_version(local_registry):
    with pytest.raises(InvalidInputError, match="has no file"), local_registry.draft("model"):
        pass
    assert local_registry.assets() == []


def test_a_ref_is_what_it_meant_in_the_block(local_registry, write):
    first = local_registry.register("data", write("1", {"d": b"1"}), alias="now").version
    local_registry.register("data", write("2", {"d": b"2"}))
    with local_registry.draft("model") as draft:
        draft.ref("data:now").ref("data:now").write("m", b"m")
        local_registry.set_alias("data:2", "now")
    assert [version.digest for _, version in local_registry.show("model").refs] == [first.digest]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda draft: draft.add("missing.txt"), NotFoundError),
        (lambda draft: draft.write("../x", b""), InvalidInputError),
        (lambda draft: draft.write("/etc/passwd", b""), InvalidInputError),
        (lambda draft: draft.path(".git/hooks/x"), InvalidInputError),
        (lambda draft: draft.add(__file__, to="a\\b"), InvalidInputError),
        (lambda draft: draft.add(__file__, to=""), InvalidInputError),
        (lambda draft: draft.add(__file__, to="there.txt"), ConflictError),
        (lambda draft: draft.write("there.txt", b"again"), ConflictError),
        (lambda draft: draft.ref("nothing"), NotFoundError),
        (lambda draft: draft.set(alias="latest"), InvalidInputError),
        (lambda draft: draft.set(tags="abc"), InvalidInputError),
        (lambda draft: draft.set(tags=["a b"]), InvalidInputError),
        (lambda draft: draft.set(properties={"x": float("nan")}), InvalidInputError),
        (lambda draft: draft.set(properties={"a b": 1}), InvalidInputError),
        (lambda draft: draft.set(metrics={"auc": float("inf")}), InvalidInputError),
        (lambda draft: draft.set(kind="No Kind"), InvalidInputError),
    ],
)
def test_a_mistake_is_told_where_it_is_made_and_the_draft_goes_on(local_registry, change, error):
    with local_registry.draft("model") as draft:
        draft.write("there.txt", b"first")
        with pytest.raises(error):
            change(draft)
    assert paths(local_registry, "model") == ["there.txt"]
    details = local_registry.show("model")
    assert (details.tags, details.properties, details.aliases) == ((), {}, ())


def test_a_link_that_was_written_is_refused(local_registry):
    def link():
        with local_registry.draft("model") as draft:
            draft.path("passwd").symlink_to("/etc/passwd")

    with pytest.raises(InvalidInputError, match="symbolic link"):
        link()
    assert local_registry.assets() == []


def test_a_draft_is_used_once_and_in_its_block(local_registry):
    draft = local_registry.draft("model")
    with pytest.raises(InvalidInputError, match="is new"):
        draft.write("a", b"a")
    with draft:
        draft.write("a", b"a")
        with pytest.raises(InvalidInputError, match="is open"):
            _ = draft.registered
    with pytest.raises(InvalidInputError, match="is registered"):
        draft.write("b", b"b")
    with pytest.raises(InvalidInputError, match="is over"):
        draft.__enter__()


def test_a_registry_is_closed_when_its_block_ends(tmp_path, write):
    with Registry(tmp_path / "r", create=True) as registry:
        registry.register("model", write("m", {"a": b"a"}))
    assert [asset.name.name for asset in registry.assets()] == ["model"]  # and opens again when it is used
    registry.close()
