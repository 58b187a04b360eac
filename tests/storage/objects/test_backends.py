import subprocess
import sys
from pathlib import Path

import pytest

from ama_tfx.errors import InvalidInputError, MissingExtraError
from ama_tfx.storage.objects import BACKENDS, LocalObjects, MemoryObjects, open_objects
from ama_tfx.storage.objects.backends import parse_address


def test_a_folder_is_opened_and_made(tmp_path: Path) -> None:
    store = open_objects(f"file://{tmp_path}/a%20b")
    assert isinstance(store, LocalObjects)
    assert store.folder == tmp_path / "a b"
    assert store.folder.is_dir()


def test_the_same_memory_has_the_same_address() -> None:
    store = open_objects("memory://test-of-backends")
    assert isinstance(store, MemoryObjects)
    assert open_objects("memory://test-of-backends") is store
    assert open_objects("memory://test-of-backends/other") is not store


def test_the_table_names_five_schemes() -> None:
    assert sorted(BACKENDS) == ["az", "file", "gs", "memory", "s3"]


@pytest.mark.parametrize("url", ["ftp://host/x", "s4://bucket", "https://bucket.s3.amazonaws.com/x"])
def test_an_unknown_scheme_is_answered_with_the_known_ones(url: str) -> None:
    with pytest.raises(InvalidInputError, match="known: az, file, gs, memory, s3"):
        open_objects(url)


@pytest.mark.parametrize("url", ["", "/folder", "s3:bucket", "bucket/prefix", "s3//b", "\n"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError, match="scheme://place/path"):
        open_objects(url)


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIA1:hunter2@bucket/prefix",
        "s3://hunter2@bucket",
        "az://container/prefix?sig=hunter2",
        "az://container/prefix#hunter2",
        "gs://bucket/hunter2@x",
        "file://user:hunter2@host/folder",
        "unknown://user:hunter2@host/folder",
        "user:hunter2@host/folder",
    ],
)
def test_credentials_in_an_address_are_refused_and_not_shown(url: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        open_objects(url)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:///x",
        "s3://Bucket",
        "az://..",
        "gs://b/../x",
        "s3://b/a//b",
        "memory://",
        "file://",
        "file://host/x",
    ],
)
def test_a_place_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError):
        open_objects(url)


def test_an_address_is_printed_as_it_was_given() -> None:
    for url in ("s3://bucket/a/b", "az://container", "file:///folder"):
        assert str(parse_address(url)) == url


def test_a_prefix_has_no_slash_at_its_ends() -> None:
    assert [parse_address(url).prefix for url in ("s3://b", "s3://b/", "s3://b/p/q/")] == ["", "", "p/q"]


@pytest.mark.parametrize(("scheme", "extra"), [("s3", "s3"), ("az", "azure"), ("gs", "gcs")])
def test_a_client_that_is_not_installed_is_named_by_its_extra(scheme: str, extra: str) -> None:
    code = f"""
import sys
sys.modules.update({{"obstore": None, "google.cloud.storage": None}})
from ama_tfx.errors import MissingExtraError
from ama_tfx.storage.objects import open_objects
try:
    open_objects("{scheme}://place/x")
except MissingExtraError as error:
    print(error)
"""
    assert f"pip install 'ama-tfx[{extra}]'" in _run(code)
    assert MissingExtraError(extra, "it").extra == extra


def test_no_client_is_imported_before_its_scheme_is_opened(tmp_path: Path) -> None:
    code = f"""
import sys
import ama_tfx.storage, ama_tfx.storage.objects
ama_tfx.storage.objects.open_objects("file://{tmp_path}/x")
print(sorted(m for m in ("obstore", "gcsfs", "google.cloud.storage", "requests", "pytest") if m in sys.modules))
"""
    assert _run(code).strip() == "[]"


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
