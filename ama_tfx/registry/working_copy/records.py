"""What a working copy keeps in ``.ama``: the current asset, drafts, the manifests they are based on."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from ama_tfx.errors import AmaError, FormatError
from ama_tfx.registry.manifest import Manifest
from ama_tfx.registry.names import AssetName, AssetRef
from ama_tfx.registry.working_copy.draft import Draft
from ama_tfx.storage import Digest, canonical_json, make_folders, os_errors, parse_json, write_file

FOLDER = ".ama"
FORMAT = "ama-working-copy/1"
CURRENT = "current.json"


class Records:
    """The records of one working copy.

    Args:
        root: The folder that holds ``.ama``.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.folder = root / FOLDER

    def make(self) -> None:
        """Make the folder, unless it is there."""
        make_folders(self.folder / "drafts")

    def make_current(self, asset: AssetName) -> None:
        """Make an asset the current one; for the holder of the lock."""
        # The folder is one machine's and one moment's state: nothing that belongs into a repository.
        write_file(self.folder / ".gitignore", b"*\n")
        write_file(self.folder / CURRENT, canonical_json({"format": FORMAT, "asset": str(asset)}) + b"\n")

    def current(self) -> AssetName:
        """Return the current asset.

        Raises:
            FormatError: The working copy is of another release.
        """
        path = self.folder / CURRENT
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
            f"working copy {str(self._root)!r} has format {found!r}, this release of ama-tfx reads {FORMAT!r}; "
            "use the release that wrote it, or run `ama init ASSET` again"
        )

    def read(self, asset: AssetName) -> Draft:
        """Return an asset's draft, an empty one when there is none."""
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

    def write(self, draft: Draft) -> None:
        """Keep a draft, or remove its file when nothing is in it; for the holder of the lock."""
        path = self._draft_path(draft.asset)
        if draft != Draft(draft.asset):
            write_file(path, draft.to_bytes())
            return
        with os_errors("write", path):
            path.unlink(missing_ok=True)

    def keep_base(self, manifest: Manifest) -> None:
        """Keep the manifest of a version that a draft is to be based on."""
        content = manifest.to_bytes()
        make_folders(self.folder / "bases")
        write_file(self._base_path(Digest.of(content)), content)

    def base(self, draft: Draft) -> Manifest | None:
        """Return the manifest of the version that a draft is based on; None for no such version.

        Raises:
            FormatError: It is lost, or was changed.
        """
        if draft.base is None:
            return None
        digest = draft.base.selector
        assert isinstance(digest, Digest)
        path = self._base_path(digest)
        with os_errors("read", path):
            content = path.read_bytes() if path.exists() else b""
        if Digest.of(content) != digest:
            raise FormatError(
                f"{str(path)!r} is not the manifest of {draft.base}, which this working copy is based on; run "
                f"`ama init {draft.asset} --clear`, then `ama switch {draft.base}`"
            )
        return Manifest.from_bytes(content)

    def drop_unused_bases(self, used: AssetRef | None, before: AssetRef | None) -> None:
        """Remove the manifest that a draft was based on before, unless this or another draft is based on it now."""
        if before is not None and used != before and isinstance(before.selector, Digest):
            with os_errors("write", path := self._base_path(before.selector)):
                mark = f"@{before.selector}".encode()
                if not any(mark in draft.read_bytes() for draft in (self.folder / "drafts").glob("*.json")):
                    path.unlink(missing_ok=True)

    def states_path(self, asset: AssetName) -> Path:
        """Return where states and digests of an asset's files are kept."""
        return self.folder / "states" / f"{_hashed(asset)}.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing the records meanwhile."""
        path = self.folder / ".lock"
        with os_errors("write", path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)

    def _draft_path(self, asset: AssetName) -> Path:
        return self.folder / "drafts" / f"{_hashed(asset)}.json"

    def _base_path(self, digest: Digest) -> Path:
        return self.folder / "bases" / f"{digest.hex}.json"


def _hashed(asset: AssetName) -> str:
    # Two names joined by '/' can be longer than a file's name may be.
    return Digest.of(str(asset).encode()).hex
