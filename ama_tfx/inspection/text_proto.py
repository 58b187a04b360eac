"""The text format of protocol buffers, without their descriptors: https://protobuf.dev/reference/protobuf/textformat-spec/."""

from __future__ import annotations

import re
from collections.abc import Iterator

Message = dict[str, list["Value"]]
"""A message: field name -> its values, in order."""

Value = str | int | float | Message
"""A string, a number, an enumerated name (a `Name`), or a message."""

MOST_BYTES = 8 << 20
MOST_TOKENS = 400_000
MOST_DEPTH = 64
# One comment at a time: a pattern remembers each of its repetitions, and would try other ways to match them.
_SPACE = re.compile(r"\s*(?:#[^\n]*)?")
_TOKEN = re.compile(
    r"""(?:
    (?P<text>"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\\\n]*(?:\\.[^'\\\n]*)*')
    |(?P<number>-?\s*(?:0[xX][0-9a-fA-F]{1,16}|(?:\d{1,40}\.?\d{0,40}|\.\d{1,40})(?:[eE][+-]?\d{1,5})?[fF]?))(?![\w.])
    |(?P<name>-?[A-Za-z_][\w.]{0,200})
    |(?P<extension>\[[\w./]{1,300}\])
    |(?P<sign>[{}<>:;,\[\]])
    |(?P<end>\Z))""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class Name(str):
    """A name that stands for a value: of an enumeration, ``true`` or ``false``."""

    __slots__ = ()


def parse(text: str) -> Message:
    """Return the message of a text.

    Raises:
        ValueError: Not such a text, too long, or nested deeper than 64.
    """
    return _Parser(text).message()


class _Parser:
    def __init__(self, text: str) -> None:
        self._words = _tokens(text)
        self._kind, self._word = next(self._words)

    def message(self) -> Message:
        stack: list[tuple[Message, str]] = [({}, "")]
        while True:
            message, closing = stack[-1]
            if self._word == closing and self._kind in {"sign", "end"}:
                stack.pop()
                if not stack:
                    return message
                self._next()
                self._skip_separator()
                continue
            if self._kind not in {"name", "extension"}:
                raise ValueError(f"expected the name of a field, not {self._word[:40]!r}")
            inner = self._field(message)
            if inner is not None:
                if len(stack) > MOST_DEPTH:
                    raise ValueError(f"nested deeper than {MOST_DEPTH}")
                stack.append(inner)

    def _field(self, message: Message) -> tuple[Message, str] | None:
        """Read a field; when it is a message return that, with the sign that ends it, for the caller to fill."""
        values = message.setdefault(self._next(), [])
        if self._word == ":" and self._kind == "sign":
            self._next()
        if self._kind == "sign" and self._word in "{<":
            inner: Message = {}
            values.append(inner)
            return inner, "}" if self._next() == "{" else ">"
        if self._kind == "sign" and self._word == "[":
            self._list(values)
        else:
            values.append(self._scalar())
        self._skip_separator()
        return None

    def _list(self, values: list[Value]) -> None:
        self._next()
        while self._word != "]" or self._kind != "sign":
            if self._kind == "sign" and self._word in "{<":
                raise ValueError("a list of messages, which is not read")
            values.append(self._scalar())
            if self._word == ",":
                self._next()
        self._next()

    def _scalar(self) -> Value:
        if self._kind == "text":
            parts = []
            while self._kind == "text":
                parts.append(_unquoted(self._next()))
            return "".join(parts)
        if self._kind == "number":
            return _number(self._next())
        if self._kind == "name":
            return Name(self._next())
        raise ValueError(f"expected a value, not {self._word[:40]!r}")

    def _skip_separator(self) -> None:
        if self._kind == "sign" and self._word in ",;":
            self._next()

    def _next(self) -> str:
        token = self._word
        self._kind, self._word = next(self._words, ("end", ""))
        return token


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    for _ in range(MOST_TOKENS):
        while (space := _SPACE.match(text, position)) and space.end() > position:
            position = space.end()
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            line = text.count("\n", 0, position) + 1
            raise ValueError(f"not a text proto: line {line}")
        position = match.end()
        yield match.lastgroup, match[match.lastgroup]
        if match.lastgroup == "end":
            return
    raise ValueError("too long a text proto")


def _unquoted(quoted: str) -> str:
    """Return what a string says; its bytes as the UTF-8 that they nearly always are."""
    if "\\" not in quoted:
        return quoted[1:-1]

    def plain(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] == "x" and len(code) > 1:
            return chr(int(code[1:], 16))
        if code[0] in "01234567":
            return chr(int(code, 8) & 0xFF)
        return _LETTERS.get(code, code)

    text = _ESCAPE.sub(plain, quoted[1:-1])
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def _number(token: str) -> int | float:
    digits = token.replace(" ", "").rstrip("fF") if "x" not in token.lower() else token.replace(" ", "")
    try:
        return int(digits, 0 if "x" in digits.lower() else 10)
    except ValueError:
        return float(digits)
