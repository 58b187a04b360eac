"""The contract of an object store; `ama_tfx.testing.object_store.ObjectStoreContract` is the same contract as tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ama_tfx.errors import IntegrityError, InvalidInputError

LONGEST_NAME = 512
"""S3 takes 1,024 bytes and the address adds a prefix; a file system takes 255 for a segment."""

_LONGEST_SEGMENT = 200
# A dot in front is kept for what is no object (temporary files); Azure forbids one at the end; a hyphen in front is an
# option to somebody's shell.
_SEGMENT = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_-])?")
_PREFIX = re.compile(r"[a-z0-9._/-]*")


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object that is in a store.

    Attributes:
        name: Lower-case ASCII segments with ``/`` between them.
        size_bytes: How many bytes it holds.
        modified_at: When the store received it, by the store's clock; aware, in UTC.
    """

    name: str
    size_bytes: int
    modified_at: datetime


class ObjectStore(Protocol):
    """Named immutable bytes.

    Promises, whatever the backend:

    * An object is either wholly there or not there at all, whenever a writer is killed.
    * When ``put`` has returned, the object survives a power loss, and every reader finds it.
    * No ``put`` replaces anything: of many writers of one name, the first wins.
    * A store may be used by many threads at once.
    * Transient failures are tried again, for a bounded time; what is raised then is an `AmaError`, and no message
      holds a credential.

    A name must not also be the folder of another (``a`` beside ``a/b``): a file system cannot hold both.
    """

    def put(self, name: str, source: Path | bytes) -> bool:
        """Store an object, whole and durable or not at all.

        Args:
            name: See `check_name`.
            source: The bytes, or a regular file that has them: it is read, left where it is, and must not change
                meanwhile.

        Returns:
            True when this call stored it; False when an object of this name is there already, whatever it holds.
            False may also be the repeat of a request whose answer was lost: compare the content where it matters.

        Raises:
            InvalidInputError, NotFoundError: Not a name, or not a file.
            ConflictError: What is in the name's place is no object.
            OutOfSpaceError, PermissionDeniedError, BackendError: The store failed. It is not known whether the object
                is there; putting it again is safe.
        """

    def read(self, name: str, start: int = 0, size_bytes: int | None = None) -> bytes:
        """Return exactly ``size_bytes`` bytes of an object from ``start``, or all to its end.

        Raises:
            NotFoundError: No such object.
            IntegrityError: The object ends before the range does.
            PermissionDeniedError, BackendError: The store failed, or sent fewer bytes than it has.
        """

    def stat(self, name: str) -> ObjectInfo | None:
        """Return what is known of an object without reading it, or None when there is none."""

    def settle(self, name: str) -> None:
        """Make sure that an object which was found, and which another has put, survives a power loss too.

        Its writer may have been killed when it could be seen already and was not yet durable. None there is no error.
        """

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects whose names start with a prefix, in no order; one put or deleted meanwhile may be missed.

        A prefix that ends with ``/`` costs one listing; any other costs the listing of its folder.
        """

    def delete(self, name: str) -> None:
        """Remove an object; none there is no error. Whether anybody needs it is the caller's question."""


def check_name(name: str) -> str:
    """Return an object's name as it is.

    Raises:
        InvalidInputError: Not segments of ``a-z 0-9 . _ -`` with ``/`` between them; a segment starts with a letter,
            a digit or ``_``, does not end with a dot, and has at most 200 characters; a name has at most 512.
    """
    if len(name) <= LONGEST_NAME and all(map(_is_segment, name.split("/"))):
        return name
    raise InvalidInputError(
        f"not an object's name: {name[:100]!r}; expected segments of a-z, 0-9, '.', '_' and '-' with '/' between them"
    )


def is_name(name: str) -> bool:
    """Return whether a store could hold an object of this name."""
    try:
        check_name(name)
    except InvalidInputError:
        return False
    return True


def check_prefix(prefix: str) -> str:
    """Return the folder of a prefix of names: all of it to the last ``/``, without that.

    Raises:
        InvalidInputError: No name could start so.
    """
    folder = prefix.rpartition("/")[0]
    if _PREFIX.fullmatch(prefix) and (not prefix or not prefix.startswith("/")):
        return check_name(folder) if folder else ""
    raise InvalidInputError(f"not the start of an object's name: {prefix[:100]!r}")


def check_range(start: int, size_bytes: int | None) -> None:
    """Refuse a range that no object has.

    Raises:
        InvalidInputError: A negative start or size.
    """
    if start < 0 or (size_bytes is not None and size_bytes < 0):
        raise InvalidInputError(f"not a range of bytes: start {start}, size {size_bytes}; neither can be negative")


def size_inside(what: str, held_bytes: int, start: int, size_bytes: int | None) -> int:
    """Return how many bytes of an object a range has.

    Args:
        what: The object and its store, for the error.
        held_bytes: The object's size.
        start: Where the range starts.
        size_bytes: How many are asked for; None for all to the end.

    Raises:
        IntegrityError: The object ends before the range does.
    """
    end = max(start, held_bytes) if size_bytes is None else start + size_bytes
    if end > held_bytes:
        raise IntegrityError(f"object {what} ends at byte {held_bytes}, before {end}; restore it from a copy")
    return end - start


def _is_segment(segment: str) -> bool:
    return len(segment) <= _LONGEST_SEGMENT and _SEGMENT.fullmatch(segment) is not None
