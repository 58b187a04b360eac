"""Opening a metadata store to read it: never made, never written to, and waited for while somebody else writes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar
from urllib.parse import quote

from ama_tfx.errors import AmaError, BackendError, FormatError, MissingExtraError, PermissionDeniedError
from ama_tfx.provenance.address import StoreAddress, StoreKind

__all__ = ["Waiting", "connect"]

T = TypeVar("T")

LOCKED_SECONDS = 30.0
"""How long a store that somebody writes to is waited for; the longest single call that was measured took 17 s."""

CALL_SECONDS = 60.0
"""How long a server may take for one answer."""

MOST_ANSWER_BYTES = (1 << 31) - 1
"""gRPC's own limit is 4 MiB, which 10,000 executions exceed."""

_ENVIRONMENT = threading.Lock()
_BUSY = ("is locked", "database is busy", "writes aborted", "deadlock detected", "deadlock found")


class Waiting:
    """Calls something again while the store is locked.

    Args:
        seconds: How long in all.
        sleep: Waits.
        clock: Returns seconds that never go back.
    """

    def __init__(
        self,
        seconds: float = LOCKED_SECONDS,
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds, self._sleep, self._clock = seconds, sleep, clock

    def __call__(self, where: str, call: Callable[[], T]) -> T:
        """Call something, again while that says that the store is locked; ``where`` is for errors.

        Raises:
            BackendError: It stays locked, or cannot be reached.
            PermissionDeniedError: The store refuses this user.
            FormatError: It is no metadata store, or one of a release that cannot be read.
        """
        until, pause = self._clock() + self._seconds, 0.05
        while True:
            try:
                return call()
            # The store's core raises RuntimeError when it opens, its client StatusError later, gRPC its own.
            except Exception as error:
                if not _is_busy(error) or self._clock() + pause > until:
                    raise _meaning(where, error) from error
            self._sleep(pause)
            pause = min(pause * 2, 1.0)


def connect(address: StoreAddress, waiting: Waiting) -> Any:
    """Return ML Metadata's client of a store.

    Raises:
        NotFoundError: No such file.
        MissingExtraError: ML Metadata is not installed.
        FormatError, BackendError, PermissionDeniedError: See `Waiting`.
    """
    if address.kind is StoreKind.SQLITE:
        address.require_file()
        waiting(str(address), lambda: _look(address))
    try:
        import ml_metadata
    except ImportError as error:
        raise MissingExtraError("tfx", "reading the history of runs") from error
    config = _config(address)
    with _read_only_sessions() if address.kind is StoreKind.POSTGRESQL else contextlib.nullcontext():
        return waiting(str(address), lambda: ml_metadata.MetadataStore(config))


def _look(address: StoreAddress) -> None:
    """Check that a file is a metadata store that can be read now; ML Metadata itself waits 28 s for a lock."""
    with contextlib.closing(sqlite3.connect(f"file:{quote(address.path)}?mode=ro", uri=True, timeout=0)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"MLMDEnv", "Execution", "Event"} <= names:
        raise FormatError(
            f"{address.path!r} is no metadata store that this release can read: it has not the tables of one"
        )


def _config(address: StoreAddress) -> Any:
    from ml_metadata.proto import metadata_store_pb2 as protos

    if address.kind is StoreKind.GRPC:
        client = protos.MetadataStoreClientConfig(host=address.host, port=address.port)
        client.client_timeout_sec = CALL_SECONDS
        client.channel_arguments.max_receive_message_length = MOST_ANSWER_BYTES
        return client
    config = protos.ConnectionConfig()
    config.retry_options.max_num_retries = 1  # `Waiting` waits, and for a bounded time
    if address.kind is StoreKind.SQLITE:
        config.sqlite.filename_uri = address.path
        config.sqlite.connection_mode = protos.SqliteMetadataSourceConfig.READONLY
    elif address.kind is StoreKind.MYSQL:
        _mysql(config.mysql, address)
    else:
        _postgresql(config.postgresql, address)
    return config


def _mysql(config: Any, address: StoreAddress) -> None:
    config.database, config.skip_db_creation = address.database, True
    if address.host.startswith("/"):
        config.socket = address.host
    else:
        config.host, config.port = address.host, address.port
    config.user, config.password = address.user, address.password()


def _postgresql(config: Any, address: StoreAddress) -> None:
    config.host, config.port = address.host, str(address.port)
    config.dbname, config.skip_db_creation = address.database, True
    config.user, config.password = address.user, address.password()


@contextlib.contextmanager
def _read_only_sessions() -> Iterator[None]:
    """Let PostgreSQL refuse writes on connections made meanwhile: ML Metadata makes tables where it finds none."""
    with _ENVIRONMENT:
        before = os.environ.get("PGOPTIONS")
        os.environ["PGOPTIONS"] = f"{before or ''} -c default_transaction_read_only=on".strip()
        try:
            yield
        finally:
            if before is None:
                del os.environ["PGOPTIONS"]
            else:
                os.environ["PGOPTIONS"] = before


def _is_busy(error: Exception) -> bool:
    text = "" if isinstance(error, AmaError) else str(error).lower()
    return type(error).__name__ == "AbortedError" or any(word in text for word in _BUSY)


_NO_STORE = (
    "not a database",
    "readonly database",
    "read-only transaction",
    "no such table",
    "not compatible",
    "schema",
)
_REFUSED = ("access denied", "unable to open database file", "permission denied", "password", "authentication")


def _meaning(where: str, error: Exception) -> Exception:
    """Return what an error of ML Metadata means to the user."""
    first = " ".join(str(error).split())
    text, shown = first.lower(), first[:200]
    if isinstance(error, AmaError):
        return error
    if _is_busy(error):
        return BackendError(f"metadata store {where!r} is being written to all the time; try again ({shown})")
    if any(word in text for word in _REFUSED):
        return PermissionDeniedError(f"metadata store {where!r} refuses you: {shown}")
    if any(word in text for word in _NO_STORE):
        return FormatError(f"{where!r} is no metadata store that this release can read: {shown}")
    return BackendError(f"cannot read the metadata store {where!r}: {shown}")
