"""From results to reports: one function per command, values in and values out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ama_tfx.cli.report import Facts, Report, Table
from ama_tfx.cli.text import escape, human_size, human_time, plural
from ama_tfx.registry import (
    AliasMove,
    AliasRow,
    Asset,
    AssetName,
    Bump,
    Details,
    Downloaded,
    Draft,
    LogEntry,
    Registered,
    Version,
)

FIRST_FILES = 20
"""How many files ``ama show`` lists unless it is asked for all."""

_DIGITS = 12
"""How many digits of a digest a table shows; ``--json`` has them all."""


def uploaded_report(registered: Registered, draft: Draft, workspace: str) -> Report:
    """Say what became of a draft."""
    version = registered.version
    document = {
        **version.to_json(),
        "alias": draft.alias,
        "alias_refused": registered.alias_refused,
        "created": registered.created,
        "new_bytes": registered.new_bytes,
        "bump": registered.bump and registered.bump.value,
        "bump_reasons": list(registered.bump_reasons),
    }
    size = f"{plural(version.file_count, 'file')}, {human_size(version.size_bytes)}"
    alias = f", alias {draft.alias}" if draft.alias and not registered.alias_refused else ""
    told = (f"alias not set: {registered.alias_refused}",) if registered.alias_refused else ()
    if registered.created:
        line = f"uploaded {short_version(version, workspace)} ({version.semantic}): {size}{alias}"
    else:
        line = f"already there: {short_version(version, workspace)} ({version.semantic}) is this content{alias}"
    why = (_bump_line(registered.bump, registered.bump_reasons),) if registered.bump and registered.bump_reasons else ()
    return Report(document, (str(version.reference),), (line, str(version.reference), *why, *told))


def bump_of(text: str) -> Bump | None:
    """Read the value of ``--bump``; None stands for ``auto``."""
    return None if text == "auto" else Bump(text)


def _bump_line(bump: Bump, reasons: Sequence[str]) -> str:
    return f"{bump.name} rose: {'; '.join(reasons)}"


def downloaded_report(results: Sequence[tuple[str | None, Downloaded]], workspace: str) -> Report:
    """Say what was written where; a result with a role is a ref's target."""
    return Report(
        [_downloaded_document(role, result) for role, result in results],
        tuple(str(result.target) for _, result in results),
        tuple(_downloaded_line(role, result, workspace) for role, result in results),
    )


def assets_report(assets: Sequence[Asset], workspace: str) -> Report:
    """List assets; those of a registry that describes none have no column for it."""
    described = any(asset.description for asset in assets)
    rows = tuple(
        (
            short_asset(asset.name, workspace),
            str(asset.version_count),
            human_time(asset.created_at),
            *((asset.description.partition("\n")[0],) if described else ()),
        )
        for asset in assets
    )
    columns = ("asset", "versions", "created", *(("description",) if described else ()))
    return Report(
        [
            {
                "asset": asset.name.name,
                "workspace": asset.name.workspace,
                "version_count": asset.version_count,
                "created_at": asset.created_at.isoformat(),
                "description": asset.description,
            }
            for asset in assets
        ],
        tuple(str(asset.name) for asset in assets),
        (Table(columns, rows) if rows else "no assets",),
    )


