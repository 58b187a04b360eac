"""Real servers of object stores, one of each a session; each test has a place of its own in them."""

import base64
import hashlib
import hmac
import secrets
import urllib.request
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path

import pytest

from tests.storage.objects.emulators import free_port, program, running
from tests.storage.objects.gcs_preconditions import enforcing_preconditions

# The published account of every Azurite: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
S3_SECRET = "secret-of-the-s3-emulator"


@pytest.fixture
def no_credentials_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the tests send goes to nobody else."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key-of-the-tests")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", S3_SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    for name in ("AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AZURE_STORAGE_ENDPOINT", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an S3 service with the bucket ``bucket``."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [program("moto"), "-H", "127.0.0.1", "-p", str(port)]
    with running(command, url, tmp_path_factory.mktemp("moto")):
        _request(f"{url}/bucket", "PUT")
        yield url


@pytest.fixture(scope="session")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an account of Azure's blobs with the container ``container``."""
    port = free_port()
    folder = tmp_path_factory.mktemp("azurite")
    command = [program("azurite"), "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", folder]
    url = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
    with running([*command, "--silent", "--disableTelemetry", "--skipApiVersionCheck"], url, folder):
        _create_container(url, "container")
        yield url


@pytest.fixture(scope="session")
def gcs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of Google's storage service with the bucket ``bucket``."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        program("gcp"),
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--in-memory",
        "--default-bucket",
        "bucket",
    ]
    with running(command, url, tmp_path_factory.mktemp("gcp")), enforcing_preconditions(port) as proxy:
        yield proxy


@pytest.fixture
def s3_url(s3_server: str, no_credentials_of_this_machine: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty place in S3."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    return f"s3://bucket/{secrets.token_hex(8)}/store"


@pytest.fixture
def azure_url(azure_server: str, no_credentials_of_this_machine: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty place in Azure."""
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", AZURE_ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY)
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", azure_server)
    return f"az://container/{secrets.token_hex(8)}/store"


@pytest.fixture
def gcs_url(gcs_server: str, no_credentials_of_this_machine: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty place in Google Cloud Storage."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server)
    return f"gs://bucket/{secrets.token_hex(8)}/store"


@pytest.fixture
def place_of(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """A function from a scheme to the address of an empty place there."""
    tmp_path: Path = request.getfixturevalue("tmp_path")

    def address(scheme: str) -> str:
        if scheme == "file":
            return f"file://{tmp_path}/{secrets.token_hex(8)}"
        if scheme == "memory":
            return f"memory://{secrets.token_hex(8)}"
        base = request.getfixturevalue({"s3": "s3_url", "az": "azure_url", "gs": "gcs_url"}[scheme])
        return f"{base}/{secrets.token_hex(8)}"

    return address


def _request(url: str, method: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, body, headers or {}, method=method), timeout=30) as answer:
        answer.read()


def _create_container(url: str, name: str) -> None:
    date, version = formatdate(usegmt=True), "2021-08-06"
    resource = f"/{AZURE_ACCOUNT}/{AZURE_ACCOUNT}/{name}\nrestype:container"
    signed = f"PUT{chr(10) * 12}x-ms-date:{date}\nx-ms-version:{version}\n{resource}"
    signature = base64.b64encode(hmac.new(base64.b64decode(AZURE_KEY), signed.encode(), hashlib.sha256).digest())
    authorization = f"SharedKey {AZURE_ACCOUNT}:{signature.decode()}"
    headers = {"x-ms-date": date, "x-ms-version": version, "Authorization": authorization}
    _request(f"{url}/{name}?restype=container", "PUT", headers=headers)
