"""Where each payload lies: a SQLite file that can always be built again from the packs.

It has one row for each entry of each pack, duplicates included: whatever becomes of one copy, the others are known. Of
several copies the one of the least depth is found first, which is what ends every chain of bases: a writer takes as
base a copy of some depth, and what is found later never has a greater one.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from ama_tfx.errors import BackendError, IntegrityError, OutOfSpaceError, PermissionDeniedError
from ama_tfx.storage.packs import index_file, index_opening
from ama_tfx.storage.packs.format import Entry, Kind
from ama_tfx.storage.packs.index_file import Place, is_damage
from ama_tfx.storage.packs.index_opening import Connections, is_refused, may_write, open_file, open_to_read

T = TypeVar("T")

_AT_ONCE = (1, 16, 128, 512)
"""Keys of one query. SQLite answers 2.6 M keys a second in many, 0.4 M one by one (docs/benchmarks.md), and compiles a
query once for each number of keys: the rest are filled up."""

_PLACES = "SELECT p.name, e.* FROM entries e JOIN packs p ON p.id = e.pack "


class Index:
    """The index of one store; safe to use from many threads and processes, also after a fork.

    A file that is damaged is replaced by an empty one, and one that somebody deleted is made again: `is_complete` is
    False then, until whoever knows the packs has added them all. Where this user may only read, the file is read as it
    is for as long as it will do: what would be written to it is written to a file of the user's own, a copy of it.

    Args:
        path: The SQLite file; made when it is missing.
        instead: Called with the index when it needs a file that this user may write; returns its path. Without, an
            index is of no use to whoever may not write.

    Attributes:
        path: The file that is used now.
    """

    def __init__(self, path: Path, *, instead: Callable[[Index], Path] | None = None) -> None:
        self.path = path
        self._instead = instead
        self._held: Connections | None = None
        self._inherited: list[Connections] = []
        self._read(lambda connection: connection.execute("SELECT 1 FROM packs LIMIT 1").fetchall())

    def find(self, kind: Kind, key: bytes) -> Place | None:
        """Return where something lies, or None."""
        return self.find_all(kind, [key]).get(key)

    def find_all(self, kind: Kind, keys: Sequence[bytes], *, without: Collection[str] = ()) -> dict[bytes, Place]:
        """Return where each of the keys lies that is there at all, other than in the packs ``without``."""
        found: dict[bytes, Place] = {}
        for start in range(0, len(keys), _AT_ONCE[-1]):
            for place in self._places(kind, keys[start : start + _AT_ONCE[-1]]):
                if place.pack not in without:
                    held = found.get(place.entry.key)
                    if held is None or _rank(place) < _rank(held):
                        found[place.entry.key] = place
        return found

    def copies(self, kind: Kind, key: bytes) -> list[Place]:
        """Return every place where something lies, the least depth first."""
        return sorted(self._places(kind, [key]), key=_rank)

    def entries(self, kind: Kind) -> Iterator[Place]:
        """Yield one place of everything of a kind, in the order of their keys."""
        after = b""
        some = "SELECT DISTINCT key FROM entries WHERE kind = ? AND key > ? ORDER BY key LIMIT 1000"
        query = f"{_PLACES}WHERE kind = ? AND key IN ({some}) ORDER BY key, depth, p.name"
        while places := self._query(query, (int(kind), int(kind), after)):
            yield from {place.entry.key: place for place in reversed(places)}.values()
            after = places[-1].entry.key

    def entries_of(self, pack: str) -> list[Entry]:
        """Return what is known of a pack, in the order of its payloads."""
        places = self._query(_PLACES + "WHERE p.name = ? ORDER BY e.offset, e.kind, e.key", (pack,))
        return [place.entry for place in places]

    def packs(self) -> Mapping[str, int]:
        """Return the packs that are indexed: name -> size in bytes."""
        return self._read(lambda connection: index_file.packs(connection))

    def add(self, pack: str, size_bytes: int, entries: Iterable[Entry]) -> None:
        """Index a pack, in place of what was known of it."""
        rows = list(entries)
        self._write(lambda connection: index_file.add(connection, pack, size_bytes, rows))

    def forget(self, pack: str) -> None:
        """Remove a pack and its entries from the index."""
        self._write(lambda connection: index_file.forget(connection, pack))

    @property
    def is_complete(self) -> bool:
        """Whether somebody has added every pack since the file was made."""
        return bool(self._read(lambda connection: connection.execute("PRAGMA user_version").fetchone()[0]))

    def set_complete(self) -> None:
        """Say that every pack was added."""
        self._write(lambda connection: connection.execute("PRAGMA user_version = 1"))

    def verify(self) -> str:
        """Return what SQLite finds wrong with its file, or an empty string; nothing is replaced."""
        try:
            with self._connections().reading() as connection:
                index_file.check(connection)
        except sqlite3.DatabaseError as error:
            return str(error)
        return ""

    def replace(self) -> None:
        """Put an empty index in the place of this one."""
        with self._errors():
            index_opening.replace(self.path, even_if_sound=True)
            self._connections(now=True)

    def close(self) -> None:
        """Let go of the file, and of those that it took the place of; the index may be used on."""
        let_go, self._inherited = [*self._inherited, self._held], []
        self._held = None
        for held in let_go:
            if held is not None and held.process == os.getpid():
                held.close()

    def _places(self, kind: Kind, keys: Sequence[bytes]) -> list[Place]:
        asked = next(number for number in _AT_ONCE if number >= len(keys))
        query = f"{_PLACES}WHERE kind = ? AND key IN ({','.join('?' * asked)})"
        return self._query(query, (int(kind), *keys, *[keys[-1]] * (asked - len(keys))))

    def _query(self, query: str, values: Sequence[object]) -> list[Place]:
        return self._read(lambda connection: [index_file.place(row) for row in connection.execute(query, values)])

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return self._mended(lambda: self._connections().reading(), work)

    def _write(self, work: Callable[[sqlite3.Connection], object]) -> None:
        self._mended(lambda: self._writable().transaction(), work)

    def _mended(
        self,
        use: Callable[[], contextlib.AbstractContextManager[sqlite3.Connection]],
        work: Callable[[sqlite3.Connection], T],
    ) -> T:
        with self._errors():
            try:
                with use() as connection:
                    return work(connection)
            except sqlite3.DatabaseError as error:
                self._make_usable(error)
            with use() as connection:
                return work(connection)

    def _make_usable(self, error: sqlite3.DatabaseError) -> None:
        """Do what may help against an error, or raise it."""
        held = self._held
        if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
            return  # by another thread's `close`
        if is_damage(error):
            if held is None or held.is_writable or self._instead is None:
                index_opening.replace(self.path)
                self._connections(now=True)
            else:
                self._move(None)
        elif "readonly" in str(error) and held is not None and self._instead is not None and not may_write(self.path):
            self._move(held)
        else:
            raise error

    def _connections(self, *, now: bool = False) -> Connections:
        held = self._held
        if held is not None and held.is_current(now=now):
            return held
        if held is not None:
            # Never closed in a forked child, nor under a thread that still reads: SQLite may lose a WAL by that.
            self._inherited.append(held)
        opened = self._held = self._opened()
        return opened

    def _writable(self) -> Connections:
        held = self._connections(now=True)
        if held.is_writable:
            return held
        if not may_write(self.path):
            return self._move(held)
        self._inherited.append(held)
        opened = self._held = open_file(self.path)
        return opened

    def _opened(self) -> Connections:
        if self._instead is not None and not may_write(self.path):
            return open_to_read(self.path) or self._move(None)
        try:
            return open_file(self.path)
        except (sqlite3.Error, OutOfSpaceError) as error:
            # A full disk can be read; who may write never leaves this file behind for one of their own.
            held = open_to_read(self.path) if isinstance(error, OutOfSpaceError) or is_refused(error) else None
            if held is None:
                raise
            return held

    def _move(self, old: Connections | None) -> Connections:
        """Use a file of this user's own from now on; with what is in the old one, if that is any good."""
        assert self._instead is not None
        self.path, self._instead = self._instead(self), None
        opened = open_file(self.path)
        if old is not None:
            old.copy_to(opened)
            self._inherited.append(old)
        self._held = opened
        return opened

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            what = f"index {str(self.path)!r} does not work: {error}"
            if is_damage(error):
                raise IntegrityError(f"{what}; delete it, it is built again from the packs") from error
            if "full" in str(error):
                raise OutOfSpaceError(f"{what}; free some space, then try again") from error
            if "readonly" in str(error):
                raise PermissionDeniedError(f"{what}; this user needs the permission to write it") from error
            raise BackendError(what) from error


def _rank(place: Place) -> tuple[int, str]:
    return place.entry.depth, place.pack
