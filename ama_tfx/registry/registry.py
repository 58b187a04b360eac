"""The registry: one object, the verbs as methods."""

from __future__ import annotations

import datetime
import getpass
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.catalog import AliasMove, AliasRow, VersionRow
from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry.aliasing import Actor, Expect, move_alias, why_alias_stays
from ama_tfx.registry.audit import Audit
from ama_tfx.registry.collecting import publish, tried_twice
from ama_tfx.registry.downloading import open_blob, read_manifest, select, write_folder, write_one
from ama_tfx.registry.location import Location, open_location
from ama_tfx.registry.manifest import Manifest
from ama_tfx.registry.names import DEFAULT_WORKSPACE, AssetName, AssetRef, check_text, check_workspace, settable_alias
from ama_tfx.registry.registering import Stored, likely_parents, record_version, resolve_refs, store_version
from ama_tfx.registry.resolving import require_asset, require_version
from ama_tfx.registry.results import Asset, Details, Downloaded, Facts, Hit, LogEntry, Registered, Version
from ama_tfx.registry.tree import Content
from ama_tfx.registry.upkeep import Upkeep
from ama_tfx.storage import Digest, OnProgress, hash_stream, open_regular_file, os_errors

Reference = str | AssetRef


def utc_now() -> datetime.datetime:
    """Return the time, aware, in UTC."""
    return datetime.datetime.now(datetime.timezone.utc)


def current_user() -> str:
    """Return who is using this process: ``AMA_ACTOR``, or the operating system's user."""
    try:
        return os.environ.get("AMA_ACTOR") or getpass.getuser()
    except (KeyError, OSError):  # a container may run under a user id that has no name
        return f"uid-{os.getuid()}"


