"""Basing a working copy on a version: ``ama switch`` and ``ama clone``.

A clone appears whole. A switch moves files into place only when all of them lie verified in ``.ama``, and records the
version last: one that was killed can be run again, for what lies there already is what it would write.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ama_tfx.errors import ConflictError, InvalidInputError, NotFoundError
from ama_tfx.registry.downloading import give_place, partial_folder
from ama_tfx.registry.manifest import FileEntry, Manifest, folders_of
from ama_tfx.registry.names import AssetName, AssetRef
from ama_tfx.registry.registry import Registry
from ama_tfx.registry.results import Downloaded, Version
from ama_tfx.registry.working_copy.draft import Draft
from ama_tfx.registry.working_copy.records import CURRENT, FOLDER
from ama_tfx.registry.working_copy.states import States
from ama_tfx.registry.working_copy.working_copy import WorkingCopy
from ama_tfx.storage import FileState, OnProgress, os_errors

_SHOWN = 5
_WHOLE = "clone"


@dataclass(frozen=True)
class Switched:
    """What switching did.

    Attributes:
        draft: Of the asset that is worked on now.
        version: What it is based on, when a version was named.
        written: Paths of files that were written.
        removed: Paths of files of the version before that were removed.
    """

    draft: Draft
    version: Version | None = None
    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class SwitchPlan:
    """What has to happen to the files of a working copy.

    Attributes:
        write: Files to write.
        delete: Files to remove.
        directories: Empty folders to make.
    """

    write: tuple[FileEntry, ...]
    delete: tuple[str, ...]
    directories: tuple[str, ...]


def switch_asset(working_copy: WorkingCopy, asset: AssetName, open_registry: Callable[[], Registry]) -> Switched:
    """Work on another asset; what is pending of others stays, and so do all files.

    Args:
        working_copy: Which.
        asset: The asset: one that the working copy has a draft of, or that the registry has.
        open_registry: Called when the working copy has no draft of it.

    Raises:
        NotFoundError: There is no such asset.
    """
    if asset != working_copy.asset and working_copy.records.read(asset) == Draft(asset):
        try:
            open_registry().versions(asset)
        except NotFoundError as error:
            raise NotFoundError(f"{error}; `ama init {asset.name}` starts a new one") from error
    with working_copy.records.locked():
        working_copy.records.make_current(asset)
    return Switched(working_copy.draft())


def switch_version(
    working_copy: WorkingCopy, registry: Registry, reference: AssetRef, *, on_progress: OnProgress | None = None
) -> Switched:
    """Work on an asset from one of its versions on: write its files and remember it as the base.

    Files of the version that the copy was based on before are replaced and removed where nobody changed them. What is
    pending of other assets stays.

    Args:
        working_copy: Which.
        registry: Where the version is.
        reference: The version.
        on_progress: Called with the bytes and files just written.

    Raises:
        ConflictError: Something is pending of the asset, or a local file would be lost; nothing is changed.
        NotFoundError: No such version.
        IntegrityError: Its bytes are damaged; nothing is changed.
    """
    if reference.path is not None:
        raise InvalidInputError(f"a working copy is based on a version, not on a file: {str(reference)!r}")
    version = registry.resolve(reference)
    manifest = registry.manifest(version.reference)
    records = working_copy.records
    with records.locked():
        draft = records.read(version.asset)
        if working_copy.has_changes(draft):
            raise ConflictError(
                f"changes of {version.asset.name!r} are pending; run `ama upload` or `ama discard` before another "
                "version takes their place"
            )
        states = States.of(records.states_path(version.asset))
        plan = plan_switch(working_copy.root, records.base(draft), manifest, states)
        with _incoming(records.folder, registry, version.reference, manifest, plan, on_progress) as folder:
            if plan_switch(working_copy.root, records.base(draft), manifest, states) != plan:
                raise ConflictError("files of the working copy were changed while the version came; switch again")
            _apply(plan, working_copy.root, folder)
        _remember(working_copy, version.reference, manifest, states)
        records.drop_unused_bases(version.reference, draft.base)
        records.make_current(version.asset)
    written = tuple(entry.path for entry in plan.write)
    return Switched(working_copy.draft(), version, written, plan.delete)


def clone(
    registry: Registry, reference: AssetRef, folder: Path, *, on_progress: OnProgress | None = None
) -> tuple[WorkingCopy, Downloaded]:
    """Make a new folder with a version's files, which is a working copy based on that version.

    Args:
        registry: Where the version is.
        reference: The version.
        folder: The new folder; it may be there when it is empty. It appears whole, or not at all.
        on_progress: Called with the bytes and files just written.

    Raises:
        ConflictError: The folder holds something else, or is a working copy.
        NotFoundError: No such version.
    """
    if reference.path is not None:
        raise InvalidInputError(f"a version is cloned, not a file: {str(reference)!r}; use `ama download`")
    if os.path.lexists(folder / FOLDER / CURRENT):
        raise ConflictError(f"{str(folder)!r} is a working copy already; use `ama switch` in it, or name another")
    if os.path.lexists(folder) and not _is_empty_folder(folder):
        raise ConflictError(f"{str(folder)!r} exists and holds something else; remove it, or name another target")
    with os_errors("write", folder), partial_folder(folder) as partial:
        downloaded = registry.download(reference, partial / _WHOLE, on_progress=on_progress)
        version = downloaded.version
        working_copy = WorkingCopy.init(partial / _WHOLE, version.asset)
        records = working_copy.records
        with records.locked():
            states = States.of(records.states_path(version.asset))
            _remember(working_copy, version.reference, registry.manifest(version.reference), states)
        give_place(partial / _WHOLE, folder)
    return WorkingCopy(folder.absolute()), replace(downloaded, target=folder)


def plan_switch(root: Path, old: Manifest | None, new: Manifest, states: States) -> SwitchPlan:
    """Decide which files to write and to remove.

    Raises:
        ConflictError: A local file that is neither what is to be there nor what the version before put there.
    """
    before = {entry.path: entry for entry in old.files} if old else dict[str, FileEntry]()
    after = {entry.path: entry for entry in new.files}
    conflicts, write, delete = list[str](), list[FileEntry](), list[str]()
    for path, entry in before.items():
        if path not in after and (found := _found(root, path, states)) is not None:
            (delete if found == entry.digest.hex else conflicts).append(path)
    for path, entry in after.items():
        blocked = [f for f in folders_of(path) if f not in delete and not _may_be_folder(root / f)]
        found = _found(root, path, states)
        if blocked or found not in {None, entry.digest.hex, before[path].digest.hex if path in before else None}:
            conflicts.append(blocked[0] if blocked else path)
        elif found != entry.digest.hex:
            write.append(entry)
    for path in new.directories:
        conflicts += [f for f in (path, *folders_of(path)) if f not in delete and not _may_be_folder(root / f)]
    if conflicts:
        raise _would_be_lost(conflicts)
    return SwitchPlan(tuple(write), tuple(delete), new.directories)


def _would_be_lost(paths: list[str]) -> ConflictError:
    names = sorted({*paths})
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ConflictError(
        f"local files would be lost: {', '.join(map(repr, names[:_SHOWN]))}{more}; upload them, or move them away"
    )


def _found(root: Path, path: str, states: States) -> str | None:
    """Return the SHA-256 of what lies at a path, None when nothing does, ``"?"`` when it is no file of the folder."""
    local = root / path
    with os_errors("read", local):
        if any((root / folder).is_symlink() for folder in folders_of(path)):  # what lies there lies elsewhere
            return "?"
        try:
            status = local.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
    if not stat.S_ISREG(status.st_mode):
        return "?"
    return states.digest(path, local, FileState.of(status)).hex


def _is_empty_folder(path: Path) -> bool:
    with os_errors("read", path):
        return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _may_be_folder(path: Path) -> bool:
    with os_errors("read", path):
        return not os.path.lexists(path) or (path.is_dir() and not path.is_symlink())


@contextlib.contextmanager
def _incoming(
    records: Path,
    registry: Registry,
    reference: AssetRef,
    manifest: Manifest,
    plan: SwitchPlan,
    on_progress: OnProgress | None = None,
) -> Iterator[Path]:
    """Give a folder that holds the files to write, verified."""
    folder = records / f"incoming-{secrets.token_hex(8)}"
    for left in records.glob("incoming-*"):  # of one that was killed: the lock is ours
        shutil.rmtree(left, ignore_errors=True)
    try:
        if plan.write:
            wanted = replace(manifest, files=plan.write, directories=())
            registry.download(reference, folder, manifest=wanted, on_progress=on_progress)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _apply(plan: SwitchPlan, root: Path, incoming: Path) -> None:
    with os_errors("write", root):
        for path in plan.delete:
            (root / path).unlink(missing_ok=True)
            for folder in folders_of(path):
                with contextlib.suppress(OSError):  # not empty
                    (root / folder).rmdir()
        for entry in plan.write:
            (root / entry.path).parent.mkdir(parents=True, exist_ok=True)
            (incoming / entry.path).replace(root / entry.path)
        for path in plan.directories:
            (root / path).mkdir(parents=True, exist_ok=True)


def _remember(working_copy: WorkingCopy, base: AssetRef, manifest: Manifest, states: States) -> None:
    """Record the base, and what is known of its files; for the holder of the lock."""
    working_copy.records.keep_base(manifest)
    states.keep_only(set())
    for entry in manifest.files:
        with contextlib.suppress(OSError):
            states.remember(entry.path, FileState.of((working_copy.root / entry.path).lstat()), entry.digest)
    states.save()
    working_copy.records.write(Draft.on(base, manifest))
