r"""Texts with wildcards: ``*`` is any characters, ``?`` is one, and ``\`` takes the meaning from the next character."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_WILD = "*?"


@dataclass(frozen=True, slots=True)
class Pattern:
    r"""A text with wildcards.

    Attributes:
        source: As written: ``model_*``; ``\*``, ``\?`` and ``\\`` stand for the characters themselves.
    """

    source: str

    @classmethod
    def literally(cls, text: str) -> Pattern:
        """Return the pattern that only this text is."""
        return cls(re.sub(r"([*?\\])", r"\\\1", text))

    def tokens(self) -> Iterator[tuple[str, bool]]:
        """Yield the characters, and whether each is a wildcard."""
        characters = iter(self.source)
        for char in characters:
            if char == "\\":
                yield next(characters, "\\"), False
            else:
                yield char, char in _WILD

    @property
    def literal(self) -> str | None:
        """The only text that is this pattern, or None when there are wildcards."""
        tokens = list(self.tokens())
        return None if any(wild for _, wild in tokens) else "".join(char for char, _ in tokens)

    @property
    def is_anything(self) -> bool:
        """Whether every text is this pattern."""
        return self.source == "*"

    @property
    def is_ascii(self) -> bool:
        """Whether it has no letter beyond ASCII."""
        return self.source.isascii()

    def like(self) -> str:
        r"""Return it for SQL's LIKE with ``\`` as the escape."""
        wild = {"*": "%", "?": "_"}
        return "".join(wild[c] if w else f"\\{c}" if c in "%_\\" else c for c, w in self.tokens())

    def glob(self) -> str:
        """Return it for SQLite's GLOB."""
        return "".join(f"[{c}]" if not w and c in "*?[" else c for c, w in self.tokens())

    def glob_of_any_case(self) -> str:
        """Return it for SQLite's GLOB, found anywhere, in upper or lower case."""
        return f"*{''.join(c if w else _either_case(c, '[{}]') for c, w in self.tokens())}*"

    def regex_of_any_case(self) -> str:
        """Return it as a regular expression of PostgreSQL, found anywhere, in upper or lower case."""
        wild = {"*": ".*", "?": "."}
        return "".join(wild[c] if w else _either_case(c, r"\{}") for c, w in self.tokens())


def _either_case(char: str, escape: str) -> str:
    """Return what matches a letter in either case; what is no letter is escaped where it would mean something."""
    cases = "".join(sorted({case for case in (char, char.lower(), char.upper(), char.title()) if len(case) == 1}))
    if len(cases) > 1:
        return f"[{cases}]"
    special = "*?[" if escape == "[{}]" else r".^$*+?()[]{}|\-"
    return escape.format(char) if char in special else char
