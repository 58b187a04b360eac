"""The registry: one object, the verbs as methods."""

from __future__ import annotations

import datetime
import functools
import getpass
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ama_tfx import catalog
from ama_tfx.catalog import AliasMove, AliasRow, VersionRow
from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry.aliases.aliasing import Actor, Expect, move_alias
from ama_tfx.registry.location import Location, open_location
from ama_tfx.registry.manifest import Manifest
from ama_tfx.registry.names import DEFAULT_WORKSPACE, AssetName, AssetRef, check_text, check_workspace, settable_alias
from ama_tfx.registry.repr_html import Listing
from ama_tfx.registry.resolving import require_asset, require_version
from ama_tfx.registry.results import Asset, Details, Downloaded, Facts, Hit, LogEntry, Ref, Registered, Version
from ama_tfx.registry.retirement import telling_of_retirement
from ama_tfx.registry.tree import AnyContent, AnyPath, content_of, path_of
from ama_tfx.storage import Digest, OnProgress, hash_stream, open_regular_file, os_errors

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ama_tfx.inspection import Inspected
    from ama_tfx.registry.aliases.protecting import Protection
    from ama_tfx.registry.auditing.audit import Audit
    from ama_tfx.registry.comparison.results import Comparison
    from ama_tfx.registry.drafting import Drafting
    from ama_tfx.registry.handles import AssetHandle
    from ama_tfx.registry.lineage.tracing import Tracer
    from ama_tfx.registry.notes import Notes
    from ama_tfx.registry.search.query import Query
    from ama_tfx.registry.search.searching import Found
    from ama_tfx.registry.sharing import Sharing
    from ama_tfx.registry.upkeep.facet import Upkeep
    from ama_tfx.storage import BlobStore

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
        self.id, self._database, self._open_blobs = open_location(self.location, create=create)

    def __repr__(self) -> str:
        return f"Registry({str(self.location)!r}, workspace={self.workspace!r})"

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What is below is loaded when it is used: most commands need one of these at most.

    @functools.cached_property
    def _blobs(self) -> BlobStore:
        return self._open_blobs()

    @functools.cached_property
    def audit(self) -> Audit:
        """Its log."""
        from ama_tfx.registry.auditing.audit import Audit

        return Audit(self._database)

    @functools.cached_property
    def protection(self) -> Protection:
        """Protects aliases."""
        from ama_tfx.registry.aliases.protecting import Protection

        return Protection(self._database, self._asset, self._now)

    @functools.cached_property
    def notes(self) -> Notes:
        """Tags, metrics, pins and descriptions."""
        from ama_tfx.registry.notes import Notes

        return Notes(self._database, self._ref, self._asset, self._now)

    @functools.cached_property
    def upkeep(self) -> Upkeep:
        """Checks, repairs, measures and collects it."""
        from ama_tfx.registry.upkeep.facet import Upkeep

        return Upkeep(self._database, self._blobs, self.location.folder, self._ref, self._asset, self._now)

    @functools.cached_property
    def lineage(self) -> Tracer:
        """Tells what versions were made from, and what was made from them."""
        from ama_tfx.registry.lineage.tracing import Tracer

        return Tracer(self._database, self._ref)

    @functools.cached_property
    def sharing(self) -> Sharing:
        """Makes and applies bundles, forks assets, imports archives."""
        from ama_tfx.registry.sharing import Sharing

        return Sharing(self, self._database, self._blobs, self._now)

    def close(self) -> None:
        """Let go of the database's connections and of every file; a registry that is used again opens them again."""
        self._database.close()
        if "_blobs" in self.__dict__:
            self._blobs.close()

    def register(
        self,
        asset: str | AssetName,
        content: AnyContent,
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
            content: A folder, a file, paths in the asset -> files and folders, or that on top of a version (`Onto`).
            facts: What the version says of itself.
            alias: Set to the version in the same transaction; but a version that was there already does not get back an
                alias that was at it before and has moved on since: the result's ``alias_refused`` says so. A run that
                is tried again late would undo what a newer one did; `set_alias` moves it wherever it is told to. Nor
                does a version get a protected alias without a message or a blessing (`Registry.protection`).
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
        from ama_tfx.registry import bump_facts, publishing, registering

        told, found = facts or Facts(), content_of(content)
        name = self._asset(asset)
        wanted = None if alias is None else settable_alias(alias)
        with self._database.read() as connection:
            refs = registering.resolve_refs(connection, told.refs)
            registering.require_base(connection, found)
            parents = registering.likely_parents(connection, name, refs)

        def store() -> registering.Stored:
            return registering.store_version(self._blobs, found, told, refs, parents, on_progress)

        def record(connection: sa.Connection) -> Registered:
            # As of now: until here a collection kept its files for its sake.
            registering.require_base(connection, found)
            # Its time is that after the upload: the log tells when a version could be seen first.
            how = registering.Recording(self._now(), bumper, wanted)
            return registering.record_registration(connection, name, stored, told, how)

        stored = publishing.tried_twice(store)
        bumper = bump_facts.Bumper(self._blobs, stored.manifest, told)
        with self._database.read() as connection:
            bumper.prepare(connection, name, stored.digest)
        if before_commit:
            before_commit(stored.manifest)
        return publishing.publish(self._database, stored, store, record)

    def store(self, asset: str | AssetName, content: AnyContent, refs: Sequence[Ref] = ()) -> int:
        """Store the files of content ahead of its registration, which then finds them there; return the new bytes.

        So parts of a large asset can be stored by many processes at once, on many machines: nothing becomes visible,
        doing it twice stores nothing twice, and what is never registered goes with a later collection.

        Args:
            asset: For which asset; its newest version may hold what these files are like.
            content: As for `register`; of a part of an asset, paths in the asset -> files.
            refs: As in `Facts`: versions that may hold what these files are like.

        Raises:
            AmaError: As `register` says.
        """
        from ama_tfx.registry import registering

        found, name = content_of(content), self._asset(asset)
        with self._database.read() as connection:
            parents = registering.likely_parents(connection, name, registering.resolve_refs(connection, tuple(refs)))
        with self._blobs.writer() as writer:
            registering.store_content(writer, found, parents, None)
            writer.commit()
        return writer.new_bytes

    def resolve(self, reference: Reference) -> Version:
        """Return the version that a reference means now.

        Raises:
            NotFoundError: No such asset, alias or version.
        """
        with self._database.asking() as connection:
            return Version.from_row(require_version(connection, self._ref(reference)))

    def exists(self, reference: Reference) -> bool:
        """Return whether a reference means a version now."""
        with self._database.asking() as connection:
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
        from ama_tfx.registry.downloading import select

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
                metrics=catalog.metrics_of(connection, row.id),
                pinned=catalog.pin_of(connection, row.id),
                retired=catalog.retirement_of(connection, row.id),
            )

    def manifest(self, reference: Reference) -> Manifest:
        """Return a version's manifest, read from the store and verified."""
        return self._manifest(self.resolve(reference).digest)

    def asset(self, reference: Reference) -> AssetHandle:
        """Return a handle of the version that a reference means now; its files are read when they are asked for.

        Raises:
            NotFoundError: No such asset, alias or version.
            InvalidInputError: The reference has a path.
        """
        ref = self._ref(reference)
        if ref.path is not None:
            raise InvalidInputError(f"expected a version, not a path in one: {str(ref)!r}; open paths of the handle")
        from ama_tfx.registry.handles import AssetHandle

        return AssetHandle(self, self.resolve(ref))

    def draft(self, asset: str | AssetName) -> Drafting:
        """Return an empty draft for a ``with`` block; the asset gets it as a version when the block ends well."""
        from ama_tfx.registry.drafting import Drafting

        return Drafting(self, self._asset(asset))

    def open(self, reference: Reference, *, manifest: Manifest | None = None) -> BinaryIO:
        """Open one file of a version for reading; the stream verifies what it reads and is for the caller to close.

        Args:
            reference: With a path, as in ``model:champion/saved_model.pb``.
            manifest: The version's, for a caller that has read it already.

        Raises:
            InvalidInputError: No path, or a folder's.
            NotFoundError: No such version or file.
        """
        from ama_tfx.registry.downloading import open_entry, select

        ref = self._ref(reference)
        files, _, one_file = select(manifest or self.manifest(ref), ref.path)
        if not one_file:
            raise InvalidInputError(f"reference {str(ref)!r} names no single file; add its path, as in {ref}/model.h5")
        return open_entry(self._blobs, files[0])

    def compare(
        self, references: Sequence[Reference | Path], *, sections: Sequence[str] = (), with_same: bool = False
    ) -> Comparison:
        """Compare versions, or files and folders of them, with the first one; nothing in them is executed.

        Args:
            references: Two to twenty. A `Path` is a file or folder on disk.
            sections: Some of ``facts``, ``params``, ``metrics``, ``files``, ``refs``, ``schema`` and ``tensors``; by
                default all.
            with_same: Whether to tell of what is equal too.

        Raises:
            NotFoundError: One of them does not exist.
            InvalidInputError: Too few, too many, no such section, or not a sequence.
        """
        if isinstance(references, str | Path | AssetRef):
            raise InvalidInputError(
                f"cannot compare {references!r} alone; expected a sequence of 2 to 20 references or paths, as in "
                "['model:1', 'model:2']"
            )
        # Here, because numpy takes 60 ms to import.
        from ama_tfx.registry.comparison.comparing import Shelf, compare
        from ama_tfx.registry.comparison.results import SECTIONS

        wanted = [one if isinstance(one, Path) else self._ref(one) for one in references]
        return compare(Shelf(self._blobs, self.show, self._manifest), wanted, sections or SECTIONS, with_same=with_same)

    def inspect(self, reference: Reference) -> Inspected:
        """Tell what the files of a version contain, or the file or folder of it that the reference names.

        They are parsed where they are in the store; nothing in them is executed. What is kept elsewhere is not looked
        at, which is one of the result's problems.

        Args:
            reference: What. The paths of the result are those in the version.

        Raises:
            NotFoundError: No such version, or no such path in it.
            IntegrityError: The stored bytes are damaged.
        """
        from ama_tfx.registry.downloading import select
        from ama_tfx.registry.stored_file import inspect_stored

        ref = self._ref(reference)
        manifest = self.manifest(ref)
        select(manifest, ref.path)
        below = ref.path or ""
        wanted = [e for e in manifest.files if not below or e.path == below or e.path.startswith(f"{below}/")]
        return inspect_stored(self._blobs, wanted)

    def download(
        self,
        reference: Reference,
        target: AnyPath,
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
        from ama_tfx.registry.downloading import select, write_folder, write_one

        ref, target = self._ref(reference), path_of(target)
        version = self.resolve(ref)
        files, directories, one_file = select(manifest or self._manifest(version.digest), ref.path)
        with telling_of_retirement(self._database, ref):
            if one_file:
                changed = write_one(self._blobs, files[0], target, on_progress)
            else:
                changed = write_folder(self._blobs, files, directories, target, on_progress)
        return Downloaded(version, target, len(files), sum(entry.size_bytes for entry in files), changed)

    def set_alias(
        self,
        reference: Reference,
        alias: str,
        *,
        expected: int | Expect = Expect.ANYTHING,
        reason: str = "",
        dry_run: bool = False,
    ) -> AliasMove | None:
        """Point an alias of an asset at one of its versions.

        Args:
            reference: The version.
            alias: The alias; made when there is none.
            expected: Where it has to be now: a version's number, or `Expect`; with it, of many writers one wins.
            reason: Kept in the log; a protected alias needs one.
            dry_run: Whether to move nothing, only to tell.

        Returns:
            The move, or None when the alias was there already.

        Raises:
            ConflictError: It is not where it was expected to be, or the version is retired.
            NotFoundError: No such version.
            InvalidInputError: The alias is protected, and there is no reason.
            GateError: The alias takes blessed versions only, and this is none.
        """
        ref, name = self._ref(reference), settable_alias(alias)
        check_text(reason, "reason")
        with self._database.write(dry_run=dry_run) as connection:
            catalog.lock_asset(connection, require_asset(connection, ref.asset))
            row = require_version(connection, ref)
            return move_alias(
                connection, ref.asset, name, row.number, expected=expected, reason=reason, actor=self._now()
            )

    def remove_alias(
        self,
        asset: str | AssetName,
        alias: str,
        *,
        expected: int | Expect = Expect.ANYTHING,
        reason: str = "",
        dry_run: bool = False,
    ) -> AliasMove:
        """Remove an alias of an asset; its moves stay in the log.

        Args:
            asset: Whose alias.
            alias: Which one.
            expected: As for `set_alias`.
            reason: Kept in the log; a protected alias needs one.
            dry_run: Whether to remove nothing, only to tell.

        Raises:
            NotFoundError: No such asset or alias.
            ConflictError: It is not where it was expected to be.
            InvalidInputError: The alias is protected, and there is no reason.
        """
        name, wanted = self._asset(asset), settable_alias(alias)
        check_text(reason, "reason")
        with self._database.write(dry_run=dry_run) as connection:
            catalog.lock_asset(connection, require_asset(connection, name))
            require_version(connection, AssetRef(name, wanted))
            move = move_alias(connection, name, wanted, None, expected=expected, reason=reason, actor=self._now())
        assert move is not None
        return move

    def aliases(self, asset: str | AssetName) -> list[AliasRow]:
        """Return an asset's aliases by name."""
        with self._database.asking() as connection:
            return catalog.aliases_of(connection, require_asset(connection, self._asset(asset)))

    def alias_moves(self, asset: str | AssetName, alias: str | None = None) -> list[AliasMove]:
        """Return the moves of one alias, or of all, the newest first; none when it was never set."""
        with self._database.read() as connection:
            return catalog.moves_of(connection, require_asset(connection, self._asset(asset)), alias)

    def assets_with_alias(self, alias: str) -> list[AssetName]:
        """Return the workspace's assets that have an alias."""
        with self._database.read() as connection:
            return [AssetName(self.workspace, n) for n in catalog.assets_with_alias(connection, self.workspace, alias)]

    def find(self, content: AnyPath | Digest) -> Listing[Hit]:
        """Return every version that holds a file of this content, under whatever name.

        Args:
            content: A local file, or a SHA-256.
        """
        digest = content if isinstance(content, Digest) else _digest_of(path_of(content))
        with self._database.asking() as connection:
            aliases = catalog.aliases_with_file(connection, digest)
            hits = catalog.find_files(connection, digest)
        return Listing(Hit(Version.from_row(row), path, tuple(aliases.get(row.id, ()))) for row, path in hits)

    def search(
        self,
        query: str | Query,
        *,
        sort: str | None = None,
        latest: bool = False,
        limit: int | None = 100,
        workspace: str | None = None,
    ) -> Found:
        """Return the versions that a query is true of, the newest first unless it says how to sort.

        Args:
            query: In the language of ``docs/reference/search.md``: ``metric.auc>0.9 tag:prod``; an empty one is true of
                every version.
            sort: A key to sort by, as in ``metric.auc desc``; it counts more than those in the query.
            latest: Only the newest match of each asset.
            limit: At most how many; None for all.
            workspace: A name, or a pattern: ``*`` for all; by default the registry's, unless the query says
                ``workspace:``.

        Raises:
            QueryError: The query cannot be read; the error points at where.
            NotFoundError: ``refs:`` names an asset, an alias or a version that does not exist.
        """
        from ama_tfx.registry.search.searching import Wanted, scoped, search

        wanted = scoped(query, sort=sort, workspace=workspace, default=self.workspace)
        return search(self._database, Wanted(wanted, self.workspace, latest, limit), self._now().now)

    def assets(self, workspace: str | None = None) -> Listing[Asset]:
        """Return the assets of one workspace, or of all, by name."""
        with self._database.read() as connection:
            rows = catalog.list_assets(connection, workspace)
        return Listing(
            Asset(AssetName(row.workspace, row.name), row.version_count, row.created_at, row.description)
            for row in rows
        )

    def versions(self, asset: str | AssetName) -> Listing[Version]:
        """Return an asset's versions, the newest first."""
        with self._database.asking() as connection:
            asset_id = require_asset(connection, self._asset(asset))
            return Listing(Version.from_row(row) for row in catalog.list_versions(connection, asset_id))

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
        from ama_tfx.registry.downloading import read_manifest

        return read_manifest(self._blobs, digest)


def _aliases(connection: sa.Connection, row: VersionRow) -> tuple[str, ...]:
    return tuple(a.name for a in catalog.aliases_of(connection, row.asset_id) if a.version == row.number)


def _versions(edges: Iterable[tuple[str, VersionRow]]) -> tuple[tuple[str, Version], ...]:
    return tuple((role, Version.from_row(row)) for role, row in edges)


def _digest_of(path: Path) -> Digest:
    with open_regular_file(path, follow=True) as stream, os_errors("read", path):
        return hash_stream(stream)[0]
