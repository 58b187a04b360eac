"""Reading content that stays where it is: from a URL, checked against its digest before anybody sees it."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import ipaddress
import os
import re
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from ama_tfx.errors import BackendError, IntegrityError, InvalidInputError, PermissionDeniedError
from ama_tfx.registry.manifest import FileEntry
from ama_tfx.registry.names import check_path
from ama_tfx.registry.urls import check_url, name_of
from ama_tfx.storage import Digest, OnProgress, Progress, open_regular_file, os_errors

ALLOW_PRIVATE = "AMA_ALLOW_PRIVATE_URLS"
"""Environment variable: ``1`` lets URLs lead to this machine and to private networks."""

MAX_BYTES = 2**40
MAX_REDIRECTS = 5
TIMEOUT_SECONDS = 30.0

_CHUNK = 2**20
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def external_entry(
    url: str, *, path: str | None = None, sha256: str | None = None, size_bytes: int | None = None
) -> FileEntry:
    """Return the entry of content that stays at a URL; it is read once unless its digest and size are given.

    Args:
        url: ``https://…``, ``http://…`` or ``file:///…``, without anything secret.
        path: In the asset; by default the last name in the URL.
        sha256: 64 hexadecimal digits, with or without ``sha256:``.
        size_bytes: How many bytes there are.

    Raises:
        InvalidInputError: The URL, path, digest or size is none, or only one of digest and size is given.
        PermissionDeniedError, BackendError, IntegrityError: As `fetch` says.
    """
    check_url(url)
    name = check_path(name_of(url) if path is None else path)
    if (sha256 is None) != (size_bytes is None):
        raise InvalidInputError("give both --sha256 and --size, or neither: then the content is read once")
    if sha256 is not None and size_bytes is not None:
        if size_bytes < 0:
            raise InvalidInputError(f"not a size: {size_bytes}; expected a whole number from 0")
        return FileEntry(name, Digest(sha256.lower().removeprefix("sha256:")), size_bytes, url)
    hasher, size = hashlib.sha256(), 0
    for chunk in _chunks(url, MAX_BYTES):
        hasher.update(chunk)
        size += len(chunk)
    return FileEntry(name, Digest(hasher.hexdigest()), size, url)


def fetch(entry: FileEntry, out: BinaryIO, on_progress: OnProgress | None = None) -> None:
    """Write the content of an entry's URL to a file that nobody looks at yet.

    Raises:
        IntegrityError: What is there is not what the entry says.
        PermissionDeniedError: The URL leads to this machine or to a private network.
        BackendError: It cannot be reached, or answers with something else than the content.
    """
    for chunk in _checked(entry, on_progress):
        with os_errors("write", entry.path):
            out.write(chunk)


def check_external(entry: FileEntry, on_progress: OnProgress | None = None) -> None:
    """Read the content of an entry's URL and keep nothing of it; see `fetch` for what is raised."""
    for _ in _checked(entry, on_progress):
        pass
    if on_progress:
        on_progress(Progress(0, files=1))


def _checked(entry: FileEntry, on_progress: OnProgress | None) -> Iterator[bytes]:
    """Yield the bytes at an entry's URL, which are not what was promised until the last one is read."""
    assert entry.url is not None
    hasher, size = hashlib.sha256(), 0
    for chunk in _chunks(entry.url, entry.size_bytes):
        hasher.update(chunk)
        size += len(chunk)
        yield chunk
        if on_progress:
            on_progress(Progress(len(chunk)))
    if size != entry.size_bytes or hasher.hexdigest() != entry.digest.hex:
        raise IntegrityError(
            f"{entry.url!r} holds {size} bytes with SHA-256 {hasher.hexdigest()}; expected {entry.size_bytes} bytes "
            f"with {entry.digest.hex}, as file {entry.path!r} had when it was registered"
        )


def fetch_file(entry: FileEntry, target: Path, on_progress: OnProgress | None = None) -> None:
    """Write the content of an entry's URL to a new file, durable; see `fetch`."""
    with os_errors("write", target), target.open("xb") as out:
        fetch(entry, cast(BinaryIO, out), on_progress)
        out.flush()
        os.fsync(out.fileno())
    if on_progress:
        on_progress(Progress(0, files=1))


def open_external(entry: FileEntry) -> BinaryIO:
    """Return a stream of the content of an entry's URL, fetched and checked whole; see `fetch`."""
    with os_errors("write", "a temporary file"):
        stream = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    try:
        fetch(entry, cast(BinaryIO, stream))
        stream.seek(0)
    except BaseException:
        stream.close()
        raise
    return cast(BinaryIO, stream)


