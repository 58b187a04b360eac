"""The manifest: the canonical document whose digest is a version's identity (``docs/reference/formats.md``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ama_tfx.errors import FormatError, InvalidInputError
from ama_tfx.registry.names import AssetName, check_label, check_path
from ama_tfx.registry.urls import check_url
from ama_tfx.storage import Digest, canonical_json, parse_json

FORMAT = "ama-manifest/1"
_KEYS = {"directories", "files", "format", "kind", "properties", "refs"}


@dataclass(frozen=True, order=True, slots=True)
class FileEntry:
    """A file: its path in the asset, its SHA-256 and its size; with a URL, its bytes are there and not in the store."""

    path: str
    digest: Digest
    size_bytes: int
    url: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form; ``url`` is a key only where there is one."""
        stored = {"path": self.path, "sha256": self.digest.hex, "size_bytes": self.size_bytes}
        return stored if self.url is None else {**stored, "url": self.url}


@dataclass(frozen=True, order=True, slots=True)
class RefEntry:
    """What the version was made from, in which role: named by asset, identified by manifest digest."""

    role: str
    asset: AssetName
    digest: Digest


@dataclass(frozen=True)
class Manifest:
    """Everything that is part of a version's identity, and nothing else.

    Attributes:
        kind: What it is: ``Files``, or the TFX artifact type (``Model``, ``Examples``, …).
        files: By path; at least one.
        directories: Empty folders, by path.
        refs: By role, asset and digest.
        properties: Facts; JSON values.

    Raises:
        InvalidInputError: No files, a bad path, two paths that some file system takes for one, or one ref twice.
    """

    kind: str
    files: tuple[FileEntry, ...]
    directories: tuple[str, ...] = ()
    refs: tuple[RefEntry, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_label(self.kind, "kind")
        if not self.files:
            raise InvalidInputError("an asset version needs at least one file; there is none")
        check_paths([entry.path for entry in self.files], self.directories)
        for entry in self.files:
            if entry.url is not None:
                check_url(entry.url)
        for key in self.properties:
            check_label(key, "property")
        if len(set(self.refs)) != len(self.refs):
            raise InvalidInputError("one ref stands twice in the manifest")

    @property
    def size_bytes(self) -> int:
        """Sum of the files' sizes."""
        return sum(entry.size_bytes for entry in self.files)

    def to_bytes(self) -> bytes:
        """Return the canonical bytes."""
        return canonical_json(
            {
                "format": FORMAT,
                "kind": self.kind,
                "files": [entry.to_json() for entry in sorted(self.files, key=lambda entry: entry.path)],
                "directories": sorted(self.directories),
                "refs": [
                    {"role": e.role, "asset": f"{e.asset.workspace}/{e.asset.name}", "digest": str(e.digest)}
                    for e in sorted(self.refs)
                ],
                "properties": dict(self.properties),
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> Manifest:
        """Read a manifest, trusting nothing.

        Raises:
            FormatError: Of another format.
            InvalidInputError: Not a manifest, or not in canonical form.
        """
        document = parse_json(content, "the manifest")
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            found = document.get("format") if isinstance(document, dict) else type(document).__name__
            raise FormatError(f"manifest has format {found!r}, this release reads {FORMAT!r}")
        if set(document) != _KEYS:
            raise InvalidInputError(f"manifest has the fields {sorted(document)}; expected {sorted(_KEYS)}")
        if not isinstance(document["properties"], dict):
            raise InvalidInputError(
                f"manifest is malformed: its properties are {document['properties']!r}, not an object"
            )
        try:
            manifest = cls(
                kind=document["kind"],
                files=tuple(_file_entry(**entry) for entry in document["files"]),
                directories=tuple(document["directories"]),
                refs=tuple(_ref_entry(**entry) for entry in document["refs"]),
                properties=document["properties"],
            )
        except (TypeError, AttributeError) as error:
            raise InvalidInputError(f"manifest is malformed: {error}") from error
        if manifest.to_bytes() != content:
            raise InvalidInputError("manifest is not in canonical form; it was not written by ama-tfx")
        return manifest


def check_paths(files: list[str], directories: tuple[str, ...]) -> None:
    """Raise `InvalidInputError` unless these paths can lie side by side on every file system."""
    seen: dict[str, str] = {}
    for path in (*files, *directories):
        folded = check_path(path).casefold()
        if folded in seen:
            raise InvalidInputError(
                f"paths {seen[folded]!r} and {path!r} are the same, or differ only in case; rename one"
            )
        seen[folded] = path
    spellings: dict[str, str] = {}
    for path in (*files, *directories):
        for folder in folders_of(path):
            folded = folder.casefold()
            if folded in seen:
                raise InvalidInputError(f"path {seen[folded]!r} is listed by itself and as a folder of {path!r}")
            if (other := spellings.setdefault(folded, folder)) != folder:
                raise InvalidInputError(f"folders {other!r} and {folder!r} differ only in case; rename one")


def folders_of(path: str) -> Iterator[str]:
    """Yield the folders that a path lies in, the innermost first, without the root."""
    while folder := path.rpartition("/")[0]:
        yield folder
        path = folder


def _file_entry(path: str, sha256: str, size_bytes: int, url: str | None = None) -> FileEntry:
    if type(size_bytes) is not int or size_bytes < 0:
        raise InvalidInputError(f"file {path!r} has the size {size_bytes!r}; expected a whole number from 0")
    return FileEntry(path, Digest(sha256), size_bytes, url)


def _ref_entry(role: str, asset: str, digest: str) -> RefEntry:
    workspace, _, name = asset.partition("/")
    return RefEntry(check_label(role, "role"), AssetName(workspace, name), Digest.parse(digest))
