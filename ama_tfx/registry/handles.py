"""Handles: one version as an object; its files are read when they are asked for."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.downloading import select
from ama_tfx.registry.manifest import FileEntry, Manifest
from ama_tfx.registry.names import AssetRef
from ama_tfx.registry.repr_html import facts_html, files_html
from ama_tfx.registry.results import Details, Downloaded, Version

if TYPE_CHECKING:
    from ama_tfx.registry.registry import Registry


class AssetHandle:
    """A version of an asset, fixed when the handle was made: an alias that moves on does not move the handle.

    Making one reads a row of the catalog; the list of files is read when it is needed, and each file when it is opened.
    A handle works as long as its registry is open. It iterates over its files' paths, and ``path in handle`` says
    whether there is such a file or folder.

    Args:
        registry: Where it is.
        version: Which.
    """

    def __init__(self, registry: Registry, version: Version) -> None:
        self._registry, self.version = registry, version

    def __repr__(self) -> str:
        return f"AssetHandle({str(self.reference)!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AssetHandle):
            return NotImplemented
        return (self._registry.id, self.reference) == (other._registry.id, other.reference)

    def __hash__(self) -> int:
        return hash((self._registry.id, self.reference))

    def __iter__(self) -> Iterator[str]:
        return (entry.path for entry in self.files)

    def __len__(self) -> int:
        return self.version.file_count

    def __contains__(self, path: object) -> bool:
        return path in self._paths

    @property
    def reference(self) -> AssetRef:
        """The reference that never moves: by digest."""
        return self.version.reference

    @functools.cached_property
    def manifest(self) -> Manifest:
        """The list of everything in it, verified."""
        return self._registry.manifest(self.reference)

    @property
    def files(self) -> tuple[FileEntry, ...]:
        """Its files, by path."""
        return self.manifest.files

    @property
    def refs(self) -> tuple[tuple[str, AssetHandle], ...]:
        """What it was made from: roles and handles."""
        found = self._registry.show(self.reference).refs
        return tuple((role, AssetHandle(self._registry, version)) for role, version in found)

    @property
    def aliases(self) -> tuple[str, ...]:
        """The aliases that point at it now."""
        return tuple(
            row.name for row in self._registry.aliases(self.version.asset) if row.version == self.version.number
        )

    @property
    def metrics(self) -> dict[str, float]:
        """Its metrics as they are now."""
        return self._registry.notes.metrics(self.reference)

    @property
    def details(self) -> Details:
        """Everything known of it now: tags, properties, what was made from it, which runs registered it."""
        return self._registry.show(self.reference)

    def url(self, path: str | None = None) -> str:
        """Return the address of a file or folder in it for fsspec, as in ``pandas.read_csv(asset.url("data.csv"))``."""
        return str(AssetRef(self.version.asset, self.version.digest, path))

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading; the stream can seek, reads only what it has to, and verifies it.

        Raises:
            NotFoundError: No such file.
            InvalidInputError: A folder's path.
        """
        return self._registry.open(AssetRef(self.version.asset, self.version.digest, path), manifest=self.manifest)

    def read_bytes(self, path: str) -> bytes:
        """Return a file's content."""
        with self.open(path) as stream:
            return stream.read()

    def read_text(self, path: str, encoding: str = "utf-8") -> str:
        """Return a file's content as text.

        Raises:
            InvalidInputError: It is not in this encoding.
        """
        content = self.read_bytes(path)
        try:
            return content.decode(encoding)
        except (UnicodeDecodeError, LookupError) as error:
            raise InvalidInputError(f"{path!r} is no text in {encoding!r}; use read_bytes") from error

    def download(self, target: str | Path, path: str | None = None) -> Downloaded:
        """Write it, or a file or folder of it, to a folder or file that appears whole; see `Registry.download`."""
        reference = AssetRef(self.version.asset, self.version.digest, path)
        return self._registry.download(reference, Path(target), manifest=self.manifest)

    def size_bytes(self, path: str | None = None) -> int:
        """Return the size of all its files, or of one, or of those in a folder."""
        return sum(entry.size_bytes for entry in select(self.manifest, path)[0])

    @functools.cached_property
    def _paths(self) -> frozenset[str]:
        from ama_tfx.registry.manifest import folders_of

        paths = [*(entry.path for entry in self.files), *self.manifest.directories]
        return frozenset(paths) | {folder for path in paths for folder in folders_of(path)}

    def _repr_html_(self) -> str:
        return facts_html(self.version._html_row()) + files_html(self.files)
