"""Moving aliases: compare-and-set, and logged."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import Enum

import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.catalog import AliasMove, VersionRow
from ama_tfx.errors import ConflictError
from ama_tfx.registry.names import Alias, AssetName


class Expect(Enum):
    """What an alias has to be before a move, where that is not a version's number."""

    ANYTHING = "anything"
    ABSENT = "absent"


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
        ConflictError: It is somewhere else: somebody else moved it; or an alias exists that differs only in case.
    """
    asset_id = catalog.ensure_asset(connection, asset.workspace, asset.name, actor.now)
    current = catalog.alias_version(connection, asset_id, alias.name)
    wanted = expected if isinstance(expected, int) else None
    if expected is not Expect.ANYTHING and current != wanted:
        raise ConflictError(
            f"alias {alias.name!r} of {asset.name!r} {_where(current)}, not {_where(wanted, bare=True)} as expected; "
            "look at `ama log`, then try again"
        )
    if current == to_version:
        return None
    if current is None:
        _refuse_twin(connection, asset_id, alias)
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


def _refuse_twin(connection: sa.Connection, asset_id: int, alias: Alias) -> None:
    for other in catalog.aliases_of(connection, asset_id):
        if other.name.casefold() == alias.name.casefold():
            raise ConflictError(
                f"alias {alias.name!r} would differ from the existing {other.name!r} only in case; use {other.name!r}"
            )


def _where(version: int | None, *, bare: bool = False) -> str:
    if version is None:
        return "absent" if bare else "does not exist"
    return f"at version {version}" if bare else f"points at version {version}"
