"""Services that refuse, break and hang: what the callers of a store get to see of it."""

import os
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ama_tfx.errors import (
    AmaError,
    BackendError,
    InvalidInputError,
    NotFoundError,
    OutOfSpaceError,
    PermissionDeniedError,
)
from ama_tfx.storage.objects import ObjectStore, open_objects
from ama_tfx.storage.objects.failures import failure, without_secrets
from ama_tfx.testing.processes import in_process
from tests.storage.objects.servers import AZURE_KEY, S3_SECRET


class BrokenService:
    """Answers every request with one status, or as told; counts them."""

    def __init__(self) -> None:
        self.status = 500
        self.requests: list[str] = []
        self.hang = threading.Event()
        self.hang.set()
        self.missing_bytes = 0
        self.body = b"<Error><Code>Test</Code></Error>"


@pytest.fixture
def service() -> Iterator[BrokenService]:
    broken = BrokenService()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_any(self) -> None:
            broken.requests.append(f"{self.command} {self.path} {dict(self.headers.items())}")
            broken.hang.wait(20)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response_only(broken.status)
            self.send_header("Content-Length", str(len(broken.body) + broken.missing_bytes))
            self.send_header("Content-Range", f"bytes 0-{len(broken.body) - 1}/{len(broken.body)}")
            self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
            self.send_header("ETag", '"x"')
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(broken.body)
            self.close_connection = True

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_any  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    broken.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    yield broken
    broken.hang.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(params=["s3", "az", "gs"])
def objects(request: pytest.FixtureRequest, service: BrokenService, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    from ama_tfx.storage.objects import gcs, remote

    monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)  # type: ignore[attr-defined]
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY)
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", service.url)  # type: ignore[attr-defined]
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", service.url)  # type: ignore[attr-defined]
    backoff = {"init_backoff": timedelta(milliseconds=10), "max_backoff": timedelta(milliseconds=20), "base": 2}
    retries = {"max_retries": 2, "retry_timeout": timedelta(seconds=5), "backoff": backoff}
    monkeypatch.setattr(remote, "RETRIES", retries)
    monkeypatch.setattr(remote, "REQUEST_SECONDS", 1)
    monkeypatch.setattr(gcs, "RETRY_SECONDS", 0.5)
    monkeypatch.setattr(gcs, "_TIMEOUT", (1, 1))
    return open_objects(f"{request.param}://place/prefix")


CALLS = {
    "put": lambda objects: objects.put("a/b", b"data"),
    "read": lambda objects: objects.read("a/b", 0, 4),
    "read all": lambda objects: objects.read("a/b"),
    "stat": lambda objects: objects.stat("a/b"),
    "list": lambda objects: list(objects.list("a/")),
    "delete": lambda objects: objects.delete("a/b"),
}
EXPECTED = {
    400: BackendError,
    401: PermissionDeniedError,
    403: PermissionDeniedError,
    500: BackendError,
    503: BackendError,
    507: OutOfSpaceError,
}


@pytest.mark.parametrize("status", EXPECTED)
@pytest.mark.parametrize("call", CALLS)
def test_a_refusal_is_the_error_of_who_can_act_on_it(
    objects: ObjectStore, service: BrokenService, status: int, call: str
) -> None:
    service.status = status
    with pytest.raises(EXPECTED[status], match="cannot .*place/prefix") as raised:
        CALLS[call](objects)
    assert raised.type is EXPECTED[status]
    assert service.requests
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    for secret in (AZURE_KEY, S3_SECRET, "Signature=", "sig="):
        assert secret not in str(raised.value)


