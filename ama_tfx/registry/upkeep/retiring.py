"""Retiring: a version's record and lineage stay for ever, its files are no longer kept for its sake.

The files go with a collection (`ama gc`), after its quarantine, unless another version has them too. Until then, and
afterwards by registering the same content again, a version is taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, BinaryIO

from ama_tfx import catalog
from ama_tfx.catalog import Database, RetirementRow, VersionRow
from ama_tfx.errors import ConflictError, IntegrityError, InvalidInputError, NotFoundError
from ama_tfx.registry.aliases.aliasing import Actor
from ama_tfx.registry.aliases.reasons import check_told, says_something
from ama_tfx.registry.downloading import read_manifest
from ama_tfx.registry.names import AssetName, AssetRef, check_text
from ama_tfx.registry.publishing import publish, tried_twice
from ama_tfx.registry.registering import Stored, take_back
from ama_tfx.registry.resolving import require_asset, require_version
from ama_tfx.registry.results import Version
from ama_tfx.registry.upkeep.retention import Best, Known, Retention, Tagged, plan_retention
from ama_tfx.registry.upkeep.retired import KeptVersion, RetentionPlan, Retired, RetiredVersion
from ama_tfx.storage import BlobStore, Digest

if TYPE_CHECKING:
    import sqlalchemy as sa


class Retiring:
    """Retires versions; `Upkeep` is its front.

    Args:
        database: Of the catalog.
        blobs: Where the bytes are.
        parse: Reads references as the registry does.
        asset: Reads names of assets as the registry does.
        now: Returns who acts, and when.
    """

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        parse: Callable[[str | AssetRef], AssetRef],
        asset: Callable[[str | AssetName], AssetName],
        now: Callable[[], Actor],
    ) -> None:
        self._database, self._blobs = database, blobs
        self._parse, self._asset, self._now = parse, asset, now

    def retire(self, reference: str | AssetRef, reason: str, *, dry_run: bool) -> Retired:
        """Retire one version; see `Upkeep.retire`."""
        ref = self._parse(reference)
        if not says_something(check_text(reason, "reason")):
            raise InvalidInputError("retiring a version needs a reason; with it, others know why its files are gone")
        check_told(reason, "reason")
        with self._database.write(dry_run=dry_run) as connection:
            catalog.lock_asset(connection, require_asset(connection, ref.asset))
            row = require_version(connection, ref)
            _refuse_needed(connection, row)
            done = self._retire(connection, [row], reason, self._now())
            return Retired(done, catalog.freed_bytes(connection, [row.id]))

    def unretire(self, reference: str | AssetRef) -> Version | None:
        """Take one version back; see `Upkeep.unretire`."""
        with self._database.read() as connection:
            row = require_version(connection, self._parse(reference))
            if catalog.retirement_of(connection, row.id) is None:
                return None

        def store() -> Stored:
            return _store_again(self._blobs, row)

        def record(connection: sa.Connection) -> Version:
            catalog.lock_asset(connection, row.asset_id)
            take_back(connection, row, self._now())
            return Version.from_row(row)

        return publish(self._database, tried_twice(store), store, record)

    def undo(self, assets: Sequence[str | AssetName], rule: Retention) -> tuple[list[Version], list[str]]:
        """Take back what a rule retired; see `Upkeep.undo_keep_only`."""
        back, gone = [], []
        names = {self._asset(asset) for asset in assets}
        for retired in self.retired():
            if retired.version.asset in names and retired.reason == retention_reason(rule):
                try:
                    self.unretire(retired.version.reference)
                    back.append(retired.version)
                except (NotFoundError, IntegrityError) as error:
                    gone.append(str(error))
        return back, gone

    def retired(self) -> list[RetiredVersion]:
        """Return every retired version, by workspace, asset and number."""
        with self._database.read() as connection:
            found = catalog.list_retired(connection)
        return [RetiredVersion(Version.from_row(row), r.reason, r.retired_at, r.retired_by) for row, r in found]

    def keep_only(self, assets: Sequence[str | AssetName], rule: Retention, *, dry_run: bool) -> RetentionPlan:
        """Retire what a rule does not keep; see `Upkeep.keep_only`."""
        names = [self._asset(asset) for asset in assets]
        if not names:
            raise InvalidInputError("a retention rule is for some assets; name at least one")
        with self._database.write(dry_run=dry_run) as connection:
            ids = sorted({require_asset(connection, name) for name in names})
            for asset_id in ids:  # in one order, or two of these could wait for each other
                catalog.lock_asset(connection, asset_id)
            actor = self._now()
            known = _known(connection, ids, rule, actor)
            kept = plan_retention(rule, known)
            going = [row for row in known.versions if not kept[row.id]]
            done = self._retire(connection, going, retention_reason(rule), actor)
            staying = [
                KeptVersion(Version.from_row(row), tuple(kept[row.id])) for row in known.versions if kept[row.id]
            ]
            return RetentionPlan(done, tuple(staying), catalog.freed_bytes(connection, [row.id for row in going]))

    def _retire(
        self, connection: sa.Connection, rows: Iterable[VersionRow], reason: str, actor: Actor
    ) -> tuple[Version, ...]:
        done = list(rows)
        for row in done:
            catalog.retire_version(connection, row.id, RetirementRow(reason, actor.now, actor.name))
            details = {"version": row.number, "reason": reason}
            _log(connection, row, "version.retire", details, actor)
        return tuple(Version.from_row(row) for row in done)


def retention_reason(rule: Retention) -> str:
    """Return the reason that versions are given that a rule retires."""
    return f"retention rule: {rule}"


def _log(connection: sa.Connection, row: VersionRow, action: str, details: dict[str, object], actor: Actor) -> None:
    subject = str(AssetName(row.workspace, row.asset))
    catalog.append_audit(connection, action, subject, details, now=actor.now, actor=actor.name)


def _refuse_needed(connection: sa.Connection, row: VersionRow) -> None:
    name = f"{row.asset}:{row.number}"
    if (found := catalog.retirement_of(connection, row.id)) is not None:
        raise ConflictError(f"{name!r} is retired already, by {found.retired_by}: {found.reason}")
    if marks := catalog.marks_of(connection, [row.asset_id]).get(row.id):
        raise ConflictError(f"{name!r} is kept: {', '.join(marks)}; move the alias or take the pin off first")
    users = [source for source, target in catalog.uses_among(connection, [row.asset_id]) if target == row.id]
    if users:
        raise ConflictError(
            f"{name!r} is kept: {len(users)} version(s) that are not retired are made from it; "
            f"`ama impact {name}` shows them, retire those first"
        )


def _known(connection: sa.Connection, ids: list[int], rule: Retention, actor: Actor) -> Known:
    return Known(
        versions=catalog.kept_versions(connection, ids),
        marks=catalog.marks_of(connection, ids),
        uses=catalog.uses_among(connection, ids),
        now=actor.now,
        tagged={t.tag: catalog.tagged(connection, ids, t.tag) for t in rule.terms if isinstance(t, Tagged)},
        measured={t.metric: catalog.measured(connection, ids, t.metric) for t in rule.terms if isinstance(t, Best)},
    )


def _store_again(blobs: BlobStore, row: VersionRow) -> Stored:
    """Read every file of a version and store it: what is there already costs its reading, and stays from then on.

    Raises:
        NotFoundError, IntegrityError: A file is gone or damaged, or of another size than the version says.
    """
    manifest = read_manifest(blobs, row.digest)
    sizes: dict[Digest, int] = {}
    with blobs.writer() as writer:
        for entry in manifest.files:
            if entry.url is not None:
                continue
            if entry.digest not in sizes:
                with _open_kept(blobs, entry.digest, row) as stream:
                    sizes[entry.digest] = writer.add_stream(stream, expected=entry.digest).size_bytes
            if sizes[entry.digest] != entry.size_bytes:
                raise IntegrityError(
                    f"{row.asset}:{row.number} cannot be taken back: it says that {entry.path!r} has "
                    f"{entry.size_bytes} bytes, and that content has {sizes[entry.digest]}"
                )
        writer.commit()
    return Stored(manifest, row.digest, writer.new_bytes, writer.secure)


def _open_kept(blobs: BlobStore, digest: Digest, row: VersionRow) -> BinaryIO:
    try:
        return blobs.open(digest)
    except NotFoundError as error:
        raise NotFoundError(
            f"{row.asset}:{row.number} cannot be taken back, its files are gone; register its content again"
        ) from error
