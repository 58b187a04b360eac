"""Notes: what people add to versions and assets after they are registered. None is part of a version's identity."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ama_tfx import catalog
from ama_tfx.catalog import Database, DescriptionRow, PinRow, VersionRow
from ama_tfx.errors import InvalidInputError, NotFoundError, did_you_mean
from ama_tfx.registry.aliases.aliasing import Actor
from ama_tfx.registry.measuring import check_metrics, update_metrics
from ama_tfx.registry.names import AssetName, AssetRef, check_label, check_text
from ama_tfx.registry.resolving import require_asset, require_version
from ama_tfx.registry.results import Pin, Version
from ama_tfx.registry.retirement import why_retired

if TYPE_CHECKING:
    import sqlalchemy as sa

MAX_DESCRIPTION = 10_000
"""Characters of a description: a few pages."""


@dataclass(frozen=True, slots=True)
class _Change:
    """A transaction under way that changes what is noted of a version, or of an asset."""

    connection: sa.Connection
    asset: AssetName
    asset_id: int
    actor: Actor

    def log(self, action: str, details: Mapping[str, Any]) -> None:
        """Write to the audit log; the transaction's last statement."""
        catalog.append_audit(
            self.connection, action, str(self.asset), details, now=self.actor.now, actor=self.actor.name
        )

    def version(self, ref: AssetRef) -> VersionRow:
        """Return the version that a reference means, now that nobody moves its aliases."""
        return require_version(self.connection, ref)


