"""Versions as people name them, for a working copy that knows them by digest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ama_tfx.errors import NotFoundError
from ama_tfx.registry.names import AssetRef
from ama_tfx.registry.registry import Registry
from ama_tfx.registry.results import Registered
from ama_tfx.registry.working_copy.draft import Draft

_DIGITS = 12


@dataclass(frozen=True, slots=True)
class UploadBase:
    """The version that an upload was based on.

    Attributes:
        reference: By digest.
        name: ``asset:number``.
        newest: The number of the version that was the asset's newest before the upload.
        number: The base's own.
    """

    reference: AssetRef
    name: str
    number: int
    newest: int

    @property
    def warning(self) -> str | None:
        """What to say when the base was not the newest version; None when it was."""
        if self.newest <= self.number:
            return None
        newest = f"{self.reference.asset.name}:{self.newest}"
        return (
            f"based on {self.name}, but {newest} is the newest; "
            f"`ama compare {self.name} {newest}` shows what this version lacks"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as the ``base`` of ``ama upload --json``."""
        return {
            "reference": str(self.reference),
            "version": self.number,
            "newest_version": self.newest,
            "is_newest": self.newest <= self.number,
        }


def upload_base(registry: Registry | None, base: AssetRef | None, newest: int) -> UploadBase | None:
    """Return what an upload is based on; None for nothing, or what this registry lacks.

    Args:
        registry: Where it is registered.
        base: The draft's.
        newest: The number of the asset's newest version before the upload; 0 when the upload makes none.
    """
    number = number_of(registry, base)
    if base is None or number is None:
        return None
    return UploadBase(base, f"{base.asset.name}:{number}", number, max(newest, number))


def base_of_upload(registry: Registry, registered: Registered, draft: Draft) -> UploadBase | None:
    """Return what a draft that was just uploaded was based on; see `upload_base`."""
    # The version's own number tells which one was the newest when it came, whoever uploaded meanwhile.
    return upload_base(registry, draft.base, registered.version.number - 1 if registered.created else 0)


def number_of(registry: Registry | None, reference: AssetRef | None) -> int | None:
    """Return a version's number; None when there is none, or the registry cannot tell."""
    try:
        return registry.resolve(reference).number if registry and reference else None
    except NotFoundError:
        return None


def readable(registry: Registry | None, reference: AssetRef) -> str:
    """Return ``asset:number`` of a version, or the start of its digest when the registry cannot tell the number."""
    number = number_of(registry, reference)
    return short_digest(reference) if number is None else f"{reference.asset.name}:{number}"


def short_digest(reference: AssetRef) -> str:
    """Return ``asset@sha256:`` and the first digits."""
    name, _, digest = str(AssetRef(reference.asset, reference.selector)).rpartition("@sha256:")
    return f"{reference.asset.name}@sha256:{digest[:_DIGITS]}" if name else str(reference)


def meant_refs(draft: Draft, references: Iterable[AssetRef], registry: Registry | None) -> list[AssetRef]:
    """Return references in the words or the digest that a draft's refs have, where the registry says they mean one.

    Args:
        draft: The draft.
        references: As people name versions: by number, alias, digest or the words that the ref was added with.
        registry: Asked what they mean now; None to leave them as they are.
    """
    targets = {ref.target for ref in draft.refs}
    written = {ref.written for ref in draft.refs}
    found = []
    for reference in references:
        now = reference if reference in written | targets else _meaning(registry, reference)
        found.append(now if now in targets else reference)
    return found


def _meaning(registry: Registry | None, reference: AssetRef) -> AssetRef | None:
    try:
        return registry.resolve(reference).reference if registry else None
    except NotFoundError:
        return None
