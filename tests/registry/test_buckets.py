"""Registries whose blobs are in a bucket: made, recognised, used from two machines."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ama_tfx.errors import AmaError, BackendError, ConflictError, InvalidInputError, NotFoundError
from ama_tfx.registry import Location, Registry
from ama_tfx.storage.objects import open_objects

OpenRegistry = Callable[..., Registry]


@pytest.fixture(autouse=True)
def _caches_of_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def bucket() -> str:
    return f"memory://{secrets.token_hex(8)}/registry"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    (tmp_path / "model" / "assets").mkdir(parents=True)
    (tmp_path / "model" / "weights.bin").write_bytes(bytes(range(256)) * 4000)
    (tmp_path / "model" / "labels.txt").write_text("cat\ndog\n")
    return tmp_path / "model"


def names_in(bucket: str) -> list[str]:
    return sorted(info.name for place in (bucket, f"{bucket}/blobs") for info in open_objects(place).list())


# --- Addresses.


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("/srv/registry?blobs=s3://bucket/a/b", "/srv/registry?blobs=s3://bucket/a/b"),
        ("/srv/registry?blobs=S3://bucket/a/", "/srv/registry?blobs=s3://bucket/a"),
        ("postgresql://ann@h/db?blobs=gs://bucket", "postgresql://ann@h/db?blobs=gs%3A%2F%2Fbucket"),
        ("postgresql://ann@h/db?blobs=az://c/p", "postgresql://ann@h/db?blobs=az%3A%2F%2Fc%2Fp"),
    ],
)
def test_a_bucket_is_said_behind_the_catalog(url: str, shown: str) -> None:
    location = Location.parse(url)
    assert str(location) == shown
    assert Location.parse(shown) == location
    assert location.bucket is not None
    assert (location.folder is None) == (location.database is not None)


def test_a_path_object_is_a_folder_whatever_its_name(tmp_path: Path) -> None:
    assert Location.parse(tmp_path / "a?blobs=s3:" / "b").bucket is None


@pytest.mark.parametrize("catalog", ["/srv/registry", "postgresql://ann@h/db"])
@pytest.mark.parametrize(
    "blobs",
    [
        "s3://key:hunter2@bucket/x",
        "s3://bucket/x?secret=hunter2",
        "s3://bucket/x&password=hunter2",
        "s3://bucket/Hunter2hunter2",
        "ftp://hunter2/x",
        "s3://hunter2:1234",
    ],
)
def test_what_is_no_bucket_is_refused_without_what_may_be_a_secret(catalog: str, blobs: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Location.parse(f"{catalog}?blobs={blobs}")
    assert "hunter2" not in str(caught.value)


# --- Making and recognising.


def test_the_folder_says_where_its_blobs_are(
    tmp_path: Path, bucket: str, content: Path, open_registry: OpenRegistry
) -> None:
    made = open_registry(f"{tmp_path / 'registry'}?blobs={bucket}")
    made.register("model", content)
    marker = json.loads((tmp_path / "registry" / "registry.json").read_bytes())
    assert marker == {"format": "ama-registry/1", "id": made.id, "blobs": bucket}
    assert {path.name for path in (tmp_path / "registry").iterdir()} == {"registry.json", "catalog.db"}
    names = names_in(bucket)
    assert names[-1] == "registry.json"
    assert [name.split("/")[0] for name in names[:-1]] == ["packs"]
    again = open_registry(tmp_path / "registry", create=False)
    assert again.id == made.id
    assert again.download("model", tmp_path / "out").changed
    assert (tmp_path / "out" / "weights.bin").read_bytes() == (content / "weights.bin").read_bytes()
    assert (tmp_path / "out" / "assets").is_dir()


def test_a_registry_keeps_its_blobs_where_they_are(tmp_path: Path, bucket: str, open_registry: OpenRegistry) -> None:
    open_registry(f"{tmp_path / 'registry'}?blobs={bucket}")
    open_registry(f"{tmp_path / 'registry'}?blobs={bucket}", create=False)
    with pytest.raises(ConflictError, match=f"keeps its blobs in {bucket}, not in {bucket}2"):
        open_registry(f"{tmp_path / 'registry'}?blobs={bucket}2")
    open_registry(tmp_path / "local")
    with pytest.raises(ConflictError, match="keeps its blobs in '.*/local/blobs', not in memory"):
        open_registry(f"{tmp_path / 'local'}?blobs={bucket}")


def test_two_registries_do_not_share_a_bucket(tmp_path: Path, bucket: str, open_registry: OpenRegistry) -> None:
    first = open_registry(f"{tmp_path / 'first'}?blobs={bucket}")
    with pytest.raises(BackendError, match=f"{bucket} holds the blobs of registry {first.id}"):
        open_registry(f"{tmp_path / 'second'}?blobs={bucket}")
    assert not (tmp_path / "second" / "registry.json").exists()


def test_a_bucket_that_was_exchanged_is_told(
    tmp_path: Path, bucket: str, content: Path, open_registry: OpenRegistry
) -> None:
    open_registry(f"{tmp_path / 'registry'}?blobs={bucket}").register("model", content)
    shutil.rmtree(tmp_path / "cache")
    objects = open_objects(bucket)
    marker = objects.read("registry.json")
    objects.delete("registry.json")
    with pytest.raises(BackendError, match="no blobs of a registry in"):
        open_registry(tmp_path / "registry").download("model", tmp_path / "out")
    objects.put("registry.json", marker.replace(b"-4", b"-5"))
    with pytest.raises(BackendError, match="holds the blobs of registry"):
        open_registry(tmp_path / "registry").download("model", tmp_path / "out")
    assert [version.number for version in open_registry(tmp_path / "registry").versions("model")] == [1]


def test_a_postgresql_registry_may_be_without_any_folder(
    empty_postgresql: str, bucket: str, content: Path, tmp_path: Path, open_registry: OpenRegistry
) -> None:
    url = f"{empty_postgresql}&blobs={bucket}"
    with pytest.raises(NotFoundError):
        open_registry(url, create=False)
    assert names_in(bucket) == []
    made = open_registry(url)
    made.register("model", content)
    assert open_registry(url, create=False).id == made.id
    open_registry(url, create=False).download("model", tmp_path / "out")
    other = open_registry(f"{empty_postgresql}&blobs={bucket}2")
    with pytest.raises(BackendError, match="no blobs of a registry in .*2: it has no registry.json"):
        other.download("model", tmp_path / "other")
    assert names_in(f"{bucket}2") == []


def test_a_bucket_whose_catalog_is_lost_is_not_hidden_by_a_new_one(
    empty_postgresql: str, bucket: str, content: Path, tmp_path: Path, open_registry: OpenRegistry
) -> None:
    open_registry(f"{tmp_path / 'registry'}?blobs={bucket}").register("model", content)
    with pytest.raises(BackendError, match="holds the blobs of registry .*, whose catalog is not in"):
        open_registry(f"{empty_postgresql}&blobs={bucket}")


# --- End to end.


@pytest.mark.parametrize("scheme", ["s3", "az", "gs"])
def test_two_machines_share_a_registry_in_a_real_bucket(
    place_of: Callable[[str], str],
    scheme: str,
    content: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    open_registry: OpenRegistry,
) -> None:
    bucket = place_of(scheme)
    first = open_registry(f"{tmp_path / 'registry'}?blobs={bucket}")
    assert first.register("model", content, alias="champion").created
    (content / "labels.txt").write_text("cat\ndog\nowl\n")
    second = first.register("model", content)
    assert second.new_bytes < 5000
    monkeypatch.setenv("AMA_CACHE", str(tmp_path / "cache of another machine"))
    other = open_registry(tmp_path / "registry", create=False)
    assert other.download("model:champion", tmp_path / "out").changed
    assert (tmp_path / "out" / "labels.txt").read_text() == "cat\ndog\n"
    with other.open("model:2/labels.txt") as stream:
        assert stream.read() == b"cat\ndog\nowl\n"
    assert len(other.find(content / "weights.bin")) == 2
    assert other.register("model", content).created is False
    assert other.register("copy", content).new_bytes < 1000


def test_credentials_that_are_wrong_or_missing_are_told_and_not_shown(
    s3_url: str, tmp_path: Path, content: Path, monkeypatch: pytest.MonkeyPatch, open_registry: OpenRegistry
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    monkeypatch.setattr("ama_tfx.storage.objects.remote.RETRIES", {"max_retries": 0})
    with pytest.raises(AmaError) as caught:
        open_registry(f"{tmp_path / 'registry'}?blobs={s3_url}").register("model", content)
    assert "hunter2" not in str(caught.value)
    assert not (tmp_path / "registry" / "registry.json").exists()
