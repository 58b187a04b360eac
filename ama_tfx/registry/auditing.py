"""What the audit log says there must be, compared with what there is.

The chain of hashes shows that the log was edited; only this shows that the catalog was edited beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.catalog import AuditEntry
from ama_tfx.errors import IntegrityError
from ama_tfx.registry.names import AssetName

Move = tuple[int | None, int | None]


@dataclass
class History:
    """Versions and aliases, as a log or a catalog tells of them.

    Attributes:
        versions: Asset and number, as in ``ama://default/model:1`` -> digest.
        moves: Asset and alias, as in ``ama://default/model:champion`` -> its moves, the oldest first.
        aliases: Asset and alias -> number of the version it points at.
    """

    versions: dict[str, str] = field(default_factory=dict)
    moves: dict[str, list[Move]] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)


def told_by_log(entries: Iterable[AuditEntry]) -> History:
    """Return the history that entries tell of, verified ones.

    Raises:
        IntegrityError: An entry tells what no registry writes.
    """
    history = History()
    for entry in entries:
        _tell(history, entry)
    history.aliases = {name: moves[-1][1] for name, moves in history.moves.items() if moves[-1][1] is not None}
    return history


def told_by_catalog(connection: sa.Connection) -> History:
    """Return the history that the catalog's tables hold."""
    history = History()
    for workspace, asset, number, digest in catalog.version_digests(connection):
        history.versions[f"{AssetName(workspace, asset)}:{number}"] = str(digest)
    for workspace, asset, alias, number in catalog.alias_versions(connection):
        history.aliases[f"{AssetName(workspace, asset)}:{alias}"] = number
    for workspace, asset, move in catalog.all_moves(connection):
        moves = history.moves.setdefault(f"{AssetName(workspace, asset)}:{move.name}", [])
        moves.append((move.from_version, move.to_version))
    return history


def check_same(logged: History, found: History) -> None:
    """Make sure that the catalog holds what the log tells, and nothing else.

    Raises:
        IntegrityError: It does not; the message names the first version or alias that differs.
    """
    _check("version", logged.versions, found.versions)
    _check("history of alias", logged.moves, found.moves)
    _check("alias", logged.aliases, found.aliases)


def _tell(history: History, entry: AuditEntry) -> None:
    try:
        if entry.action == "version.register":
            history.versions[f"{entry.subject}:{entry.details['version']}"] = entry.details["digest"]
        elif entry.action in {"alias.set", "alias.remove"}:
            history.moves.setdefault(entry.subject, []).append((entry.details["from"], entry.details["to"]))
    except (KeyError, TypeError) as error:
        raise IntegrityError(
            f"audit log: entry {entry.sequence} ({entry.action} {entry.subject!r}) lacks what it should tell"
        ) from error


def _check(what: str, logged: Mapping[str, object], found: Mapping[str, object]) -> None:
    for name in sorted(logged.keys() | found.keys()):
        if logged.get(name) != found.get(name):
            there = f"has {_shown(found[name])}" if name in found else "lacks it"
            told = f"tells of {_shown(logged[name])}" if name in logged else "does not tell of it"
            raise IntegrityError(
                f"{what} {name!r} was changed behind the registry's back: the catalog {there}, the audit log {told}; "
                "restore the catalog from a backup"
            )


def _shown(value: object) -> str:
    return ", ".join(f"{a} -> {b}" for a, b in value[-3:]) if isinstance(value, list) else str(value)
