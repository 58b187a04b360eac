"""The rows of an index's SQLite file."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ama_tfx.storage.packs.format import CHECK_BYTES, KEY_BYTES, Entry, Kind, split_keys

SCHEMA = """
CREATE TABLE IF NOT EXISTS packs (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, size_bytes INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
    kind INTEGER, key BLOB, pack INTEGER NOT NULL REFERENCES packs, offset INTEGER NOT NULL, stored INTEGER NOT NULL,
    raw INTEGER NOT NULL, codec INTEGER NOT NULL, item INTEGER NOT NULL, depth INTEGER NOT NULL, check8 BLOB NOT NULL,
    bases BLOB NOT NULL, PRIMARY KEY (kind, key, pack)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_of_pack ON entries (pack);
"""
_DAMAGE = ("malformed", "not a database", "no such table", "no such column", "decode to UTF-8", "file format")
_PACK = re.compile(r"[0-9a-f]{64}")
_TYPES = (str, int, bytes, *(int,) * 7, bytes, bytes)
_KINDS = (Kind.PIECE, Kind.RECIPE)


@dataclass(frozen=True, slots=True)
class Place:
    """An entry, and the pack it is in."""

    pack: str
    entry: Entry


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Return whether an error says that the file's content is wrong."""
    return any(sign in str(error) for sign in _DAMAGE)


def place(row: Sequence[Any]) -> Place:
    """Return a row's place.

    Raises:
        sqlite3.DatabaseError: It holds what no entry can: SQLite has no checksums of its own.
    """
    if tuple(map(type, row)) == _TYPES:
        pack, kind, key, _, offset, stored, raw, codec, item, depth, check, bases = row
        sound = kind in {0, 1} and min(offset, stored, raw, codec, item, depth) >= 0
        sound = sound and len(key) == KEY_BYTES and len(check) == CHECK_BYTES and len(bases) % KEY_BYTES == 0
        if sound and _PACK.fullmatch(pack):
            keys = split_keys(bases) if bases else ()
            return Place(pack, Entry(_KINDS[kind], key, codec, item, depth, raw, stored, offset, check, keys))
    raise sqlite3.DatabaseError(f"malformed row of pack {row[0]!r}")


def packs(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the packs: name -> size in bytes."""
    found = dict(connection.execute("SELECT name, size_bytes FROM packs"))
    if not all(_PACK.fullmatch(str(name)) and isinstance(size, int) for name, size in found.items()):
        raise sqlite3.DatabaseError("malformed list of packs")
    return found


def add(connection: sqlite3.Connection, pack: str, size_bytes: int, entries: Sequence[Entry]) -> None:
    """Write a pack's rows in place of those that are there."""
    forget(connection, pack)
    pack_id = connection.execute("INSERT INTO packs (name, size_bytes) VALUES (?, ?)", (pack, size_bytes)).lastrowid
    rows = (
        (
            int(e.kind),
            e.key,
            pack_id,
            e.offset,
            e.stored_bytes,
            e.raw_bytes,
            e.codec,
            e.item_bytes,
            e.depth,
            e.check,
            b"".join(e.bases),
        )
        for e in entries
    )
    connection.executemany("INSERT OR IGNORE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)


def forget(connection: sqlite3.Connection, pack: str) -> None:
    """Delete a pack's rows."""
    connection.execute("DELETE FROM entries WHERE pack = (SELECT id FROM packs WHERE name = ?)", (pack,))
    connection.execute("DELETE FROM packs WHERE name = ?", (pack,))


def check(connection: sqlite3.Connection) -> None:
    """Read all of it.

    Raises:
        sqlite3.DatabaseError: Something in it is wrong.
    """
    (first,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if first != "ok":
        raise sqlite3.DatabaseError(f"malformed: {first}")
    packs(connection)
    for row in connection.execute("SELECT p.name, e.* FROM entries e LEFT JOIN packs p ON p.id = e.pack"):
        place(row)
