"""What is asked of versions: conditions as values, for `search` to turn into SQL.

A condition is met by a version or it is not: there is no third outcome, so `Negated` is met by exactly the others.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from enum import Enum

from ama_tfx.catalog.patterns import Pattern

Point = float | str | datetime.datetime | tuple[int, int, int]


class Label(Enum):
    """What a version is called by: exactly one text, or any number of them."""

    NAME = "name"
    WORKSPACE = "workspace"
    KIND = "kind"
    CREATOR = "creator"
    ALIAS = "alias"
    TAG = "tag"
    PIPELINE = "pipeline"
    RUN = "run"
    FILE = "file"


class Quantity(Enum):
    """What has an order; `METRIC` and `PROPERTY` are many, told apart by a key."""

    METRIC = "metric"
    PROPERTY = "property"
    SIZE = "size"
    NUMBER = "number"
    CREATED = "created"
    SEMANTIC = "semantic"


@dataclass(frozen=True, slots=True)
class Interval:
    """The points between two ends; an end that is None is open to infinity.

    Attributes:
        low: The lower end.
        high: The upper end.
        with_low: Whether the lower end belongs to it.
        with_high: Whether the upper end belongs to it.
    """

    low: Point | None = None
    high: Point | None = None
    with_low: bool = True
    with_high: bool = True


@dataclass(frozen=True, slots=True)
class All:
    """Every part is met; without parts it is met always."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part is met."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """The part is not met."""

    part: Condition


@dataclass(frozen=True, slots=True)
class Mentions:
    """The pattern is found in the asset's name or description, the version's message or a tag, in any case."""

    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Labelled:
    """One of the version's labels is the pattern."""

    label: Label
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Within:
    """A quantity is there and lies in an interval; of a property, ends that are texts ask for texts."""

    quantity: Quantity
    interval: Interval
    key: str = ""


@dataclass(frozen=True, slots=True)
class HasKey:
    """The version has a metric or a property of this name, whatever its value."""

    quantity: Quantity
    key: str


@dataclass(frozen=True, slots=True)
class PropertyIs:
    """A property is exactly this canonical JSON."""

    key: str
    json: str


@dataclass(frozen=True, slots=True)
class PropertyLike:
    """A property is a text that is the pattern."""

    key: str
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class HoldsDigest:
    """The version's digest, or that of a file in it, lies between two, both included (32 bytes each)."""

    low: bytes
    high: bytes


@dataclass(frozen=True, slots=True)
class MadeFrom:
    """The version has a ref to a version of this asset, or to one version of it (row numbers)."""

    asset_id: int
    version_id: int | None = None


Condition = (
    All | AnyOf | Negated | Mentions | Labelled | Within | HasKey | PropertyIs | PropertyLike | HoldsDigest | MadeFrom
)


class Order(Enum):
    """What versions can be sorted by."""

    NAME = "name"
    WORKSPACE = "workspace"
    KIND = "kind"
    CREATOR = "creator"
    CREATED = "created"
    SIZE = "size"
    NUMBER = "number"
    SEMANTIC = "semantic"
    METRIC = "metric"


@dataclass(frozen=True, slots=True)
class SortBy:
    """One key to sort by; versions that do not have it come last either way."""

    order: Order
    descending: bool = False
    key: str = ""
