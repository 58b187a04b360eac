"""What is where and what refers to what, kept on the disk: for stores of which memory would not hold it.

A temporary SQLite file that nobody else sees and that is gone when it is closed. It holds no bytes of the store and
reads none: whoever has read the packs tells it, and gc and fsck ask.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from ama_tfx.errors import BackendError, OutOfSpaceError
from ama_tfx.storage.packs.format import Entry, Kind

CACHE_BYTES = 24 << 20
"""Of the file in memory; the operating system has more of it where there is room."""

_AT_ONCE = 4096
_ANY_DEPTH = 1 << 8
_Key = tuple[Kind, bytes]

# The first entry of a thing is the one that is read: of the least depth, in the pack of the least number.
_SCHEMA = f"""
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -{CACHE_BYTES >> 10};
CREATE TABLE things (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, key BLOB NOT NULL, UNIQUE (kind, key));
CREATE TABLE entries (thing INTEGER, depth INTEGER, pack INTEGER, stored INTEGER, PRIMARY KEY (thing, depth, pack))
    WITHOUT ROWID;
CREATE TABLE refs (thing INTEGER, pack INTEGER, number INTEGER, target INTEGER, below INTEGER,
    PRIMARY KEY (thing, pack, number)) WITHOUT ROWID;
CREATE TABLE needed (thing INTEGER PRIMARY KEY, pack INTEGER, step INTEGER);
CREATE TABLE gone (thing INTEGER PRIMARY KEY, root INTEGER, step INTEGER);
CREATE TABLE chosen (pack INTEGER PRIMARY KEY, is_whole INTEGER);
"""

_REFER = """
INSERT OR IGNORE INTO refs SELECT t.id, ?, ?, s.id, ? FROM things t CROSS JOIN things s
WHERE t.kind = ? AND t.key = ? AND s.kind = 0 AND s.key = ?"""

_NEED = """
INSERT OR IGNORE INTO needed
SELECT id, (SELECT pack FROM entries WHERE thing = id ORDER BY depth, pack LIMIT 1), 0
FROM things WHERE kind = 1 AND key = ?"""

_NEED_MORE = """
INSERT OR IGNORE INTO needed
SELECT DISTINCT r.target, (SELECT pack FROM entries WHERE thing = r.target ORDER BY depth, pack LIMIT 1), ?
FROM needed n CROSS JOIN refs r ON r.thing = n.thing AND r.pack = n.pack WHERE n.step = ?"""

_NEEDED_BYTES = """
SELECT n.pack, sum(e.stored) FROM needed n JOIN entries e ON e.thing = n.thing AND e.pack = n.pack GROUP BY n.pack"""

_DANGLING = """
SELECT DISTINCT r.pack FROM refs r JOIN chosen w ON w.pack = r.pack AND w.is_whole
WHERE NOT EXISTS (
    SELECT 1 FROM entries e JOIN chosen c ON c.pack = e.pack
    WHERE e.thing = r.target AND e.depth < r.below
    AND (c.is_whole OR EXISTS (SELECT 1 FROM needed n WHERE n.thing = e.thing AND n.pack = e.pack)))"""

_GONE = """
INSERT INTO gone
SELECT id, id, 0 FROM things WHERE kind = 0 AND NOT EXISTS (SELECT 1 FROM entries WHERE thing = id)"""

# A piece made from one of no smaller depth: no reader follows that, or a chain might not end.
_GONE_TOO_DEEP = """
INSERT OR IGNORE INTO gone
SELECT DISTINCT r.thing, r.thing, 0 FROM refs r
WHERE r.below < 256 AND r.below <= (SELECT min(depth) FROM entries WHERE thing = r.target)
AND r.pack = (SELECT pack FROM entries WHERE thing = r.thing ORDER BY depth, pack LIMIT 1)"""

_GONE_MORE = """
INSERT OR IGNORE INTO gone
SELECT r.thing, g.root, ? FROM gone g CROSS JOIN refs r ON r.target = g.thing
WHERE g.step = ? AND r.below < 256
AND r.pack = (SELECT pack FROM entries WHERE thing = r.thing ORDER BY depth, pack LIMIT 1)
ORDER BY r.thing, r.number"""

_FILES_WITH_GONE = """
SELECT DISTINCT f.key, p.key
FROM gone g CROSS JOIN refs r ON r.target = g.thing JOIN things f ON f.id = r.thing JOIN things p ON p.id = g.root
WHERE f.kind = 1 AND r.pack = (SELECT pack FROM entries WHERE thing = r.thing ORDER BY depth, pack LIMIT 1)
ORDER BY f.key, p.key"""


class Ledger:
    """Entries of packs, which are known by numbers here: of equal copies, that in the pack of the least counts.

    For one thread, and a ``with`` block.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.executescript(_SCHEMA)
        self._database.execute("BEGIN")

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add(self, pack: int, entries: Iterable[tuple[Entry, Sequence[bytes]]]) -> None:
        """Take down what is in a pack: whole entries, each with the keys of the pieces that it refers to, in order."""
        some: list[tuple[Entry, Sequence[bytes]]] = []
        held = 0
        for entry, keys in entries:
            some.append((entry, keys))
            held += 1 + len(keys)
            if held >= _AT_ONCE:
                self._add(pack, some)
                some, held = [], 0
        self._add(pack, some)

    def _add(self, pack: int, some: Sequence[tuple[Entry, Sequence[bytes]]]) -> None:
        named = ((int(entry.kind), entry.key) for entry, _ in some)
        rows = ((entry.depth, pack, entry.stored_bytes, int(entry.kind), entry.key) for entry, _ in some)
        refs = (
            (pack, number, entry.depth if entry.kind is Kind.PIECE else _ANY_DEPTH, int(entry.kind), entry.key, key)
            for entry, keys in some
            for number, key in enumerate(keys)
        )
        targets = ((key,) for _, keys in some for key in keys)
        self._many("INSERT OR IGNORE INTO things (kind, key) VALUES (?, ?)", named)
        self._many("INSERT OR IGNORE INTO things (kind, key) VALUES (0, ?)", targets)
        self._many("INSERT OR IGNORE INTO entries SELECT id, ?, ?, ? FROM things WHERE kind = ? AND key = ?", rows)
        self._many(_REFER, refs)

    def forget(self, packs: Iterable[int]) -> None:
        """Take back what was taken down of packs, and the pieces that only these had or referred to."""
        some = [(pack,) for pack in packs]
        self._many("DELETE FROM entries WHERE pack = ?", some)
        self._many("DELETE FROM refs WHERE pack = ?", some)
        self._run("DELETE FROM things WHERE id NOT IN (SELECT thing FROM entries UNION SELECT target FROM refs)")

    def count(self, kind: Kind) -> int:
        """Return of how many things of a kind there is an entry."""
        query = "SELECT count(*) FROM things t WHERE kind = ? AND EXISTS (SELECT 1 FROM entries WHERE thing = t.id)"
        ((count,),) = self._ask(query, (int(kind),))
        return int(count)

    def has(self, kind: Kind, key: bytes) -> bool:
        """Return whether there is an entry of something."""
        query = "SELECT 1 FROM things t JOIN entries ON thing = t.id WHERE kind = ? AND key = ? LIMIT 1"
        return any(self._ask(query, (int(kind), key)))

    def keys_in(self, kind: Kind, packs: Collection[int]) -> Iterator[bytes]:
        """Yield the keys of all things of a kind in some packs, each once and in order."""
        self._choose((), packs)
        query = """
            SELECT key FROM things t WHERE kind = ? AND EXISTS
            (SELECT 1 FROM entries e JOIN chosen c ON c.pack = e.pack WHERE e.thing = t.id) ORDER BY key"""
        yield from (key for (key,) in self._ask(query, (int(kind),)))

    # -- for gc: what is needed, and what would refer to what goes

    def need(self, files: Iterable[bytes]) -> _Key | None:
        """Take down one copy of each thing that files need; return something needed that is not there."""
        self._run("DELETE FROM needed")
        for key in files:
            self._run("INSERT OR IGNORE INTO things (kind, key) VALUES (1, ?)", (key,))
            self._run(_NEED, (key,))
        step = 0
        while self._run(_NEED_MORE, (step + 1, step)):
            step += 1
        missing = "SELECT kind, key FROM needed n JOIN things t ON t.id = n.thing WHERE n.pack IS NULL LIMIT 1"
        return next(((Kind(kind), key) for kind, key in self._ask(missing)), None)

    def bytes_of(self) -> dict[int, int]:
        """Return how large the payloads of each pack are that has any."""
        return dict(self._ask("SELECT pack, sum(stored) FROM entries GROUP BY pack"))

    def needed_bytes_of(self) -> dict[int, int]:
        """Return how large the needed payloads of each pack are that has any."""
        return dict(self._ask(_NEEDED_BYTES))

    def needed_in(self, pack: int) -> set[_Key]:
        """Return what is needed of one pack."""
        query = "SELECT kind, key FROM needed n JOIN things t ON t.id = n.thing WHERE n.pack = ?"
        return {(Kind(kind), key) for kind, key in self._ask(query, (pack,))}

    def dangling(self, whole: Collection[int], parted: Collection[int]) -> set[int]:
        """Return which packs refer to something that would not be there for them any more.

        Args:
            whole: Packs that stay as they are; some of these are returned.
            parted: Packs of which what is needed stays.
        """
        self._choose(whole, parted)
        return {pack for (pack,) in self._ask(_DANGLING)}

    def _choose(self, whole: Collection[int], parted: Collection[int]) -> None:
        self._run("DELETE FROM chosen")
        self._many("INSERT INTO chosen VALUES (?, ?)", [*((n, 1) for n in whole), *((n, 0) for n in parted)])

    # -- for fsck: what cannot be read

    def find_gone(self) -> list[bytes]:
        """Find the pieces that cannot be read: not there, or made from one that is not; return their keys."""
        self._run("DELETE FROM gone")
        self._run(_GONE)
        self._run(_GONE_TOO_DEEP)
        if not any(self._ask("SELECT 1 FROM gone LIMIT 1")):
            return []
        self._run("CREATE INDEX IF NOT EXISTS refs_of_target ON refs (target)")
        step = 0
        while self._run(_GONE_MORE, (step + 1, step)):
            step += 1
        return [key for (key,) in self._ask("SELECT key FROM gone g JOIN things t ON t.id = g.thing ORDER BY key")]

    def files_with_gone(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the files that cannot be put together, in order, with each piece that is at the root of it."""
        return self._ask(_FILES_WITH_GONE)

    def _ask(self, query: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._database.execute(query, values)
        except sqlite3.Error as error:
            raise _failed(error) from error

    def _run(self, query: str, values: Sequence[object] = ()) -> int:
        """Run a change and return how many rows it made or took."""
        try:
            return self._database.execute(query, values).rowcount
        except sqlite3.Error as error:
            raise _failed(error) from error

    def _many(self, query: str, rows: Iterable[Sequence[object]]) -> None:
        try:
            self._database.executemany(query, rows)
        except sqlite3.Error as error:
            raise _failed(error) from error


def _failed(error: sqlite3.Error) -> BackendError | OutOfSpaceError:
    what = f"a temporary file for the list of what is stored does not work: {error}"
    if "full" in str(error) or "I/O" in str(error):
        return OutOfSpaceError(f"{what}; free some space, or name another folder in TMPDIR or SQLITE_TMPDIR")
    return BackendError(what)
