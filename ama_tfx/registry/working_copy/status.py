"""The status of a working copy: what is pending, what lies on disk beside that, what an upload would do."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from ama_tfx.errors import NotFoundError
from ama_tfx.registry.manifest import FileEntry, Manifest
from ama_tfx.registry.names import AssetRef, is_pinned
from ama_tfx.registry.overlaying import overlay
from ama_tfx.registry.registering import next_semantic
from ama_tfx.registry.registry import Registry
from ama_tfx.registry.results import Bump, Version
from ama_tfx.registry.tree import Onto
from ama_tfx.registry.working_copy.around import look_around
from ama_tfx.registry.working_copy.changes import Changes
from ama_tfx.registry.working_copy.content import content_of, paths_of
from ama_tfx.registry.working_copy.draft import Draft, DraftRef
from ama_tfx.registry.working_copy.refs import readable, short_digest
from ama_tfx.registry.working_copy.states import States
from ama_tfx.registry.working_copy.working_copy import WorkingCopy
from ama_tfx.storage import FileState, os_errors


class Pending(Enum):
    """What the next version would do to a file of the version that the copy is based on."""

    NEW = "new"
    MODIFIED = "modified"
    SAME = "same"
    DELETED = "deleted"


class OnDisk(Enum):
    """What became of a file since it was added, or since the base's was written."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class FileStatus:
    """A file that is pending, or that is another one on disk than in the base.

    Attributes:
        path: From the root.
        pending: What the next version does to it; None for nothing: a change that was not added.
        disk: What became of it on disk.
    """

    path: str
    pending: Pending | None
    disk: OnDisk = OnDisk.UNCHANGED

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        pending = self.pending.value if self.pending else None
        return {"path": self.path, "pending": pending, "disk": self.disk.value}


@dataclass(frozen=True, slots=True)
class RefStatus:
    """A ref of the draft.

    Attributes:
        ref: The ref.
        now: The version that its words mean now; None when that is unknown or there is none.
        name: What it means, as ``asset:number``; the start of its digest when the number is not known.
        was: Likewise, the base's refs that it stands in for.
        is_inherited: Whether it is the base's.
    """

    ref: DraftRef
    now: AssetRef | None
    name: str
    was: tuple[str, ...] = ()
    is_inherited: bool = False

    @property
    def has_moved(self) -> bool:
        """Whether the words mean another version now than when the ref was added."""
        return self.now is not None and self.now != self.ref.target

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            "role": self.ref.role,
            "written": str(self.ref.written),
            "target": str(self.ref.target),
            "now": str(self.now) if self.now else None,
            "moved": self.has_moved,
            "version": self.name,
            "was": list(self.was),
            "inherited": self.is_inherited,
        }


