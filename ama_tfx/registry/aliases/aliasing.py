"""Moving aliases: compare-and-set, and logged."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from ama_tfx import catalog
from ama_tfx.catalog import AliasMove, VersionRow
from ama_tfx.errors import ConflictError
from ama_tfx.registry.aliases.rules import why_protected
from ama_tfx.registry.names import Alias, AssetName
from ama_tfx.registry.retirement import why_retired

if TYPE_CHECKING:
    import sqlalchemy as sa


class Expect(Enum):
    """What an alias has to be before a move, where that is not a version's number."""

    ANYTHING = "anything"
    ABSENT = "absent"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and when (aware, UTC)."""

    name: str
    now: datetime.datetime


def move_alias(
    connection: sa.Connection,
    asset: AssetName,
    alias: Alias,
    to_version: int | None,
    *,
    expected: int | Expect,
    reason: str,
    actor: Actor,
) -> AliasMove | None:
    """Point an alias at a version, or remove it, if it is where the caller believes it to be.

    Returns:
        The move, or None when the alias is there already and nothing was done.

    Raises:
        ConflictError: It is somewhere else: somebody else moved it; or an alias exists that differs only in case; or
            the version is retired.
        InvalidInputError: It is protected, and there is no reason.
        GateError: It takes blessed versions only, and this is none.
    """
    asset_id = catalog.ensure_asset(connection, asset.workspace, asset.name, actor.now)
    current = catalog.alias_version(connection, asset_id, alias.name)
    _refuse_surprise(asset, alias, current, expected)
    if current == to_version:
        return None
    if current is None:
        refuse_twin(connection, asset_id, alias)
    target = None if to_version is None else catalog.find_version(connection, asset_id=asset_id, number=to_version)
    if target is not None and (retired := why_retired(connection, target)):
        raise retired
    if error := why_protected(connection, asset_id, alias.name, to_version, reason):
        raise error
    move = AliasMove(alias.name, current, to_version, reason, actor.now, actor.name)
    catalog.point_alias(connection, asset_id, move)
    catalog.append_audit(
        connection,
        "alias.remove" if to_version is None else "alias.set",
        f"{asset}:{alias}",
        {"from": current, "to": to_version, "reason": reason},
        now=actor.now,
        actor=actor.name,
    )
    return move


def why_alias_refused(
    connection: sa.Connection, row: VersionRow, alias: Alias, reason: str, *, created: bool
) -> str | None:
    """Return why registering a version does not move an alias to it, or None: then it does.

    Args:
        connection: A transaction that holds the asset's lock.
        row: The version.
        alias: Wanted for it.
        reason: Of the move.
        created: Whether the version is new.
    """
    if catalog.alias_version(connection, row.asset_id, alias.name) == row.number:
        return None
    if not created and (stays := why_alias_stays(connection, row, alias)):
        return stays
    error = why_protected(connection, row.asset_id, alias.name, row.number, reason)
    return str(error) if error else None


def why_alias_stays(connection: sa.Connection, row: VersionRow, alias: Alias) -> str | None:
    """Return why registering a version again does not move an alias to it, or None: then it does.

    A run that is tried again after a newer one moved the alias on would otherwise move it back, unseen.
    """
    moves = catalog.moves_of(connection, row.asset_id, alias.name)
    if not moves or moves[0].to_version == row.number or all(move.to_version != row.number for move in moves):
        return None
    now = moves[0].to_version
    return (
        f"alias {alias.name!r} of {row.asset!r} was at version {row.number} before and "
        f"{'was removed' if now is None else f'moved on to version {now}'} since; "
        "registering the same content again does not move it back: set it explicitly if that is wanted"
    )


def refuse_twin(connection: sa.Connection, asset_id: int, alias: Alias) -> None:
    """Refuse an alias that differs only in case from one that exists or is protected.

    Raises:
        ConflictError: It does.
    """
    known = {row.name for row in catalog.aliases_of(connection, asset_id)}
    known |= {rule.name for rule in catalog.rules_of(connection, asset_id)}
    for other in known - {alias.name}:
        if other.casefold() == alias.name.casefold():
            raise ConflictError(
                f"alias {alias.name!r} would differ from the existing {other!r} only in case; use {other!r}"
            )


def _refuse_surprise(asset: AssetName, alias: Alias, current: int | None, expected: int | Expect) -> None:
    if expected is Expect.PRESENT and current is None:
        raise ConflictError(
            f"alias {alias.name!r} of {asset.name!r} does not exist, so it cannot be moved; set it with `ama alias set`"
        )
    wanted = expected if isinstance(expected, int) else None
    if (wanted is not None or expected is Expect.ABSENT) and current != wanted:
        raise ConflictError(
            f"alias {alias.name!r} of {asset.name!r} {_where(current)}, not {_where(wanted, bare=True)} "
            "as expected; look at `ama log`, then try again"
        )


def _where(version: int | None, *, bare: bool = False) -> str:
    if version is None:
        return "absent" if bare else "does not exist"
    return f"at version {version}" if bare else f"points at version {version}"