@pytest.mark.parametrize("call", ["read", "stat", "put"])
def test_a_transient_failure_is_tried_again_and_not_for_ever(
    objects: ObjectStore, service: BrokenService, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    from ama_tfx.storage.objects import gcs

    monkeypatch.setattr(gcs, "RETRY_SECONDS", 3)  # its first pause is up to a second longer than asked for
    objects = open_objects(objects._address)  # type: ignore[attr-defined]
    service.status = 503
    before = time.monotonic()
    with pytest.raises(BackendError):
        CALLS[call](objects)
    assert len(service.requests) >= 2
    assert time.monotonic() - before < 60


@pytest.mark.parametrize("call", CALLS)
def test_a_service_that_hangs_is_given_up(
    objects: ObjectStore, service: BrokenService, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    from ama_tfx.storage.objects import gcs, remote

    monkeypatch.setattr(remote, "REQUEST_SECONDS", 0.15)
    monkeypatch.setattr(gcs, "_TIMEOUT", (0.15, 0.15))
    objects = open_objects(objects._address)  # type: ignore[attr-defined]
    service.hang.clear()
    before = time.monotonic()
    with pytest.raises(BackendError):
        CALLS[call](objects)
    assert time.monotonic() - before < 60


@pytest.mark.parametrize("call", ["read", "read all"])
@pytest.mark.parametrize("status", [200, 206])
def test_an_answer_that_is_cut_off_is_no_data(
    objects: ObjectStore, service: BrokenService, call: str, status: int
) -> None:
    service.status, service.missing_bytes, service.body = status, 2, b"da"
    with pytest.raises(AmaError):
        CALLS[call](objects)


def test_an_absent_service_is_a_backend_error(objects: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")
    again = open_objects(objects._address)  # type: ignore[attr-defined]
    with pytest.raises(BackendError, match="try again"):
        again.put("a", b"")


def test_a_put_creates_and_never_replaces(objects: ObjectStore, service: BrokenService) -> None:
    service.status = 400
    with pytest.raises(BackendError):
        objects.put("a/b", b"data")
    (request,) = service.requests
    assert "If-None-Match': '*'" in request.title() or "ifGenerationMatch=0" in request


def test_a_forked_child_of_a_process_that_used_a_store_is_told_so(service: BrokenService, objects: ObjectStore) -> None:
    if "Remote" not in repr(objects):
        pytest.skip("this client makes its connections anew in a child")
    service.status = 404
    with pytest.raises(NotFoundError):
        objects.read("a")
    with pytest.raises(BackendError, match="spawn"):
        in_process(lambda: objects.read("a"))


@pytest.mark.parametrize(("vendor", "url"), [("AWS", "s3://bucket"), ("AZURE", "az://container")])
def test_credentials_are_not_sent_in_clear_unless_told(vendor: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY)
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT" if vendor == "AZURE" else "AWS_ENDPOINT_URL", "http://minio.example")
    with pytest.raises(InvalidInputError, match=f"not encrypted.*{vendor}_ALLOW_HTTP=1"):
        open_objects(url)
    monkeypatch.setenv(f"{vendor}_ALLOW_HTTP", "1")
    open_objects(url)


def test_an_account_that_is_not_named_is_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AZURE")]:
        monkeypatch.delenv(name)
    with pytest.raises(BackendError, match="Account must be specified"):
        open_objects("az://container")


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("GET https://a.blob/x?sv=1&sig=hunter2 failed", "GET https://a.blob/x?*** failed"),
        ("at https://user:hunter2@host/x", "at https://***@host/x"),
        ("Authorization: Bearer hunter2", "Authorization: ***"),
        ("first line\nhunter2", "first line"),
        ("env-secret-1 stands here", "*** stands here"),
        ("", "no reason given"),
        ("x" * 1000, "x" * 300),
    ],
)
def test_secrets_are_taken_out_of_what_a_client_says(reason: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "env-secret-1")
    said = without_secrets(reason)
    assert "hunter2" not in said
    assert said == shown


def test_a_full_store_is_told_from_a_broken_one() -> None:
    assert type(failure("write", "x", "QuotaExceeded", 403)) is PermissionDeniedError
    assert type(failure("write", "x", "StorageFull: no space", 500)) is OutOfSpaceError
    assert type(failure("write", "x", "anything", 507)) is OutOfSpaceError
