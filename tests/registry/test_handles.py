"""Handles: one version, whatever becomes of the alias it was found by; nothing is read before it is needed."""

import pytest

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry import Facts, Ref, Registry
from ama_tfx.registry.names import AssetRef


@pytest.fixture
def model(registry, write):
    registry.register("data", write("d", {"d.csv": b"1"}))
    content = write("m", {"model.h5": b"weights", "conf/a.yml": b"lr: 1\n", "latin.txt": "ü".encode("latin-1")})
    (content / "empty").mkdir()
    facts = Facts(kind="Model", refs=(Ref(AssetRef.parse("data"), "trained_on"),), metrics={"auc": 0.5})
    registry.register("model", content, facts, alias="champion")
    return registry.asset("model:champion")


def test_a_handle_stays_at_its_version_when_the_alias_moves(registry, model, write):
    registry.register("model", write("m2", {"model.h5": b"better"}), alias="champion")
    assert model.version.number == 1
    assert model.read_bytes("model.h5") == b"weights"
    assert model.aliases == ()
    assert registry.asset("model:champion").read_bytes("model.h5") == b"better"


def test_a_handle_is_its_files(model):
    assert list(model) == ["conf/a.yml", "latin.txt", "model.h5"]
    assert len(model) == 3
    assert [entry.size_bytes for entry in model.files] == [6, 1, 7]
    assert all(path in model for path in ("model.h5", "conf", "conf/a.yml", "empty"))
    assert not any(path in model for path in ("con", "model", "", "conf/", 7))
    assert (model.size_bytes(), model.size_bytes("conf")) == (14, 6)


def test_files_are_read_by_path(model):
    assert model.read_text("conf/a.yml") == "lr: 1\n"
    assert model.read_text("latin.txt", "latin-1") == "ü"
    with model.open("model.h5") as stream:
        stream.seek(3)
        assert stream.read() == b"ghts"
    with pytest.raises(InvalidInputError, match="no text in 'utf-8'"):
        model.read_text("latin.txt")
    with pytest.raises(NotFoundError, match="did you mean 'model.h5'"):
        model.open("model.h6")
    with pytest.raises(InvalidInputError, match="names no single file"):
        model.open("conf")
    with pytest.raises(InvalidInputError):
        model.open("../model.h5")


def test_downloading_writes_all_or_a_part(model, tmp_path):
    assert model.download(tmp_path / "all").file_count == 3
    assert (tmp_path / "all" / "conf" / "a.yml").read_text() == "lr: 1\n"
    assert model.download(str(tmp_path / "one.h5"), "model.h5").size_bytes == 7
    assert (tmp_path / "one.h5").read_bytes() == b"weights"


def test_refs_are_handles(model):
    [(role, data)] = model.refs
    assert role == "trained_on"
    assert data.read_text("d.csv") == "1"
    assert data.refs == ()


def test_what_can_change_is_read_when_it_is_asked_for(registry, model):
    assert (model.aliases, model.metrics) == (("champion",), {"auc": 0.5})
    registry.set_alias("model:1", "second")
    registry.notes.record_metrics("model:1", {"auc": 0.75})
    assert (model.aliases, model.metrics) == (("champion", "second"), {"auc": 0.75})
    assert model.details.metrics == {"auc": 0.75}


def test_making_a_handle_reads_no_blob(local_registry, write):
    local_registry.register("model", write("m", {"a.txt": b"a"}))
    folder = local_registry.location.folder
    for pack in (folder / "blobs").rglob("*.pack"):
        pack.unlink()
    with Registry(folder) as registry:
        handle = registry.asset("model")
        assert (handle.version.number, len(handle)) == (1, 1)
        with pytest.raises(Exception, match="missing|lost|pack"):
            _ = handle.files


def test_a_handle_is_made_of_a_version_and_nothing_else(registry, model):
    for wrong, error in (("model:none", NotFoundError), ("nothing", NotFoundError), ("model:1/a", InvalidInputError)):
        with pytest.raises(error):
            registry.asset(wrong)


def test_handles_of_one_version_are_equal(registry, model):
    assert model == registry.asset("model:1")
    assert {model, registry.asset("model@" + str(model.version.digest))} == {model}
    assert model != registry.asset("data")
    assert model != "model"


def test_a_handle_tells_urls_that_never_move(model):
    assert model.url() == str(model.reference)
    assert model.url("conf/a.yml") == f"{model.reference}/conf/a.yml"
    assert repr(model) == f"AssetHandle({str(model.reference)!r})"
