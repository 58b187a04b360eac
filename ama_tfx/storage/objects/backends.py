"""From an address to a store."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import cast
from urllib.parse import unquote

from ama_tfx.errors import InvalidInputError, did_you_mean
from ama_tfx.storage.objects.contract import ObjectStore, check_name
from ama_tfx.storage.objects.local import LocalObjects
from ama_tfx.storage.objects.memory import MemoryObjects

BACKENDS: Mapping[str, str] = MappingProxyType(
    {
        "az": "ama_tfx.storage.objects.remote:open_azure",
        "file": "ama_tfx.storage.objects.backends:open_local",
        "gs": "ama_tfx.storage.objects.gcs:open_gcs",
        "memory": "ama_tfx.storage.objects.backends:open_memory",
        "s3": "ama_tfx.storage.objects.remote:open_s3",
    }
)
"""Scheme of an address -> ``module:function`` that takes an `Address`; imported when named."""

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<place>[^/]*)(?P<path>/.*)?", re.DOTALL)
_PLACE = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store is; it holds no credentials.

    Attributes:
        scheme: One of `BACKENDS`.
        place: The bucket or container; empty for a folder.
        path: What follows it, without ``/`` in front; for a folder the absolute path.
    """

    scheme: str
    place: str
    path: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.place}" + (f"/{self.path.lstrip('/')}" if self.path else "")

    @property
    def prefix(self) -> str:
        """The path as a prefix of names in the bucket: checked, without ``/`` at its end."""
        folder = self.path.strip("/")
        return check_name(folder) if folder else ""


def parse_address(url: str) -> Address:
    """Read ``scheme://place/path``.

    Raises:
        InvalidInputError: Not such a URL, an unknown scheme, or a URL with a user, a password or a query in it, where
            credentials stand; these are never shown.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise InvalidInputError(f"not a store's address; expected scheme://place/path with one of: {_known()}")
    scheme, place, path = match["scheme"].lower(), match["place"], match["path"] or ""
    if scheme not in BACKENDS:
        raise InvalidInputError(f"unknown scheme {scheme[:40]!r}; known: {_known()}{did_you_mean(scheme, BACKENDS)}")
    if "@" in place or (scheme != "file" and re.search("[@?#]", path)):
        raise InvalidInputError(
            f"the address of this {scheme!r} store holds a user, a password or a query: credentials come from the "
            f"environment only; give {scheme}://place/path"
        )
    return Address(scheme, place, path if scheme == "file" else path.lstrip("/"))


def check_address(url: str) -> str:
    """Return a store's address in its one form, without opening it or importing its client.

    Raises:
        InvalidInputError: See `parse_address`; or its bucket or path could not be one.
    """
    address = parse_address(url.rstrip("/"))
    try:
        if address.scheme != "file":
            _ = place(address), address.prefix
    except InvalidInputError:
        raise InvalidInputError(
            f"not the address of a place in a {address.scheme!r} store, and not shown, since it may hold a secret; "
            f"expected {address.scheme}://bucket/prefix of a-z, 0-9, '.', '_' and '-'"
        ) from None
    return str(address)


def open_objects(url: str) -> ObjectStore:
    """Return the store at an address.

    ========================= ========================================================== ===========
    address                   credentials                                                extra
    ========================= ========================================================== ===========
    ``file:///folder``        the user's own rights                                      (none)
    ``s3://bucket/prefix``    ``AWS_*``, or the role of the machine                      ``s3``
    ``az://container/prefix`` ``AZURE_STORAGE_*``, or the identity of the machine        ``azure``
    ``gs://bucket/prefix``    Google's application default credentials                   ``gcs``
    ``memory://name``         (none: the same name is the same store within one process) (none)
    ========================= ========================================================== ===========

    Raises:
        InvalidInputError: Not the address of a store.
        MissingExtraError: Its client is not installed; the message holds the command that installs it.
        BackendError, PermissionDeniedError: The client cannot be made, as when its settings contradict each other.
    """
    address = parse_address(url)
    module, _, function = BACKENDS[address.scheme].partition(":")
    opener = cast(Callable[[Address], ObjectStore], getattr(importlib.import_module(module), function))
    return opener(address)


def open_local(address: Address) -> LocalObjects:
    """Return the store in a folder; ``%20`` stands for a space, as in every file URL."""
    if address.place not in {"", "localhost"} or not address.path.strip("/"):
        raise InvalidInputError(f"not a folder's address: {str(address)!r}; expected file:///absolute/path")
    return LocalObjects(Path(unquote(address.path)))


def open_memory(address: Address) -> MemoryObjects:
    """Return this process's store of that name."""
    return _in_memory(place(address), address.prefix)


def place(address: Address) -> str:
    """Return the bucket or container.

    Raises:
        InvalidInputError: There is none, or none could have such a name.
    """
    if not _PLACE.fullmatch(address.place):
        raise InvalidInputError(f"not a bucket or container: {address.place[:100]!r} in {str(address)[:200]!r}")
    return address.place


@functools.cache
def _in_memory(name: str, prefix: str) -> MemoryObjects:
    return MemoryObjects()


def _known() -> str:
    return ", ".join(BACKENDS)
