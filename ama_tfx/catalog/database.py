"""Connecting to SQLite or PostgreSQL, with transactions that mean the same on both."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import weakref
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from ama_tfx.catalog.migrating import lock_schema, migrate
from ama_tfx.catalog.schema import HEAD, OLDER, registry_facts, versions
from ama_tfx.errors import (
    AmaError,
    BackendError,
    ConflictError,
    FormatError,
    IntegrityError,
    MissingExtraError,
    NotFoundError,
    OutOfSpaceError,
    PermissionDeniedError,
)

BUSY_SECONDS = 30
"""How long a writer waits for another one on SQLite before it gives up."""


class Database:
    """Transactions on one database.

    ``write()`` holds the database's write lock from its first statement on (SQLite ``BEGIN IMMEDIATE``), so what it
    read cannot have changed when it writes; on PostgreSQL the caller locks the asset's row (`catalog.lock_asset`).

    Args:
        engine: From `sqlite_engine` or `postgresql_engine`.
        name: How errors name the database; without a password.
    """

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self.engine = engine
        self.name = name
        self._folder = engine.get_execution_options().get("ama_folder")
        self._reading = engine
        if engine.dialect.name == "postgresql":  # where each statement would see a state of its own
            self._reading = engine.execution_options(isolation_level="REPEATABLE READ")

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one consistent state."""
        with self._errors(), self._reading.connect() as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def write(self, *, dry_run: bool = False) -> Iterator[sa.Connection]:
        """Give a connection whose changes are committed together when the block ends, or not at all.

        Args:
            dry_run: Whether they are not to be: what would be refused is refused, and nothing is changed.
        """
        writing = self.engine.execution_options(ama_write=True)
        with self._errors(), writing.connect() as connection, connection.begin() as transaction:
            yield connection
            if dry_run:
                transaction.rollback()

    def close(self) -> None:
        """Let go of idle connections; the next transaction opens one again."""
        self.engine.dispose()

    def create(self, registry_id: str) -> None:
        """Build the tables, unless somebody already has, and give the registry its identity."""
        if self.engine.dialect.name == "sqlite":
            with self._errors(), contextlib.closing(self.engine.raw_connection()) as raw:
                raw.cursor().execute("PRAGMA journal_mode = WAL")  # not possible inside a transaction
        with self.write() as connection:
            lock_schema(connection)  # two clients may meet an empty database at once
            if sa.inspect(connection).has_table("alembic_version"):
                return
            migrate(connection)
            connection.execute(registry_facts.insert().values(key="registry_id", value=registry_id))

    def check(self) -> str:
        """Return the registry's identity, after making sure that this release can read the database.

        A catalog of an earlier release is brought to this one's schema, in one transaction.

        Raises:
            FormatError: The schema is of a later release, or of none.
            IntegrityError: The catalog does not say which registry it is of.
            NotFoundError: There is no catalog in the database.
            PermissionDeniedError: The schema is of an earlier release, and this user may not change it.
        """
        with self.read() as connection:
            if (revision := self._revision(connection)) not in OLDER:
                return self._identity(connection, revision)
        self._upgrade(revision)
        with self.read() as connection:
            return self._identity(connection, self._revision(connection))

    def has_versions(self) -> bool:
        """Return whether anything was ever registered."""
        with self.read() as connection:
            return connection.execute(sa.select(versions.c.id).limit(1)).first() is not None

    def _revision(self, connection: sa.Connection) -> str | None:
        if not sa.inspect(connection).has_table("alembic_version"):
            raise NotFoundError(f"no catalog in {self.name}: it has no table 'alembic_version'")
        revision: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return revision

    def _identity(self, connection: sa.Connection, revision: str | None) -> str:
        if revision != HEAD:
            raise FormatError(
                f"catalog {self.name} has schema {revision!r}, this release of ama-tfx reads {HEAD!r}; "
                "use the release that wrote it"
            )
        wanted = sa.select(registry_facts.c.value).where(registry_facts.c.key == "registry_id")
        registry_id = connection.execute(wanted).scalar()
        if registry_id is None:
            raise IntegrityError(f"catalog {self.name} does not say which registry it is of; restore it from a backup")
        return str(registry_id)

    def _upgrade(self, found: str) -> None:
        """Bring the schema to `HEAD`, unless another process just has."""
        try:
            with self.write() as connection:
                lock_schema(connection)
                if self._revision(connection) in OLDER:
                    migrate(connection)
        except OutOfSpaceError:
            raise
        except (PermissionDeniedError, BackendError) as error:
            if not isinstance(error, PermissionDeniedError) and "must be owner" not in str(error):
                raise
            raise PermissionDeniedError(
                f"catalog {self.name} has schema {found!r}, this release of ama-tfx reads {HEAD!r}, and this user may "
                "not change it; let somebody who may write to the registry open it once with this release, "
                "or use the release that wrote it"
            ) from error

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except AmaError:
            raise
        except sa.exc.NoResultFound:  # a caller's mistake, not the database's
            raise
        except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
            raise _translated(error, self.name, full=_is_full(self._folder)) from error