def versions_report(
    versions: Sequence[Version], aliases: Sequence[AliasRow], retired: Collection[int], workspace: str
) -> Report:
    """List the versions of an asset; of the retired ones their numbers are given."""
    named = {version.number: [row.name for row in aliases if row.version == version.number] for version in versions}
    rows = tuple(
        (
            short_version(version, workspace),
            str(version.semantic),
            ", ".join(named[version.number]),
            human_size(version.size_bytes),
            human_time(version.created_at),
            version.digest.hex[:_DIGITS],
            f"(retired) {version.message}".rstrip() if version.number in retired else version.message,
        )
        for version in versions
    )
    columns = ("version", "semantic", "aliases", "size", "created", "sha256", "message")
    return Report(
        [
            {**version.to_json(), "aliases": named[version.number], "retired": version.number in retired}
            for version in versions
        ],
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


def draft_summary(draft: Draft) -> str:
    """Return what is in a draft, in one line."""
    parts = [
        plural(len(draft.files), "file") if draft.files else "",
        plural(len(draft.external), "external file") if draft.external else "",
        f"{len(draft.removed)} removed" if draft.removed else "",
        plural(len(draft.directories), "empty folder") if draft.directories else "",
        plural(len(draft.refs), "ref") if draft.refs else "",
        f"alias {draft.alias}" if draft.alias else "",
        f"message {draft.message!r}" if draft.message else "",
        f"tags {', '.join(draft.tags)}" if draft.tags else "",
        f"properties {', '.join(draft.properties)}" if draft.properties else "",
        f"metrics {', '.join(draft.metrics)}" if draft.metrics else "",
        f"kind {draft.kind}" if draft.kind else "",
    ]
    return "; ".join(filter(None, parts)) or "nothing yet"


def short_asset(asset: AssetName, workspace: str) -> str:
    """Return an asset's name as short as the workspace that is meant lets it be."""
    return asset.name if asset.workspace == workspace else str(asset)


def short_version(version: Version, workspace: str) -> str:
    """Return ``asset:number``, as short as the workspace that is meant lets it be."""
    return f"{short_asset(version.asset, workspace)}:{version.number}"


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
    return f"{verb} {short_version(result.version, workspace)}{ref}: {size} in {result.target}"


def _details_facts(details: Details, workspace: str) -> Iterator[tuple[str, str]]:
    version = details.version
    yield "version", f"{short_version(version, workspace)} ({version.semantic})"
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
    for name, number in details.metrics.items():
        yield f"metric {name}", _value(number)
    if details.retired:
        gone = details.retired
        yield "retired", f"{human_time(gone.retired_at)} by {gone.retired_by}: {gone.reason}"
    if details.pinned:
        why = f": {details.pinned.reason}" if details.pinned.reason else ""
        yield "pinned", f"{human_time(details.pinned.pinned_at)} by {details.pinned.pinned_by}{why}"


def _files_blocks(details: Details, *, all_files: bool) -> Iterator[Table | str]:
    shown = details.files if all_files else details.files[:FIRST_FILES]
    rows = tuple((human_size(file.size_bytes), file.digest.hex[:_DIGITS], file.path) for file in shown)
    yield Table(("size", "sha256", "path"), rows, "files")
    if more := len(details.files) - len(shown):
        yield f"… and {plural(more, 'more file')}; --all lists them"


def _edge_blocks(title: str, edges: Sequence[tuple[str, Version]], workspace: str) -> Iterator[Table]:
    if rows := tuple((role, short_version(version, workspace), str(version.reference)) for role, version in edges):
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
        reasons = refused.get("reasons", ())
        words = map(str, reasons) if isinstance(reasons, list) else [_value(reasons)]
        yield "alias refused", f"{refused.get('alias')}: {'; '.join(words)}"
    gates = told.pop("gates", ())
    for gate in gates if isinstance(gates, list | tuple) else [gates]:
        if isinstance(gate, Mapping):
            yield escape(f"gate {gate.get('source')}"), str(gate.get("verdict")).replace("_", " ")
        else:
            yield "gate", _value(gate)
    yield from _flat(told)


def _flat(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of nested objects under dotted names."""
    for key, value in sorted(facts.items()):
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield escape(f"{prefix}{key}"), _value(value)


def _value(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)


def _event(entry: LogEntry) -> tuple[str, str]:
    event = entry.event
    if isinstance(event, Version):
        return f"version {event.number} ({event.semantic})", event.message
    return move_words(event), event.reason


def move_words(move: AliasMove) -> str:
    """Return what a move of an alias did."""
    if move.to_version is None:
        return f"alias {move.name} removed from version {move.from_version}"
    moved = f"moved from version {move.from_version} to" if move.from_version else "set to"
    return f"alias {move.name} {moved} version {move.to_version}"


def _subject(entry: LogEntry) -> str:
    return str(entry.event.number) if isinstance(entry.event, Version) else entry.event.name


def _log_document(entry: LogEntry) -> dict[str, Any]:
    base = {"at": entry.at.isoformat(), "by": entry.by}
    event = entry.event
    if isinstance(event, AliasMove):
        move = {"alias": event.name, "from": event.from_version, "to": event.to_version, "reason": event.reason}
        return {**base, "event": "alias", **move}
    return {**base, "event": "version", **event.to_json()}
