"""Transactions that mean the same on SQLite and on PostgreSQL.

SQLAlchemy takes 0.2 s to import: it is loaded when a transaction wants it, which `Database.asking` does not on SQLite.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ama_tfx.catalog.plain import rows_of
from ama_tfx.catalog.revisions import HEAD, OLDER
from ama_tfx.catalog.unlocked import Unlocked, may_be_read_unlocked
from ama_tfx.errors import (
    AmaError,
    BackendError,
    ConflictError,
    FormatError,
    IntegrityError,
    NotFoundError,
    OutOfSpaceError,
    PermissionDeniedError,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ama_tfx.catalog.plain import AnyConnection

BUSY_SECONDS = 30
"""How long a writer waits for another one on SQLite before it gives up."""

_HAS_CATALOG = {
    True: "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'",
    False: "SELECT 1 FROM pg_class WHERE relname = 'alembic_version' AND pg_table_is_visible(oid)",
}
"""By whether the database is SQLite."""


class Database:
    """Transactions on one database.

    ``write()`` holds the database's write lock from its first statement on (SQLite ``BEGIN IMMEDIATE``), so what it
    read cannot have changed when it writes; on PostgreSQL the caller locks the asset's row (`catalog.lock_asset`).

    Args:
        where: A file of SQLite, which is there, or an engine from `sqlite_engine` or `postgresql_engine`.
        name: How errors name the database; without a password.
    """

    def __init__(self, where: Path | sa.Engine, name: str) -> None:
        self.name = name
        self._file: Path | None
        self._connect: Callable[[], sqlite3.Connection]
        if isinstance(where, Path):
            self._file = Path(os.path.realpath(where))  # where Path.resolve raises on a circle of links
            self._connect = functools.partial(connect_sqlite, self._file)
        else:
            options: Mapping[str, Any] = where.get_execution_options()
            self.engine, self._file = where, options.get("ama_file")
            self._connect = options.get("ama_connect", where.raw_connection)

    @functools.cached_property
    def engine(self) -> sa.Engine:
        """SQLAlchemy's way to the database."""
        from ama_tfx.catalog.engines import sqlite_engine

        assert self._file is not None
        return sqlite_engine(self._file)

    @functools.cached_property
    def _reading(self) -> sa.Engine:
        if self._file is not None:
            return self.engine
        return self.engine.execution_options(isolation_level="REPEATABLE READ")  # else each statement sees its own

    @contextlib.contextmanager
    def asking(self) -> Iterator[AnyConnection]:
        """Give a connection that sees one consistent state, for questions of `plain.rows_of`."""
        if self._file is None:
            with self.read() as connection:
                yield connection
            return
        try:
            with contextlib.closing(self._connect()) as plain:
                plain.execute("BEGIN")
                yield plain
                plain.commit()
        except sqlite3.Error as error:
            raise _translated(error, self.name, full=_is_full(self._file)) from error

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
        if "engine" in self.__dict__:
            self.engine.dispose()

    def create(self, registry_id: str) -> None:
        """Build the tables, unless somebody already has, and give the registry its identity."""
        from ama_tfx.catalog.migrating import lock_schema, migrate
        from ama_tfx.catalog.schema import registry_facts

        if self._file is not None:
            with self._errors(), contextlib.closing(self.engine.raw_connection()) as raw:
                raw.cursor().execute("PRAGMA journal_mode = WAL")  # not possible inside a transaction
        with self.write() as connection:
            lock_schema(connection)  # two clients may meet an empty database at once
            if self._has_catalog(connection):
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
        with self.asking() as connection:
            if (revision := self._revision(connection)) not in OLDER:
                return self._identity(connection, revision)
        self._upgrade(revision)
        with self.asking() as connection:
            return self._identity(connection, self._revision(connection))

    def has_versions(self) -> bool:
        """Return whether anything was ever registered."""
        with self.asking() as connection:
            return bool(rows_of(connection, "SELECT id FROM versions LIMIT 1"))

    def _has_catalog(self, connection: AnyConnection) -> bool:
        return bool(rows_of(connection, _HAS_CATALOG[self._file is not None]))

    def _revision(self, connection: AnyConnection) -> str | None:
        if not self._has_catalog(connection):
            raise NotFoundError(f"no catalog in {self.name}: it has no table 'alembic_version'")
        rows = rows_of(connection, "SELECT version_num FROM alembic_version")
        return str(rows[0][0]) if rows else None

    def _identity(self, connection: AnyConnection, revision: str | None) -> str:
        if revision != HEAD:
            raise FormatError(
                f"catalog {self.name} has schema {revision!r}, this release of ama-tfx reads {HEAD!r}; "
                "use the release that wrote it"
            )
        rows = rows_of(connection, "SELECT value FROM registry_facts WHERE key = 'registry_id'")
        if not rows:
            raise IntegrityError(f"catalog {self.name} does not say which registry it is of; restore it from a backup")
        return str(rows[0][0])

    def _upgrade(self, found: str) -> None:
        """Bring the schema to `HEAD`, unless another process just has."""
        from ama_tfx.catalog.migrating import lock_schema, migrate

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
        from sqlalchemy import exc

        try:
            yield
        except AmaError:
            raise
        except exc.NoResultFound:  # a caller's mistake, not the database's
            raise
        except (exc.SQLAlchemyError, sqlite3.Error) as error:
            refused = isinstance(error, exc.IntegrityError)
            raise _translated(error, self.name, full=_is_full(self._file), refused=refused) from error


def connect_sqlite(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """Connect to a SQLite file: WAL, foreign keys on, every commit synced.

    Readers need no right to write, and no space on the disk, unless somebody is writing: see `Unlocked`.

    Args:
        path: The file.
        create: Whether a missing file is made; otherwise a missing one is an error, never an empty catalog.
    """
    uri = f"file:{quote(bytes(path))}?mode={'rwc' if create else 'rw'}"
    # isolation_level=None: sqlite3 opens no transaction behind our back; who begins one says which kind it is.
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA schema_version")  # reads, and for that makes the -shm file
    except sqlite3.OperationalError as error:
        connection.close()
        if create or not may_be_read_unlocked(path, error):
            raise
        return Unlocked.open(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_full(file: Path | None) -> bool:
    """Return whether the disk of a SQLite file has no space left: SQLite often says only that it could not write."""
    if file is None:
        return False
    try:
        return os.statvfs(file.parent).f_bavail == 0
    except OSError:
        return False


def _translated(error: Exception, name: str, *, full: bool = False, refused: bool = False) -> AmaError:
    """Return our error for the database driver's; ``refused`` if a rule of the tables was in the way."""
    original = getattr(error, "orig", None) or error
    text = str(original).strip().split("\n")[0]
    if "locked" in text:
        return ConflictError(f"catalog {name} was busy for {BUSY_SECONDS} s ({text}); try again")
    could_not_write = any(words in text for words in ("disk I/O error", "unable to open", "readonly"))
    if "disk is full" in text or "No space left" in text or (full and could_not_write):
        return OutOfSpaceError(f"cannot write to catalog {name}: {text}; free some space, then try again")
    if "readonly" in text or "permission denied" in text:
        return PermissionDeniedError(f"cannot write to catalog {name}: {text}")
    if refused:
        return ConflictError(f"catalog {name} refused a change that another writer made impossible: {text}")
    if "malformed" in text or "not a database" in text:
        return IntegrityError(f"catalog {name} is damaged: {text}; restore it from a backup")
    return BackendError(f"catalog {name} does not answer: {text}; check that it exists and can be reached")
