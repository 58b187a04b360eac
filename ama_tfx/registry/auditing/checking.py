"""What the audit log says there must be, compared with what there is.

The chain of hashes shows that the log was edited; only this shows that the catalog was edited beside it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ama_tfx import catalog
from ama_tfx.catalog import AuditEntry
from ama_tfx.errors import IntegrityError
from ama_tfx.registry.auditing.checking_notes import Noted, author, notes_in_catalog, tell_note
from ama_tfx.registry.names import AssetName
from ama_tfx.storage import Digest, canonical_json

if TYPE_CHECKING:
    import sqlalchemy as sa

Move = tuple[int | None, int | None]


@dataclass
class History:
    """Versions and aliases, as a log or a catalog tells of them.

    Attributes:
        versions: Asset and number, as in ``ama://default/model:1`` -> digest.
        moves: Asset and alias, as in ``ama://default/model:champion`` -> its moves, the oldest first.
        aliases: Asset and alias -> number of the version it points at.
        authors: Asset and number -> by whom and when the version was made.
        semantics: Asset and number -> MAJOR.MINOR.PIPELINE and message, where the log has them.
        provenances: Asset and number -> each provenance that it was registered with, the oldest first, by its digest:
            by whom and when.
        reasons: Asset and alias -> of each move, the oldest first: why, by whom and when.
        moved: Asset and alias -> by whom and when it was set to where it is.
        noted: What may change at any time: tags, metrics, pins, retirements, rules and descriptions.
    """

    versions: dict[str, str] = field(default_factory=dict)
    moves: dict[str, list[Move]] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    authors: dict[str, str] = field(default_factory=dict)
    semantics: dict[str, str] = field(default_factory=dict)
    provenances: dict[str, list[str]] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    noted: Noted = field(default_factory=Noted)


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
    history = History(noted=notes_in_catalog(connection))
    for workspace, asset, number, digest in catalog.version_digests(connection):
        history.versions[f"{AssetName(workspace, asset)}:{number}"] = str(digest)
    for workspace, asset, alias, number in catalog.alias_versions(connection):
        history.aliases[f"{AssetName(workspace, asset)}:{alias}"] = number
    for workspace, asset, move in catalog.all_moves(connection):
        moves = history.moves.setdefault(f"{AssetName(workspace, asset)}:{move.name}", [])
        moves.append((move.from_version, move.to_version))
        reasons = history.reasons.setdefault(f"{AssetName(workspace, asset)}:{move.name}", [])
        reasons.append(_reason(move.reason, move.moved_by, move.moved_at))
    for workspace, asset, number, who, at, semantic, message in catalog.version_authors(connection):
        name = f"{AssetName(workspace, asset)}:{number}"
        history.authors[name] = author(who, at)
        history.semantics[name] = _named(semantic, message)
    for workspace, asset, number, digest, who, at in catalog.version_provenances(connection):
        name = f"{AssetName(workspace, asset)}:{number}"
        history.provenances.setdefault(name, []).append(f"{digest} by {author(who, at)}")
    for workspace, asset, alias, who, at in catalog.alias_authors(connection):
        history.moved[f"{AssetName(workspace, asset)}:{alias}"] = author(who, at)
    return history


def check_same(logged: History, found: History) -> None:
    """Make sure that the catalog holds what the log tells, and nothing else.

    Raises:
        IntegrityError: It does not; the message names the first version or alias that differs.
    """
    for _, what in differences(logged, found):
        raise IntegrityError(f"{what}; restore the catalog from a backup")


def differences(logged: History, found: History) -> Iterator[tuple[str, str]]:
    """Yield what the catalog holds and the log does not tell, or the other way round: the name, and what it is."""
    yield from _differences("version", logged.versions, found.versions)
    yield from _differences("history of alias", logged.moves, found.moves)
    yield from _differences("alias", logged.aliases, found.aliases)
    both = logged.versions.keys() & found.versions.keys()
    for what, told, held in (
        ("author of version", logged.authors, found.authors),
        ("number or message of version", logged.semantics, found.semantics),
        ("provenance of version", logged.provenances, found.provenances),
    ):
        # Releases before 1.0 did not log numbers and messages: what the log has is compared.
        names = both if told is not logged.semantics else both & told.keys()
        yield from _differences(what, _only(told, names), _only(held, names))
    for (what, then), (_, now) in zip(logged.noted.of_versions(), found.noted.of_versions(), strict=True):
        yield from _differences(what, _only(then, both), _only(now, both))
    for (what, then), (_, now) in zip(logged.noted.of_assets(), found.noted.of_assets(), strict=True):
        yield from _differences(what, then, now)
    moved = logged.moves.keys() & found.moves.keys()
    yield from _differences("reasons for moves of alias", _only(logged.reasons, moved), _only(found.reasons, moved))
    set_now = logged.aliases.keys() & found.aliases.keys()
    yield from _differences("author of alias", _only(logged.moved, set_now), _only(found.moved, set_now))


def _tell(history: History, entry: AuditEntry) -> None:
    try:
        if entry.action == "version.register":
            name = f"{entry.subject}:{entry.details['version']}"
            history.versions[name] = entry.details["digest"]
            history.authors[name] = author(entry.actor, entry.at)
            if "semantic" in entry.details:
                history.semantics[name] = _named(entry.details["semantic"], entry.details.get("message", ""))
        elif entry.action in {"alias.set", "alias.remove"}:
            history.moves.setdefault(entry.subject, []).append((entry.details["from"], entry.details["to"]))
            reason = _reason(entry.details.get("reason", ""), entry.actor, entry.at)
            history.reasons.setdefault(entry.subject, []).append(reason)
            history.moved[entry.subject] = author(entry.actor, entry.at)
        tell_note(history.noted, entry)
        if entry.action.startswith("version.register") and entry.details.get("provenance"):
            name = f"{entry.subject}:{entry.details['version']}"
            digest = Digest.of(canonical_json(entry.details["provenance"]))
            history.provenances.setdefault(name, []).append(f"{digest} by {author(entry.actor, entry.at)}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise IntegrityError(
            f"audit log: entry {entry.sequence} ({entry.action} {entry.subject!r}) lacks what it should tell"
        ) from error


def _differences(what: str, logged: Mapping[str, object], found: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name in sorted(logged.keys() | found.keys()):
        if logged.get(name) != found.get(name):
            there = f"has {_shown(found[name])}" if name in found else "lacks it"
            told = f"tells of {_shown(logged[name])}" if name in logged else "does not tell of it"
            yield (
                name,
                f"{what} {name!r} was changed behind the registry's back: the catalog {there}, the audit log {told}",
            )


def _only(held: Mapping[str, object], names: Iterable[str]) -> dict[str, object]:
    return {name: held[name] for name in names if name in held}


def _reason(reason: str, name: str, at: datetime.datetime) -> str:
    return f"{reason!r} by {author(name, at)}"


def _named(semantic: str, message: str) -> str:
    return f"{semantic} {message!r}"


def _shown(value: object) -> str:
    if isinstance(value, set):
        return ", ".join(sorted(value))
    if isinstance(value, list):
        return ", ".join(each if isinstance(each, str) else f"{each[0]} -> {each[1]}" for each in value[-3:])
    return str(value)
