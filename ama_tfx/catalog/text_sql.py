"""Tests of texts by patterns as SQL that means the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import sqlalchemy as sa

from ama_tfx.catalog.patterns import Pattern
from ama_tfx.catalog.schema import FileName

Truth = sa.ColumnElement[bool]
Test = Callable[[Any, Pattern], Truth]
"""What makes of a text and a pattern the expression that is asked."""


class Texts(Protocol):
    """Knows which different texts there are in a column."""

    def narrowed(self, column: sa.Column[str], pattern: Pattern, test: Test) -> Truth | None:
        """Return the test of a column as the texts that pass it, or None where that is no gain."""
        ...


class TextSql:
    """Builds expressions for one kind of database.

    Args:
        dialect: Its name in SQLAlchemy.
        texts: Of the database.
    """

    def __init__(self, dialect: str, texts: Texts) -> None:
        self._postgresql = dialect == "postgresql"
        self.texts = texts

    def once(self, column: sa.Column[str], pattern: Pattern, test: Test) -> Truth:
        """Return the test of a column, made once for each different text where that is a gain."""
        texts = self.texts.narrowed(column, pattern, test)
        return test(column, pattern) if texts is None else texts

    def same(self, text: Any, pattern: Pattern) -> Truth:
        """The text is the pattern."""
        same: Truth
        if pattern.is_anything:
            same = text.is_not(None)
        elif (literal := pattern.literal) is not None:
            same = text == sa.literal(literal, sa.Text())
        else:
            same = text.like(pattern.like(), escape="\\") if self._postgresql else _glob(text, pattern.glob())
        return same

    def found(self, text: Any, pattern: Pattern) -> Truth:
        """Found anywhere in a text, in any case; both databases' own LIKE knows the case of ASCII letters only."""
        if pattern.is_ascii:
            like = text.ilike if self._postgresql else text.like
            return like(f"%{pattern.like()}%", escape="\\")  # type: ignore[no-any-return]
        if self._postgresql:
            return text.op("~", is_comparison=True)(pattern.regex_of_any_case())  # type: ignore[no-any-return]
        return _glob(text, pattern.glob_of_any_case())

    def is_path(self, path: Any, pattern: Pattern) -> Truth:
        """The path is the pattern, or in whatever folder, if the pattern names none."""
        whole = self.same(path, pattern)
        if "/" in pattern.source or pattern.source.startswith("*"):  # which goes over folders by itself
            return whole
        if self._postgresql and (name := pattern.literal) is not None:
            return FileName(path) == sa.literal(name, sa.Text())
        return whole | self.same(path, Pattern(f"*/{pattern.source}"))


def _glob(text: Any, pattern: str) -> Truth:
    return text.op("GLOB", is_comparison=True)(pattern)  # type: ignore[no-any-return]
