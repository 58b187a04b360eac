"""How large assets are: as they are seen, with each content once, and in the store."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ama_tfx import catalog
from ama_tfx.catalog import Database
from ama_tfx.registry.names import AssetName
from ama_tfx.storage import Digest, PackStore
from ama_tfx.storage.packs.format import Kind

if TYPE_CHECKING:
    import sqlalchemy as sa

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class AssetSize:
    """How large an asset is; retired versions and content kept elsewhere do not count.

    Attributes:
        asset: Which.
        version_count: How many versions.
        file_count: How many files they list together.
        size_bytes: Sum of the files' sizes, as if nothing were shared.
        unique_bytes: The same with each content once.
        own_bytes: Of those, what no other asset has: what goes when the asset's versions are retired.
        stored_bytes: Size of the compressed pieces that its files are made of, each once, whoever else is made of
            them; None unless it was asked for.
    """

    asset: AssetName
    version_count: int
    file_count: int
    size_bytes: int
    unique_bytes: int
    own_bytes: int
    stored_bytes: int | None

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama du --json`` prints it."""
        return {
            "asset": self.asset.name,
            "workspace": self.asset.workspace,
            "version_count": self.version_count,
            "file_count": self.file_count,
            "size_bytes": self.size_bytes,
            "unique_bytes": self.unique_bytes,
            "own_bytes": self.own_bytes,
            "stored_bytes": self.stored_bytes,
        }


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the assets are, and all together.

    Attributes:
        assets: By name.
        size_bytes: Of all assets in the registry: the sum of their files' sizes.
        unique_bytes: The same with each content once.
        store_bytes: What the store takes: all packs, what nobody needs and what tells where things are included.
    """

    assets: tuple[AssetSize, ...]
    size_bytes: int
    unique_bytes: int
    store_bytes: int

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama du --json`` prints it."""
        return {
            "assets": [asset.to_json() for asset in self.assets],
            "size_bytes": self.size_bytes,
            "unique_bytes": self.unique_bytes,
            "store_bytes": self.store_bytes,
        }


def measure_sizes(
    database: Database, store: PackStore, wanted: Collection[AssetName] | None, *, with_stored: bool
) -> Sizes:
    """Measure assets; what is held at a time is a page of digests, and with ``with_stored`` the keys of the pieces.

    Args:
        database: The catalog.
        store: The blobs.
        wanted: Which assets; None for all.
        with_stored: Whether to look up every file's pieces, which takes about 20 us a file.
    """
    with database.read() as connection:
        rows = catalog.asset_sizes(connection)
        unique, own, all_unique = _shares(connection)
        pieces = _pieces_by_asset(connection, store, {row.id for row in rows}) if with_stored else None
    sizes = tuple(
        AssetSize(
            AssetName(row.workspace, row.asset),
            row.version_count,
            row.file_count,
            row.size_bytes,
            unique[row.id],
            own[row.id],
            None if pieces is None else pieces[row.id],
        )
        for row in rows
        if wanted is None or AssetName(row.workspace, row.asset) in wanted
    )
    return Sizes(sizes, sum(row.size_bytes for row in rows), all_unique, sum(store.index.packs().values()))


def _shares(connection: sa.Connection) -> tuple[Counter[int], Counter[int], int]:
    unique, own, total = Counter[int](), Counter[int](), 0
    by_content = itertools.groupby(catalog.contents_by_asset(connection), key=lambda row: row[:2])
    for (_, size_bytes), rows in by_content:
        holders = [asset_id for _, _, asset_id in rows]
        total += size_bytes
        for asset_id in holders:
            unique[asset_id] += size_bytes
        if len(holders) == 1:
            own[holders[0]] += size_bytes
    return unique, own, total


def _pieces_by_asset(connection: sa.Connection, store: PackStore, asset_ids: Collection[int]) -> Counter[int]:
    stored, seen = Counter[int](), {asset_id: set[bytes]() for asset_id in asset_ids}
    for page in _pages(catalog.contents_by_asset(connection)):
        recipes = store.finder.recipes([digest for digest, _ in page])
        for digest, asset_id in page:
            keys = {part.key for part in recipes[digest].parts} - seen[asset_id]
            seen[asset_id] |= keys
            places = store.index.find_all(Kind.PIECE, list(keys)).values()
            stored[asset_id] += sum(place.entry.stored_bytes for place in places)
    return stored


def _pages(rows: Iterator[tuple[Digest, int, int]]) -> Iterator[list[tuple[Digest, int]]]:
    while page := [(digest, asset_id) for digest, _, asset_id in itertools.islice(rows, _AT_ONCE)]:
        yield page
