"""From text to `Query`: the grammar, and what is said of text that is none.

lark reads it (LALR, so that neither time nor depth grows beyond the query's length); importing it takes 60 ms, which is
why `Query.parse` imports this module when it is called.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any, NoReturn

import lark

from ama_tfx.errors import InvalidInputError, QueryError, did_you_mean
from ama_tfx.registry.names import check_text
from ama_tfx.registry.search.query import (
    KEYED,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_TERMS,
    SORTABLE,
    And,
    Expression,
    Field,
    Not,
    Op,
    Or,
    Query,
    Sort,
    Test,
    Words,
)
from ama_tfx.registry.search.terms import read_value, read_words, unquoted

GRAMMAR = r"""
start: either?
either: both (OR both)*
both: item (AND? item)*
?item: NOT item -> negated
     | MINUS item -> negated
     | "(" either ")" -> group
     | (WORD | STRING) -> words
     | FIELD OP (VALUE | STRING) -> test
     | SORT -> sort

AND.3: /AND(?=[\s()]|$)/
OR.3: /OR(?=[\s()]|$)/
NOT.3: /NOT(?=[\s()]|$)/
MINUS.3: /-(?=[^\s)])/
SORT.4: /sort\s*:\s*-?(\w+\."(\\.|[^"\\])*"|[^\s()]+)(\s+(asc|desc)(?=[\s()]|$))?/
FIELD.2: /[^\W\d]\w*(\.("(\\.|[^"\\])*"|[^\s():=!<>"\\]+))?(?=\s*(!=|[:=<>]))/
WORD.1: /(?!(AND|OR|NOT)([\s()]|$))(\\.|[^\s()"\\:=<>!-]|!(?!=))(\\.|[^\s()"\\:=<>!]|!(?!=))*/
OP: /!=|<=|>=|[:=<>]/
VALUE.1: /(\\.|[^\s()"\\])+/
STRING: /"(\\.|[^"\\])*"/s
%ignore /\s+/
"""
_FIELDS = {field.value: field for field in Field}
_OPS = {**{op.value: op for op in Op}, "=": Op.IS}
_SORT = re.compile(r"(-?)([a-z0-9]+)(?:\.(.+?))?(?:\s+(asc|desc))?", re.DOTALL)
_REFERENCE = re.compile(r"[\w.-]+(/[\w.-]+)+:[\w.-]+(/[\w./-]+)?")
_EXPECTED = {
    "VALUE": "a value",
    "OP": "one of : = != < <= > >=",
    "WORD": "a word, a field, '(' or NOT",
}


def parse_query(text: str) -> Query:
    """Read a query; see `Query.parse`."""
    if len(text) > MAX_LENGTH:
        raise QueryError(f"the query has {len(text)} characters; expected at most {MAX_LENGTH}")
    check_text(text, "query")
    try:
        parsed = _parser().parse(text)
    except lark.UnexpectedInput as error:
        _refuse(text, error)
    except _WrongError as error:
        raise QueryError(str(error), _excerpt(text, error.start, error.end)) from error
    assert isinstance(parsed, Query)
    return parsed


def parse_sort(text: str) -> Sort:
    """Read a key to sort by; see `query.parse_sort`."""
    try:
        return _sort_of(check_text(text.strip(), "sort"))
    except InvalidInputError as error:
        raise QueryError(str(error)) from error


class _WrongError(Exception):
    """Something in the query cannot be right; it stands from ``start`` to ``end``."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(message)
        self.start, self.end = start, end


@dataclass(frozen=True, slots=True)
class _Part:
    """What was read so far of an expression: how deep and how large it is, and the keys to sort by that stood in it."""

    expression: Expression | None
    depth: int = 0
    terms: int = 0
    sort: tuple[tuple[Sort, lark.Token], ...] = ()


class _Builder(lark.Transformer[Any, Any]):
    """Makes the tree while lark reads, from the leaves up, so that nothing recurses."""

    def start(self, parts: list[_Part]) -> Query:
        whole = parts[0] if parts else _Part(None)
        return Query(whole.expression, tuple(sort for sort, _ in whole.sort))

    def either(self, parts: list[Any]) -> _Part:
        if len(parts) > 1:
            for part, before in zip(parts[::2], [None, *parts[1::2]], strict=True):
                if part.expression is None:
                    word = before or parts[1]
                    raise _WrongError(
                        "OR stands between two conditions, and sort: is none", word.start_pos, word.end_pos
                    )
        return _joined(Or, parts[::2])

    def both(self, parts: list[Any]) -> _Part:
        return _joined(And, [part for part in parts if isinstance(part, _Part)])

    def negated(self, parts: list[Any]) -> _Part:
        word, part = parts
        expression = _without_sort(part, word)
        return _checked(_Part(Not(expression), part.depth + 1, part.terms), word)

    def group(self, parts: list[Any]) -> _Part:
        (part,) = parts
        if part.sort:
            _no_sort_here(part.sort[0][1])
        return _Part(part.expression, part.depth + 1, part.terms)

    def words(self, parts: list[lark.Token]) -> _Part:
        (word,) = parts
        with _at(word):
            return _checked(_Part(Words(read_words(str(word))), terms=1), word)

    def test(self, parts: list[lark.Token]) -> _Part:
        name, op, value = parts
        with _at(name):
            field, key = _field_of(str(name))
        with _at(name, value):
            return _Part(Test(field, _OPS[str(op)], read_value(field, _OPS[str(op)], str(value)), key), terms=1)

    def sort(self, parts: list[lark.Token]) -> _Part:
        (word,) = parts
        with _at(word):
            return _Part(None, sort=((_sort_of(word.partition(":")[2].strip()), word),))


