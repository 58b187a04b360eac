"""``ama diff``: which files differ, and how texts do, between a working copy and a version, or two versions."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.comparison.files import file_rows
from ama_tfx.registry.comparison.rows import FileRow
from ama_tfx.registry.manifest import FileEntry, Manifest
from ama_tfx.registry.names import AssetRef
from ama_tfx.registry.registry import Reference, Registry
from ama_tfx.registry.working_copy.paths import select_known
from ama_tfx.registry.working_copy.states import States
from ama_tfx.registry.working_copy.status import local_state
from ama_tfx.registry.working_copy.text_lines import text_lines
from ama_tfx.registry.working_copy.working_copy import WorkingCopy
from ama_tfx.storage import open_regular_file


@dataclass(frozen=True)
class Side:
    """One of the two things that are compared.

    Attributes:
        label: What it is called.
        files: Its files.
        refs: What it is made from: role and reference by digest.
        properties: Its properties.
        kind: Its kind.
        open: Opens one of its files, by path; for the caller to close.
    """

    label: str
    files: tuple[FileEntry, ...]
    refs: frozenset[tuple[str, str]]
    properties: Mapping[str, Any]
    kind: str
    open: Callable[[str], BinaryIO]


@dataclass(frozen=True, slots=True)
class FileDiff:
    """A file that differs.

    Attributes:
        path: Where it is, or was when it is no more.
        change: ``added``, ``removed``, ``changed``, ``moved`` (its content was at ``old_path``) or ``copied``.
        old_path: Of a moved file, its path before.
        before: Its SHA-256 and size before; None for none.
        after: Likewise.
        lines: A unified diff, when it is text and not too long.
        note: Why there are no lines: ``binary``, ``too long`` or empty.
    """

    path: str
    change: str
    old_path: str | None
    before: tuple[str, int] | None
    after: tuple[str, int] | None
    lines: tuple[str, ...] = ()
    note: str = ""

    @property
    def inserted(self) -> int:
        """How many lines came."""
        return sum(line.startswith("+") for line in self.lines[2:])

    @property
    def deleted(self) -> int:
        """How many lines went."""
        return sum(line.startswith("-") for line in self.lines[2:])


@dataclass(frozen=True)
class Diff:
    """What differs.

    Attributes:
        before: What the first side is called.
        after: What the second one is.
        files: By path.
        refs: Role, reference, and whether it came (else it went).
        properties: Key -> values before and after; a missing one is `MISSING`.
        kinds: The kinds, when they differ.
    """

    before: str
    after: str
    files: tuple[FileDiff, ...] = ()
    refs: tuple[tuple[str, str, bool], ...] = ()
    properties: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    kinds: tuple[str, str] | None = None

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not (self.files or self.refs or self.properties or self.kinds)

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama diff --json`` prints it."""
        return {
            "before": self.before,
            "after": self.after,
            "same": self.is_same,
            "files": [_file_json(file) for file in self.files],
            "refs": [{"role": role, "reference": ref, "change": _came(came)} for role, ref, came in self.refs],
            "properties": [
                {
                    "key": key,
                    **({} if old is MISSING else {"before": old}),
                    **({} if new is MISSING else {"after": new}),
                }
                for key, (old, new) in self.properties.items()
            ],
            "kind": None if self.kinds is None else {"before": self.kinds[0], "after": self.kinds[1]},
        }


class _Missing:
    def __repr__(self) -> str:
        return "missing"


MISSING = _Missing()
"""The value of a property that one side does not have."""


def diff_versions(registry: Registry, before: Reference, after: Reference, paths: Sequence[str] = ()) -> Diff:
    """Return what differs between two versions.

    Args:
        registry: Where they are.
        before: The first one.
        after: The second one.
        paths: Files, folders and patterns in them; none for everything.

    Raises:
        NotFoundError: No such version, or nothing has such a path.
    """
    return diff_sides(version_side(registry, before), version_side(registry, after), paths, Path("/"), Path("/"))


def diff_working_copy(
    working_copy: WorkingCopy,
    registry: Registry,
    reference: AssetRef | None = None,
    paths: Sequence[str] = (),
    *,
    folder: Path,
) -> Diff:
    """Return what differs between a version and the files of a working copy as they are now.

    The files are those that are pending and those of the base that are not removed.

    Args:
        working_copy: Which.
        registry: Where the version is.
        reference: The version; None for the one that the working copy is based on.
        paths: Files, folders and patterns; none for everything.
        folder: What they are relative to.

    Raises:
        InvalidInputError: The working copy is based on no version, and none is named.
        NotFoundError: No such version, or nothing has such a path.
    """
    base = working_copy.draft().base
    if reference is None and base is None:
        raise InvalidInputError(
            "this working copy is based on no version; name one, as in `ama diff ASSET:VERSION`, or run `ama switch`"
        )
    wanted = reference or base
    assert wanted is not None
    sides = version_side(registry, wanted), copy_side(working_copy, registry)
    return diff_sides(*sides, paths, folder, working_copy.root)


