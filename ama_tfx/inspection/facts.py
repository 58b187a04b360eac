"""What inspecting files gives: values, all of them read from bytes and none of them believed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

JsonScalar = str | int | float | bool | None
"""A leaf of a configuration file."""


class OpenableFile(Protocol):
    """A file to look into, wherever it lies.

    Attributes:
        size_bytes: How long it is.
    """

    @property
    def size_bytes(self) -> int:
        """How long it is."""

    def open(self) -> BinaryIO:
        """Open it for reading; the stream can seek, and is for the caller to close."""


@dataclass(frozen=True, slots=True)
class TensorFact:
    """A tensor (array, variable, dataset) that a file holds.

    Attributes:
        name: Within the file.
        dtype: numpy's name, or ``bfloat16``, ``float8_e4m3fn``, ``float8_e5m2``, ``string``, or ``opaque`` for what
            has no plain numbers (compressed, quantized, unknown).
        shape: As the file says; of an opaque one perhaps its bytes.
        path: The file that holds it.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    path: str


@dataclass(frozen=True, slots=True)
class Danger:
    """Something that can run code when the file is loaded, or that reaches outside of it.

    Attributes:
        path: The file; for a member of an archive with ``!`` and the member's name behind it.
        what: What was found, as in ``pickle calls os.system``.
        why: What it can do.
    """

    path: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that is not what its name or its own header says, or more than is read.

    Attributes:
        path: The file, as in `Danger`.
        what: What is wrong.
    """

    path: str
    what: str


@dataclass(frozen=True, slots=True)
class FeatureFact:
    """A feature of a TFX Schema.

    Attributes:
        name: Dotted where it stands in a struct.
        type: ``BYTES``, ``INT``, ``FLOAT``, ``STRUCT`` or ``UNKNOWN``.
        presence: ``required``, ``optional``, ``min_fraction=0.5``; with ``deprecated`` and the like where it is so.
        shape: ``[1]``, ``[2,3]``, or the count of values, as in ``1..`` and ``0..5``; empty when it is not said.
        domain: Of its values, as in ``ints 0..10`` or ``strings {Cash, Card}``; empty when it is not said.
    """

    name: str
    type: str
    presence: str
    shape: str
    domain: str


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """What became of a feature from one schema to the next.

    Attributes:
        feature: Its name.
        what: What changed, as in ``type INT -> FLOAT``.
        is_breaking: Whether data that was right under the one schema may be wrong under the other, or a model that
            was trained with the one cannot take the data of the other.
    """

    feature: str
    what: str
    is_breaking: bool


@dataclass(frozen=True, slots=True)
class ExamplesFact:
    """TFRecords of ``tf.train.Example``.

    Attributes:
        records: Path -> how many records were counted.
        is_complete: Whether those are all; counting is bounded.
        sampled: How many records, the first of each file, were looked into.
        features: Name -> ``bytes``, ``float``, ``int64``, ``empty``, or several of them with ``|`` between.
    """

    records: Mapping[str, int]
    is_complete: bool
    sampled: int
    features: Mapping[str, str]

    @property
    def record_count(self) -> int:
        """Of all files together."""
        return sum(self.records.values())


@dataclass(frozen=True)
class Inspected:
    """What some files hold; every collection is in the order of the files' paths.

    Attributes:
        formats: Path -> ``yaml``, ``saved_model``, ``safetensors``, …; a file of no known format is absent.
        parameters: Dotted key -> value, of YAML, JSON and TOML files; with ``<path>:`` before it where two files have
            the key with different values.
        metrics: Name -> value, of TFMA's results and of JSON files that are named after metrics; a slice, output or
            model stands in brackets behind the name, as in ``auc[trip_hour=3]``.
        schema: Of a TFX Schema; of the first, by path, when there are several.
        tensors: That files hold.
        signatures: Of a SavedModel: signature -> ``input x`` or ``output y`` -> ``float32[?,10]``.
        examples: Of TFRecords of Examples; None when there are none.
        dangers: What can run code or reaches outside.
        problems: What is damaged, or not what it says.
        notes: Other things worth a line: Path and text, as in ``ONNX, opset 17``.
    """

    formats: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, JsonScalar] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    schema: tuple[FeatureFact, ...] = ()
    tensors: tuple[TensorFact, ...] = ()
    signatures: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    examples: ExamplesFact | None = None
    dangers: tuple[Danger, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    @property
    def is_clean(self) -> bool:
        """Whether there is neither a danger nor a problem."""
        return not self.dangers and not self.problems

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama inspect --json`` prints it; numbers that JSON lacks are text."""
        examples = self.examples
        return {
            "formats": dict(self.formats),
            "parameters": {key: _finite(value) for key, value in self.parameters.items()},
            "metrics": {key: _finite(value) for key, value in self.metrics.items()},
            "schema": [dataclasses.asdict(feature) for feature in self.schema],
            "tensors": [{**dataclasses.asdict(tensor), "shape": list(tensor.shape)} for tensor in self.tensors],
            "signatures": {name: dict(parts) for name, parts in self.signatures.items()},
            "examples": examples and {**dataclasses.asdict(examples), "record_count": examples.record_count},
            "dangers": [dataclasses.asdict(danger) for danger in self.dangers],
            "problems": [dataclasses.asdict(problem) for problem in self.problems],
            "notes": [{"path": path, "what": what} for path, what in self.notes],
        }


def _finite(value: JsonScalar) -> JsonScalar:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
