"""Names and references: the only parser, for the CLI, the API, the components and the server.

``ama://<workspace>/<asset>[:<alias|n|MAJOR.MINOR.PIPELINE>|@sha256:<hex>][/<path in the asset>]``; without ``ama://``
the workspace is the caller's default. ``:`` names may move, ``@`` names never do.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from ama_tfx.errors import InvalidInputError
from ama_tfx.storage import Digest

SCHEME = "ama://"
DEFAULT_WORKSPACE = "default"

MAX_NAME_BYTES = 255
MAX_LABEL_BYTES = 128
MAX_PATH_BYTES = 2048
"""An index of PostgreSQL, which keeps paths unique, holds at most 2,704 bytes."""
MAX_REFERENCE_BYTES = 4096

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_ALIAS = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_SEMANTIC = re.compile(r"(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})")
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_DEVICES = {
    *("con", "prn", "aux", "nul", "conin$", "conout$"),
    *(f"{port}{digit}" for port in ("com", "lpt") for digit in "123456789\u00b9\u00b2\u00b3"),
}
_FORBIDDEN = set('%\\#?;:*|<>"')
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode's categories of what is not seen, or reorders what is: control, format, surrogate, separators."""
_RECORDS = {".ama", ".git", "git~1"}
"""Folders that programs act on: a hook or a setting in a downloaded `.git` runs code, a draft in `.ama` is uploaded."""
_RESERVED_ALIASES = {"latest"}


@dataclass(frozen=True, order=True, slots=True)
class SemanticVersion:
    """MAJOR.MINOR.PIPELINE.

    MAJOR changes when the data schema or the target is incompatible, MINOR when the model or its output got better,
    PIPELINE when only the training pipeline changed.
    """

    major: int
    minor: int
    pipeline: int

    @classmethod
    def parse(cls, text: str) -> SemanticVersion:
        """Read ``1.4.2``."""
        if not (match := _SEMANTIC.fullmatch(text)):
            raise InvalidInputError(f"not a semantic version: {text!r}; expected MAJOR.MINOR.PIPELINE, as in 1.4.2")
        return cls(*map(int, match.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.pipeline}"


@dataclass(frozen=True, order=True, slots=True)
class AssetName:
    """An asset's name within its workspace; both checked.

    Raises:
        InvalidInputError: A part is empty, too long, or holds what a name may not hold.
    """

    workspace: str
    name: str

    def __post_init__(self) -> None:
        check_workspace(self.workspace)
        _check_length(self.name, "asset name", MAX_NAME_BYTES)
        for segment in self.name.split("/"):
            _check_segment(segment, self.name, "asset name")

    def __str__(self) -> str:
        return f"{SCHEME}{self.workspace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Alias:
    """A movable name within an asset; never an integer, so that no alias can pass for a version."""

    name: str

    def __post_init__(self) -> None:
        _check_length(self.name, "alias", MAX_LABEL_BYTES)
        if not _ALIAS.fullmatch(self.name) or ".." in self.name or self.name.endswith("."):
            raise InvalidInputError(
                f"not an alias: {self.name!r}; expected a letter or '_', then letters, digits, '_', '-' or '.'"
            )

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Newest:
    """The asset's version of the highest number: what a reference without a selector, or with ``:latest``, means."""

    def __str__(self) -> str:
        return "latest"


NEWEST = Newest()

Selector = Alias | Newest | int | SemanticVersion | Digest


@dataclass(frozen=True, slots=True)
class AssetRef:
    """A reference to a version, or to a path in one.

    Attributes:
        asset: Which asset.
        selector: Which version of it.
        path: A file or folder in it; None means all of it.
    """

    asset: AssetName
    selector: Selector = NEWEST
    path: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.selector, int) and self.selector < 1:
            raise InvalidInputError(f"not a version: {self.selector!r}; an asset's first version is 1")
        if self.path is not None:
            check_path(self.path)

    @classmethod
    def parse(cls, text: str, workspace: str = DEFAULT_WORKSPACE) -> AssetRef:
        """Read a reference.

        Args:
            text: ``ama://…``, or the short form without scheme and workspace.
            workspace: Where the short form looks.

        Raises:
            InvalidInputError: Not a reference; the message says which part is wrong.
        """
        _check_text_type(text, "reference")
        _check_length(text, "reference", MAX_REFERENCE_BYTES)
        rest = _without_scheme(text)
        head, mark, tail = _split_at_first(rest, ":@")
        if rest is not text:
            workspace, slash, head = head.partition("/")
            if not slash:
                raise InvalidInputError(f"no asset in {text!r}; expected {SCHEME}<workspace>/<asset>")
        asset = AssetName(workspace, head)
        if not mark:
            return cls(asset)
        selector, slash, path = tail.partition("/")
        found = Digest.parse(selector) if mark == "@" else parse_selector(selector)
        return cls(asset, found, path if slash else None)

    def __str__(self) -> str:
        mark = "@" if isinstance(self.selector, Digest) else ":"
        return f"{self.asset}{mark}{self.selector}" + (f"/{self.path}" if self.path else "")


