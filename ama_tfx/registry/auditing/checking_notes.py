"""What the audit log says of tags, metrics, pins, retirements, rules and descriptions, and what the catalog holds."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ama_tfx import catalog
from ama_tfx.catalog import AuditEntry
from ama_tfx.registry.names import AssetName

if TYPE_CHECKING:
    import sqlalchemy as sa

_VERBS = ("register", "register-again", "tag", "untag", "metrics", "pin", "unpin", "retire", "unretire")
_OF_VERSIONS = {f"version.{verb}" for verb in _VERBS}


@dataclass
class Noted:
    """What is noted of versions, aliases and assets now, as a log or a catalog tells of it.

    Attributes:
        tags: Asset and number, as in ``ama://default/model:1`` -> its tags, where it has any.
        metrics: Asset and number -> each metric: its name, value, by whom and when.
        pins: Asset and number -> why it is pinned, by whom and when.
        retirements: Asset and number -> why it is retired, by whom and when.
        rules: Asset and alias, as in ``ama://default/model:champion`` -> its rule, by whom and when.
        descriptions: Asset -> what it is said to be, by whom and when.
    """

    tags: dict[str, set[str]] = field(default_factory=dict)
    metrics: dict[str, dict[str, str]] = field(default_factory=dict)
    pins: dict[str, str] = field(default_factory=dict)
    retirements: dict[str, str] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)

    def of_versions(self) -> Iterator[tuple[str, Mapping[str, object]]]:
        """Yield what belongs to a version, with its name."""
        yield "tags of version", self.tags
        yield "metrics of version", {name: {*told.values()} for name, told in self.metrics.items()}
        yield "pin of version", self.pins
        yield "retirement of version", self.retirements

    def of_assets(self) -> Iterator[tuple[str, Mapping[str, object]]]:
        """Yield what belongs to an asset or an alias, with its name."""
        yield "protection of alias", self.rules
        yield "description of asset", self.descriptions


def tell_note(noted: Noted, entry: AuditEntry) -> None:
    """Take in an entry of the log, if it tells of a note.

    Raises:
        KeyError, TypeError, ValueError: It lacks what it should tell.
    """
    by, details = author(entry.actor, entry.at), entry.details
    if entry.action == "asset.describe":
        _put(noted.descriptions, entry.subject, f"{details['to']!r} by {by}" if details["to"] else None)
    elif entry.action == "alias.protect":
        _put(noted.rules, entry.subject, _rule(details["needs_blessing"], by))
    elif entry.action == "alias.unprotect":
        _put(noted.rules, entry.subject, None)
    elif entry.action in _OF_VERSIONS:
        _tell_of_version(noted, entry, f"{entry.subject}:{details['version']}", by)


def _tell_of_version(noted: Noted, entry: AuditEntry, name: str, by: str) -> None:
    details = entry.details
    if entry.action == "version.untag":
        noted.tags[name] = noted.tags.get(name, set()) - set(details["tags"])
        if not noted.tags[name]:
            del noted.tags[name]
    elif tags := details.get("tags"):
        noted.tags.setdefault(name, set()).update(tags)
    for metric, move in details.get("metrics", {}).items():
        noted.metrics.setdefault(name, {})[metric] = _metric(metric, move["to"], by)
    for verb, held in (("pin", noted.pins), ("retire", noted.retirements)):
        if entry.action == f"version.{verb}":
            _put(held, name, f"{details['reason']!r} by {by}")
        elif entry.action == f"version.un{verb}":
            _put(held, name, None)


def notes_in_catalog(connection: sa.Connection) -> Noted:
    """Return what the catalog's tables hold."""
    noted = Noted()
    for workspace, asset, number, tag in catalog.version_tags(connection):
        noted.tags.setdefault(_version(workspace, asset, number), set()).add(tag)
    for workspace, asset, number, metric, value, who, at in catalog.version_metrics(connection):
        told = noted.metrics.setdefault(_version(workspace, asset, number), {})
        told[metric] = _metric(metric, value, author(who, at))
    for workspace, asset, number, reason, who, at in catalog.version_pins(connection):
        noted.pins[_version(workspace, asset, number)] = f"{reason!r} by {author(who, at)}"
    for workspace, asset, number, reason, who, at in catalog.version_retirements(connection):
        noted.retirements[_version(workspace, asset, number)] = f"{reason!r} by {author(who, at)}"
    for workspace, asset, rule in catalog.all_rules(connection):
        by = author(rule.set_by, rule.set_at)
        noted.rules[f"{AssetName(workspace, asset)}:{rule.name}"] = _rule(rule.needs_blessing, by)
    for workspace, asset, text, who, at in catalog.asset_descriptions(connection):
        noted.descriptions[str(AssetName(workspace, asset))] = f"{text!r} by {author(who, at)}"
    return noted


def author(name: str, at: datetime.datetime) -> str:
    """Return who did something and when, in words that are the same whichever database kept the time."""
    return f"{name} at {at.astimezone(datetime.timezone.utc).isoformat()}"


def _version(workspace: str, asset: str, number: int) -> str:
    return f"{AssetName(workspace, asset)}:{number}"


def _metric(name: str, value: float, by: str) -> str:
    return f"{name} = {float(value)!r} by {by}"


def _rule(needs_blessing: bool, by: str) -> str:
    return f"{'blessed versions only' if needs_blessing else 'protected'} by {by}"


def _put(held: dict[str, str], name: str, value: str | None) -> None:
    if value is None:
        held.pop(name, None)
    else:
        held[name] = value
