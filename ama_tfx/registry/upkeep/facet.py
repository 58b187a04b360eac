"""What keeps a registry sound and small: checking, repair and collection."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from ama_tfx import catalog
from ama_tfx.catalog import Database
from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry.aliases.aliasing import Actor
from ama_tfx.registry.downloading import read_manifest, select
from ama_tfx.registry.manifest import Manifest
from ama_tfx.registry.names import AssetName, AssetRef
from ama_tfx.registry.resolving import require_asset, require_version
from ama_tfx.registry.results import Version
from ama_tfx.registry.tree import AnyPath, path_of
from ama_tfx.registry.upkeep.checking import OnEvent, check_registry
from ama_tfx.registry.upkeep.collecting import QUARANTINE, apply_gc, plan_gc
from ama_tfx.registry.upkeep.findings import Checked, GcPlan, GcResult, Repaired
from ama_tfx.registry.upkeep.repairing import Copy, repair_registry
from ama_tfx.registry.upkeep.retention import Retention
from ama_tfx.registry.upkeep.retired import RetentionPlan, Retired, RetiredVersion
from ama_tfx.registry.upkeep.retiring import Retiring
from ama_tfx.registry.upkeep.sizing import Sizes, measure_sizes
from ama_tfx.registry.upkeep.verifying import Verified, local_contents, verify_blobs, verify_local
from ama_tfx.storage import BlobStore, OnProgress, PackStore
from ama_tfx.storage.packs.collecting import spare


class Upkeep:
    """Looks after a registry; `Registry.upkeep` is the one of a registry.

    Args:
        database: Of the catalog.
        blobs: Where the bytes are.
        folder: Of the registry, if it has one.
        parse: Reads references as the registry does.
        asset: Reads names of assets as the registry does.
        now: Returns who acts, and when.
    """

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        folder: Path | None,
        parse: Callable[[str | AssetRef], AssetRef],
        asset: Callable[[str | AssetName], AssetName],
        now: Callable[[], Actor],
    ) -> None:
        self._database, self._blobs, self._folder = database, blobs, folder
        self._parse, self._asset, self._now = parse, asset, now
        self._retiring = Retiring(database, blobs, parse, asset, now)

    def fsck(self, *, read_percent: int = 0, on_event: OnEvent | None = None) -> Checked:
        """Check everything that the registry holds; nothing is changed.

        The catalog is compared with the manifests and the audit log, the index with the packs, and what versions need
        with what is there.

        Args:
            read_percent: Of how many packs in a hundred every byte is read, others each time; with 100, every file is
                compared with its SHA-256.
            on_event: Called with what is checked next, in words.

        Raises:
            InvalidInputError: Not a number from 0 to 100.
        """
        if not 0 <= read_percent <= 100:
            raise InvalidInputError(f"not a part of the packs: {read_percent} %; expected a number from 0 to 100")
        salt = self._now().now.isoformat()
        return check_registry(
            self._database, self._packs, self._folder, read_percent=read_percent, salt=salt, on_event=on_event
        )

    def repair(self, copies: Sequence[Copy] = (), *, on_event: OnEvent | None = None) -> Repaired:
        """Mend what can be mended; nothing is deleted, and doing it twice does no more.

        Whole content of damaged packs is saved, lost blobs come from copies, lost manifests from the catalog, and the
        index from the packs. The catalog itself is not mended: that is what its backup is for.

        Args:
            copies: Where lost blobs may be: other registries, by folder or address, or stores of blobs.
            on_event: Called with what is done next, in words.

        Raises:
            NotFoundError: A copy is not there.
        """
        return repair_registry(self._database, self._packs, self._folder, copies, on_event)

    def rebuild_index(self) -> int:
        """Write the index of the blobs anew, from the packs; return how many packs there are."""
        return self._packs.rebuild_index()

    def plan_gc(self) -> GcPlan:
        """Return what `gc` would do; nothing is changed.

        Raises:
            IntegrityError: Something that a version needs is lost: repair the registry first.
        """
        return plan_gc(self._database, self._packs)

    def gc(self, plan: GcPlan | None = None, *, quarantine: datetime.timedelta = QUARANTINE) -> GcResult:
        """Condemn what no version needs, and delete what was condemned long enough ago.

        Others may register and download meanwhile.

        Args:
            plan: What was reviewed; more does not go. By default, all that no version needs.
            quarantine: How long what is condemned stays, to be needed again, or taken back by `undo_gc`.

        Raises:
            ConflictError: Another collection runs on this machine.
            IntegrityError: Something that a version needs is lost: repair the registry first.
        """
        return apply_gc(self._database, self._packs, plan, self._now().now, quarantine)

    def undo_gc(self) -> tuple[str, ...]:
        """Take back what `gc` has condemned and not deleted yet; return the packs.

        Raises:
            ConflictError: A collection runs on this machine.
        """
        return spare(self._packs)

    def verify(self, reference: str | AssetRef, *, on_progress: OnProgress | None = None) -> Verified:
        """Read every byte of a version, or of a file or folder of it, and check it.

        It comes from the store; content kept elsewhere is read from its URL, and one that cannot be reached is a
        problem.

        Raises:
            NotFoundError: No such version or path.
            IntegrityError: Its manifest cannot be read.
        """
        ref = self._parse(reference)
        version, manifest = self._version(ref)
        files, _, _ = select(manifest, ref.path)
        problems = tuple(verify_blobs(self._blobs, files, on_progress))
        elsewhere = sum(entry.url is not None for entry in files)
        return Verified(version, len(files), sum(entry.size_bytes for entry in files), problems, elsewhere)

    def verify_local(
        self, path: AnyPath, reference: str | AssetRef, *, on_progress: OnProgress | None = None
    ) -> Verified:
        """Compare a folder, or a file, with a version: which files are missing, other content, or none of it.

        Raises:
            NotFoundError: No such version, or nothing at the path.
        """
        version, manifest = self._version(self._parse(reference))
        problems = tuple(verify_local(path_of(path), manifest, on_progress))
        return Verified(version, len(manifest.files), manifest.size_bytes, problems)

    def identify(self, path: AnyPath, *, on_progress: OnProgress | None = None) -> list[Version]:
        """Return the versions that have exactly the files of a folder, or exactly one file of this content.

        Raises:
            NotFoundError: None has; the message names the nearest.
        """
        path = path_of(path)
        found = local_contents(path, on_progress)
        shared: Counter[int] = Counter()
        rows, same = {}, []
        with self._database.read() as connection:
            for name, digest in found.items():
                for row, where in catalog.find_files(connection, digest):
                    rows[row.id] = row
                    shared[row.id] += where == name or path.is_file()
        same = [row for row in rows.values() if shared[row.id] == len(found) == row.file_count]
        if same:
            return [Version.from_row(row) for row in sorted(same, key=lambda row: row.id)]
        nearest = [f"{rows[i].asset}:{rows[i].number} ({n} of {rows[i].file_count})" for i, n in shared.most_common(3)]
        told = f"; files of it are in {', '.join(nearest)}" if nearest else ""
        raise NotFoundError(f"no version is exactly {str(path)!r}{told}")

    def du(self, assets: Sequence[str | AssetName] = (), *, with_stored: bool = False) -> Sizes:
        """Measure how large assets are: as they are seen, with each content once, and in the store.

        Args:
            assets: Which; all when none is named.
            with_stored: Whether to look up the pieces of every file.

        Raises:
            NotFoundError: No such asset.
        """
        wanted = [self._asset(asset) for asset in assets]
        with self._database.read() as connection:
            for name in wanted:
                require_asset(connection, name)
        return measure_sizes(self._database, self._packs, wanted or None, with_stored=with_stored)

    def retire(self, reference: str | AssetRef, reason: str, *, dry_run: bool = False) -> Retired:
        """Say that a version's files need not be kept; its record and its lineage stay for ever.

        They go with a later `gc`, after its quarantine, unless another version has them too.

        Args:
            reference: Which version: none with an alias or a pin, and none that a version is made from that stays.
            reason: Why, for whoever looks for the files.
            dry_run: Whether to change nothing, only to tell.

        Raises:
            ConflictError: The version is needed, or is retired.
            NotFoundError: No such version.
        """
        return self._retiring.retire(reference, reason, dry_run=dry_run)

    def unretire(self, reference: str | AssetRef) -> Version | None:
        """Take a version back; None when it is not retired.

        Raises:
            NotFoundError: No such version, or its files are gone: registering the content again brings it back.
        """
        return self._retiring.unretire(reference)

    def retired(self) -> list[RetiredVersion]:
        """Return every retired version, by workspace, asset and number."""
        return self._retiring.retired()

    def keep_only(
        self, assets: Sequence[str | AssetName], rule: str | Retention, *, dry_run: bool = False
    ) -> RetentionPlan:
        """Retire the versions of some assets that a rule does not keep.

        Aliases and pins keep a version whatever the rule says, and so does a version that stays and is made from it.

        Args:
            assets: Which.
            rule: As in ``last 5, best metric=auc``: a version is kept that any of the terms keeps.
            dry_run: Whether to change nothing, only to tell.

        Raises:
            InvalidInputError: Not a rule, or one with a metric that no version has.
            NotFoundError: No such asset.
        """
        wanted = Retention.parse(rule) if isinstance(rule, str) else rule
        return self._retiring.keep_only(assets, wanted, dry_run=dry_run)

    def undo_keep_only(
        self, assets: Sequence[str | AssetName], rule: str | Retention
    ) -> tuple[list[Version], list[str]]:
        """Take back the versions of some assets that a rule has retired; return them, and why others stay retired."""
        return self._retiring.undo(assets, Retention.parse(rule) if isinstance(rule, str) else rule)

    def _version(self, ref: AssetRef) -> tuple[Version, Manifest]:
        with self._database.read() as connection:
            version = Version.from_row(require_version(connection, ref))
        return version, read_manifest(self._blobs, version.digest)

    @property
    def _packs(self) -> PackStore:
        if not isinstance(self._blobs, PackStore):
            raise InvalidInputError(f"{self._blobs!r} keeps no packs: nothing to check or to collect")
        return self._blobs
