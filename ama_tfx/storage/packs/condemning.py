"""How gc and writers agree on a pack: it is condemned long before it is deleted, and the first to say decides.

An object ``condemned/<pack>.<seconds>`` says since when a pack is condemned, and ``fates/<pack>.<seconds>`` what
becomes of it: ``kept``, put by a writer that builds upon it, or ``deleted``, put by gc. A put never replaces anything,
so one of them wins and the other reads who. No clock takes part in that decision.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum

from ama_tfx.errors import ConflictError, NotFoundError
from ama_tfx.storage.objects import ObjectStore
from ama_tfx.storage.packs.format import PREFIX, pack_name, pack_of
from ama_tfx.storage.packs.index import Index

MARKERS = "condemned/"
FATES = "fates/"
_NAME = re.compile(r"([0-9a-f]{64})\.([0-9]{1,12})")
_LOOKED_AT = 8


class Fate(Enum):
    """What becomes of a condemned pack."""

    KEPT = b"kept"
    DELETED = b"deleted"


@dataclass(frozen=True, order=True, slots=True)
class Marker:
    """A condemnation.

    Attributes:
        pack: The pack.
        seconds: When, since 1970.
    """

    pack: str
    seconds: int

    @property
    def name(self) -> str:
        """Of its object."""
        return f"{MARKERS}{self.pack}.{self.seconds}"

    @property
    def fate_name(self) -> str:
        """Of the object that decides."""
        return f"{FATES}{self.pack}.{self.seconds}"

    @property
    def condemned_at(self) -> datetime:
        """When; aware, in UTC."""
        return datetime.fromtimestamp(self.seconds, timezone.utc)


def marker_of(name: str) -> Marker | None:
    """Return the condemnation that an object of this name is of, or None."""
    match = _NAME.fullmatch(name.rpartition("/")[2])
    return Marker(match[1], int(match[2])) if match and name.startswith((MARKERS, FATES)) else None


def markers(objects: ObjectStore) -> list[Marker]:
    """Return every condemnation, oldest first for each pack."""
    found = (marker_of(info.name) for info in objects.list(MARKERS))
    return sorted(marker for marker in found if marker is not None)


def condemned(objects: ObjectStore) -> frozenset[str]:
    """Return the packs that are condemned."""
    return frozenset(marker.pack for marker in markers(objects))


def decide(objects: ObjectStore, marker: Marker, fate: Fate) -> Fate:
    """Say what becomes of a condemned pack, unless somebody has said so; return what was said first."""
    if objects.put(marker.fate_name, fate.value):
        return fate
    try:
        said = objects.read(marker.fate_name)
    except NotFoundError:
        return Fate.DELETED  # it has been carried out
    # What is damaged is read so that the one who asks does the careful thing.
    return Fate(said) if said in {Fate.KEPT.value, Fate.DELETED.value} else _other(fate)


def secure(objects: ObjectStore, index: Index, packs: Iterable[str]) -> None:
    """Make sure that packs stay, before something that builds upon them is published.

    Raises:
        ConflictError: One is gone, or going.
    """
    wanted = set(packs)
    for marker in markers(objects) if wanted else ():
        if marker.pack in wanted and decide(objects, marker, Fate.KEPT) is not Fate.KEPT:
            raise _gone(marker.pack)
    for pack in _missing(objects, wanted):
        index.forget(pack)
        raise _gone(pack)


def _missing(objects: ObjectStore, packs: set[str]) -> list[str]:
    """Return which packs are not there: by a look at each, or at many by one listing, quicker in a bucket."""
    if len(packs) <= _LOOKED_AT:
        return [pack for pack in sorted(packs) if objects.stat(pack_name(pack)) is None]
    return sorted(packs - {pack_of(info.name) for info in objects.list(PREFIX)})


def _gone(pack: str) -> ConflictError:
    return ConflictError(f"pack {pack} was removed while something was written that builds upon it; write it again")


def _other(fate: Fate) -> Fate:
    return Fate.DELETED if fate is Fate.KEPT else Fate.KEPT