def sqlite_engine(path: Path, *, create: bool = False) -> sa.Engine:
    """Return an engine on a SQLite file: WAL, foreign keys on, every commit synced.

    Readers need no right to write, and no space on the disk, unless somebody is writing: see `_Unlocked`.

    Args:
        path: The file.
        create: Whether a missing file is made; otherwise a missing one is an error, never an empty catalog.
    """
    uri = f"file:{quote(bytes(path.resolve()))}?mode={'rwc' if create else 'rw'}"

    def connect() -> sqlite3.Connection:
        # isolation_level=None: sqlite3 opens no transaction behind our back; _begin says which kind it is.
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA schema_version")  # reads, and for that makes the -shm file
        except sqlite3.OperationalError as error:
            connection.close()
            if create or not _may_be_read_unlocked(path, error):
                raise
            return _Unlocked.open(path)
        except BaseException:
            connection.close()
            raise
        return connection

    options = {"ama_folder": path.resolve().parent}
    engine = sa.create_engine("sqlite://", creator=connect, poolclass=NullPool, execution_options=options)
    sa.event.listen(engine, "begin", _begin)
    return engine


def postgresql_engine(url: sa.URL) -> sa.Engine:
    """Return an engine on PostgreSQL.

    Raises:
        MissingExtraError: The driver is not installed.
    """
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("postgres", "a registry on PostgreSQL") from error
    # What a writer reads after it got its lock has to be what the writer before it wrote.
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, isolation_level="READ COMMITTED"
    )
    _POOLS.add(engine)
    return engine


class _Unlocked(sqlite3.Connection):
    """Reads a SQLite file alone, where the files beside it that readers and writers meet in cannot be made.

    A full disk, a read-only one and another user's folder are such. There is no write-ahead log then, so the file is
    the whole catalog; should a writer with more rights change it meanwhile, the reader is told instead of misled.
    """

    path: Path
    seen: tuple[int, int, int]

    @classmethod
    def open(cls, path: Path) -> _Unlocked:
        """Connect to a file; what is written fails."""
        uri = f"file:{quote(bytes(path.resolve()))}?mode=ro&immutable=1"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, factory=cls)
        connection.path, connection.seen = path, _state(path)
        return connection

    def commit(self) -> None:
        """End the transaction, which nobody may have disturbed."""
        super().commit()
        if _state(self.path) != self.seen:
            raise ConflictError(f"catalog {str(self.path)!r} was written to while it was read; try again")


def _state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _may_be_read_unlocked(path: Path, error: sqlite3.OperationalError) -> bool:
    if not any(text in str(error) for text in ("unable to open", "readonly", "disk I/O error", "is full")):
        return False
    log = path.with_name(f"{path.name}-wal")
    return path.exists() and not (log.exists() and log.stat().st_size)


_POOLS: weakref.WeakSet[sa.Engine] = weakref.WeakSet()


def _forget_connections_of_parent() -> None:
    """Leave a parent process's connections to it: two processes on one would read each other's answers."""
    for engine in list(_POOLS):
        engine.dispose(close=False)


# Not NullPool, which needs no such care: a read takes 12 ms with it and 1.4 ms with a pool (server on a Unix socket).
os.register_at_fork(after_in_child=_forget_connections_of_parent)


def _begin(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("ama_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _is_full(folder: Path | None) -> bool:
    """Return whether the disk of a SQLite file has no space left: SQLite often says only that it could not write."""
    if folder is None:
        return False
    try:
        return os.statvfs(folder).f_bavail == 0
    except OSError:
        return False


def _translated(error: Exception, name: str, *, full: bool = False) -> AmaError:
    """Return our error for the database driver's."""
    original = getattr(error, "orig", None) or error
    text = str(original).strip().split("\n")[0]
    if "locked" in text:
        return ConflictError(f"catalog {name} was busy for {BUSY_SECONDS} s ({text}); try again")
    could_not_write = any(words in text for words in ("disk I/O error", "unable to open", "readonly"))
    if "disk is full" in text or "No space left" in text or (full and could_not_write):
        return OutOfSpaceError(f"cannot write to catalog {name}: {text}; free some space, then try again")
    if "readonly" in text or "permission denied" in text:
        return PermissionDeniedError(f"cannot write to catalog {name}: {text}")
    if isinstance(error, sa.exc.IntegrityError):
        return ConflictError(f"catalog {name} refused a change that another writer made impossible: {text}")
    if "malformed" in text or "not a database" in text:
        return IntegrityError(f"catalog {name} is damaged: {text}; restore it from a backup")
    return BackendError(f"catalog {name} does not answer: {text}; check that it exists and can be reached")
