"""Reports of the working copy's verbs: status, diff, remove, discard, switch and the dry run of upload."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ama_tfx.cli.report import Facts, Report, Table
from ama_tfx.cli.text import human_size, plural
from ama_tfx.cli.views import draft_summary, uploaded_report
from ama_tfx.registry import Draft, Registered
from ama_tfx.registry.working_copy.basing import Switched
from ama_tfx.registry.working_copy.begin import Begun
from ama_tfx.registry.working_copy.changes import Changes
from ama_tfx.registry.working_copy.differing import MISSING, Diff, FileDiff
from ama_tfx.registry.working_copy.previewing import Preview
from ama_tfx.registry.working_copy.refs import UploadBase, short_digest
from ama_tfx.registry.working_copy.status import FileStatus, OnDisk, Pending, RefStatus, Status

_LETTERS = {Pending.NEW: "A", Pending.MODIFIED: "M", Pending.SAME: "=", Pending.DELETED: "D", None: " "}
_DISK_LETTERS = {OnDisk.UNCHANGED: " ", OnDisk.CHANGED: "M", OnDisk.MISSING: "D"}
_DISK_WORDS = {
    OnDisk.UNCHANGED: "",
    OnDisk.CHANGED: "changed since it was added; what lies there at the upload is what counts",
    OnDisk.MISSING: "missing",
}
_CHANGES = {"added": "A", "removed": "D", "changed": "M", "moved": "R", "copied": "C"}


def changes_report(draft: Draft, changes: Changes, root: Path, *, first: str = "") -> Report:
    """Say what is pending.

    Args:
        draft: Of the current asset.
        changes: What it changes of its base.
        root: The working copy's.
        first: A line before it.
    """
    line = pending_line(changes)
    return Report({**draft.to_json(), "root": str(root)}, (), (first, line) if first else (line,))


def begun_report(begun: Begun) -> Report:
    """Say what is worked on now, and that it begins from nothing where it could begin from a version."""
    root, asset = begun.working_copy.root, begun.changes.draft.asset
    report = changes_report(begun.working_copy.draft(), begun.changes, root, first=f"working on {asset} in {root}")
    if not begun.is_empty_beside_versions:
        return report
    told = f"the next version begins empty; `ama switch {asset.name}:latest` begins from its newest"
    return replace(report, blocks=(*report.blocks, told))


def ref_words(ref: RefStatus) -> str:
    """Return what adding a ref did, as a line."""
    if ref.was:
        return f"{ref.ref.role}: was {' and '.join(ref.was)}, is {ref.name}"
    return f"{ref.ref.role}: {ref.ref.written} is {ref.ref.target}"


def upload_report(registered: Registered, draft: Draft, base: UploadBase | None, workspace: str) -> Report:
    """Say what became of a draft, and what it was based on."""
    report = uploaded_report(registered, draft, workspace)
    return replace(report, document={**report.document, "base": base and base.to_json()})


def pending_line(changes: Changes, base: str | None = None) -> str:
    """Return what is pending as a line; ``base`` is what its base is called, when the registry told."""
    if not changes and changes.base is not None:
        return f"nothing pending; based on {base or short_digest(changes.base)}"
    return f"pending for {changes.draft.asset.name}: {changes_summary(changes)}"


def changes_summary(changes: Changes) -> str:
    """Return what is pending, in one line."""
    gone = [
        f"{plural(len(changes.refs_only_out), 'ref')} taken out" if changes.refs_only_out else "",
        f"properties unset {', '.join(changes.properties_out)}" if changes.properties_out else "",
        f"kind {changes.kind_out} unset" if changes.kind_out else "",
    ]
    own = draft_summary(changes.draft)
    parts = [part for part in gone if part]
    if changes and replace(changes.draft, links=()) == Draft(changes.draft.asset):
        return "; ".join(parts)
    return "; ".join([own, *parts])


def removed_report(draft: Draft, changes: Changes, paths: tuple[str, ...], root: Path, *, dry_run: bool) -> Report:
    """Say what was taken out of the next version."""
    verb = "would take out" if dry_run else "took out"
    document = {**draft.to_json(), "root": str(root), "taken_out": list(paths), "dry_run": dry_run}
    lines = tuple(f"{verb} {path}" for path in paths)
    return Report(document, paths, (*lines, pending_line(changes)))


def discarded_report(draft: Draft, changes: Changes, root: Path, *, dry_run: bool) -> Report:
    """Say what was forgotten."""
    verb = "would forget" if dry_run else "forgot"
    line = f"{verb} what was pending for {draft.asset.name}: {changes_summary(changes)}"
    if not changes:
        line = f"nothing was pending for {draft.asset.name}; nothing {'would be' if dry_run else 'was'} forgotten"
    return Report({**draft.to_json(), "root": str(root), "dry_run": dry_run}, draft.files, (line,))


def switched_report(switched: Switched, changes: Changes, root: Path) -> Report:
    """Say what is worked on now."""
    draft, version = switched.draft, switched.version
    document = {
        **draft.to_json(),
        "root": str(root),
        "version": version.number if version else None,
        "written": list(switched.written),
        "deleted": list(switched.removed),
    }
    if version is None:
        line = f"working on {draft.asset} in {root}"
    else:
        counts = f"{plural(len(switched.written), 'file')} written, {len(switched.removed)} removed"
        line = f"working on {draft.asset} from version {version.number} ({version.semantic}) on: {counts} in {root}"
    ids = (str(version.reference if version else draft.asset),)
    base = f"{draft.asset.name}:{version.number}" if version else None
    return Report(document, ids, (line, pending_line(changes, base)))


def preview_report(preview: Preview, workspace: str) -> Report:
    """Say what an upload would register."""
    asset = preview.draft.asset
    name = asset.name if asset.workspace == workspace else str(asset)
    size = f"{plural(len(preview.manifest.files), 'file')}, {human_size(preview.manifest.size_bytes)}"
    alias = f", alias {preview.draft.alias}" if preview.draft.alias else ""
    verb = "would upload" if preview.there is None else "already there:"
    line = f"{verb} {name}:{preview.number} ({preview.semantic}): {size}{alias}"
    rows = tuple((human_size(e.size_bytes), e.digest.hex[:12], e.path) for e in preview.manifest.files)
    table = Table(("size", "sha256", "path"), rows, "files")
    return Report(preview.to_json(), (str(preview.reference),), (line, str(preview.reference), table))


def status_report(status: Status, *, short: bool, with_ignored: bool) -> Report:
    """Show a status."""
    document = status.to_json()
    ids = (*(file.path for file in status.files), *status.untracked)
    blocks = _short(status, with_ignored) if short else _long(status, with_ignored)
    return Report(document, ids, tuple(blocks))


def diff_report(diff: Diff, *, stat: bool, name_only: bool) -> Report:
    """Show what differs."""
    ids = tuple(file.path for file in diff.files)
    if name_only:
        return Report(diff.to_json(), ids, ids)
    lines = (line for file in diff.files for line in _file_lines(file))
    blocks: Iterator[str | Table] = _stat_blocks(diff) if stat else lines
    return Report(diff.to_json(), ids, (*blocks, *_fact_lines(diff)))


def _short(status: Status, with_ignored: bool) -> Iterator[str]:
    for file in status.files:
        yield f"{_LETTERS[file.pending]}{_DISK_LETTERS[file.disk]} {file.path}"
    yield from (f"?? {path}" for path in status.untracked)
    yield from (f"!! {path}" for path in status.ignored if with_ignored)


def _long(status: Status, with_ignored: bool) -> Iterator[str | Table | Facts]:
    yield Facts(tuple(_heads(status)))
    pending = [file for file in status.files if file.pending]
    beside = [file for file in status.files if not file.pending]
    if pending:
        yield Table(("what", "path", "on disk"), tuple(map(_pending_row, pending)), "to be uploaded")
    if beside:
        yield Table(
            ("what", "path"), tuple((_beside(file), file.path) for file in beside), "not added (ama add, or ama remove)"
        )
    if status.refs:
        refs = tuple((r.ref.role, r.name if r.is_inherited else str(r.ref.written), _now(r)) for r in status.refs)
        yield Table(("role", "ref", "now"), refs, "made from")
    if status.untracked:
        yield Table(("path",), tuple((path,) for path in status.untracked), "untracked")
    if with_ignored and status.ignored:
        yield Table(("path",), tuple((path,) for path in status.ignored), "left out by .amaignore")
    yield ""
    yield _would(status)


def _heads(status: Status) -> Iterator[tuple[str, str]]:
    yield "asset", str(status.draft.asset)
    if status.draft.base is None:
        yield "based on", "no version: the next one is what is added"
    elif status.base is None:
        yield "based on", str(status.draft.base)
    else:
        newer = status.newest is not None and status.newest.number > status.base.number
        behind = f"; the newest is {status.newest.number}" if newer and status.newest else ""
        yield "based on", f"version {status.base.number} ({status.base.semantic}){behind}"
    yield "pending", changes_summary(status.changes) if status.changes or not status.base_name else "nothing"
    if status.ignored:
        yield "ignored", f"{_counted(status.ignored)}; --ignored lists them"


def _counted(paths: tuple[str, ...]) -> str:
    folders = sum(path.endswith("/") for path in paths)
    counts = ((len(paths) - folders, "file"), (folders, "folder"))
    return " and ".join(plural(count, noun) for count, noun in counts if count)


def _pending_row(file: FileStatus) -> tuple[str, str, str]:
    return file.pending.value if file.pending else "", file.path, _DISK_WORDS[file.disk]


def _beside(file: FileStatus) -> str:
    return "missing" if file.disk is OnDisk.MISSING else "changed"


def _now(status: RefStatus) -> str:
    moved = f"moved to {status.now}" if status.has_moved else "" if status.now else "unknown"
    was = f"was {' and '.join(status.was)}, is {status.name}" if status.was else ""
    return "; ".join(filter(None, (was, moved)))


def _would(status: Status) -> str:
    if status.next_version is None:
        nothing = not status.changes and status.base_name
        return f"nothing pending; based on {status.base_name}" if nothing else "nothing to upload"
    number, semantic = status.next_version
    return f"ama upload would register version {number} ({semantic})"


def _file_lines(file: FileDiff) -> Iterator[str]:
    yield f"{_CHANGES[file.change]} {_name(file)}"
    if file.note:
        yield f"  {file.note}: {_sizes(file)}"
    yield from file.lines


def _stat_blocks(diff: Diff) -> Iterator[str | Table]:
    if diff.files:
        rows = tuple((_CHANGES[file.change], _name(file), _amount(file)) for file in diff.files)
        yield Table(("", "path", "lines"), rows)


def _name(file: FileDiff) -> str:
    return f"{file.old_path} -> {file.path}" if file.old_path else file.path


def _amount(file: FileDiff) -> str:
    return _sizes(file) if file.note or not file.lines else f"+{file.inserted} -{file.deleted}"


def _sizes(file: FileDiff) -> str:
    before, after = (human_size(side[1]) if side else "-" for side in (file.before, file.after))
    return before if before == after else f"{before} -> {after}"


def _fact_lines(diff: Diff) -> Iterator[str]:
    if diff.kinds:
        yield f"kind: {diff.kinds[0]} -> {diff.kinds[1]}"
    for role, reference, came in diff.refs:
        yield f"{'+' if came else '-'} ref {role}: {reference}"
    for key, (old, new) in diff.properties.items():
        yield from (f"- property {key}: {_value(old)}" for _ in [0] if old is not MISSING)
        yield from (f"+ property {key}: {_value(new)}" for _ in [0] if new is not MISSING)


def _value(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)
