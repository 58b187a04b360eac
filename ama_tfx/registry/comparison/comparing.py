"""Comparing versions, and what lies on disk, by what they hold; nothing in them is executed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from ama_tfx.errors import InvalidInputError, did_you_mean
from ama_tfx.inspection import Inspected, inspect_files, local_files
from ama_tfx.registry.comparison import contents, values
from ama_tfx.registry.comparison.files import file_rows
from ama_tfx.registry.comparison.pieces import Pieces
from ama_tfx.registry.comparison.reading import SCHEMA_NAME, Reader, Side, Told, groups
from ama_tfx.registry.comparison.results import SECTIONS, Comparison, Subject
from ama_tfx.registry.comparison.rows import FileRow, Problem, SchemaRow
from ama_tfx.registry.downloading import select
from ama_tfx.registry.manifest import FileEntry, Manifest
from ama_tfx.registry.names import SCHEME, AssetRef
from ama_tfx.registry.results import Details
from ama_tfx.registry.stored_file import StoredFile
from ama_tfx.storage import BlobStore, Digest, hash_stream, os_errors

_RECORDS = frozenset({".ama", ".git"})
"""Folders that are never content."""

MOST_SUBJECTS = 20
"""What a person, or a page, can hold side by side."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where versions are found.

    Attributes:
        blobs: Their bytes.
        show: Gives what is known of a version.
        manifest: Gives a version's manifest.
    """

    blobs: BlobStore
    show: Callable[[AssetRef], Details]
    manifest: Callable[[Digest], Manifest]


def compare(shelf: Shelf, wanted: Sequence[AssetRef | Path], sections: Sequence[str], *, with_same: bool) -> Comparison:
    """Return how versions, files and folders differ; see `Registry.compare`."""
    check_request(len(wanted), sections)
    found = [local_side(one) if isinstance(one, Path) else stored_side(shelf, one) for one in wanted]
    return compare_sides(found, shelf.blobs, sections, with_same=with_same)


def check_request(count: int, sections: Sequence[str]) -> None:
    """Raise `InvalidInputError` unless so many things can be compared in these sections."""
    if not 2 <= count <= MOST_SUBJECTS:
        raise InvalidInputError(f"cannot compare {count}; expected 2 to {MOST_SUBJECTS} versions, files or folders")
    for section in sections:
        if section not in SECTIONS:
            near = did_you_mean(section, SECTIONS) or f"; known: {', '.join(SECTIONS)}"
            raise InvalidInputError(f"no section {section!r}{near}")


def stored_side(shelf: Shelf, ref: AssetRef) -> tuple[Side, bool]:
    """Return a version as something to compare, and whether it is one file of it.

    Raises:
        NotFoundError: There is no such version, or no such path in it.
    """
    details = shelf.show(ref)
    entries, one_file = details.files, False
    if ref.path is not None:
        entries, _, one_file = select(shelf.manifest(details.version.digest), ref.path)
    schemas = [shelf.manifest(version.digest) for role, version in details.refs if role == "schema"]
    side = Side(
        Subject(_name(ref, details), details.version, _written(ref)),
        details,
        entries,
        {entry.path: _stored(shelf.blobs, entry) for entry in entries if entry.url is None},
        {entry.path: _stored(shelf.blobs, entry) for manifest in schemas for entry in manifest.files if not entry.url},
    )
    return side, one_file


def local_side(path: Path) -> tuple[Side, bool]:
    """Return a file or folder on disk as something to compare, and whether it is a file.

    Raises:
        NotFoundError, InvalidInputError, PermissionDeniedError: It cannot be read.
    """
    found = local_files(path)
    files = {name: file for name, file in found.items() if _RECORDS.isdisjoint(name.split("/")[:-1])}
    entries = []
    for name, file in files.items():
        with os_errors("read", path / name), file.open() as stream:
            entries.append(FileEntry(name, *hash_stream(stream)))
    with os_errors("read", path):
        return Side(
            Subject(str(path) if len(path.parts) != 1 else f"./{path}", None), None, tuple(entries), files
        ), path.is_file()


def compare_sides(
    found: Sequence[tuple[Side, bool]], blobs: BlobStore, sections: Sequence[str], *, with_same: bool
) -> Comparison:
    """Return how things differ.

    Args:
        found: What is compared, and whether it is one file: files alone are compared whatever they are called.
        blobs: Where the versions' bytes are.
        sections: Which of `SECTIONS` are wanted.
        with_same: Whether what is equal is wanted too.
    """
    sides = [side for side, _ in found]
    if all(one_file for _, one_file in found):
        sides = [_called(side, sides[0].entries[0].path) for side in sides]
    rows = file_rows([side.entries for side in sides])
    work = _Work(sides, blobs, rows, with_same)
    parts: dict[str, Any] = {}
    for section in SECTIONS:
        if section in sections:
            parts |= getattr(work, section)()
    return Comparison(
        subjects=tuple(side.subject for side in sides),
        sections=tuple(section for section in SECTIONS if section in sections),
        problems=tuple(dict.fromkeys(work.problems)),
        with_same=with_same,
        **parts,
    )


class _Work:
    """One comparison under way: each section is a method, and files are looked into when the first asks for it."""

    def __init__(self, sides: Sequence[Side], blobs: BlobStore, rows: tuple[FileRow, ...], with_same: bool) -> None:
        self._sides, self._blobs, self._rows, self._with_same = sides, blobs, rows, with_same
        self._reader = Reader(sides)
        self._pieces = Pieces(blobs)
        self.problems = self._reader.problems

    @functools.cached_property
    def _told(self) -> list[Told]:
        some, left_out = groups(self._rows, with_same=self._with_same)
        if left_out:
            self.problems.append(Problem(0, "", f"{left_out} more files were not looked into, only listed"))
        return [self._reader.read(group) for group in some]

    def facts(self) -> dict[str, Any]:
        told = [values.facts(side.details) for side in self._sides]
        sizes = [values.sizes(side.size_bytes, len(side.entries)) for side in self._sides]
        return {"facts": self._wanted([*values.value_rows(told), *values.value_rows(sizes)])}

    def params(self) -> dict[str, Any]:
        properties = [values.properties(side.details) for side in self._sides]
        of_files = [contents.parameters(self._told, number) for number in range(len(self._sides))]
        return {"params": self._wanted([*values.value_rows(of_files), *values.value_rows(properties)])}

    def metrics(self) -> dict[str, Any]:
        recorded = [values.recorded(side.details) for side in self._sides]
        of_files = [contents.metrics(self._told, number) for number in range(len(self._sides))]
        unread = [contents.unread_sources(self._told, number) for number in range(len(self._sides))]
        return {"metrics": self._wanted([*values.metric_rows(of_files, unread), *values.metric_rows(recorded)])}

    def files(self) -> dict[str, Any]:
        return {
            "files": self._wanted(self._rows),
            "shared_bytes": tuple(
                self._pieces.shared_bytes(self._sides[0].entries, side.entries) for side in self._sides
            ),
            "total_bytes": tuple(side.size_bytes for side in self._sides),
        }

    def refs(self) -> dict[str, Any]:
        return {"refs": self._wanted(values.value_rows([values.ref_targets(side.details) for side in self._sides]))}

    def schema(self) -> dict[str, Any]:
        return {"schema": (*contents.schema_rows(self._told), *self._schemas_of_refs())}

    def tensors(self) -> dict[str, Any]:
        keys = [self._pieces.of_tensors if side.details else None for side in self._sides]
        tensors = contents.Tensors(self._sides, keys, self.problems)
        return {"tensors": self._wanted(row for told in self._told for row in tensors.rows(told))}

    def _wanted(self, rows: Any) -> tuple[Any, ...]:
        return values.differing(rows, with_same=self._with_same)

    def _schemas_of_refs(self) -> tuple[SchemaRow, ...]:
        first, *others = [self._schema_of_refs(side) for side in self._sides]
        rows = [
            contents.schema_changes_of("ref schema", number, first, other)
            for number, other in enumerate(others, 1)
            if first.schema and other.schema
        ]
        return tuple(row for some in rows for row in some)

    def _schema_of_refs(self, side: Side) -> Inspected:
        return inspect_files({path: file for path, file in side.schemas.items() if SCHEMA_NAME.search(path)})


def _name(ref: AssetRef, details: Details) -> str:
    return f"{ref.asset.name}:{details.version.number}" + (f"/{ref.path}" if ref.path else "")


def _written(ref: AssetRef) -> str:
    return str(ref).removeprefix(f"{SCHEME}{ref.asset.workspace}/")


def _stored(blobs: BlobStore, entry: FileEntry) -> StoredFile:
    return StoredFile(blobs, entry.digest, entry.size_bytes)


def _called(side: Side, path: str) -> Side:
    """Return a side that is one file under another's path, where both are of one format by their names."""
    (entry,) = side.entries
    if PurePosixPath(entry.path).suffix != PurePosixPath(path).suffix:
        return side
    files = {path: side.files[entry.path]} if entry.path in side.files else {}  # one kept elsewhere is not there
    return replace(side, entries=(replace(entry, path=path),), files=files)
