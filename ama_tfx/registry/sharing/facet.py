"""Sharing, as a registry offers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ama_tfx import catalog
from ama_tfx.catalog import Database
from ama_tfx.catalog import sharing as shared
from ama_tfx.errors import NotFoundError
from ama_tfx.registry.aliases.aliasing import Actor
from ama_tfx.registry.names import AssetName, AssetRef, check_text, check_workspace
from ama_tfx.registry.publishing import publish, tried_twice
from ama_tfx.registry.registering import Stored
from ama_tfx.registry.results import Version
from ama_tfx.registry.retirement import telling_of_retirement
from ama_tfx.registry.sharing.applying import AliasTerms, ApplyPlan, plan_apply, record_bundle
from ama_tfx.registry.sharing.bundle_file import BundleFile
from ama_tfx.registry.sharing.creating import plan_bundle, refuse_existing, write_bundle
from ama_tfx.registry.sharing.exporting import Exported, export_version
from ama_tfx.registry.sharing.forking import plan_fork, record_fork
from ama_tfx.registry.sharing.importing import Imported, ImportPlan, import_planned, named_asset, plan_import
from ama_tfx.registry.sharing.results import Applied, BundleContents, Forked, WorkspaceSummary
from ama_tfx.registry.sharing.storing import refuse_other_sizes, store_new
from ama_tfx.registry.tree import AnyPath, path_of
from ama_tfx.storage import BlobStore, Digest, OnProgress

if TYPE_CHECKING:
    from ama_tfx.registry.registry import Registry


def inspect_bundle(path: AnyPath, *, read_data: bool = False, on_progress: OnProgress | None = None) -> BundleContents:
    """Return what is in a bundle, trusting nothing; no registry is needed.

    Args:
        path: Of the bundle.
        read_data: Whether to read the files' bytes too, and compare them with their digests.
        on_progress: Called with the bytes and files just read.

    Raises:
        NotFoundError, PermissionDeniedError: The file cannot be read.
        FormatError: Of another format.
        IntegrityError: It is damaged, or was not written by ama-tfx.
    """
    path = path_of(path)
    with BundleFile(path) as bundle:
        if read_data:
            bundle.verify(on_progress)
        sizes = bundle.blobs
        return BundleContents(
            path, bundle.digest, bundle.index, len(sizes), sum(sizes.values()), bundle.size_bytes, read_data
        )


class Sharing:
    """Takes assets out of a registry and into one; `Registry.sharing` is the one of a registry.

    Args:
        registry: Which.
        database: Of its catalog.
        blobs: Where its bytes are.
        now: Returns who acts and the time.
    """

    def __init__(self, registry: Registry, database: Database, blobs: BlobStore, now: Callable[[], Actor]) -> None:
        self._registry, self._database, self._blobs, self._now = registry, database, blobs, now

    def create_bundle(
        self,
        references: Sequence[str | AssetRef],
        target: AnyPath,
        *,
        with_refs: bool = True,
        force: bool = False,
        on_progress: OnProgress | None = None,
    ) -> BundleContents:
        """Write versions to one file that another registry can apply.

        The file is the same to the byte when it is made again from the same state: what the registry says of these
        versions, no clock, no name of the machine.

        Args:
            references: The versions.
            target: The file.
            with_refs: Whether all that the versions were made from goes along, transitively.
            force: Whether to replace what has the target's name.
            on_progress: Called with the bytes and files just written.

        Raises:
            NotFoundError: No such version.
            ConflictError: The target exists.
            IntegrityError: Bytes are lost or damaged; nothing is written.
        """
        target = path_of(target)
        refuse_existing(target, force=force)
        refs = [self._ref(reference) for reference in references]
        with self._database.read() as connection:
            plan = plan_bundle(connection, self._blobs, self._registry.id, refs, with_refs=with_refs)
        return write_bundle(self._blobs, plan, target, force=force, on_progress=on_progress)

    def apply_bundle(
        self,
        path: AnyPath,
        *,
        workspace: str | None = None,
        move_aliases: bool = False,
        reason: str = "",
        dry_run: bool = False,
        on_progress: OnProgress | None = None,
    ) -> Applied:
        """Take the versions of a bundle into this registry: all of them, or none.

        Everything is verified before anything is written. Versions that are there already are left as they are;
        aliases are set where they are absent.

        Args:
            path: Of the bundle.
            workspace: Where the versions go that the bundle was made of; by default where they were.
            move_aliases: Whether aliases that point elsewhere are moved; the log tells of the bundle.
            reason: Why aliases are set and moved; without it protected ones are refused, and the result says so.
            dry_run: Whether to verify everything and change nothing.
            on_progress: Called with the bytes and files just stored.

        Raises:
            FormatError, IntegrityError: The bundle is damaged, or was not written by ama-tfx.
            NotFoundError: A version was made from something that is neither in the bundle nor here.
        """
        if workspace is not None:
            check_workspace(workspace)
        terms = AliasTerms(move_aliases, check_text(reason, "reason"))
        with BundleFile(path_of(path)) as bundle:
            bundle.verify()
            refuse_other_sizes(self._blobs, bundle)
            with self._database.read() as connection:
                plan = plan_apply(connection, bundle, workspace=workspace, terms=terms)
            if dry_run:
                return Applied(bundle.digest, plan.placements, plan.aliases, 0, is_done=False)
            done, new_bytes = self._apply(bundle, plan, terms, on_progress)
            return Applied(bundle.digest, done.placements, done.aliases, new_bytes, is_done=True)

    def fork(
        self,
        reference: str | AssetRef,
        name: str | AssetName,
        *,
        all_versions: bool = False,
        aliases: bool = False,
        reason: str = "",
        dry_run: bool = False,
    ) -> Forked:
        """Make a version, or all versions of an asset, versions of another asset; no byte is copied.

        Messages, tags and metrics go along; verdicts of gates do not.

        Args:
            reference: The version; or the asset, of which the newest version is meant, or all.
            name: The other asset: a new one, or an earlier fork, which then gets what it lacks.
            all_versions: Whether all versions are forked.
            aliases: Whether aliases of these versions are set on the fork too, where it has none of the name.
            reason: Why they are set; without it protected ones are not, and the result says so.
            dry_run: Whether to check everything and change nothing.

        Raises:
            NotFoundError: No such version.
            ConflictError: The asset exists and is no fork of this one; or a version is retired.
        """
        ref, asset = self._ref(reference), self._asset(name)
        wanted = check_text(reason, "reason") if aliases else None
        with self._database.read() as connection:
            rows = plan_fork(connection, ref, asset, all_versions=all_versions)
        if dry_run:
            same = tuple((Version.from_row(row), Version.from_row(row)) for row in rows)
            return Forked(asset, same, 0, (), is_done=False)
        with self._database.write() as connection:
            rows = plan_fork(connection, ref, asset, all_versions=all_versions)
            return record_fork(connection, self._blobs, rows, asset, self._now(), why_aliases=wanted)

    def workspaces(self) -> list[WorkspaceSummary]:
        """Return the registry's workspaces by name, each with how much is in it."""
        with self._database.read() as connection:
            return [WorkspaceSummary(*counts) for counts in shared.workspace_counts(connection)]

    def plan_import(
        self,
        archive: AnyPath,
        *,
        name: str | None = None,
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
        most_bytes: int | None = None,
    ) -> ImportPlan:
        """Return what importing an archive would make; nothing is written. See `import_archive`."""
        return plan_import(path_of(archive), self._registry.workspace, name, (inputs, outputs), most_bytes)

    def import_archive(
        self,
        archive: AnyPath,
        *,
        name: str | None = None,
        inputs: Sequence[str] = (),
        outputs: Sequence[str] = (),
        most_bytes: int | None = None,
    ) -> Imported:
        """Make linked assets of a zip, a tar or a folder that holds a trained model: what went in, and what came out.

        Files are told apart by their names (`RULES`). The asset of what came out refers to the other one with the
        role ``input``; numbers in its ``summary_dict.json`` become metrics. Doing it twice makes nothing new.

        Args:
            archive: A ``.zip``, ``.tar``, ``.tar.gz`` or ``.tgz``, or a folder.
            name: Of the asset of what came out, by default the archive's; the other one is called ``NAME_inputs``.
            inputs: Globs of names or paths that went in, asked before the rules.
            outputs: Likewise, of those that came out.
            most_bytes: How much the archive may unpack to; by default a hundred times its size, and at least 1 GiB.

        Raises:
            InvalidInputError: The archive holds what no asset may hold, or more than it may unpack to.
            IntegrityError: It is damaged.
        """
        plan = self.plan_import(archive, name=name, inputs=inputs, outputs=outputs, most_bytes=most_bytes)
        return import_planned(self._registry, plan)

    def export_zip(
        self, version: str | AssetRef | Digest, target: AnyPath, *, with_inputs: bool = True, force: bool = False
    ) -> Exported:
        """Write a version as a zip of the kind that `import_archive` reads: its files under their own paths.

        The files of the versions it refers to in the role ``input`` go along, as in the archives of the AMA case
        study: importing the zip gives both assets back. No clock and no machine leaves a trace in it.

        Args:
            version: A reference, or the digest of the version's manifest.
            target: The file.
            with_inputs: Whether what went in is in it too.
            force: Whether to replace what has the target's name.

        Raises:
            NotFoundError: No such version.
            ConflictError: The target exists; or an input has another file of the same path.
            IntegrityError: Bytes are lost or damaged; nothing is written.
        """
        digest = version if isinstance(version, Digest) else self._registry.resolve(self._ref(version)).digest
        with self._database.read() as connection:
            rows = catalog.versions_with_digest(connection, digest)
        if not rows:
            raise NotFoundError(f"no version here has the manifest {str(digest)!r}; is it another registry's?")
        ref = Version.from_row(rows[0]).reference
        with telling_of_retirement(self._database, ref):
            return export_version(self._blobs, ref, path_of(target), with_inputs=with_inputs, force=force)

    def _apply(
        self, bundle: BundleFile, plan: ApplyPlan, terms: AliasTerms, on_progress: OnProgress | None
    ) -> tuple[ApplyPlan, int]:
        new = [placement for placement in plan.placements if not placement.is_known]
        stored = tried_twice(lambda: store_new(self._database, self._blobs, bundle, new, on_progress))
        if stored is None:
            with self._database.write() as connection:
                return record_bundle(connection, bundle, plan, self._now(), terms), 0

        def store_again() -> Stored:
            again = store_new(self._database, self._blobs, bundle, new, None)
            assert again is not None
            return again

        done = publish(
            self._database,
            stored,
            store_again,
            lambda connection: record_bundle(connection, bundle, plan, self._now(), terms),
        )
        return done, stored.new_bytes

    def _ref(self, reference: str | AssetRef) -> AssetRef:
        if isinstance(reference, AssetRef):
            return reference
        return AssetRef.parse(reference, self._registry.workspace)

    def _asset(self, name: str | AssetName) -> AssetName:
        return name if isinstance(name, AssetName) else named_asset(name, self._registry.workspace)
