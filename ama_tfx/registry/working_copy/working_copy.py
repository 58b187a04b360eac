"""Working copies: the library behind ``ama init``, ``add``, ``remove``, ``set``, ``status``, ``upload`` and the like.

A working copy is a folder with ``.ama/`` in it. There lie drafts, one per asset, and which asset is the current one.
Files are recorded by their path from the root and read when they are uploaded. Refs are resolved when they are added:
what the user was shown is what is registered, wherever an alias has moved to since.

A draft may be based on a version, as it is after `upload`, `switch` and `clone`: then the next version has that one's
files but for what was added and removed. Without a base, as after `init`, it has what was added, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry.manifest import FileEntry, Manifest
from ama_tfx.registry.names import AssetName, AssetRef
from ama_tfx.registry.registry import Registry
from ama_tfx.registry.results import Bump, Registered
from ama_tfx.registry.tree import Tree
from ama_tfx.registry.working_copy.changes import Changes, changes_between
from ama_tfx.registry.working_copy.content import check_pending, content_of, find_content, paths_of
from ama_tfx.registry.working_copy.draft import Draft, DraftRef
from ama_tfx.registry.working_copy.draft_changes import (
    after_upload,
    with_content,
    with_external,
    with_ref,
    with_settings,
    without,
    without_paths,
    without_refs,
    without_settings,
)
from ama_tfx.registry.working_copy.ignoring import Ignoring
from ama_tfx.registry.working_copy.paths import from_root, names_between_commas, not_ignored, select_known
from ama_tfx.registry.working_copy.records import CURRENT, FOLDER, FORMAT, Records
from ama_tfx.registry.working_copy.states import States
from ama_tfx.storage import OnProgress, os_errors

__all__ = ["FOLDER", "FORMAT", "WorkingCopy"]


class WorkingCopy:
    """A folder whose files are on their way into a registry.

    Several processes may change one working copy at once: each change is one step under a lock.

    Args:
        root: The folder that holds ``.ama``; from `open` or `init`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.records = Records(root)

    def __repr__(self) -> str:
        return f"WorkingCopy({str(self.root)!r})"

    @classmethod
    def open(cls, start: Path) -> WorkingCopy:
        """Return the working copy that a folder is in.

        Raises:
            NotFoundError: It is in none.
            PermissionDeniedError: A folder on the way may not be entered.
        """
        start = start.absolute()
        for folder in (start, *start.parents):
            with os_errors("look for a working copy in", folder):
                if (folder / FOLDER / CURRENT).exists():
                    return cls(folder)
        raise NotFoundError(f"no working copy in {str(start)!r} or above it; run `ama init ASSET` first")

    @classmethod
    def init(cls, root: Path, asset: AssetName, *, clear: bool = False) -> WorkingCopy:
        """Make a folder a working copy, unless it is one, and the asset its current one.

        Where nothing is pending of the asset it begins from nothing: what it was based on is forgotten.

        Args:
            root: The folder.
            asset: What is worked on from now on; the pending drafts of others stay.
            clear: Forget what is pending of this asset too.
        """
        working_copy = cls(root.absolute())
        records = working_copy.records
        records.make()
        with records.locked():
            draft = Draft(asset) if clear else records.read(asset)
            if clear or not working_copy.has_changes(draft):
                records.write(Draft(asset))
                records.drop_unused_bases(None, draft.base)
            records.make_current(asset)
        return working_copy

    @property
    def asset(self) -> AssetName:
        """The current asset.

        Raises:
            FormatError: The working copy is of another release.
        """
        return self.records.current()

    def draft(self) -> Draft:
        """Return what is pending of the current asset."""
        return self.records.read(self.asset)

    def base(self) -> Manifest | None:
        """Return the manifest of the version that the current asset's draft is based on; None for none.

        Raises:
            FormatError: It is lost, or was changed.
        """
        return self.records.base(self.draft())

    def add(self, paths: Iterable[Path], *, found: Iterable[Path] = (), force: bool = False) -> Draft:
        """Record files and folders as content of the next version.

        A folder stands for the files in it now, ``.ama``, ``.git`` and what ``.amaignore`` leaves out not among them;
        adding it again takes what is in it then. Empty folders are kept.

        Args:
            paths: Relative to the process's folder, or absolute.
            found: Likewise, but found by a pattern: what ``.amaignore`` leaves out is passed over.
            force: Take what ``.amaignore`` leaves out too.

        Raises:
            NotFoundError: A path that does not exist.
            InvalidInputError: A path outside the root, in ``.ama`` or left out by ``.amaignore``, or something that
                cannot be stored. Whatever is raised, the draft stays as it was.
        """
        named = {from_root(path, self.root) for path in paths}
        met = {from_root(path, self.root) for path in found} - named
        draft = self.draft()
        of_base = paths_of(self.records.base(draft))
        if force:
            named |= met
            tree = find_content(named, self.root)
        else:
            ignoring = Ignoring(self.root)
            named = not_ignored(named, met, self.root, ignoring)
            tree = find_content(named, self.root, ignoring, kept=of_base | {*draft.files} | named)
        links = {path for path in named if path and (self.root / path).is_symlink()}

        def change(draft: Draft) -> Draft:
            States.of(self.records.states_path(draft.asset)).note_added(tree)
            return with_content(draft, named, tree, links, of_base)

        return self._change(change)

    def add_external(self, entry: FileEntry) -> Draft:
        """Record content that stays where it is: a URL with its digest and size; see `external_entry`."""
        return self._change(lambda draft: with_external(draft, entry))

    def add_ref(self, registry: Registry, reference: AssetRef, role: str = "input") -> Draft:
        """Record that the next version is made from another version: the one that the reference means now.

        It takes the place of the base's refs to that asset in the same role.

        Raises:
            NotFoundError: No such asset, alias or version.
        """
        if reference.path is not None:
            raise InvalidInputError(f"a ref points at a version, not at a file: {str(reference)!r}; leave the path out")
        target = registry.resolve(reference).reference
        ref = DraftRef(role, reference, target)
        return self._change(lambda draft: with_ref(draft, ref, self._start(draft).refs))

    def set(
        self,
        *,
        alias: str | None = None,
        message: str | None = None,
        tags: Iterable[str] = (),
        properties: Mapping[str, Any] | None = None,
        kind: str | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> Draft:
        """Set what the next version will say of itself; see `with_settings`."""
        return self._change(
            lambda draft: with_settings(
                draft,
                alias=alias,
                message=message,
                tags=tuple(tags),
                properties=properties,
                kind=kind,
                metrics=metrics,
            )
        )

    def remove(
        self,
        patterns: Iterable[str],
        *,
        folder: Path,
        refs: Iterable[AssetRef] = (),
        dry_run: bool = False,
        **unset: Any,
    ) -> tuple[Draft, tuple[str, ...]]:
        """Take files out of the next version, and unset what was set; files on disk stay.

        Args:
            patterns: Paths of files and folders that are pending or in the base, and patterns; commas stand between
                two.
            folder: What they are relative to.
            refs: Refs to take out, as they were named or as what that means.
            dry_run: Change nothing.
            **unset: ``tags``, ``properties``, ``alias``, ``message``, ``kind``; see `without_settings`.

        Returns:
            The draft after that, and the paths that were taken out.

        Raises:
            NotFoundError: A path, pattern or setting that is not there; nothing is changed.
            InvalidInputError: A path outside the working copy.
        """
        wanted, gone = [*patterns], set[str]()
        references = [*refs]

        def change(draft: Draft) -> Draft:
            of_base = paths_of(self.records.base(draft))
            external = {entry.path for entry in draft.external}
            known = sorted({*draft.files, *draft.directories, *external, *(of_base - {*draft.removed})})
            for argument in wanted:
                for name in names_between_commas(argument, known):
                    gone.update(select_known(name, known, folder, self.root))
            draft = without_refs(without_paths(draft, gone, of_base), references)
            return without_settings(draft, **unset)

        draft = change(self.draft()) if dry_run else self._change(change)
        return draft, tuple(sorted(gone))

    def discard(self, *, dry_run: bool = False) -> Draft:
        """Forget what is pending of the current asset; files stay, and what it is based on too.

        Returns:
            What was pending.
        """
        with self.records.locked():
            draft = self.draft()
            if not dry_run:
                self.records.write(self._start(draft))
        return draft

    def has_changes(self, draft: Draft) -> bool:
        """Return whether a draft changes anything: of what it is based on, or of nothing."""
        return bool(self.changes(draft))

    def changes(self, draft: Draft | None = None) -> Changes:
        """Return what a draft, the current one unless another is given, changes of what it is based on."""
        draft = self.draft() if draft is None else draft
        return changes_between(draft, self._start(draft))

    def pending(self) -> Tree:
        """Return the files that an upload would read, after checking that they are there.

        Raises:
            InvalidInputError: Nothing was added or changed, or something else has a file's place.
            NotFoundError: One is missing by now.
        """
        return self._pending(self.draft())

    def upload(
        self,
        registry: Registry,
        *,
        message: str | None = None,
        bump: Bump | None = None,
        on_progress: OnProgress | None = None,
    ) -> tuple[Registered, Draft]:
        """Register what is pending, and forget it when that is done: the new version is what the next is based on.

        Args:
            registry: Where.
            message: Instead of the draft's.
            bump: What of the semantic version to raise; None to decide it.
            on_progress: Called with the bytes and files just read.

        Returns:
            What was registered, and the draft that it was registered from.

        Raises:
            AmaError: As `pending` and `Registry.register` say; nothing is registered and all of it is pending still.
        """
        pending = self.draft()
        self._pending(pending)
        draft = with_settings(pending, message=message)
        facts = replace(draft.facts, bump=bump)
        registered = registry.register(
            draft.asset, content_of(draft, self.root), facts, alias=draft.alias, on_progress=on_progress
        )
        with self.records.locked():
            left = without(self.records.read(draft.asset), pending)
            manifest = registry.manifest(registered.version.reference)
            self.records.keep_base(manifest)
            left = after_upload(left, Draft.on(registered.version.reference, manifest))
            self.records.write(left)
            self.records.drop_unused_bases(left.base, pending.base)
        return registered, draft

    def _start(self, draft: Draft) -> Draft:
        base = self.records.base(draft)
        return Draft(draft.asset) if base is None or draft.base is None else Draft.on(draft.base, base)

    def _pending(self, draft: Draft) -> Tree:
        if draft.base is not None and not self.has_changes(draft):
            raise InvalidInputError(f"nothing to upload: nothing was added to or removed from {str(draft.base)!r}")
        return check_pending(draft, self.root)

    def _change(self, change: Callable[[Draft], Draft]) -> Draft:
        with self.records.locked():
            draft = change(self.draft())
            self.records.write(draft)
        return draft