class Registry:
    """A registry of versioned, immutable assets.

    Every method is one transaction: it happens wholly or not at all, and it may be called from many threads and
    processes at once.

    Args:
        url: A folder (SQLite and blobs inside), or ``postgresql://user@host/database?blobs=/folder``.
        workspace: Where names without a workspace are looked up.
        create: Whether to make the registry when there is none.
        actor: Who is recorded as acting; `current_user` by default.
        clock: Returns the time, aware, in UTC.

    Attributes:
        id: The registry's identity: a UUID made with it, the same from wherever it is opened.
        location: Where it is.
        workspace: As given.
        audit: Its log.
        upkeep: Checks, repairs and collects it.

    Raises:
        NotFoundError: There is no registry, and none is to be made.
        FormatError: It was written by another release.
        BackendError: It cannot be reached, or a part of it is lost.
    """

    def __init__(
        self,
        url: str | Path,
        *,
        workspace: str = DEFAULT_WORKSPACE,
        create: bool = False,
        actor: str | None = None,
        clock: Callable[[], datetime.datetime] = utc_now,
    ) -> None:
        check_workspace(workspace)
        self.location = Location.parse(url)
        self.workspace = workspace
        self._actor = check_text(actor or current_user(), "actor", most=255)
        self._clock = clock
        self.id, self._database, self._blobs = open_location(self.location, create=create)
        self.audit = Audit(self._database)
        self.upkeep = Upkeep(self._database, self._blobs, self.location.folder, lambda: self._now().now)

    def __repr__(self) -> str:
        return f"Registry({str(self.location)!r}, workspace={self.workspace!r})"

    def close(self) -> None:
        """Let go of the database's connections and of every file; a registry that is used again opens them again."""
        self._database.close()
        self._blobs.close()

    def register(
        self,
        asset: str | AssetName,
        content: Content,
        facts: Facts | None = None,
        *,
        alias: str | None = None,
        on_progress: OnProgress | None = None,
        before_commit: Callable[[Manifest], object] | None = None,
    ) -> Registered:
        """Register content as a version of an asset.

        The same content with the same kind, refs and properties under the same asset is the same version, whoever
        registers it and however often.

        Args:
            asset: Which asset; made when there is none.
            content: A folder, a file, or paths in the asset -> files and folders.
            facts: What the version says of itself.
            alias: Set to the version in the same transaction; but a version that was there already does not get back an
                alias that was at it before and has moved on since: the result's ``alias_refused`` says so. A run that
                is tried again late would undo what a newer one did; `set_alias` moves it wherever it is told to.
            on_progress: Called with the bytes and files just read.
            before_commit: Called with the manifest when all bytes are stored and nothing is visible yet; what it raises
                undoes the registration.

        Raises:
            InvalidInputError: A name or a file that cannot be registered.
            NotFoundError: A path or a ref that does not exist.
            ContentChangedError: The content was written to meanwhile.
            PermissionDeniedError, OutOfSpaceError, BackendError: The operating system refused. Whatever is raised,
                nothing of the version is visible.
        """
        told = facts or Facts()
        name = self._asset(asset)
        wanted = None if alias is None else settable_alias(alias)
        with self._database.read() as connection:
            refs = resolve_refs(connection, told.refs)
            parents = likely_parents(connection, name, refs)

        def store() -> Stored:
            return store_version(self._blobs, content, told, refs, parents, on_progress)

        def record(connection: sa.Connection) -> Registered:
            actor = self._now()  # after the upload: the log tells when a version could be seen first
            row, created = record_version(connection, name, stored.manifest, stored.digest, told, actor)
            refused = None if created or wanted is None else why_alias_stays(connection, row, wanted)
            if wanted is not None and refused is None:
                move_alias(
                    connection,
                    name,
                    wanted,
                    row.number,
                    expected=Expect.ANYTHING,
                    reason=told.message or "registered",
                    actor=actor,
                )
            return Registered(Version.from_row(row), created, stored.new_bytes, refused)

        stored = tried_twice(store)
        if before_commit:
            before_commit(stored.manifest)
        return publish(self._database, stored, store, record)

    def resolve(self, reference: Reference) -> Version:
        """Return the version that a reference means now.

        Raises:
            NotFoundError: No such asset, alias or version.
        """
        with self._database.read() as connection:
            return Version.from_row(require_version(connection, self._ref(reference)))

    def exists(self, reference: Reference) -> bool:
        """Return whether a reference means a version now."""
        with self._database.read() as connection:
            try:
                require_version(connection, self._ref(reference))
            except NotFoundError:
                return False
        return True

    def show(self, reference: Reference) -> Details:
        """Return everything known of a version.

        Raises:
            NotFoundError: No such asset, alias or version, or no such path in it.
            IntegrityError: Its manifest is damaged.
        """
        with self._database.read() as connection:
            ref = self._ref(reference)
            row = require_version(connection, ref)
            manifest = self._manifest(row.digest)
            select(manifest, ref.path)
            return Details(
                version=Version.from_row(row),
                aliases=_aliases(connection, row),
                tags=catalog.tags_of(connection, row.id),
                properties=catalog.properties_of(connection, row.id),
                files=manifest.files,
                refs=_versions(catalog.refs_of(connection, row.id)),
                used_by=_versions(catalog.referrers_of(connection, row.id)),
                registrations=tuple(catalog.registrations_of(connection, row.id)),
            )

    def manifest(self, reference: Reference) -> Manifest:
        """Return a version's manifest, read from the store and verified."""
        return self._manifest(self.resolve(reference).digest)

    def open(self, reference: Reference) -> BinaryIO:
        """Open one file of a version for reading; the stream verifies what it reads and is for the caller to close.

        Args:
            reference: With a path, as in ``model:champion/saved_model.pb``.

        Raises:
            InvalidInputError: No path, or a folder's.
            NotFoundError: No such version or file.
        """
        ref = self._ref(reference)
        files, _, one_file = select(self.manifest(ref), ref.path)
        if not one_file:
            raise InvalidInputError(f"reference {str(ref)!r} names no single file; add its path, as in {ref}/model.h5")
        return open_blob(self._blobs, files[0].digest, f"file {files[0].path!r}")

    def download(
        self,
        reference: Reference,
        target: Path,
        *,
        manifest: Manifest | None = None,
        on_progress: OnProgress | None = None,
    ) -> Downloaded:
        """Write a version, or the file or folder of it that the reference names, to ``target``.

        It appears verified and whole, or not at all; when it is there already, nothing is written.

        Args:
            reference: What.
            target: The folder or file to make.
            manifest: The version's, for a caller that has read it already: many paths of one version need it once.
            on_progress: Called with the bytes and files just written.

        Raises:
            NotFoundError: No such version, or no such path in it.
            ConflictError: The target is something else.
            IntegrityError: The stored bytes are damaged.
        """
        ref = self._ref(reference)
        version = self.resolve(ref)
        files, directories, one_file = select(manifest or self._manifest(version.digest), ref.path)
        if one_file:
            changed = write_one(self._blobs, files[0], target, on_progress)
        else:
            changed = write_folder(self._blobs, files, directories, target, on_progress)
        return Downloaded(version, target, len(files), sum(entry.size_bytes for entry in files), changed)

    def set_alias(
        self, reference: Reference, alias: str, *, expected: int | Expect = Expect.ANYTHING, reason: str = ""
    ) -> AliasMove | None:
        """Point an alias of an asset at one of its versions.

        Args:
            reference: The version.
            alias: The alias; made when there is none.
            expected: Where it has to be now: a version's number, or `Expect`; with it, of many writers one wins.
            reason: Kept in the log.

        Returns:
            The move, or None when the alias was there already.

        Raises:
            ConflictError: It is not where it was expected to be.
            NotFoundError: No such version.
        """
        ref, name = self._ref(reference), settable_alias(alias)
        check_text(reason, "reason")
        with self._database.write() as connection:
            catalog.lock_asset(connection, require_asset(connection, ref.asset))
            row = require_version(connection, ref)
            return move_alias(
                connection, ref.asset, name, row.number, expected=expected, reason=reason, actor=self._now()
            )

    def remove_alias(
        self, asset: str | AssetName, alias: str, *, expected: int | Expect = Expect.ANYTHING, reason: str = ""
    ) -> AliasMove:
        """Remove an alias of an asset; its moves stay in the log.

        Raises:
            NotFoundError: No such asset or alias.
            ConflictError: It is not where it was expected to be.
        """
        name, wanted = self._asset(asset), settable_alias(alias)
        check_text(reason, "reason")
        with self._database.write() as connection:
            catalog.lock_asset(connection, require_asset(connection, name))
            require_version(connection, AssetRef(name, wanted))
            move = move_alias(connection, name, wanted, None, expected=expected, reason=reason, actor=self._now())
        assert move is not None
        return move

    def aliases(self, asset: str | AssetName) -> list[AliasRow]:
        """Return an asset's aliases by name."""
        with self._database.read() as connection:
            return catalog.aliases_of(connection, require_asset(connection, self._asset(asset)))

    def alias_moves(self, asset: str | AssetName, alias: str) -> list[AliasMove]:
        """Return the moves of one alias, the newest first; none when it was never set."""
        with self._database.read() as connection:
            return catalog.moves_of(connection, require_asset(connection, self._asset(asset)), alias)

    def assets_with_alias(self, alias: str) -> list[AssetName]:
        """Return the workspace's assets that have an alias."""
        with self._database.read() as connection:
            return [AssetName(self.workspace, n) for n in catalog.assets_with_alias(connection, self.workspace, alias)]

    def find(self, content: Path | Digest) -> list[Hit]:
        """Return every version that holds a file of this content, under whatever name.

        Args:
            content: A local file, or a SHA-256.
        """
        digest = content if isinstance(content, Digest) else _digest_of(content)
        with self._database.read() as connection:
            aliases = catalog.aliases_with_file(connection, digest)
            hits = catalog.find_files(connection, digest)
        return [Hit(Version.from_row(row), path, tuple(aliases.get(row.id, ()))) for row, path in hits]

    def assets(self, workspace: str | None = None) -> list[Asset]:
        """Return the assets of one workspace, or of all, by name."""
        with self._database.read() as connection:
            rows = catalog.list_assets(connection, workspace)
        return [Asset(AssetName(row.workspace, row.name), row.version_count, row.created_at) for row in rows]

    def versions(self, asset: str | AssetName) -> list[Version]:
        """Return an asset's versions, the newest first."""
        with self._database.read() as connection:
            asset_id = require_asset(connection, self._asset(asset))
            return [Version.from_row(row) for row in catalog.list_versions(connection, asset_id)]

    def log(self, asset: str | AssetName) -> list[LogEntry]:
        """Return an asset's history, versions and moves of aliases, the newest first."""
        with self._database.read() as connection:
            asset_id = require_asset(connection, self._asset(asset))
            events = [
                *(LogEntry(m.moved_at, m.moved_by, m) for m in catalog.moves_of(connection, asset_id)),
                *(
                    LogEntry(row.created_at, row.created_by, Version.from_row(row))
                    for row in catalog.list_versions(connection, asset_id)
                ),
            ]
        # Stable: a version and the alias set with it have one time, and the alias came last.
        return sorted(events, key=lambda entry: entry.at, reverse=True)

    def _asset(self, asset: str | AssetName) -> AssetName:
        if isinstance(asset, AssetName):
            return asset
        ref = AssetRef.parse(asset, self.workspace)
        if asset not in {ref.asset.name, str(ref.asset)}:
            raise InvalidInputError(f"expected an asset, not a version of one: {asset!r}; use {ref.asset.name!r}")
        return ref.asset

    def _ref(self, reference: Reference) -> AssetRef:
        return reference if isinstance(reference, AssetRef) else AssetRef.parse(reference, self.workspace)

    def _now(self) -> Actor:
        now = self._clock()
        if now.tzinfo is None:
            raise InvalidInputError(f"the registry's clock gave {now!r}, which has no zone; expected an aware time")
        return Actor(self._actor, now)

    def _manifest(self, digest: Digest) -> Manifest:
        return read_manifest(self._blobs, digest)


def _aliases(connection: sa.Connection, row: VersionRow) -> tuple[str, ...]:
    return tuple(a.name for a in catalog.aliases_of(connection, row.asset_id) if a.version == row.number)


def _versions(edges: Iterable[tuple[str, VersionRow]]) -> tuple[tuple[str, Version], ...]:
    return tuple((role, Version.from_row(row)) for role, row in edges)


def _digest_of(path: Path) -> Digest:
    with open_regular_file(path, follow=True) as stream, os_errors("read", path):
        return hash_stream(stream)[0]
