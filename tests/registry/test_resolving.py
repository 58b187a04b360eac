import pytest

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry import AssetName, AssetRef, Bump, Facts, is_pinned


@pytest.fixture
def model(registry, write):
    """A registry with the asset `model`: versions 1.0.0, 1.0.1 and 2.0.0, the second one the champion."""
    for number, bump in enumerate((Bump.PIPELINE, Bump.PIPELINE, Bump.MAJOR), start=1):
        registry.register("model", write(f"v{number}", {"data": b"%d" % number}), Facts(bump=bump))
    registry.set_alias("model:2", "champion")
    return registry


@pytest.mark.parametrize(
    ("reference", "number"),
    [
        ("model", 3),
        ("model:latest", 3),
        ("model:champion", 2),
        ("model:1", 1),
        ("model:1.0.1", 2),
        ("model:2.0.0", 3),
        ("model:1/data", 1),
        ("ama://default/model:2", 2),
        (AssetRef(AssetName("default", "model"), 1), 1),
    ],
)
def test_every_selector_means_its_version(model, reference, number):
    assert model.resolve(reference).number == number


def test_a_digest_means_its_version_and_never_another(model, write):
    first = model.resolve("model:1")
    assert model.resolve(f"model@{first.digest}") == first
    assert model.resolve(first.reference) == first
    assert is_pinned(first.reference)
    model.register("model", write("v4", {"data": b"4"}), alias="champion")
    assert model.resolve(first.reference) == first


def test_a_digest_means_a_version_of_its_asset_only(model, write):
    elsewhere = model.register("other", write("other", {"data": b"other"})).version
    with pytest.raises(
        NotFoundError, match=f"no version '{elsewhere.digest}' of asset 'model'; it has versions 1 to 3"
    ):
        model.resolve(f"model@{elsewhere.digest}")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("modle", "no asset 'modle' in workspace 'default'; did you mean 'model'?"),
        ("Model", "no asset 'Model' in workspace 'default'; did you mean 'model'?"),
        ("zzz", "no asset 'zzz' in workspace 'default'; there are 'model'"),
        ("ama://acme/model", "no asset 'model' in workspace 'acme'; there are none"),
        ("model:champ", "no alias 'champ' on asset 'model'; did you mean 'champion'?"),
        ("model:Champion", "no alias 'Champion' on asset 'model'; did you mean 'champion'?"),
        ("model:prod", "no alias 'prod' on asset 'model'; there are 'champion'"),
        ("model:4", "no version '4' of asset 'model'; it has versions 1 to 3"),
        ("model:1.0.2", "no version '1.0.2' of asset 'model'; it has versions 1 to 3"),
        ("model@sha256:" + "0" * 64, f"no version 'sha256:{'0' * 64}' of asset 'model'; it has versions 1 to 3"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(model, reference, message):
    with pytest.raises(NotFoundError) as caught:
        model.resolve(reference)
    assert str(caught.value) == message


def test_of_many_names_ten_are_told(registry, write):
    folder = write("v", {"data": b"1"})
    for number in range(12):
        registry.register(f"asset-{number:02}", folder)
    with pytest.raises(NotFoundError) as caught:
        registry.resolve("zzz")
    assert str(caught.value).endswith("; there are " + ", ".join(f"'asset-{n:02}'" for n in range(10)))


def test_an_asset_without_an_alias_says_so(registry, write):
    registry.register("model", write("v", {"data": b"1"}))
    with pytest.raises(NotFoundError, match="no alias 'champion' on asset 'model'; there are none"):
        registry.resolve("model:champion")


def test_every_reading_verb_says_what_is_not_there(model, tmp_path):
    attempts = [
        lambda: model.show("modle"),
        lambda: model.manifest("modle"),
        lambda: model.open("modle:1/data"),
        lambda: model.download("modle", tmp_path / "target"),
        lambda: model.set_alias("modle", "champion"),
        lambda: model.remove_alias("modle", "champion"),
        lambda: model.aliases("modle"),
        lambda: model.versions("modle"),
        lambda: model.log("modle"),
    ]
    for attempt in attempts:
        with pytest.raises(NotFoundError, match="did you mean 'model'"):
            attempt()


def test_versions_are_listed_the_newest_first(model):
    assert [(v.number, str(v.semantic)) for v in model.versions("model")] == [(3, "2.0.0"), (2, "1.0.1"), (1, "1.0.0")]


def test_assets_are_listed_by_workspace_and_name(registry, write):
    folder = write("v", {"data": b"1"})
    for name in ("b", "a", "ama://acme/z", "B2", "a-b", "a_b"):
        registry.register(name, folder)
    assert [str(asset.name) for asset in registry.assets()] == [
        "ama://acme/z",
        "ama://default/B2",
        "ama://default/a",
        "ama://default/a-b",
        "ama://default/a_b",
        "ama://default/b",
    ]
    assert [(str(asset.name), asset.version_count) for asset in registry.assets("acme")] == [("ama://acme/z", 1)]


def test_one_file_is_opened_by_its_path(model):
    with model.open("model:champion/data") as stream:
        assert stream.read() == b"2"


@pytest.mark.parametrize("reference", ["model", "model:1"])
def test_opening_needs_a_path(model, reference):
    with pytest.raises(InvalidInputError, match="names no single file; add its path"):
        model.open(reference)


def test_opening_a_folder_or_nothing_is_refused(registry, write):
    registry.register("model", write("v", {"folder/data": b"1"}))
    with pytest.raises(InvalidInputError, match="names no single file"):
        registry.open("model:1/folder")
    with pytest.raises(NotFoundError, match="no path 'folder/date' in this version; did you mean 'folder/data'?"):
        registry.open("model:1/folder/date")
