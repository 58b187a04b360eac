"""Objects in S3 and Azure Blob Storage, through obstore (docs/adr/0011)."""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from ama_tfx.errors import AmaError, BackendError, InvalidInputError, MissingExtraError, NotFoundError
from ama_tfx.storage.files import open_regular_file
from ama_tfx.storage.objects.backends import Address, place
from ama_tfx.storage.objects.contract import ObjectInfo, check_name, check_prefix, check_range, is_name, size_inside
from ama_tfx.storage.objects.failures import failure
from ama_tfx.storage.objects.waiting import wait_for

try:
    import obstore
    from obstore import exceptions
    from obstore.store import AzureStore, S3Store
except ImportError as error:
    _MISSING: ImportError | None = error
else:
    _MISSING = None

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ClientConfig, RetryConfig

SINGLE_PUT_BYTES = 64 << 20
"""Up to this size an object is sent in one request, from memory."""

CONNECT_SECONDS = 10
REQUEST_SECONDS = 300
"""For a whole request with its body: 64 MiB arrive in time from 0.22 MB/s on."""

_UPLOADS = ".uploads"  # no object's name starts with a dot
_LISTED_AT_ONCE = 1000
_STATUS = re.compile(r"status code: (\d{3})")

RETRIES: RetryConfig = {
    "max_retries": 5,
    "retry_timeout": timedelta(seconds=120),
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=10), "base": 2},
}
"""What a request may try again after 5xx, lost connections and, where it is safe, timeouts."""

_runtime_pid: int | None = None