@dataclass(frozen=True)
class Status:
    """The status of a working copy.

    Attributes:
        draft: The current asset's draft.
        changes: What of it is pending: is not the base's.
        base: The version that it is based on; None for none, or when the registry cannot tell.
        newest: The asset's newest version; None likewise.
        files: By path.
        refs: What the next version is made from.
        untracked: Files, and folders with ``/`` behind, that are neither pending nor in the base.
        ignored: Likewise, what ``.amaignore`` leaves out.
        would_upload: Whether there is something to upload.
        next_version: The number and semantic version that an upload would make; None when nothing would be made.
    """

    draft: Draft
    changes: Changes
    base: Version | None
    newest: Version | None
    files: tuple[FileStatus, ...]
    refs: tuple[RefStatus, ...]
    untracked: tuple[str, ...]
    ignored: tuple[str, ...]
    would_upload: bool
    next_version: tuple[int, str] | None

    @property
    def base_name(self) -> str | None:
        """The base as ``asset:number``, or the start of its digest when the number is not known; None for no base."""
        if self.draft.base is None:
            return None
        return short_digest(self.draft.base) if self.base is None else f"{self.base.asset.name}:{self.base.number}"

    @property
    def is_clean(self) -> bool:
        """Whether nothing is pending, changed or untracked."""
        return not (self.would_upload or self.files or self.untracked)

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama status --json`` prints it."""
        return {
            "asset": self.draft.asset.name,
            "workspace": self.draft.asset.workspace,
            "base": None if self.draft.base is None else str(self.draft.base),
            "base_version": self.base.number if self.base else None,
            "newest_version": self.newest.number if self.newest else None,
            "files": [file.to_json() for file in self.files],
            "refs": [ref.to_json() for ref in self.refs],
            "untracked": list(self.untracked),
            "ignored": list(self.ignored),
            "draft": self.draft.to_json(),
            "would_upload": self.would_upload,
            "next_version": self.next_version[0] if self.next_version else None,
            "next_semantic": self.next_version[1] if self.next_version else None,
            "clean": self.is_clean,
        }


def status_of(working_copy: WorkingCopy, registry: Registry | None) -> Status:
    """Return the status of a working copy.

    Files are hashed only where their size cannot tell, and where that was not done before in their present state.

    Args:
        working_copy: Which.
        registry: Asked what refs mean now and which versions there are; None for no such answers.

    Raises:
        InvalidInputError: An ``.amaignore`` cannot be read.
        PermissionDeniedError: A folder or file cannot be read.
    """
    with working_copy.records.locked():
        draft = working_copy.draft()
        base = working_copy.records.base(draft)
        states = States.of(working_copy.records.states_path(draft.asset))
        files = tuple(sorted(_files(working_copy.root, draft, base, states), key=lambda file: file.path))
        tracked = {*draft.files, *draft.directories, *(entry.path for entry in draft.external)}
        tracked |= paths_of(base)
        tracked -= {*draft.removed}
        states.keep_only(tracked)
        states.save()
    untracked, ignored = look_around(working_copy.root, tracked)
    newest = _resolved(registry, AssetRef(draft.asset))
    changes = working_copy.changes(draft)
    would = bool(changes) and bool(draft.files or draft.external or draft.base)
    return Status(
        draft=draft,
        changes=changes,
        base=_resolved(registry, draft.base),
        newest=newest,
        files=files,
        refs=tuple(ref_status(registry, ref, changes) for ref in draft.refs),
        untracked=untracked,
        ignored=ignored,
        would_upload=would,
        next_version=next_number(newest) if would else None,
    )


def ref_status(registry: Registry | None, ref: DraftRef, changes: Changes) -> RefStatus:
    """Return the status of a ref of a draft whose changes these are."""
    was = tuple(readable(registry, target) for target in changes.replaced_by(ref))
    now = _meaning(registry, ref)
    return RefStatus(ref, now, readable(registry, ref.target), was, ref not in changes.draft.refs)


def next_entries(working_copy: WorkingCopy, draft: Draft) -> tuple[tuple[FileEntry, ...], tuple[str, ...]]:
    """Return the files, with their digests, and the empty folders of the version that an upload would make."""
    working_copy.pending()
    with working_copy.records.locked():
        states = States.of(working_copy.records.states_path(draft.asset))
        local = []
        for path in draft.files:
            state = local_state(working_copy.root / path, follow=path in draft.links)
            if state is None:
                raise NotFoundError(f"{path!r} was added and is missing now")
            local.append(FileEntry(path, states.digest(path, working_copy.root / path, state), state.size_bytes))
        states.save()
    content = content_of(draft, working_copy.root)
    if not isinstance(content, Onto):
        return tuple(local), draft.directories
    return overlay(content, working_copy.records.base(draft), local, draft.directories)


def _files(root: Path, draft: Draft, base: Manifest | None, states: States) -> Iterator[FileStatus]:
    before = {entry.path: entry for entry in base.files} if base else dict[str, FileEntry]()
    for path in draft.files:
        yield _added(root, path, before.get(path), states, follow=path in draft.links)
    for entry in draft.external:
        old = before.get(entry.path)
        what = Pending.NEW if old is None else Pending.SAME if old == entry else Pending.MODIFIED
        yield FileStatus(entry.path, what)
    for path in draft.removed:
        if path in before:
            yield FileStatus(path, Pending.DELETED)
    untouched = before.keys() - {*draft.files, *draft.removed, *(entry.path for entry in draft.external)}
    for path in sorted(untouched):
        if (disk := _against_base(root, before[path], states)) is not OnDisk.UNCHANGED:
            yield FileStatus(path, None, disk)


def _added(root: Path, path: str, before: FileEntry | None, states: States, *, follow: bool) -> FileStatus:
    state = local_state(root / path, follow=follow)
    if state is None:
        return FileStatus(path, Pending.NEW if before is None else Pending.MODIFIED, OnDisk.MISSING)
    disk = OnDisk.CHANGED if states.is_changed(path, root / path, state) else OnDisk.UNCHANGED
    if before is None:
        return FileStatus(path, Pending.NEW, disk)
    same = state.size_bytes == before.size_bytes and states.digest(path, root / path, state) == before.digest
    return FileStatus(path, Pending.SAME if same else Pending.MODIFIED, disk)


def _against_base(root: Path, entry: FileEntry, states: States) -> OnDisk:
    state = local_state(root / entry.path, follow=False)
    if state is None:
        return OnDisk.MISSING
    if state.size_bytes == entry.size_bytes and states.digest(entry.path, root / entry.path, state) == entry.digest:
        return OnDisk.UNCHANGED
    return OnDisk.CHANGED


def local_state(local: Path, *, follow: bool) -> FileState | None:
    """Return a file's state; None when no regular file is there."""
    with os_errors("read", local):
        try:
            status = local.stat() if follow else local.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
    return FileState.of(status) if stat.S_ISREG(status.st_mode) else None


def _resolved(registry: Registry | None, reference: AssetRef | None) -> Version | None:
    try:
        return registry.resolve(reference) if registry and reference else None
    except NotFoundError:
        return None


def _meaning(registry: Registry | None, ref: DraftRef) -> AssetRef | None:
    if is_pinned(ref.written):
        return ref.target
    version = _resolved(registry, ref.written)
    return version.reference if version else None


def next_number(newest: Version | None) -> tuple[int, str]:
    """Return the number and the semantic version of the version after another one, unless a bump is decided on."""
    return (newest.number if newest else 0) + 1, str(next_semantic(newest.semantic if newest else None, Bump.PIPELINE))