def is_public(address: str) -> bool:
    """Return whether an address is one of the internet, in whatever form it is written or wrapped."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast and not any(found in network for network in _NO_INTERNET)


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NO_INTERNET = [
    ipaddress.ip_network(network)
    for network in (
        *("192.0.0.0/24", "192.88.99.0/24"),
        *("fec0::/10", "5f00::/16", "3fff::/20"),
        *("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48"),  # each holds an IPv4 address that a translator may go to
    )
]
"""What the standard library takes for addresses of the internet, and is none, or need not be."""


def _chunks(url: str, most: int) -> Iterator[bytes]:
    """Yield the bytes at a URL, at most one more than ``most``, and no fewer than the server promised."""
    with _opened(url) as (stream, promised):
        left = most + 1
        while left and (chunk := _read(stream, min(_CHUNK, left), url)):
            left -= len(chunk)
            yield chunk
    if left and promised is not None and (found := most + 1 - left) < promised:
        raise BackendError(f"{url!r} broke off after {found} of {promised} bytes; try again later")


def _read(stream: BinaryIO, size: int, url: str) -> bytes:
    try:
        return stream.read(size)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise BackendError(f"reading {url!r} failed: {error or type(error).__name__}; try again later") from error


@contextlib.contextmanager
def _opened(url: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """Give the content at a URL, and how many bytes it has if the server tells."""
    parts = check_url(url)
    if parts.scheme == "file":
        with open_regular_file(Path(unquote(parts.path))) as stream:
            yield stream, None
        return
    for _ in range(MAX_REDIRECTS + 1):
        connection = guarded_connection(parts)
        try:
            answer = _answer(connection, parts)
            if answer.status in _REDIRECTS:
                parts = _redirected(parts, answer.getheader("Location"))
                continue
            if answer.status != 200:
                raise BackendError(f"{url!r} answered with {answer.status}; expected 200; is it still there?")
            yield cast(BinaryIO, answer), _promised(answer, url)
            return
        finally:
            connection.close()
    raise BackendError(f"{url!r} redirects more than {MAX_REDIRECTS} times")


def _promised(answer: http.client.HTTPResponse, url: str) -> int | None:
    """Return how many bytes an answer has: None if it does not say, or is in chunks, which say where they end."""
    coding, length = answer.getheader("Transfer-Encoding"), answer.getheader("Content-Length")
    if coding is not None and coding.strip().lower() not in {"chunked", "identity"}:
        raise BackendError(f"{url!r} answered with Transfer-Encoding {coding[:40]!r}; expected 'chunked' or none")
    if answer.chunked or length is None:
        return None
    if not re.fullmatch("[0-9]{1,18}", length.strip()):
        raise BackendError(f"{url!r} answered with Content-Length {length[:40]!r}; expected a whole number from 0")
    return int(length)


def _redirected(parts: SplitResult, location: str | None) -> SplitResult:
    try:
        found = urlsplit(urljoin(parts.geturl(), location or ""))
        found.port  # noqa: B018 - raises when it is none
    except ValueError as error:
        raise BackendError(f"host {parts.hostname!r} redirects to what is no URL: {error}") from error
    if not re.fullmatch("[!-~]*", found.geturl()):
        raise BackendError(f"host {parts.hostname!r} redirects to what is no URL: it has characters that no URL has")
    if not location or found.scheme not in {"http", "https"} or not found.hostname:
        raise BackendError(f"host {parts.hostname!r} redirects to something else than http or https")
    if parts.scheme == "https" and found.scheme == "http":
        raise BackendError(f"host {parts.hostname!r} redirects from https to http")
    return found


def _answer(connection: http.client.HTTPConnection, parts: SplitResult) -> http.client.HTTPResponse:
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        connection.request("GET", target, headers={"Accept-Encoding": "identity", "User-Agent": "ama-tfx"})
        return connection.getresponse()
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, PermissionDeniedError | BackendError):
            raise
        raise BackendError(f"host {parts.hostname!r} cannot be reached: {error or type(error).__name__}") from error


def guarded_connection(parts: SplitResult) -> http.client.HTTPConnection:
    """Return a connection to a URL's host, not yet made, that refuses this machine and private networks."""
    assert parts.hostname is not None
    port = parts.port
    if port is None:  # said outright: of an IPv6 address the library takes the last number for the port
        port = 443 if parts.scheme == "https" else 80
    if parts.scheme == "https":
        return _Https(parts.hostname, port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context())
    return _Http(parts.hostname, port, timeout=TIMEOUT_SECONDS)


class _Answer(http.client.HTTPResponse):
    def _read_next_chunk_size(self) -> int:
        size: int = super()._read_next_chunk_size()  # type: ignore[misc]
        if size < 0:
            raise http.client.HTTPException(f"a chunk has the size {size}")
        return size


class _Http(http.client.HTTPConnection):
    response_class = _Answer

    def connect(self) -> None:
        self.sock = _connected(self.host, self.port)


class _Https(http.client.HTTPSConnection):
    response_class = _Answer

    def connect(self) -> None:
        self.sock = self._context.wrap_socket(  # type: ignore[attr-defined]
            _connected(self.host, self.port), server_hostname=self.host
        )


def _connected(host: str, port: int) -> socket.socket:
    """Connect to a host by an address that was checked: asked for once, so that another answer gains nothing."""
    failed: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if os.environ.get(ALLOW_PRIVATE) != "1" and not is_public(str(address[0])):
            raise PermissionDeniedError(
                f"host {host!r} is {address[0]}, of this machine or a private network; "
                f"set {ALLOW_PRIVATE}=1 if that is meant"
            )
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(TIMEOUT_SECONDS)
            connection.connect(address)
        except OSError as error:
            connection.close()
            failed = error
        else:
            return connection
    raise failed or OSError(f"host {host!r} has no address")