def open_s3(address: Address) -> RemoteObjects:
    """Return the store in a bucket of S3, or of a service with its interface (``AWS_ENDPOINT_URL``)."""
    _require("s3", "a store in S3")
    options = _client_options("AWS", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    with _client_errors("open", str(address)):
        # Copies within the service are the only way to create a big object if absent; see `RemoteObjects`.
        store = S3Store(
            place(address),
            prefix=address.prefix or None,
            copy_if_not_exists="multipart",
            client_options=options,
            retry_config=RETRIES,
        )
    return RemoteObjects(store, str(address), copies_are_atomic=True)


def open_azure(address: Address) -> RemoteObjects:
    """Return the store in a container of Azure Blob Storage."""
    _require("azure", "a store in Azure")
    options = _client_options("AZURE", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")
    with _client_errors("open", str(address)):
        store = AzureStore(place(address), prefix=address.prefix or None, client_options=options, retry_config=RETRIES)
    # Azure may still be copying when it has answered, and a reader would find a part.
    return RemoteObjects(store, str(address), copies_are_atomic=False)


class RemoteObjects:
    """An `ObjectStore` in a bucket or container.

    A small object is one conditional request. A big one goes where copies are atomic (S3) in parts to a temporary
    name and is then copied to its own, if that is free; elsewhere (Azure) in one conditional request from a mapped
    file. A temporary name that a killed writer left is no object, and a lifecycle rule on ``.uploads/`` removes it.

    The client's threads do not survive a fork: a forked child may use a store only when its parent had used none.

    Args:
        store: From obstore.
        address: What messages call the store; holds no credentials.
        copies_are_atomic: Whether a copy is whole and in its place when the service answers, and replaces nothing.
        single_put_bytes: What goes in one request; more is big.
    """

    def __init__(
        self,
        store: S3Store | AzureStore,
        address: str,
        *,
        copies_are_atomic: bool,
        single_put_bytes: int = SINGLE_PUT_BYTES,
    ) -> None:
        self._store = store
        self._address = address
        self._copies_are_atomic = copies_are_atomic
        self._single_put_bytes = single_put_bytes

    def put(self, name: str, source: Path | bytes) -> bool:
        """See `ObjectStore.put`."""
        check_name(name)
        if isinstance(source, bytes):
            return self._put_at_once(name, source)
        with open_regular_file(source) as stream:
            size_bytes = os.fstat(stream.fileno()).st_size
            if size_bytes <= self._single_put_bytes:
                return self._put_at_once(name, stream.read())
            if self.stat(name) is not None:
                return False
            if self._copies_are_atomic:
                return self._put_in_parts(name, stream)
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view:
                return self._put_at_once(name, view)

    def read(self, name: str, start: int = 0, size_bytes: int | None = None) -> bytes:
        """See `ObjectStore.read`."""
        check_name(name)
        check_range(start, size_bytes)
        if size_bytes == 0:
            return self._read_past_the_end(name, start, 0)
        with _client_errors("read", self._what(name)):
            data, expected = self._fetch(name, start, size_bytes)
        if data is None or (size_bytes is not None and len(data) != size_bytes):
            return self._read_past_the_end(name, start, size_bytes or 0)
        if len(data) != expected:
            raise BackendError(f"cannot read {self._what(name)}: {len(data)} bytes came of {expected}; try again later")
        return data

    def stat(self, name: str) -> ObjectInfo | None:
        """See `ObjectStore.stat`."""
        check_name(name)
        with _client_errors("look up", self._what(name)):
            try:
                return _info(obstore.head(self._store, name))
            except (FileNotFoundError, exceptions.NotFoundError):
                return None

    def settle(self, name: str) -> None:
        """See `ObjectStore.settle`: what can be seen here is stored."""
        check_name(name)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`."""
        folder = check_prefix(prefix)
        with _client_errors("list", self._address):
            batches = obstore.list(self._store, folder or None, chunk_size=_LISTED_AT_ONCE)
        while True:
            with _client_errors("list", self._address):
                batch = wait_for(lambda: anext(batches, None))
            if batch is None:
                return
            for meta in batch:
                if meta["path"].startswith(prefix) and is_name(meta["path"]):
                    yield _info(meta)

    def delete(self, name: str) -> None:
        """See `ObjectStore.delete`."""
        self._remove(check_name(name))

    def __repr__(self) -> str:
        return f"RemoteObjects({self._address!r})"

    def _put_at_once(self, name: str, data: bytes | mmap.mmap) -> bool:
        with _client_errors("write", self._what(name)):
            try:
                wait_for(lambda: obstore.put_async(self._store, name, data, mode="create", use_multipart=False))
            except exceptions.AlreadyExistsError:
                return False
        return True

    def _put_in_parts(self, name: str, stream: BinaryIO) -> bool:
        temporary = f"{_UPLOADS}/{secrets.token_hex(12)}"
        with _client_errors("write", self._what(name)):
            try:
                wait_for(lambda: obstore.put_async(self._store, temporary, stream, use_multipart=True))
                obstore.copy(self._store, temporary, name, overwrite=False)
            except exceptions.AlreadyExistsError:
                return False
            finally:
                with contextlib.suppress(AmaError):
                    self._remove(temporary)
        return True

    def _fetch(self, name: str, start: int, size_bytes: int | None) -> tuple[bytes | None, int]:
        """Return the bytes and how many the answer said there are; no bytes where the range starts past the end."""
        span: Any = {"offset": start} if size_bytes is None else (start, start + size_bytes)
        try:
            answer = obstore.get(self._store, name, options={"range": span} if start or size_bytes is not None else {})
        except (exceptions.GenericError, exceptions.NotModifiedError) as error:
            if _status(error) == 416 or "Wanted range starting at" in str(error):
                return None, 0
            raise
        first, end = answer.range
        data = bytes(answer.bytes())
        return (data if first == start else None), end - first

    def _read_past_the_end(self, name: str, start: int, size_bytes: int) -> bytes:
        info = self.stat(name)
        if info is None:
            raise NotFoundError(f"no object {self._what(name)}")
        size_inside(self._what(name), info.size_bytes, start, size_bytes)
        if size_bytes:
            raise BackendError(f"cannot read {self._what(name)}: fewer bytes came than it has; try again later")
        return b""

    def _remove(self, path: str) -> None:
        with _client_errors("delete", self._what(path)), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, path)

    def _what(self, name: str) -> str:
        return f"{name!r} in {self._address}"


@contextlib.contextmanager
def _client_errors(doing: str, what: str) -> Iterator[None]:
    """Turn the client's errors into ours; theirs hold URLs and answers, so none is chained."""
    _forbid_forked_client()
    try:
        yield
    except AmaError:
        raise
    except (exceptions.NotFoundError, FileNotFoundError) as error:
        raise failure(doing, what, str(error), 404) from None
    except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError) as error:
        raise failure(doing, what, str(error), 403) from None
    except (exceptions.BaseError, OSError, ValueError) as error:
        raise failure(doing, what, str(error), _status(error)) from None
    except BaseException as error:
        if type(error).__module__ != "pyo3_runtime":  # a panic of the client is no wish to end the program
            raise
        raise failure(doing, what, str(error)) from None


def _forbid_forked_client() -> None:
    global _runtime_pid  # noqa: PLW0603 - the client's threads belong to the process, not to a store
    if _runtime_pid not in {None, os.getpid()}:
        raise BackendError("this process was forked from one that used an object store; start it with 'spawn' instead")
    _runtime_pid = os.getpid()


def _client_options(vendor: str, *endpoint_variables: str) -> ClientConfig:
    endpoint = next((value for name in endpoint_variables if (value := os.environ.get(name))), "")
    options: ClientConfig = {
        "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
        "timeout": timedelta(seconds=REQUEST_SECONDS),
    }
    if not endpoint.lower().startswith("http://"):
        return options
    told = os.environ.get(f"{vendor}_ALLOW_HTTP", "").lower() in {"1", "true"}
    if not told and urlsplit(endpoint).hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise InvalidInputError(
            f"the endpoint in {' or '.join(endpoint_variables)} is not encrypted; "
            f"use https, or set {vendor}_ALLOW_HTTP=1"
        )
    return {**options, "allow_http": True}


def _require(extra: str, needed_for: str) -> None:
    if _MISSING is not None:
        raise MissingExtraError(extra, needed_for) from _MISSING


def _status(error: BaseException) -> int | None:
    match = _STATUS.search(str(error))
    return int(match[1]) if match else None


def _info(meta: ObjectMeta) -> ObjectInfo:
    return ObjectInfo(meta["path"], meta["size"], meta["last_modified"])