def version_side(registry: Registry, reference: Reference) -> Side:
    """Return a version as a side."""
    version = registry.resolve(reference)
    manifest = registry.manifest(version.reference)
    return Side(
        f"{version.asset.name}:{version.number}",
        manifest.files,
        frozenset((entry.role, str(AssetRef(entry.asset, entry.digest))) for entry in manifest.refs),
        manifest.properties,
        manifest.kind,
        lambda path: registry.open(AssetRef(version.asset, version.digest, path)),
    )


def copy_side(working_copy: WorkingCopy, registry: Registry) -> Side:
    """Return the files of a working copy as they are now as a side."""
    draft, base = working_copy.draft(), working_copy.base()
    paths = {*draft.files, *(() if base is None else _untouched(base, draft.removed))}
    external = {entry.path: entry for entry in draft.external}
    entries = list(external.values())
    with working_copy.records.locked():
        states = States.of(working_copy.records.states_path(draft.asset))
        for path in sorted(paths - external.keys()):
            local = working_copy.root / path
            if (state := local_state(local, follow=path in draft.links)) is not None:
                entries.append(FileEntry(path, states.digest(path, local, state), state.size_bytes))
        states.save()
    facts = draft.facts
    return Side(
        "working copy",
        tuple(sorted(entries, key=lambda entry: entry.path)),
        frozenset((ref.role, str(ref.target)) for ref in draft.refs),
        facts.properties,
        facts.kind,
        lambda path: open_regular_file(working_copy.root / path, follow=path in draft.links),
    )


def diff_sides(before: Side, after: Side, paths: Sequence[str], folder: Path, root: Path) -> Diff:
    """Return what differs between two sides; with paths, only of the files that these name."""
    known = sorted({entry.path for side in (before, after) for entry in side.files})
    wanted = {name for path in paths for name in select_known(path, known, folder, root)} if paths else {*known}
    rows = [row for row in file_rows([before.files, after.files]) if not row.is_same and wanted & _paths_of(row)]
    files = tuple(_file_diff(row, before, after) for row in rows)
    if paths:
        return Diff(before.label, after.label, files)
    keys = sorted(before.properties.keys() | after.properties.keys())
    values = {key: (before.properties.get(key, MISSING), after.properties.get(key, MISSING)) for key in keys}
    return Diff(
        before.label,
        after.label,
        files,
        tuple((role, ref, (role, ref) in after.refs) for role, ref in sorted(before.refs ^ after.refs)),
        {key: both for key, both in values.items() if both[0] is MISSING or both[1] is MISSING or both[0] != both[1]},
        None if before.kind == after.kind else (before.kind, after.kind),
    )


def _file_diff(row: FileRow, before: Side, after: Side) -> FileDiff:
    old, new = row.cells
    change = row.changes[1]
    told = FileDiff(
        path=new.path if new else row.path,
        change=change,
        old_path=old.path if old and change == "moved" else None,
        before=(old.sha256, old.size_bytes) if old else None,
        after=(new.sha256, new.size_bytes) if new else None,
    )
    if change in {"moved", "copied"}:
        return told
    texts = [
        text_lines(side.open, cell.path, cell.size_bytes) if cell else []
        for side, cell in ((before, old), (after, new))
    ]
    if note := next((text for text in texts if isinstance(text, str)), ""):
        return _with(told, (), note)
    names = (f"a/{row.path}" if old else "/dev/null"), (f"b/{row.path}" if new else "/dev/null")
    return _with(told, tuple(difflib.unified_diff(texts[0], texts[1], *names, lineterm="")), "")


def _with(diff: FileDiff, lines: tuple[str, ...], note: str) -> FileDiff:
    return FileDiff(diff.path, diff.change, diff.old_path, diff.before, diff.after, lines, note)


def _paths_of(row: FileRow) -> set[str]:
    return {cell.path for cell in row.cells if cell}


def _untouched(base: Manifest, removed: Sequence[str]) -> set[str]:
    return {entry.path for entry in base.files} - {*removed}


def _file_json(file: FileDiff) -> dict[str, Any]:
    return {
        "path": file.path,
        "change": file.change,
        "old_path": file.old_path,
        "before": None if file.before is None else {"sha256": file.before[0], "size_bytes": file.before[1]},
        "after": None if file.after is None else {"sha256": file.after[0], "size_bytes": file.after[1]},
        "diff": "".join(f"{line}\n" for line in file.lines) or None,
        "note": file.note or None,
    }


def _came(came: bool) -> str:
    return "added" if came else "removed"
