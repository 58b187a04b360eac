"""Objects in Google Cloud Storage, through Google's own client (docs/adr/0011)."""

from __future__ import annotations

import contextlib
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ama_tfx.errors import AmaError, BackendError, MissingExtraError, NotFoundError, PermissionDeniedError
from ama_tfx.storage.files import open_regular_file
from ama_tfx.storage.objects.backends import Address, place
from ama_tfx.storage.objects.contract import ObjectInfo, check_name, check_prefix, check_range, is_name, size_inside
from ama_tfx.storage.objects.failures import failure, without_secrets

try:
    import requests  # type: ignore[import-untyped,unused-ignore]
    import urllib3
    from google.api_core import exceptions
    from google.auth import exceptions as auth_exceptions
    from google.cloud import storage  # type: ignore[attr-defined,import-untyped,unused-ignore]
    from google.cloud.storage.retry import DEFAULT_RETRY  # type: ignore[import-untyped,unused-ignore]
    from google.resumable_media import DataCorruption, InvalidResponse  # type: ignore[import-untyped,unused-ignore]
except ImportError as error:
    _MISSING: ImportError | None = error
else:
    _MISSING = None

if TYPE_CHECKING:
    from typing import BinaryIO

CONNECT_SECONDS = 10
READ_SECONDS = 60
"""How long no byte may come; unlike obstore's, this client's timeout is not for the whole request."""

RETRY_SECONDS = 120
PART_BYTES = 16 << 20
"""What is sent at a time of an object above 8 MiB; memory holds one such part."""

_TIMEOUT = (CONNECT_SECONDS, READ_SECONDS)


def open_gcs(address: Address) -> GoogleObjects:
    """Return the store in a bucket of Google Cloud Storage."""
    if _MISSING is not None:
        raise MissingExtraError("gcs", "a store in Google Cloud Storage") from _MISSING
    return GoogleObjects(place(address), address.prefix, str(address))


class GoogleObjects:
    """An `ObjectStore` in a bucket of Google Cloud Storage.

    An object is created on the condition that its generation is 0, in one request or, above 8 MiB, in a resumable
    upload: nothing is seen of it before its last part. Each thread of each process has a client of its own.

    Args:
        bucket: Its name.
        prefix: Where in the bucket; empty for all of it.
        address: What messages call the store.
    """

    def __init__(self, bucket: str, prefix: str, address: str) -> None:
        self._name = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._address = address
        self._retry = DEFAULT_RETRY.with_timeout(RETRY_SECONDS).with_delay(initial=0.2, maximum=10, multiplier=2)
        self._mine = threading.local()
        with self._errors("open"):
            self._bucket()

    def put(self, name: str, source: Path | bytes) -> bool:
        """See `ObjectStore.put`."""
        check_name(name)
        if isinstance(source, bytes):
            return self._upload(name, io.BytesIO(source), len(source))
        with open_regular_file(source) as stream:
            return self._upload(name, stream, os.fstat(stream.fileno()).st_size)

    def read(self, name: str, start: int = 0, size_bytes: int | None = None) -> bytes:
        """See `ObjectStore.read`."""
        check_name(name)
        check_range(start, size_bytes)
        wanted = size_bytes or self._size_inside(name, start, size_bytes)
        if not wanted:
            return b""
        data = self._download(name, start, wanted)
        if len(data) != wanted:
            self._size_inside(name, start, size_bytes)
            raise BackendError(f"cannot read {self._what(name)}: {len(data)} bytes came of {wanted}; try again later")
        return data

    def stat(self, name: str) -> ObjectInfo | None:
        """See `ObjectStore.stat`."""
        check_name(name)
        with self._errors("look up", name):
            blob = self._bucket().get_blob(self._prefix + name, timeout=_TIMEOUT, retry=self._retry)
        return None if blob is None else ObjectInfo(name, blob.size, blob.updated)

    def settle(self, name: str) -> None:
        """See `ObjectStore.settle`: what can be seen here is stored."""
        check_name(name)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`."""
        check_prefix(prefix)
        with self._errors("list"):
            found = iter(
                self._bucket().list_blobs(
                    prefix=self._prefix + prefix,
                    fields="items(name,size,updated),nextPageToken",
                    timeout=_TIMEOUT,
                    retry=self._retry,
                )
            )
        while True:
            with self._errors("list"):
                blob = next(found, None)
            if blob is None:
                return
            name = blob.name[len(self._prefix) :]
            if is_name(name):
                yield ObjectInfo(name, blob.size, blob.updated)

    def delete(self, name: str) -> None:
        """See `ObjectStore.delete`."""
        check_name(name)
        with self._errors("delete", name), contextlib.suppress(exceptions.NotFound):
            self._bucket().blob(self._prefix + name).delete(timeout=_TIMEOUT, retry=self._retry)

    def __repr__(self) -> str:
        return f"GoogleObjects({self._address!r})"

    def _upload(self, name: str, stream: BinaryIO, size_bytes: int) -> bool:
        with self._errors("write", name):
            blob = self._bucket().blob(self._prefix + name, chunk_size=PART_BYTES)
            try:
                blob.upload_from_file(
                    stream,
                    size=size_bytes,
                    content_type="application/octet-stream",
                    if_generation_match=0,
                    timeout=_TIMEOUT,
                    checksum="crc32c",
                    retry=self._retry,
                )
            except exceptions.PreconditionFailed:
                return False
        return True

    def _download(self, name: str, start: int, size_bytes: int) -> bytes:
        with self._errors("read", name):
            blob = self._bucket().blob(self._prefix + name)
            try:
                data: bytes = blob.download_as_bytes(
                    start=start,
                    end=start + size_bytes - 1,
                    raw_download=True,
                    timeout=_TIMEOUT,
                    checksum=None,
                    retry=self._retry,
                )
            except exceptions.RequestRangeNotSatisfiable:
                return b""
        return data

    def _size_inside(self, name: str, start: int, size_bytes: int | None) -> int:
        info = self.stat(name)
        if info is None:
            raise NotFoundError(f"no object {self._what(name)}")
        return size_inside(self._what(name), info.size_bytes, start, size_bytes)

    def _bucket(self) -> Any:
        # A client's connections belong to one process, and to one thread at a time.
        if getattr(self._mine, "pid", None) != os.getpid():
            self._mine.bucket = storage.Client(project="of-the-bucket").bucket(self._name)
            self._mine.pid = os.getpid()
        return self._mine.bucket

    def _what(self, name: str) -> str:
        return f"{name!r} in {self._address}" if name else self._address

    @contextlib.contextmanager
    def _errors(self, doing: str, name: str = "") -> Iterator[None]:
        """Turn the client's errors into ours; theirs hold URLs and answers, so none is chained."""
        what = self._what(name)
        try:
            yield
        except AmaError:
            raise
        except exceptions.GoogleAPICallError as error:
            raise failure(doing, what, str(error), error.code) from None
        except auth_exceptions.TransportError as error:
            raise failure(doing, what, str(error)) from None
        except auth_exceptions.GoogleAuthError as error:
            raise PermissionDeniedError(f"cannot {doing} {what}: {without_secrets(str(error))}") from None
        except (
            exceptions.GoogleAPIError,
            requests.RequestException,
            DataCorruption,
            InvalidResponse,
            urllib3.exceptions.HTTPError,
            OSError,
            ValueError,
        ) as error:
            raise failure(doing, what, str(error)) from None
