"""Where a registry lies: opening one, and making one where there is none."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ama_tfx import catalog, storage
from ama_tfx.catalog import Database
from ama_tfx.errors import BackendError, ConflictError, InvalidInputError, NotFoundError
from ama_tfx.registry.bucket import MARKER as MARKER
from ama_tfx.registry.bucket import claim, identify, marker, new_identity, open_blobs, parse_bucket, parse_marker
from ama_tfx.settings import Settings
from ama_tfx.storage import PendingFile, make_folders, os_errors, write_file

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ama_tfx.storage import BlobStore

PROPOSAL = "registry.id"
"""The identity that a folder means to have, until the marker is written: shows whose a catalog elsewhere is."""
CATALOG = "catalog.db"
BLOBS = "blobs"
_OURS = {MARKER, PROPOSAL, CATALOG, f"{CATALOG}-wal", f"{CATALOG}-shm", f"{CATALOG}-journal", BLOBS}

# Each is shown wherever the address is, so none may hold a secret, as sslpassword and options do.
_DATABASE_OPTIONS = (
    *("application_name", "blobs", "channel_binding", "connect_timeout", "gssencmode", "host", "hostaddr"),
    *("keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "krbsrvname", "passfile", "port"),
    *("sslcert", "sslcrl", "sslkey", "sslmode", "sslrootcert", "target_session_attrs", "tcp_user_timeout"),
)
_BLOBS_IN = "?blobs="
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_NO_FOLDER = re.compile(r"[^/:]*:|[^/=]*=|//[^/]*@")


@dataclass(frozen=True, slots=True)
class Location:
    """A registry's address.

    Attributes:
        folder: Where the blobs are unless a bucket is named, and the catalog too unless a database is; None when both
            are.
        database: PostgreSQL, or None for SQLite in the folder.
        bucket: Where the blobs are, as in ``s3://bucket/prefix``; None for the folder, or, of a registry that is there
            already, for where its marker says.
    """

    folder: Path | None
    database: sa.URL | None = None
    bucket: str | None = None

    @classmethod
    def parse(cls, url: str | Path) -> Location:
        """Read a folder's path or ``postgresql://user@host/database?blobs=/folder``.

        ``?blobs=s3://bucket/prefix`` after either says that the blobs are in a bucket.

        A text that looks like an address of another kind (``word:…``, ``key=value``) is refused and not shown, since
        it may hold a password; a folder of such a name is given as ``./name``.

        Raises:
            InvalidInputError: Neither.
        """
        text, _, bucket = str(url).partition(_BLOBS_IN) if isinstance(url, str) else (str(url), "", "")
        scheme, separator, _ = text.partition("://")
        if not separator or not _SCHEME.fullmatch(scheme):
            return cls(_folder(_checked_folder(text)), None, parse_bucket(bucket) if bucket else None)
        text = str(url)
        if scheme != "postgresql":
            raise InvalidInputError(f"unknown kind of registry {scheme!r}; known: a folder, postgresql://…")
        parsed = _database_url(text)
        blobs = parsed.query.get("blobs")
        if not isinstance(blobs, str) or not blobs:
            shown = parsed.render_as_string(hide_password=True)
            raise InvalidInputError(f"{shown} names no folder for the blobs; add ?blobs=/folder to it")
        database = parsed.difference_update_query(["blobs"])
        return cls(None, database, parse_bucket(blobs)) if "://" in blobs else cls(_folder(blobs), database)

    def __str__(self) -> str:
        if self.database is None:
            return str(self.folder) + (f"{_BLOBS_IN}{self.bucket}" if self.bucket else "")
        blobs = self.bucket or str(self.folder)
        return self.database.update_query_dict({"blobs": blobs}).render_as_string(hide_password=True)


def default_registry_url() -> str:
    """Return the registry that this process means when none is named.

    ``AMA_REGISTRY``; else what the project's or the user's settings name (`ama_tfx.settings`); else the folder
    ``registry`` in ``AMA_HOME``; else in the user's data folder (XDG).
    """
    return str(Settings.load()["registry"].value)


def open_location(location: Location, *, create: bool) -> tuple[str, Database, Callable[[], BlobStore]]:
    """Connect to a registry's catalog; return its identity, the catalog, and what opens its blobs.

    Args:
        location: Where.
        create: Whether to make a registry where there is none; what is there is never replaced.

    Raises:
        NotFoundError: There is none.
        FormatError: Another release's.
        BackendError: The catalog or the blobs are lost, or do not belong together.
        InvalidInputError: The folder holds something else.
    """
    database = database_of(location)
    try:
        registry_id, bucket = _identify(location, database, create=create)
        if bucket is not None:
            blobs = open_blobs(bucket, registry_id)
            return registry_id, database, lambda: blobs
        assert location.folder is not None
        folder = location.folder / BLOBS
        return registry_id, database, lambda: storage.PackStore.in_folder(folder)
    except BaseException:
        database.close()
        raise


def _identify(location: Location, database: Database, *, create: bool) -> tuple[str, str | None]:
    """Return the registry's identity and bucket, after making sure that it is complete and its parts belong together.

    What is in a bucket is looked at when a blob is asked for.
    """
    folder, bucket = location.folder, location.bucket
    if folder is None:
        assert bucket is not None
        name, make = database.name, database.create
        return identify(bucket, check=database.check, make=make, create=create, name=name), bucket
    if not _exists(folder / MARKER):
        if not create:
            raise NotFoundError(f"no registry at {str(location)!r}; the first upload into it makes one")
        with locked(folder):
            _create(folder, location, database)
    registry_id, kept_in = read_marker(folder)
    if bucket not in {None, kept_in}:
        raise ConflictError(
            f"registry {str(folder)!r} keeps its blobs in {kept_in or repr(str(folder / BLOBS))}, not in {bucket}; "
            f"leave out {_BLOBS_IN}…"
        )
    parts = (*((CATALOG,) if location.database is None else ()), *(() if kept_in else (BLOBS,)))
    for part in parts:
        if not _exists(folder / part):
            what = f"registry {str(folder)!r} has lost a part: {part!r} is missing"
            raise BackendError(f"{what}; restore it from a backup")
    if (found := database.check()) != registry_id:
        raise BackendError(
            f"the catalog {database.name} is of registry {found}, the blobs in {str(folder)!r} are of "
            f"{registry_id}; name the folder that belongs to the catalog"
        )
    return registry_id, kept_in


def _checked_folder(text: str) -> str:
    if _NO_FOLDER.match(text):
        raise InvalidInputError(
            "not a registry: a text with ':' or '=' in its first name is not taken for a folder, nor shown, since it "
            "may hold a password; expected postgresql://user@host/database?blobs=/folder, or ./name for a folder"
        )
    if not text.strip() or "\0" in text:
        raise InvalidInputError(f"not a registry: {text!r}; expected a folder or postgresql://…?blobs=/folder")
    return text


def _database_url(text: str) -> sa.URL:
    if text.partition("?")[0].count("@") > 1:  # what follows the first one would be shown as the host
        raise InvalidInputError(
            "a database URL has one '@', before the host; write one in a password as %40 (nothing of it is shown here)"
        )
    import sqlalchemy as sa

    try:
        parsed = sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):  # either may quote a part of the URL, and there the password
        raise InvalidInputError("not a database URL; expected postgresql://user@host/database?blobs=/folder") from None
    if any("password" in key.casefold() for key in parsed.query):
        raise InvalidInputError("a database URL holds a password as in postgresql://user:password@host, if at all")
    if not parsed.query.keys() <= set(_DATABASE_OPTIONS):
        raise InvalidInputError(
            "a database URL has an option that is not known, and not shown, since it may hold a secret; "
            f"known: {', '.join(_DATABASE_OPTIONS)}"
        )
    return parsed


def _folder(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise InvalidInputError(f"not a folder: {text!r}; there is no such user") from error


def _exists(path: Path) -> bool:
    with os_errors("look up", path):
        return path.exists()


def database_of(location: Location) -> Database:
    """Return the catalog of a registry, without a look at it."""
    if location.database is not None:
        return Database(
            catalog.postgresql_engine(location.database), location.database.render_as_string(hide_password=True)
        )
    assert location.folder is not None
    path = location.folder / CATALOG
    return Database(path, repr(str(path)))


def _create(folder: Path, location: Location, database: Database) -> None:
    """Make what is missing, the marker last; a creation that was killed half-way is carried on."""
    with os_errors("read", folder):
        names = {entry.name for entry in folder.iterdir()} - _OURS
    if (folder / MARKER).exists():
        return
    if strangers := sorted(name for name in names if not PendingFile.is_leftover(name)):
        raise InvalidInputError(
            f"folder {str(folder)!r} holds other things ({strangers[0]!r}) and no registry; name an empty or new folder"
        )
    if location.database is None:
        _create_catalog_inside(folder, database)
    else:
        _create_catalog_elsewhere(folder, database)
    if location.bucket is None:
        storage.PackStore.in_folder(folder / BLOBS)
    else:
        claim(location.bucket, database.check())
    write_file(folder / MARKER, marker(database.check(), location.bucket))
    with os_errors("remove", folder / PROPOSAL):
        (folder / PROPOSAL).unlink(missing_ok=True)


def _create_catalog_inside(folder: Path, database: Database) -> None:
    file = folder / CATALOG
    if file.exists():
        database.create(new_identity())
        if database.has_versions():
            raise _in_use(folder, database)
        return
    if _has_blobs(folder):
        raise BackendError(f"registry {str(folder)!r} has lost its catalog and marker; restore them from a backup")
    Database(catalog.sqlite_engine(file, create=True), repr(str(file))).create(new_identity())


def _create_catalog_elsewhere(folder: Path, database: Database) -> None:
    """Make the catalog under the identity that the folder proposed before: of two folders, one is the catalog's."""
    proposal = folder / PROPOSAL
    if not proposal.exists():
        if _has_blobs(folder):
            raise BackendError(f"registry {str(folder)!r} has lost its marker; restore it from a backup")
        write_file(proposal, new_identity().encode())
    with os_errors("read", proposal):
        proposed = proposal.read_bytes().decode(errors="replace")
    database.create(proposed)
    if database.check() != proposed:
        with os_errors("remove", proposal):
            proposal.unlink()
        raise _in_use(folder, database)


def _in_use(folder: Path, database: Database) -> BackendError:
    return BackendError(
        f"the catalog {database.name} is in use and its blobs are not in {str(folder)!r}; "
        f"name the folder whose {MARKER} belongs to it"
    )


def _has_blobs(folder: Path) -> bool:
    return any((folder / BLOBS).glob("packs/*/*.pack"))  # by their names: opening the store would write beside them


def read_marker(folder: Path) -> tuple[str, str | None]:
    """Return the identity that a folder's marker tells, and the bucket if the blobs are in one."""
    path = folder / MARKER
    with os_errors("read", path):
        return parse_marker(path.read_bytes(), str(path), str(folder))


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other creators out; the lock ends with the process, whatever happens to it."""
    if _exists(folder) and not folder.is_dir():
        raise InvalidInputError(f"{str(folder)!r} is no folder; name an empty or new one")
    make_folders(folder)
    with os_errors("read", folder):
        # The folder itself is locked: a lock file would stay behind in a folder that turns out to be another's.
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