class Notes:
    """Tags, metrics, pins and descriptions; `Registry.notes` is the one of a registry.

    Each method that changes something is one transaction, and logged; what is there already is left as it is.

    Args:
        database: Of the catalog.
        parse: Reads references as the registry does.
        asset: Reads names of assets as the registry does.
        now: Returns who acts, and when.
    """

    def __init__(
        self,
        database: Database,
        parse: Callable[[str | AssetRef], AssetRef],
        asset: Callable[[str | AssetName], AssetName],
        now: Callable[[], Actor],
    ) -> None:
        self._database, self._parse, self._asset, self._now = database, parse, asset, now

    def tag(self, reference: str | AssetRef, *tags: str) -> tuple[str, ...]:
        """Tag a version; return the tags that are new to it.

        Raises:
            InvalidInputError: No tag, or one that is no label.
            NotFoundError: No such version.
        """
        _check_tags(tags)
        ref = self._parse(reference)
        with self._changing(ref.asset) as change:
            row = change.version(ref)
            if new := catalog.add_tags(change.connection, row.id, tags):
                change.log("version.tag", {"version": row.number, "tags": new})
        return tuple(new)

    def untag(self, reference: str | AssetRef, *tags: str, dry_run: bool = False) -> tuple[str, ...]:
        """Take tags off a version; return them in order.

        Args:
            reference: The version.
            tags: Each has to be there.
            dry_run: Whether to change nothing.

        Raises:
            InvalidInputError: No tag, or one that is no label.
            NotFoundError: No such version, or it does not have one of the tags.
        """
        _check_tags(tags)
        ref = self._parse(reference)
        with self._changing(ref.asset, dry_run=dry_run) as change:
            row = change.version(ref)
            there, gone = catalog.tags_of(change.connection, row.id), sorted(set(tags))
            for tag in gone:
                if tag not in there:
                    hint = did_you_mean(tag, there) or f"; it has {', '.join(map(repr, there)) or 'none'}"
                    raise NotFoundError(f"no tag {tag!r} on version {row.number} of {row.asset!r}{hint}")
            catalog.remove_tags(change.connection, row.id, gone)
            change.log("version.untag", {"version": row.number, "tags": gone})
        return tuple(gone)

    def record_metrics(self, reference: str | AssetRef, metrics: Mapping[str, float]) -> dict[str, float]:
        """Record metrics of a version; return those that are new or changed.

        The newest value of a name is the one that counts; the audit log keeps the one before.

        Args:
            reference: The version.
            metrics: Names are labels, as in ``eval.auc``; values are finite.

        Raises:
            InvalidInputError: No metric, a name that is no label, or a value that is no finite number.
            NotFoundError: No such version.
        """
        if not check_metrics(metrics):
            raise InvalidInputError("no metric is given; expected at least one name and value")
        ref = self._parse(reference)
        with self._changing(ref.asset) as change:
            row = change.version(ref)
            news = update_metrics(change.connection, row.id, metrics, change.actor)
            if news:
                change.log("version.metrics", {"version": row.number, "metrics": news})
        return {name: float(metrics[name]) for name in news}

    def metrics(self, reference: str | AssetRef) -> dict[str, float]:
        """Return a version's metrics by name.

        Raises:
            NotFoundError: No such version.
        """
        with self._database.read() as connection:
            return catalog.metrics_of(connection, require_version(connection, self._parse(reference)).id)

    def describe(self, asset: str | AssetName, text: str) -> bool:
        """Say what an asset is, for people and for search; return whether that is news.

        Args:
            asset: Which asset.
            text: One line or more; empty to say nothing any more.

        Raises:
            NotFoundError: No such asset.
        """
        check_text(text, "description", most=MAX_DESCRIPTION)
        with self._changing(self._asset(asset)) as change:
            before = catalog.description_of(change.connection, change.asset_id)
            known = before.text if before else ""
            if text == known:
                return False
            row = DescriptionRow(text, change.actor.now, change.actor.name) if text else None
            catalog.write_description(change.connection, change.asset_id, row)
            change.log("asset.describe", {"from": known, "to": text})
        return True

    def description(self, asset: str | AssetName) -> str:
        """Return what an asset is said to be; empty when nobody said anything.

        Raises:
            NotFoundError: No such asset.
        """
        with self._database.read() as connection:
            found = catalog.description_of(connection, require_asset(connection, self._asset(asset)))
        return found.text if found else ""

    def pin(self, reference: str | AssetRef, reason: str = "") -> Pin:
        """Pin a version: no rule of retention takes it away. Pinning it again gives it the new reason.

        Raises:
            NotFoundError: No such version.
            ConflictError: It is retired.
        """
        check_text(reason, "reason")
        ref = self._parse(reference)
        with self._changing(ref.asset) as change:
            row = change.version(ref)
            if retired := why_retired(change.connection, row):
                raise retired
            before = catalog.pin_of(change.connection, row.id)
            if before is not None and before.reason == reason:
                return Pin.of(row, before)
            pin = PinRow(reason, change.actor.now, change.actor.name)
            catalog.write_pin(change.connection, row.id, pin)
            change.log("version.pin", {"version": row.number, "reason": reason})
        return Pin.of(row, pin)

    def unpin(self, reference: str | AssetRef) -> Version:
        """Unpin a version, and return it.

        Raises:
            NotFoundError: No such version, or it is not pinned.
        """
        ref = self._parse(reference)
        with self._changing(ref.asset) as change:
            row = change.version(ref)
            if catalog.pin_of(change.connection, row.id) is None:
                raise NotFoundError(f"version {row.number} of {row.asset!r} is not pinned; look at `ama list`")
            catalog.write_pin(change.connection, row.id, None)
            change.log("version.unpin", {"version": row.number})
        return Version.from_row(row)

    def pins(self, asset: str | AssetName | None = None) -> list[Pin]:
        """Return the pinned versions of an asset, or of all assets of all workspaces, by name and number.

        Raises:
            NotFoundError: No such asset.
        """
        with self._database.read() as connection:
            asset_id = None if asset is None else require_asset(connection, self._asset(asset))
            return [Pin.of(row, pin) for row, pin in catalog.list_pins(connection, asset_id)]

    @contextlib.contextmanager
    def _changing(self, asset: AssetName, *, dry_run: bool = False) -> Iterator[_Change]:
        with self._database.write(dry_run=dry_run) as connection:
            asset_id = require_asset(connection, asset)
            catalog.lock_asset(connection, asset_id)
            yield _Change(connection, asset, asset_id, self._now())


def _check_tags(tags: tuple[str, ...]) -> None:
    if not tags:
        raise InvalidInputError("no tag is given; expected at least one")
    for tag in tags:
        check_label(tag, "tag")
