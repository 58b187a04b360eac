"""What a writer finds in the store and builds upon: it has to be still there when the writer publishes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain

from ama_tfx.errors import BackendError, ConflictError, FormatError, IntegrityError, NotFoundError
from ama_tfx.storage.digest import Digest
from ama_tfx.storage.objects import ObjectStore
from ama_tfx.storage.packs import condemning
from ama_tfx.storage.packs.comparing import Footers
from ama_tfx.storage.packs.finding import Finder
from ama_tfx.storage.packs.format import Entry, Kind, check_of, pack_name
from ama_tfx.storage.packs.index import Index
from ama_tfx.storage.packs.index_file import Place
from ama_tfx.storage.packs.reading import PackReader
from ama_tfx.storage.packs.recipe import ONE_PART_BYTES, Recipe

TRIES = 3
"""How often something is looked up whose place in the index is wrong: it is mended after the first."""


class Leaning:
    """Looks up for one writer, and remembers in which packs the answers are.

    What is in a pack that was condemned when the writer began counts as absent: the writer stores it again. So does
    what is in a pack that cannot be read. SQLite has no checksums: what the index says of something is compared with
    the footer of its pack before it is built upon.

    Attributes:
        condemned: Packs that count as absent.
        absent: Pieces that count as absent: `repair` knows that they cannot be read.
        packs: The packs that are built upon so far.
    """

    def __init__(
        self, objects: ObjectStore, index: Index, reader: PackReader, finder: Finder, *, rereads: bool
    ) -> None:
        self._rereads = rereads
        self._objects, self._index, self._reader, self._finder = objects, index, reader, finder
        self._footers = Footers(reader, at_once=finder.at_once)
        self.condemned = condemning.condemned(objects)
        self.packs: set[str] = set()
        self.absent: frozenset[bytes] = frozenset()

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Place]:
        """Return where pieces are that may be built upon, if the index is right."""
        wanted = [key for key in keys if key not in self.absent] if self.absent else keys
        return self._index.find_all(Kind.PIECE, wanted, without=self.condemned)

    def lean_on(self, places: Iterable[Place]) -> bool:
        """Build upon pieces, and so upon all that they are differences to.

        Returns:
            Whether they may be built upon: False when the index was wrong, which is mended then, or a pack cannot be
            read; what is looked up again is something else.
        """
        level, seen = list(places), set[bytes]()
        while level:
            if not self._agree(level):
                return False
            self.packs.update(place.pack for place in level)
            bases = {base for place in level for base in place.entry.bases} - seen
            seen |= bases  # a forged chain may come back to itself
            level = list(self._index.find_all(Kind.PIECE, list(bases)).values()) if bases else []
        return True

    def _find_all(self, kind: Kind, keys: Sequence[bytes]) -> dict[bytes, Place]:
        """Return where things are of which the packs themselves say so."""
        for _ in range(TRIES):
            found = self._index.find_all(kind, keys, without=self.condemned)
            if self._agree(found.values()):
                return found
        return {}

    def _agree(self, places: Collection[Place]) -> bool:
        wrong = self._footers.wrong(places)
        if wrong:
            self._finder.compare(wrong)
            self.condemned |= wrong & self._finder.unreadable.keys()
        return not wrong

    def published(self, pack: str) -> None:
        """Build upon a pack that this writer has just written and indexed."""
        self._footers.trust(pack)
        self.packs.add(pack)

    def whole(self, place: Place) -> Place | None:
        """Return a copy of something that can be read, with all that it is a difference to; None when there is none.

        Only where that costs little, on a local disk, are the payloads read; elsewhere they are trusted.
        """
        if not self._rereads and not self._finder.unreadable:
            return place
        return next((copy for copy in self._copies(place) if self._is_whole(copy)), None)

    def _copies(self, place: Place) -> Iterator[Place]:
        yield place
        for copy in self._index.copies(place.entry.kind, place.entry.key):
            if copy != place and copy.pack not in self.condemned:
                yield copy

    def _is_whole(self, place: Place) -> bool:
        try:
            needed = self._reader.chain(place)
            for each in needed if self._rereads else ():
                self._reader.payload(each)
        except (IntegrityError, NotFoundError):
            return False
        return self.may_lean_on(needed)

    def may_lean_on(self, places: Iterable[Place]) -> bool:
        """Return whether none of these is in a pack that is known to be unreadable."""
        return not self._finder.unreadable or all(place.pack not in self._finder.unreadable for place in places)

    def recipes(self, digests: Sequence[Digest]) -> dict[Digest, Place]:
        """Return where the recipes of files are."""
        found = self._find_all(Kind.RECIPE, [digest.raw for digest in digests])
        return {Digest.from_raw(key): place for key, place in found.items()}

    def lean_on_recipe(self, place: Place, recipe: Recipe) -> bool:
        """Return whether a recipe that is there will do for a file whose recipe, all stored, is this."""
        found = self.whole(place)
        if found is None:
            return False
        place = found
        if (
            len(recipe.parts) == 1 and place.entry.raw_bytes == ONE_PART_BYTES
        ):  # one piece is the whole file: the same piece
            self.packs.add(place.pack)
            return True
        try:
            stored = self._reader.recipe(place)
        except (IntegrityError, NotFoundError):
            return False
        if stored != recipe and not self._has_whole(stored):  # cut another way: by another release, or as a stream
            return False
        self.packs.add(place.pack)
        return True

    def lean_on_file(self, place: Place) -> Recipe | None:
        """Return a recipe that is there, when it and all of its pieces can be read."""
        found = self.whole(place)
        try:
            stored = self._reader.recipe(found) if found else None
        except (IntegrityError, NotFoundError):
            return None
        if found is None or stored is None or not self._has_whole(stored):
            return None
        self.packs.add(found.pack)
        return stored

    def _has_whole(self, recipe: Recipe) -> bool:
        keys = {part.key for part in recipe.parts}
        places = self.find(list(keys))
        if len(places) != len(keys) or not self.lean_on(places.values()):
            return False
        return all(self.whole(place) for place in places.values())

    def has_all(self, entries: Iterable[Entry]) -> bool:
        """Return whether others have stored all of it meanwhile; then that is leaned on."""
        by_kind = {kind: [entry.key for entry in entries if entry.kind is kind] for kind in Kind}
        found = {kind: self._find_all(kind, keys).values() for kind, keys in by_kind.items()}
        if any(len(places) != len(by_kind[kind]) for kind, places in found.items()):
            return False
        return self.lean_on(found[Kind.PIECE]) and all(map(self._leans, chain(*found.values())))

    def secure(self, packs: Iterable[str] = ()) -> None:
        """Make sure that all that is leaned on stays; see `condemning.secure`."""
        condemning.secure(self._objects, self._index, self.packs.union(packs))

    def stays(self, pack: str) -> bool:
        """Return whether a pack stays: False when a collection has decided to delete it, or has done so."""
        try:
            condemning.secure(self._objects, self._index, {pack})
        except ConflictError:
            return False
        return True

    def _leans(self, place: Place) -> bool:
        if place.entry.kind is Kind.RECIPE:
            return self.lean_on_recipe(place, Recipe())
        return self.whole(place) is not None


def verify_pack(objects: ObjectStore, pack: str, size_bytes: int) -> None:
    """Make sure that what was put is there.

    Raises:
        BackendError: It is not there, or not all of it, though the backend said so.
    """
    info = objects.stat(pack_name(pack))
    if info is None or info.size_bytes != size_bytes:
        raise BackendError(f"pack {pack} is not in {objects!r} as it was stored: {info}; look after the backend")


def is_whole(objects: ObjectStore, reader: PackReader, pack: str, size_bytes: int) -> bool:
    """Return whether a pack that others have put has its size, its end and every payload."""
    info = objects.stat(pack_name(pack))
    if info is None or info.size_bytes != size_bytes:
        return False
    try:
        return all(
            check_of(objects.read(pack_name(pack), entry.offset, entry.stored_bytes)) == entry.check
            for entry in reader.end_of(pack)[1]
        )
    except (FormatError, IntegrityError):
        return False
