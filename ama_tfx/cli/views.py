"""From results to reports: one function per command, values in and values out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ama_tfx.cli.report import Facts, Report, Table
from ama_tfx.cli.text import human_size, human_time, plural
from ama_tfx.registry import (
    AliasMove,
    AliasRow,
    Asset,
    AssetName,
    Details,
    Downloaded,
    Draft,
    DraftRef,
    Hit,
    LogEntry,
    Registered,
    Version,
)

FIRST_FILES = 20
"""How many files ``ama show`` lists unless it is asked for all."""

_DIGITS = 12
"""How many digits of a digest a table shows; ``--json`` has them all."""


def draft_report(draft: Draft, root: Path, *, first: str = "") -> Report:
    """Say what is pending.

    Args:
        draft: Of the current asset.
        root: The working copy's.
        first: A line before it.
    """
    line = f"pending for {draft.asset.name}: {_summary(draft)}"
    return Report({**draft.to_json(), "root": str(root)}, (), (first, line) if first else (line,))


def ref_line(ref: DraftRef) -> str:
    """Return what adding a ref did, as a line."""
    return f"{ref.role}: {ref.written} is {ref.target}"


def uploaded_report(registered: Registered, draft: Draft, workspace: str) -> Report:
    """Say what became of a draft."""
    version = registered.version
    document = {
        **version.to_json(),
        "alias": draft.alias,
        "alias_refused": registered.alias_refused,
        "created": registered.created,
        "new_bytes": registered.new_bytes,
    }
    size = f"{plural(version.file_count, 'file')}, {human_size(version.size_bytes)}"
    alias = f", alias {draft.alias}" if draft.alias and not registered.alias_refused else ""
    told = (f"alias not set: {registered.alias_refused}",) if registered.alias_refused else ()
    if registered.created:
        line = f"uploaded {_short(version, workspace)} ({version.semantic}): {size}{alias}"
    else:
        line = f"already there: {_short(version, workspace)} ({version.semantic}) is this content{alias}"
    return Report(document, (str(version.reference),), (line, str(version.reference), *told))


def downloaded_report(results: Sequence[tuple[str | None, Downloaded]], workspace: str) -> Report:
    """Say what was written where; a result with a role is a ref's target."""
    return Report(
        [_downloaded_document(role, result) for role, result in results],
        tuple(str(result.target) for _, result in results),
        tuple(_downloaded_line(role, result, workspace) for role, result in results),
    )


def found_report(hits: Sequence[Hit], workspace: str) -> Report:
    """List where a content is."""
    rows = tuple((_short(hit.version, workspace), ", ".join(hit.aliases), hit.path) for hit in hits)
    return Report(
        [{**hit.version.to_json(), "aliases": list(hit.aliases), "path": hit.path} for hit in hits],
        tuple(f"{hit.version.reference}/{hit.path}" for hit in hits),
        (Table(("version", "aliases", "path"), rows),) if rows else (),
    )


def assets_report(assets: Sequence[Asset], workspace: str) -> Report:
    """List assets."""
    rows = tuple(
        (_name(asset.name, workspace), str(asset.version_count), human_time(asset.created_at)) for asset in assets
    )
    return Report(
        [
            {
                "asset": asset.name.name,
                "workspace": asset.name.workspace,
                "version_count": asset.version_count,
                "created_at": asset.created_at.isoformat(),
            }
            for asset in assets
        ],
        tuple(str(asset.name) for asset in assets),
        (Table(("asset", "versions", "created"), rows) if rows else "no assets",),
    )


def versions_report(versions: Sequence[Version], aliases: Sequence[AliasRow], workspace: str) -> Report:
    """List the versions of an asset."""
    named = {version.number: [row.name for row in aliases if row.version == version.number] for version in versions}
    rows = tuple(
        (
            _short(version, workspace),
            str(version.semantic),
            ", ".join(named[version.number]),
            human_size(version.size_bytes),
            human_time(version.created_at),
            version.digest.hex[:_DIGITS],
            version.message,
        )
        for version in versions
    )
    columns = ("version", "semantic", "aliases", "size", "created", "sha256", "message")
    return Report(
        [{**version.to_json(), "aliases": named[version.number]} for version in versions],
        tuple(str(version.reference) for version in versions),
        (Table(columns, rows) if rows else "no versions",),
    )


def details_report(details: Details, workspace: str, *, all_files: bool) -> Report:
    """Show a version."""
    version = details.version
    return Report(
        details.to_json(),
        (str(version.reference),),
        (
            Facts(tuple(_details_facts(details, workspace))),
            *_files_blocks(details, all_files=all_files),
            *_edge_blocks("refs", details.refs, workspace),
            *_edge_blocks("used by", details.used_by, workspace),
            *_registration_blocks(details),
        ),
    )


def log_report(asset: AssetName, entries: Sequence[LogEntry]) -> Report:
    """Show an asset's history."""
    rows = tuple((human_time(entry.at), entry.by, *_event(entry)) for entry in entries)
    return Report(
        [_log_document(entry) for entry in entries],
        tuple(f"{asset}:{_subject(entry)}" for entry in entries),
        (Table(("when", "who", "what", "reason"), rows) if rows else "no history",),
    )


