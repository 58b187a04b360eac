"""What the files of compared versions say: each content is looked into once, and never executed."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ama_tfx.errors import AmaError
from ama_tfx.inspection import Inspected, OpenableFile, inspect_files
from ama_tfx.registry.comparison.results import Subject
from ama_tfx.registry.comparison.rows import FileRow, Problem
from ama_tfx.registry.manifest import FileEntry
from ama_tfx.registry.results import Details
from ama_tfx.registry.stored_file import not_looked_at
from ama_tfx.storage import Digest

MOST_GROUPS = 1_000
"""Files of one version that are looked into, TensorBundles counted once."""

MOST_RECORD_BYTES = 256 << 20
"""Of the records in one folder: they are counted, so all of them are read."""

SCHEMA_NAME = re.compile(r"\.(?:pbtxt|textproto)$|schema[^/]*\.pb$", re.IGNORECASE)
"""Of files that may be a TFX Schema."""

_BUNDLE = re.compile(r"(.*)\.(?:data-\d{5}-of-\d{5}|index)", re.DOTALL)
_SHARD = re.compile(r"(?:(.*)/)?[^/]*(?:-\d{5}-of-\d{5}|\.tfrecords?)(?:\.gz)?", re.DOTALL)
_TOLD = re.compile(
    r"\.(?:ya?ml|json|toml|pbtxt|textproto|pb|safetensors|npy|npz|h5|hdf5|keras|gguf|onnx)$|(?:^|/)metrics[^/]*$",
    re.IGNORECASE,
)
"""Names of files that may say something."""

_METRICS = re.compile(r"(?:^|/)metrics[^/]*$", re.IGNORECASE)


@dataclass(frozen=True)
class Side:
    """One of what is compared.

    Attributes:
        subject: Its name.
        details: Of a version; None for what lies on disk.
        entries: Its files.
        files: The same by path, to be opened.
        schemas: Files of the versions that its refs with the role ``schema`` point at.
    """

    subject: Subject
    details: Details | None
    entries: tuple[FileEntry, ...]
    files: Mapping[str, OpenableFile]
    schemas: Mapping[str, OpenableFile] = field(default_factory=dict)

    @property
    def size_bytes(self) -> int:
        """Sum of its files' sizes."""
        return sum(entry.size_bytes for entry in self.entries)

    @functools.cached_property
    def digests(self) -> Mapping[str, Digest]:
        """Its files' contents by path."""
        return {entry.path: entry.digest for entry in self.entries}


@dataclass(frozen=True, slots=True)
class Group:
    """Files that belong together: one, the index and shards of a TensorBundle, or the shards of records in a folder.

    Attributes:
        paths: By column: path in the column -> path of its row.
    """

    paths: tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Told:
    """What the files of a group say.

    Attributes:
        group: The files.
        columns: By column; None where it has none of them, or they could not be read.
    """

    group: Group
    columns: tuple[Inspected | None, ...]

    def is_unread(self, column: int) -> bool:
        """Whether a column has such files, of which not all could be read."""
        told = self.columns[column]
        return bool(self.group.paths[column]) and (told is None or bool(told.problems))


class Reader:
    """Looks into groups of files, into the same content under the same names once.

    Args:
        sides: What is compared.

    Attributes:
        problems: What could not be read so far.
    """

    def __init__(self, sides: Sequence[Side]) -> None:
        self._sides = sides
        self._seen: dict[tuple[tuple[str, Digest], ...], Inspected | None] = {}
        self.problems: list[Problem] = []

    def read(self, group: Group) -> Told:
        """Return what the files of a group say."""
        return Told(group, tuple(self._column(number, list(paths)) for number, paths in enumerate(group.paths)))

    def _column(self, number: int, paths: list[str]) -> Inspected | None:
        if not paths:
            return None
        key = tuple((path, self._sides[number].digests[path]) for path in paths)
        if key not in self._seen:
            self._seen[key] = self._inspect(number, paths)
        return self._seen[key]

    def _inspect(self, number: int, paths: list[str]) -> Inspected | None:
        files = self._sides[number].files
        if outside := [path for path in paths if path not in files]:
            entries = {entry.path: entry for entry in self._sides[number].entries}
            self.problems += [Problem(number, path, not_looked_at(entries[path])) for path in outside]
            return None
        records = sum(files[path].size_bytes for path in paths if _SHARD.fullmatch(path))
        if records > MOST_RECORD_BYTES:
            what = f"{records:,} bytes of records are not looked into; at most {MOST_RECORD_BYTES:,} are, of one folder"
            self.problems.append(Problem(number, paths[0], what))
            return None
        try:
            told = inspect_files({path: files[path] for path in paths})
        except AmaError as error:
            self.problems.append(Problem(number, paths[0], str(error)))
            return None
        self.problems += [Problem(number, problem.path, problem.what) for problem in told.problems]
        return told


def groups(rows: Sequence[FileRow], *, with_same: bool) -> tuple[list[Group], int]:
    """Return the files that may say something and differ, or all of them, and how many were left out as too many.

    Args:
        rows: Of all files.
        with_same: Whether files that are the same everywhere are wanted too.
    """
    found: dict[str, list[FileRow]] = {}
    for row in rows:
        if bundle := _BUNDLE.fullmatch(row.path):
            found.setdefault(bundle[1], []).append(row)
        elif (shard := _SHARD.fullmatch(row.path)) and not _METRICS.search(row.path):
            found.setdefault(f"{shard[1] or ''}/*", []).append(row)
        elif _TOLD.search(row.path):
            found.setdefault(row.path, []).append(row)
    wanted = [some for some in found.values() if with_same or not all(row.is_same for row in some)]
    return [_group(some) for some in wanted[:MOST_GROUPS]], max(0, len(wanted) - MOST_GROUPS)


def _group(rows: Sequence[FileRow]) -> Group:
    columns = range(len(rows[0].cells))
    return Group(tuple(dict(_paths(rows, column)) for column in columns))


def _paths(rows: Sequence[FileRow], column: int) -> Iterator[tuple[str, str]]:
    for row in rows:
        if cell := row.cells[column]:
            yield cell.path, row.path
