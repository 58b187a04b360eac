"""Which versions hold a content, and under which aliases: what is asked most, without SQLAlchemy on SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ama_tfx.catalog.plain import rows_of
from ama_tfx.catalog.records import VersionRow
from ama_tfx.catalog.version_rows import AND_NAMES, COLUMNS, version_of
from ama_tfx.storage import Digest

if TYPE_CHECKING:
    from ama_tfx.catalog.plain import AnyConnection

_FILES = " ".join(
    (
        *("SELECT files.path,", COLUMNS),
        *("FROM files JOIN versions ON versions.id = files.version_id", AND_NAMES),
        "WHERE files.sha256 = :sha256",
    )
)

_ALIASES = """
SELECT DISTINCT aliases.version_id, aliases.name
FROM aliases
JOIN files ON files.version_id = aliases.version_id
WHERE files.sha256 = :sha256
"""


def find_files(connection: AnyConnection, digest: Digest) -> list[tuple[VersionRow, str]]:
    """Return every version that holds a file of this content, with the file's path there."""
    hits = [(version_of(row), path) for path, *row in rows_of(connection, _FILES, sha256=digest.raw)]
    return sorted(hits, key=lambda hit: (hit[0].workspace, hit[0].asset, hit[0].number, hit[1]))


def aliases_with_file(connection: AnyConnection, digest: Digest) -> dict[int, list[str]]:
    """Return the aliases of every version that holds a file of this content, by the version's row number."""
    found: dict[int, list[str]] = {}
    for version_id, name in sorted(rows_of(connection, _ALIASES, sha256=digest.raw)):
        found.setdefault(version_id, []).append(name)
    return found
