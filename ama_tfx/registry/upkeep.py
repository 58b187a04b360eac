"""What keeps a registry sound and small: checking, repair and collection."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path

from ama_tfx.catalog import Database
from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.checking import OnEvent, check_registry
from ama_tfx.registry.collecting import QUARANTINE, apply_gc, plan_gc
from ama_tfx.registry.findings import Checked, GcPlan, GcResult, Repaired
from ama_tfx.registry.repairing import Copy, repair_registry
from ama_tfx.storage import BlobStore, PackStore
from ama_tfx.storage.packs.collecting import spare


class Upkeep:
    """Looks after a registry; `Registry.upkeep` is the one of a registry.

    Args:
        database: Of the catalog.
        blobs: Where the bytes are.
        folder: Of the registry, if it has one.
        clock: Returns the time, aware, in UTC.
    """

    def __init__(
        self, database: Database, blobs: BlobStore, folder: Path | None, clock: Callable[[], datetime.datetime]
    ) -> None:
        self._database, self._blobs, self._folder, self._clock = database, blobs, folder, clock

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
        salt = self._clock().isoformat()
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
        return apply_gc(self._database, self._packs, plan, self._clock(), quarantine)

    def undo_gc(self) -> tuple[str, ...]:
        """Take back what `gc` has condemned and not deleted yet; return the packs.

        Raises:
            ConflictError: A collection runs on this machine.
        """
        return spare(self._packs)

    @property
    def _packs(self) -> PackStore:
        if not isinstance(self._blobs, PackStore):
            raise InvalidInputError(f"{self._blobs!r} keeps no packs: nothing to check or to collect")
        return self._blobs