class _at:  # noqa: N801 - reads as a word
    """Say of bad input where in the query it stands."""

    def __init__(self, first: lark.Token, last: lark.Token | None = None) -> None:
        self._start, self._end = first.start_pos or 0, (last or first).end_pos or 0

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, InvalidInputError):
            raise _WrongError(str(error), self._start, self._end) from error


def _joined(kind: type[And] | type[Or], parts: list[_Part]) -> _Part:
    expressions = tuple(part.expression for part in parts if part.expression is not None)
    joined: Expression | None = kind(expressions) if len(expressions) > 1 else expressions[0] if expressions else None
    sort = tuple(key for part in parts for key in part.sort)
    whole = _Part(joined, max(part.depth for part in parts), sum(part.terms for part in parts), sort)
    return _checked(whole)


def _checked(part: _Part, at: lark.Token | None = None) -> _Part:
    start, end = (0, 0) if at is None else (at.start_pos or 0, at.end_pos or 0)
    if part.terms > MAX_TERMS:
        raise _WrongError(f"the query has more than {MAX_TERMS} conditions; ask in several queries", start, end)
    if part.depth > MAX_DEPTH:
        raise _WrongError(f"the query is nested more than {MAX_DEPTH} deep; leave out parentheses or NOTs", start, end)
    return part


def _without_sort(part: _Part, before: lark.Token) -> Expression:
    if part.sort:
        _no_sort_here(part.sort[0][1])
    if part.expression is None:
        raise _WrongError("NOT needs a condition", before.start_pos or 0, before.end_pos or 0)
    return part.expression


def _no_sort_here(word: lark.Token) -> NoReturn:
    message = "sort: says how the whole result is sorted; put it outside of parentheses and NOT"
    raise _WrongError(message, word.start_pos or 0, word.end_pos or 0)


def _field_of(text: str) -> tuple[Field, str]:
    name, dot, key = text.partition(".")
    if name not in _FIELDS:
        known = [*_FIELDS, "sort"]
        own = "" if dot else f"; a metric is 'metric.{name}', a property 'property.{name}'"
        others = f"; known: {', '.join(known)}; text with ':' in it goes in quotes{own}"
        raise InvalidInputError(f"no field {name!r}{did_you_mean(name.lower(), known) or others}")
    field = _FIELDS[name]
    if (field in KEYED) != bool(dot):
        right = f"{name}.KEY, as in {name}.auc" if field in KEYED else repr(name)
        raise InvalidInputError(f"not a field: {text!r}; expected {right}")
    return field, unquoted(key, keep_escapes=False) if key.startswith('"') else key


def _sort_of(text: str) -> Sort:
    match = _SORT.fullmatch(text)
    known = sorted(f"{field.value}.KEY" if field in KEYED else field.value for field in SORTABLE)
    if not match or _FIELDS.get(match[2]) not in SORTABLE:
        hint = did_you_mean(text.lstrip("-").split()[0] if text.strip("- ") else "", known)
        raise InvalidInputError(f"cannot sort by {text!r}{hint or '; known: ' + ', '.join(known)}")
    if match[1] and match[4]:
        raise InvalidInputError(f"cannot sort by {text!r}: '-' and {match[4]!r} both say the direction; use one")
    field, key = _field_of(match[2] + (f".{match[3]}" if match[3] else ""))
    return Sort(field, bool(match[1]) or match[4] == "desc", key)


@functools.cache
def _parser() -> lark.Lark:
    return lark.Lark(GRAMMAR, parser="lalr", transformer=_Builder())


def _refuse(text: str, error: lark.UnexpectedInput) -> NoReturn:
    accepted = _accepted(error)
    expected = next((words for name, words in _EXPECTED.items() if name in accepted), "the end")
    token = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        expected = "')'" if "RPAR" in accepted else expected
        raise QueryError(f"the query ends too early; expected {expected}", _excerpt(text, len(text), len(text)))
    start = error.pos_in_stream or 0
    if text[start : start + 1] == '"':
        raise QueryError("a quote that is never closed", _excerpt(text, start, start + 1))
    end = token.end_pos if token is not None and token.end_pos else start + 1
    hint = f"; `ama show {text.strip()}` shows a version" if _REFERENCE.fullmatch(text.strip()) else ""
    raise QueryError(f"unexpected {text[start:end]!r}; expected {expected}{hint}", _excerpt(text, start, end))


def _accepted(error: lark.UnexpectedInput) -> set[str]:
    names = getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None)
    return set(names or ())


def _excerpt(text: str, start: int, end: int) -> str:
    """Return the query as one line, and carets under a part of it; of a long one, what is near."""
    first = max(0, start - 40)
    shown = "".join(char if char.isprintable() else " " for char in text[first : start + 60])
    carets = "^" * max(1, min(end - start, 60))
    return f"  {shown}\n  {' ' * (start - first)}{carets}"
