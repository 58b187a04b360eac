"""From what was found in files to a report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ama_tfx.cli.report import Report, Table
from ama_tfx.cli.text import plural
from ama_tfx.errors import GateError
from ama_tfx.inspection import ExamplesFact, Inspected

FIRST = 20
"""How many rows of a table are shown unless all are asked for; dangers and problems are always shown."""

_MOST_CELL = 80

Rows = Sequence[tuple[str, ...]]


def path_on_disk(text: str) -> Path | None:
    """Return the path that an argument means, or None when it is a reference.

    A folder whose name is a single word is taken for the asset of that name: downloads make such folders.
    """
    path = Path(text)
    try:
        is_path = text.startswith(("/", ".")) or ("/" in text and path.exists()) or path.is_file()
    except (OSError, ValueError):  # too long for a name, or a NUL: the parser of references says so
        return None
    return path if is_path else None


def inspected_report(inspected: Inspected, *, show_all: bool) -> Report:
    """Tell what files contain; ``--quiet`` names those with a danger or a problem."""
    paths = [danger.path for danger in inspected.dangers] + [problem.path for problem in inspected.problems]
    ids = dict.fromkeys(paths)
    return Report(inspected.to_json(), tuple(ids), tuple(_blocks(inspected, None if show_all else FIRST)))


def refuse_dangers(inspected: Inspected, target: str) -> None:
    """Make a command fail that has told of dangers or problems.

    Raises:
        GateError: There are some.
    """
    if not inspected.is_clean:
        counts = f"{plural(len(inspected.dangers), 'danger')} and {plural(len(inspected.problems), 'problem')}"
        raise GateError(f"{target!r} has {counts}; look at them, and load it only from somebody you trust")


def _blocks(inspected: Inspected, most: int | None) -> Iterator[Table | str]:
    if inspected.dangers:
        yield Table(("file", "what", "why"), tuple((d.path, d.what, d.why) for d in inspected.dangers), "dangers")
    if inspected.problems:
        yield Table(("file", "what"), tuple((p.path, p.what) for p in inspected.problems), "problems")
    yield from _told(inspected, most)
    found = (inspected.formats, inspected.dangers, inspected.problems, inspected.notes)
    if not any(found):
        yield "no file of a known format"


def _told(inspected: Inspected, most: int | None) -> Iterator[Table | str]:
    yield from _table("formats", ("format", "file"), [(kind, path) for path, kind in inspected.formats.items()], most)
    yield from _table("notes", ("file", "what"), list(inspected.notes), most)
    yield from _table("parameters", ("parameter", "value"), _pairs(inspected.parameters), most)
    yield from _table("metrics", ("metric", "value"), _pairs(inspected.metrics), most)
    signatures = [
        (name, part, text) for name, parts in inspected.signatures.items() for part, text in sorted(parts.items())
    ]
    yield from _table("signatures", ("signature", "name", "type"), signatures, most)
    features = [(f.name, f.type, f.presence, f.shape, _cut(f.domain)) for f in inspected.schema]
    yield from _table("schema", ("feature", "type", "presence", "shape", "domain"), features, most)
    if inspected.examples:
        yield from _examples(inspected.examples, most)
    tensors = [(t.dtype, _shape(t.shape), t.name, t.path) for t in inspected.tensors]
    yield from _table("tensors", ("dtype", "shape", "name", "file"), tensors, most)


def _examples(examples: ExamplesFact, most: int | None) -> Iterator[Table | str]:
    files = [(f"{count:,}", path) for path, count in examples.records.items()]
    yield from _table("records", ("records", "file"), files, most)
    if not examples.is_complete:
        yield "… and more records, which were not counted"
    title = f"features of the first {plural(examples.sampled, 'record')}"
    yield from _table(title, ("feature", "type"), list(examples.features.items()), most)


def _table(title: str, columns: tuple[str, ...], rows: Rows, most: int | None) -> Iterator[Table | str]:
    if not rows:
        return
    yield Table(columns, tuple(rows[:most]), title)
    if most is not None and len(rows) > most:
        yield f"… and {len(rows) - most:,} more; --all lists them"


def _pairs(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key, _cut(_text(value))) for key, value in values.items()]


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value)


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CELL else f"{text[: _MOST_CELL - 1]}…"


def _shape(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"
