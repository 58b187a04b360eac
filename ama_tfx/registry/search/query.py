"""What is searched for, as values: the tree that a query is, and its one written form.

``docs/reference/search.md`` describes the language. `Query.parse` reads it, ``str`` writes it, and what was written is
read back equal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from ama_tfx.catalog.patterns import Pattern
from ama_tfx.registry.search.values import SemanticPrefix, Value, When, write_number

MAX_LENGTH = 4096
"""Characters of a query."""
MAX_TERMS = 100
MAX_DEPTH = 20
"""Parentheses and NOTs within each other."""
MAX_STARS = 4
"""``*`` in one text: the time that databases take to compare grows with each."""

_BARE_WORD = re.compile(r"(?:\\.|[^\s()\"\\:=<>!-])(?:\\.|[^\s()\"\\:=<>!])*", re.DOTALL)
_BARE_VALUE = re.compile(r"(?![:=<>!])(?:\\.|[^\s()\"\\])+", re.DOTALL)
_BARE_KEY = re.compile(r"[^\s():=!<>\"\\]+")
_KEYWORDS = {"AND", "OR", "NOT"}
_JSON_WORDS = {"true", "false", "null"}
_NUMERIC = re.compile(r"[-+.]?[0-9]|.*\.\.", re.DOTALL)


class Op(Enum):
    """How a field is compared."""

    IS = ":"
    IS_NOT = "!="
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="


class Field(Enum):
    """What can be asked of a version; `METRIC` and `PROPERTY` come with a key."""

    NAME = "name"
    WORKSPACE = "workspace"
    KIND = "kind"
    BY = "by"
    ALIAS = "alias"
    TAG = "tag"
    PIPELINE = "pipeline"
    RUN = "run"
    FILE = "file"
    METRIC = "metric"
    PROPERTY = "property"
    CREATED = "created"
    SIZE = "size"
    VERSION = "version"
    SEMANTIC = "semantic"
    SHA256 = "sha256"
    REFS = "refs"


KEYED = frozenset({Field.METRIC, Field.PROPERTY})
LABELS = frozenset(
    {
        *(Field.NAME, Field.WORKSPACE, Field.KIND, Field.BY, Field.ALIAS, Field.TAG, Field.PIPELINE, Field.RUN),
        Field.FILE,
    }
)
ORDERED = frozenset({Field.METRIC, Field.PROPERTY, Field.CREATED, Field.SIZE, Field.VERSION, Field.SEMANTIC})
SORTABLE = frozenset(
    {
        *(Field.NAME, Field.WORKSPACE, Field.KIND, Field.BY, Field.CREATED, Field.SIZE, Field.VERSION),
        *(Field.SEMANTIC, Field.METRIC),
    }
)


@dataclass(frozen=True, slots=True)
class Span:
    """From one value to another, both included; an end that is None is open."""

    low: Value
    high: Value

    def __str__(self) -> str:
        return f"{_end(self.low)}..{_end(self.high)}"


@dataclass(frozen=True, slots=True)
class Words:
    """Free text: found in a name, description, message or tag, in any case."""

    pattern: Pattern

    def __str__(self) -> str:
        source = self.pattern.source
        return source if _BARE_WORD.fullmatch(source) and source not in _KEYWORDS else _quoted(source)


@dataclass(frozen=True, slots=True)
class Test:
    """A field compared with a value.

    Attributes:
        field: Which.
        op: How.
        value: A `Pattern` for labels, refs and digests; a number, `When` or `SemanticPrefix` for what has an order; a
            `Span` of them; for properties a pattern, a number, a span of numbers, a `bool` or None (JSON's null).
        key: The name of a metric or property.
    """

    field: Field
    op: Op
    value: Value | Span
    key: str = ""

    def __str__(self) -> str:
        return f"{_field(self.field, self.key)}{self.op.value}{_value(self.field, self.value)}"


@dataclass(frozen=True, slots=True)
class And:
    """All parts, two or more."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " ".join(f"({part})" if isinstance(part, And | Or) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the parts, two or more."""

    parts: tuple[Expression, ...]

    def __str__(self) -> str:
        return " OR ".join(f"({part})" if isinstance(part, Or) else str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    """Not the part."""

    part: Expression

    def __str__(self) -> str:
        return f"NOT ({self.part})" if isinstance(self.part, And | Or) else f"NOT {self.part}"


Expression = Words | Test | And | Or | Not


@dataclass(frozen=True, slots=True)
class Sort:
    """A key to sort by."""

    field: Field
    descending: bool = False
    key: str = ""

    def __str__(self) -> str:
        return f"sort:{_field(self.field, self.key)}{' desc' if self.descending else ''}"


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for.

    Attributes:
        where: What versions have to be; None for any.
        sort: In which order; the first key counts most, and after the last one the newest come first.
    """

    where: Expression | None = None
    sort: tuple[Sort, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Query:
        """Read a query.

        Raises:
            QueryError: It cannot be read; the error points at where, and says what would be right.
        """
        from ama_tfx.registry.search.parsing import parse_query  # lark takes 60 ms, and most verbs need none

        return parse_query(text)

    def __str__(self) -> str:
        return " ".join([*([] if self.where is None else [str(self.where)]), *map(str, self.sort)])


def parse_sort(text: str) -> Sort:
    """Read a key to sort by, as ``sort:`` and ``--sort`` take it: ``metric.auc desc``, ``-created``.

    Raises:
        QueryError: Nothing that can be sorted by.
    """
    from ama_tfx.registry.search.parsing import parse_sort as parse

    return parse(text)


def _field(field: Field, key: str) -> str:
    if field not in KEYED:
        return field.value
    return f"{field.value}.{key if _BARE_KEY.fullmatch(key) else _quoted_key(key)}"


def _value(field: Field, value: Value | Span) -> str:
    if isinstance(value, Pattern):
        bare = _BARE_VALUE.fullmatch(value.source) and not (field is Field.PROPERTY and _reads_as_json(value.source))
        return value.source if bare else _quoted(value.source)
    return str(value) if isinstance(value, Span) else _end(value) or "null"


def _end(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, When | SemanticPrefix | Pattern):
        return str(value)
    return write_number(value)


def _reads_as_json(text: str) -> bool:
    return text in _JSON_WORDS or _NUMERIC.match(text) is not None


def _quoted(source: str) -> str:
    return '"' + source.replace('"', '\\"') + '"'


def _quoted_key(key: str) -> str:
    return _quoted(key.replace("\\", "\\\\"))