def _summary(draft: Draft) -> str:
    parts = [
        plural(len(draft.files), "file") if draft.files else "",
        plural(len(draft.directories), "empty folder") if draft.directories else "",
        plural(len(draft.refs), "ref") if draft.refs else "",
        f"alias {draft.alias}" if draft.alias else "",
        f"message {draft.message!r}" if draft.message else "",
        f"tags {', '.join(draft.tags)}" if draft.tags else "",
        f"properties {', '.join(draft.properties)}" if draft.properties else "",
        f"kind {draft.kind}" if draft.kind else "",
    ]
    return "; ".join(filter(None, parts)) or "nothing yet"


def _name(asset: AssetName, workspace: str) -> str:
    return asset.name if asset.workspace == workspace else str(asset)


def _short(version: Version, workspace: str) -> str:
    return f"{_name(version.asset, workspace)}:{version.number}"


def _downloaded_document(role: str | None, result: Downloaded) -> dict[str, Any]:
    version = result.version
    return {
        "asset": version.asset.name,
        "workspace": version.asset.workspace,
        "version": version.number,
        "reference": str(version.reference),
        "role": role,
        "target": str(result.target.absolute()),
        "file_count": result.file_count,
        "size_bytes": result.size_bytes,
        "changed": result.changed,
    }


def _downloaded_line(role: str | None, result: Downloaded, workspace: str) -> str:
    size = f"{plural(result.file_count, 'file')}, {human_size(result.size_bytes)}"
    ref = f" ({role})" if role else ""
    verb = "downloaded" if result.changed else "already there:"
    return f"{verb} {_short(result.version, workspace)}{ref}: {size} in {result.target}"


def _details_facts(details: Details, workspace: str) -> Iterator[tuple[str, str]]:
    version = details.version
    yield "version", f"{_short(version, workspace)} ({version.semantic})"
    yield "reference", str(version.reference)
    yield "kind", version.kind
    yield "aliases", ", ".join(details.aliases) or "-"
    yield "tags", ", ".join(details.tags) or "-"
    yield "size", f"{human_size(version.size_bytes)} in {plural(version.file_count, 'file')}"
    yield "created", f"{human_time(version.created_at)} by {version.created_by}"
    if version.message:
        yield "message", version.message
    for key, value in details.properties.items():
        yield f"property {key}", _value(value)


def _files_blocks(details: Details, *, all_files: bool) -> Iterator[Table | str]:
    shown = details.files if all_files else details.files[:FIRST_FILES]
    rows = tuple((human_size(file.size_bytes), file.digest.hex[:_DIGITS], file.path) for file in shown)
    yield Table(("size", "sha256", "path"), rows, "files")
    if more := len(details.files) - len(shown):
        yield f"… and {plural(more, 'more file')}; --all lists them"


def _edge_blocks(title: str, edges: Sequence[tuple[str, Version]], workspace: str) -> Iterator[Table]:
    if rows := tuple((role, _short(version, workspace), str(version.reference)) for role, version in edges):
        yield Table(("role", "version", "reference"), rows, title)


def _registration_blocks(details: Details) -> Iterator[Facts | str]:
    for entry in details.registrations:
        yield ""
        yield f"registered {human_time(entry.registered_at)} by {entry.registered_by}:"
        yield Facts(tuple(_provenance_facts(entry.provenance)))


def _provenance_facts(provenance: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a registration records; what AssetRegistrar writes of gates is told in words."""
    told = dict(provenance)
    if isinstance(refused := told.pop("alias_refused", None), Mapping):
        yield "alias refused", f"{refused.get('alias')}: {'; '.join(map(str, refused.get('reasons', ())))}"
    for gate in told.pop("gates", ()):
        yield f"gate {gate.get('source')}", str(gate.get("verdict")).replace("_", " ")
    yield from _flat(told)


def _flat(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested objects under dotted names."""
    for key, value in sorted(facts.items()):
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _value(value)


def _value(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)


def _event(entry: LogEntry) -> tuple[str, str]:
    event = entry.event
    if isinstance(event, Version):
        return f"version {event.number} ({event.semantic})", event.message
    if event.to_version is None:
        return f"alias {event.name} removed from version {event.from_version}", event.reason
    moved = f"moved from version {event.from_version} to" if event.from_version else "set to"
    return f"alias {event.name} {moved} version {event.to_version}", event.reason


def _subject(entry: LogEntry) -> str:
    return str(entry.event.number) if isinstance(entry.event, Version) else entry.event.name


def _log_document(entry: LogEntry) -> dict[str, Any]:
    base = {"at": entry.at.isoformat(), "by": entry.by}
    event = entry.event
    if isinstance(event, AliasMove):
        move = {"alias": event.name, "from": event.from_version, "to": event.to_version, "reason": event.reason}
        return {**base, "event": "alias", **move}
    return {**base, "event": "version", **event.to_json()}