def parse_selector(text: str) -> Selector:
    """Read what may stand behind the ``:`` of a reference."""
    if text == "latest":
        return NEWEST
    if _NUMBER.fullmatch(text):
        return int(text)
    if _SEMANTIC.fullmatch(text):
        return SemanticVersion.parse(text)
    try:
        return Alias(text)
    except InvalidInputError as error:
        expected = "expected an alias, a number from 1, or MAJOR.MINOR.PIPELINE"
        raise InvalidInputError(f"not an alias or version: {text[:128]!r}; {expected}") from error


def is_pinned(ref: AssetRef) -> bool:
    """Return whether a reference means the same version forever: only one by digest does."""
    return isinstance(ref.selector, Digest)


def settable_alias(name: str) -> Alias:
    """Return an alias that somebody wants to set; ``latest`` already means the newest version."""
    if name.casefold() in _RESERVED_ALIASES:
        raise InvalidInputError(f"alias {name!r} is reserved for the newest version; choose another")
    return Alias(name)


def check_workspace(name: str) -> None:
    """Raise `InvalidInputError` unless this can be a workspace's name."""
    _check_length(name, "workspace", MAX_NAME_BYTES)
    _check_segment(name, name, "workspace")


def check_label(label: str, what: str) -> str:
    """Return a tag, role, kind or property key after checking it.

    Args:
        label: Letters, digits and ``_ . - /``, starting with a letter, digit or ``_``.
        what: How errors call it.
    """
    _check_length(label, what, MAX_LABEL_BYTES)
    for segment in label.split("/"):
        _check_segment(segment, label, what)
    return label


def check_text(text: str, what: str, *, most: int | None = None) -> str:
    """Return free text after checking that every database can keep it.

    Args:
        text: A message, a reason, somebody's name.
        what: How errors call it.
        most: How many characters it may have.
    """
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise InvalidInputError(f"{what} {text[:60]!r} holds a NUL or half of a surrogate pair; leave that out")
    if most is not None and len(text) > most:
        raise InvalidInputError(f"{what} {text[:60]!r}… has {len(text)} characters; expected at most {most}")
    return text


def check_path(path: str) -> str:
    """Return a path in an asset after checking it: relative, normal, the same on every file system.

    Raises:
        InvalidInputError: It could leave the folder, hide what it is, or mean another file elsewhere.
    """
    _check_length(path, "path", MAX_PATH_BYTES, least=1)
    bad = sorted({char for char in path if _is_forbidden(char)})
    if bad:
        raise InvalidInputError(f"path {path!r} holds {', '.join(map(repr, bad))}, which no name in an asset may hold")
    if ".." in path:
        raise InvalidInputError(f"path {path!r} holds '..', which no name in an asset may hold")
    if unicodedata.normalize("NFC", path) != path:
        raise InvalidInputError(f"path {path!r} is not in Unicode's NFC form; rename the file")
    for segment in path.split("/"):
        _check_path_segment(segment, path)
    return path


def _check_path_segment(segment: str, path: str) -> None:
    if segment in {"", "."}:
        raise InvalidInputError(f"path {path!r} is not relative and normal; expected something like 'folder/file'")
    if len(segment.encode()) > MAX_NAME_BYTES:
        raise InvalidInputError(f"a name in path {path[:80]!r}… is longer than {MAX_NAME_BYTES} bytes")
    if segment.casefold() in _RECORDS:
        raise InvalidInputError(
            f"path {path!r}: {segment!r} is a folder that programs obey, never content; leave it out, or rename it"
        )
    if segment.startswith("-") or segment != segment.strip() or segment.endswith("."):
        raise InvalidInputError(f"path {path!r}: no name may start with '-' or a space, or end with a dot or a space")
    _refuse_device(segment, path, "path")


def _check_segment(segment: str, whole: str, what: str) -> None:
    if not _SEGMENT.fullmatch(segment) or ".." in segment or segment.endswith("."):
        raise InvalidInputError(
            f"not a valid {what}: {whole!r}; expected letters, digits, '_', '-' and '.', "
            "starting with a letter, digit or '_', without '..' or a dot at the end"
        )
    _refuse_device(segment, whole, what)


def _refuse_device(segment: str, whole: str, what: str) -> None:
    if segment.partition(".")[0].rstrip(" ").casefold() in _DEVICES:
        raise InvalidInputError(f"not a valid {what}: {whole!r}; {segment!r} is a device on some systems")


def _check_text_type(value: object, what: str) -> None:
    if not isinstance(value, str):
        raise InvalidInputError(f"not a {what}: {value!r} is {type(value).__name__}; expected text, as in 'model:1'")


def _check_length(text: str, what: str, most: int, *, least: int = 0) -> None:
    size = len(text.encode(errors="surrogatepass"))
    if not least <= size <= most:
        shown = f"{text[:60]!r}…" if size > most else repr(text)
        raise InvalidInputError(f"{what} {shown} has {size} bytes; expected 1 to {most}")


def _is_forbidden(char: str) -> bool:
    return char in _FORBIDDEN or unicodedata.category(char) in _INVISIBLE


def _without_scheme(text: str) -> str:
    if text.startswith(SCHEME):
        return text[len(SCHEME) :]
    if "://" in text:
        raise InvalidInputError(f"not a reference: {text!r}; expected {SCHEME}<workspace>/<asset>, or <asset>")
    return text


def _split_at_first(text: str, marks: str) -> tuple[str, str, str]:
    for position, char in enumerate(text):
        if char in marks:
            return text[:position], char, text[position + 1 :]
    return text, "", ""
