"""Working copies: the library behind ``ama init``, ``add``, ``add ref``, ``set`` and ``upload``.

A working copy is a folder with ``.ama/`` in it. There lie drafts, one per asset, and which asset is the current one.
Files are recorded by their path from the root and read when they are uploaded. Refs are resolved when they are added:
what the user was shown is what is registered, wherever an alias has moved to since.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ama_tfx.errors import AmaError, FormatError, InvalidInputError, NotFoundError, did_you_mean
from ama_tfx.registry.draft import Draft, DraftRef, with_content, with_ref, with_settings, without
from ama_tfx.registry.manifest import folders_of
from ama_tfx.registry.names import Alias, AssetName, AssetRef
from ama_tfx.registry.registry import Registry
from ama_tfx.registry.results import Registered
from ama_tfx.registry.tree import Tree, scan
from ama_tfx.storage import Digest, OnProgress, canonical_json, make_folders, os_errors, parse_json, write_file

FOLDER = ".ama"
FORMAT = "ama-working-copy/1"
_CURRENT = "current.json"
_NEVER_CONTENT = frozenset({FOLDER, ".git"})
"""Passed over inside folders: our own records, and git's, which may hold credentials."""


class WorkingCopy:
    """A folder whose files are on their way into a registry.

    Several processes may change one working copy at once: each change is one step under a lock.

    Args:
        root: The folder that holds ``.ama``; from `open` or `init`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._folder = root / FOLDER

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
                if (folder / FOLDER / _CURRENT).exists():
                    return cls(folder)
        raise NotFoundError(f"no working copy in {str(start)!r} or above it; run `ama init ASSET` first")

    @classmethod
    def init(cls, root: Path, asset: AssetName, *, clear: bool = False) -> WorkingCopy:
        """Make a folder a working copy, unless it is one, and the asset its current one.

        Args:
            root: The folder.
            asset: What is worked on from now on; the pending drafts of others stay.
            clear: Forget what is pending of this asset.
        """
        working_copy = cls(root.absolute())
        make_folders(working_copy._folder / "drafts")
        with working_copy._locked():
            # The folder is one machine's and one moment's state: nothing that belongs into a repository.
            write_file(working_copy._folder / ".gitignore", b"*\n")
            write_file(working_copy._folder / _CURRENT, canonical_json({"format": FORMAT, "asset": str(asset)}) + b"\n")
            if clear:
                working_copy._write(Draft(asset))
        return working_copy

    @property
    def asset(self) -> AssetName:
        """The current asset.

        Raises:
            FormatError: The working copy is of another release.
        """
        path = self._folder / _CURRENT
        with os_errors("read", path):
            content = path.read_bytes()
        try:
            document = parse_json(content, repr(str(path)))
            found, asset = document["format"], document["asset"]
            if found == FORMAT:
                return AssetRef.parse(asset).asset
        except (AmaError, KeyError, TypeError, AttributeError) as error:
            raise FormatError(f"{str(path)!r} is not what ama-tfx wrote; run `ama init ASSET` again") from error
        raise FormatError(
            f"working copy {str(self.root)!r} has format {found!r}, this release of ama-tfx reads {FORMAT!r}; "
            "use the release that wrote it, or run `ama init ASSET` again"
        )

    def draft(self) -> Draft:
        """Return what is pending of the current asset."""
        return self._read(self.asset)

    def add(self, paths: Iterable[Path]) -> Draft:
        """Record files and folders as content of the next version.

        A folder stands for the files in it now, ``.ama`` and ``.git`` left out; adding it again takes what is in it
        then. Empty folders are kept.

        Args:
            paths: Relative to the process's folder, or absolute.

        Raises:
            NotFoundError: A path that does not exist.
            InvalidInputError: A path outside the root or in ``.ama``, or something that cannot be stored. Whatever is
                raised, the draft stays as it was.
        """
        named = {self._from_root(path) for path in paths}
        tree = scan({path: self.root / path for path in sorted(named)}, skip=_NEVER_CONTENT)
        links = {path for path in named if path and (self.root / path).is_symlink()}
        return self._change(lambda draft: with_content(draft, named, tree, links))

    def add_ref(self, registry: Registry, reference: AssetRef, role: str = "input") -> Draft:
        """Record that the next version is made from another version: the one that the reference means now.

        Raises:
            NotFoundError: No such asset, alias or version.
        """
        if reference.path is not None:
            raise InvalidInputError(f"a ref points at a version, not at a file: {str(reference)!r}; leave the path out")
        target = registry.resolve(reference).reference
        return self._change(lambda draft: with_ref(draft, DraftRef(role, reference, target)))

    def set(
        self,
        *,
        alias: str | None = None,
        message: str | None = None,
        tags: Iterable[str] = (),
        properties: Mapping[str, Any] | None = None,
        kind: str | None = None,
    ) -> Draft:
        """Set what the next version will say of itself; see `with_settings`."""
        return self._change(
            lambda draft: with_settings(
                draft, alias=alias, message=message, tags=tuple(tags), properties=properties, kind=kind
            )
        )

    def pending(self) -> Tree:
        """Return the files that an upload would read, after checking that they are there.

        Raises:
            InvalidInputError: None was added, or something else has a file's place.
            NotFoundError: One is missing by now.
        """
        return self._pending(self.draft())

    def upload(
        self, registry: Registry, *, message: str | None = None, on_progress: OnProgress | None = None
    ) -> tuple[Registered, Draft]:
        """Register what is pending, and forget it when that is done.

        Args:
            registry: Where.
            message: Instead of the draft's.
            on_progress: Called with the bytes and files just read.

        Returns:
            What was registered, and the draft that it was registered from.

        Raises:
            AmaError: As `pending` and `Registry.register` say; nothing is registered and all of it is pending still.
        """
        pending = self.draft()
        self._pending(pending)
        draft = with_settings(pending, message=message)
        content = self._content(draft)
        registered = registry.register(draft.asset, content, draft.facts, alias=draft.alias, on_progress=on_progress)
        with self._locked():
            self._write(without(self._read(draft.asset), pending))
        return registered, draft

    def _content(self, draft: Draft) -> dict[str, Path]:
        return {path: self.root / path for path in (*draft.files, *draft.directories)}

    def _pending(self, draft: Draft) -> Tree:
        if not draft.files:
            raise InvalidInputError(
                f"nothing to upload: no file was added to {draft.asset.name!r}; run `ama add PATH...` first"
            )
        self._refuse_new_links(draft)
        content = self._content(draft)
        if missing := [path for path, local in content.items() if not local.exists()]:
            more = f" (and {len(missing) - 1} more)" if missing[1:] else ""
            raise NotFoundError(
                f"{missing[0]!r}{more} was added and is missing now; put it back, "
                f"or start again with `ama init {draft.asset} --clear`"
            )
        tree = scan(content)
        if changed := {*tree.files, *tree.directories} ^ set(content):
            raise InvalidInputError(f"{min(changed)!r} is not what was added, a file or an empty folder; add it again")
        return tree

    def _refuse_new_links(self, draft: Draft) -> None:
        """Raise `InvalidInputError` where a link has a file's or a folder's place: it would bring in other content."""
        paths = {found for path in (*draft.files, *draft.directories) for found in (path, *folders_of(path))}
        for path in sorted(paths - {*draft.links}):
            with os_errors("read", self.root / path):
                if (self.root / path).is_symlink():
                    raise InvalidInputError(
                        f"{path!r} is a symbolic link now, and was none when it was added; "
                        "add it again if what it leads to is meant"
                    )

    def _from_root(self, path: Path) -> str:
        """Return a path from the root; ``""`` is the root itself."""
        if "\0" in str(path):
            raise InvalidInputError(f"not a path: {str(path)!r} holds '\\x00'")
        with os_errors("read", path):
            # The last name is kept as it is, for a link that the user names is content under its own name.
            whole = path.absolute()
            local = whole.resolve() if path.name in {"", ".."} else whole.parent.resolve() / whole.name
            root = self.root.resolve()
        if not local.is_relative_to(root):
            raise InvalidInputError(f"{str(path)!r} is outside the working copy {str(root)!r}; copy it there first")
        if not os.path.lexists(local):
            raise NotFoundError(f"no such file or folder: {str(path)!r}{_near(local)}")
        parts = local.relative_to(root).parts
        if FOLDER in map(str.casefold, parts):
            raise InvalidInputError(f"{str(path)!r} is ama's own record of the working copy, which is never content")
        return "/".join(parts)

    def _change(self, change: Callable[[Draft], Draft]) -> Draft:
        with self._locked():
            draft = change(self.draft())
            self._write(draft)
        return draft

    def _read(self, asset: AssetName) -> Draft:
        path = self._draft_path(asset)
        with os_errors("read", path):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                return Draft(asset)
        draft = Draft.from_bytes(content, repr(str(path)))
        if draft.asset != asset:
            raise FormatError(f"{str(path)!r} is the draft of {draft.asset}, not of {asset}; remove it")
        return draft

    def _write(self, draft: Draft) -> None:
        path = self._draft_path(draft.asset)
        if draft != Draft(draft.asset):
            write_file(path, draft.to_bytes())
            return
        with os_errors("write", path):
            path.unlink(missing_ok=True)

    def _draft_path(self, asset: AssetName) -> Path:
        # Hashed: two names joined by '/' can be longer than a file's name may be.
        return self._folder / "drafts" / f"{Digest.of(str(asset).encode()).hex}.json"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        path = self._folder / ".lock"
        with os_errors("write", path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)


def asset_with_alias(registry: Registry, alias: str) -> AssetRef:
    """Return the reference that an alias alone means: on the one asset of the registry's workspace that has it.

    Raises:
        NotFoundError: None has it.
        InvalidInputError: Several have it.
    """
    name = Alias(alias)
    assets = registry.assets_with_alias(alias)
    if len(assets) == 1:
        return AssetRef(assets[0], name)
    if not assets:
        known = {row.name for asset in registry.assets(registry.workspace) for row in registry.aliases(asset.name)}
        raise NotFoundError(
            f"no asset in workspace {registry.workspace!r} has the alias {alias!r}{did_you_mean(alias, sorted(known))}"
        )
    listed = ", ".join(repr(asset.name) for asset in assets)
    raise InvalidInputError(
        f"several assets in workspace {registry.workspace!r} have the alias {alias!r}: {listed}; "
        f"name one, as in `ama add ref {assets[0].name} --alias {alias}` or `ama add ref {assets[0]}:{alias}`"
    )


def _near(path: Path) -> str:
    try:
        return did_you_mean(path.name, [entry.name for entry in path.parent.iterdir()])
    except OSError:  # a hint is not worth an error
        return ""
