"""Links: what is found out later of what was made from what, beside the refs that versions are registered with.

A version's refs are part of its identity, so nothing is added to them (docs/adr/0019). A link is kept by a third
version, of kind `LINEAGE_KIND`: its property `LINKS` says which version was made from which and in what role, its refs
lead to all of them. `Tracer` follows links as it follows refs, and does not show the versions that keep them.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ama_tfx.catalog import lineage as edges
from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.lineage.results import LineageEdge
from ama_tfx.registry.names import AssetName, AssetRef, check_label, is_pinned
from ama_tfx.registry.results import Facts, Ref, Registered
from ama_tfx.storage import canonical_json, parse_json

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ama_tfx.registry.registry import Registry

LINEAGE_KIND = edges.LINEAGE_KIND
LINKS = "links"
LINKED = "linked"
"""Role of the refs from the version that keeps links to those that it links."""

_FILE = "links.json"
_Edge = tuple[int, str, int]


def record_links(
    registry: Registry, asset: str | AssetName, links: Iterable[LineageEdge], provenance: Mapping[str, Any]
) -> Registered | None:
    """Keep links that nothing tells yet as a version of an asset; return it, or None when all were known.

    Args:
        registry: Where; it has all of the versions.
        asset: Whose version keeps them, ``lineage/<pipeline>``.
        links: By digest.
        provenance: Where they are known from.

    Raises:
        InvalidInputError: A reference that could move, a role that is no label, or a version that is to be made from
            itself.
        NotFoundError: A version that the registry does not have.
    """
    wanted = sorted(set(links), key=lambda link: (str(link.made), link.role, str(link.made_from)))
    for link in wanted:
        _check(link)
    news = [link for link in wanted if link not in _known(registry, link.made)]
    if not news:
        return None
    document = [link.to_json() for link in news]
    ends = sorted({end for link in news for end in (link.made, link.made_from)}, key=str)
    facts = Facts(
        kind=LINEAGE_KIND,
        message="; ".join(f"{link.made.asset.name} {link.role} {link.made_from.asset.name}" for link in news),
        properties={LINKS: document},
        refs=tuple(Ref(end, LINKED) for end in ends),
        provenance=provenance,
    )
    with tempfile.TemporaryDirectory(prefix="ama-links-") as folder:
        file = Path(folder, _FILE)
        file.write_bytes(canonical_json(document))
        return registry.register(asset, file, facts)


def links_around(connection: sa.Connection, ids: Collection[int]) -> set[_Edge]:
    """Return the links of which at least one end is among some versions: row numbers, and the role between them."""
    kept = edges.properties_of_keepers(connection, LINKS, ids)
    known = {
        AssetRef(AssetName(row.workspace, row.asset), row.digest): row.id
        for row in edges.versions_by_id(connection, edges.linked_by(connection, list(kept))).values()
    }
    found = {
        (known[made], role, known[source])
        for value in kept.values()
        for made, role, source in _parsed(value)
        if made in known and source in known
    }
    wanted = set(ids)
    return {link for link in found if link[0] in wanted or link[2] in wanted}


def _known(registry: Registry, made: AssetRef) -> set[LineageEdge]:
    return {edge for edge in registry.lineage.graph(made, up=1, down=0).edges if edge.made == made}


def _check(link: LineageEdge) -> None:
    check_label(link.role, "role")
    for end in (link.made, link.made_from):
        if not is_pinned(end):
            raise InvalidInputError(f"a link of {str(end)!r}, which may move; expected a reference by digest")
    if link.made == link.made_from:
        raise InvalidInputError(
            f"a link from {str(link.made)!r} to itself in role {link.role!r}; expected two versions"
        )


def _parsed(value: str) -> Iterator[tuple[AssetRef, str, AssetRef]]:
    """Yield the links of a property; what somebody else registered under its name tells nothing."""
    document = parse_json(value, LINKS)
    for entry in document if isinstance(document, list) else []:
        with contextlib.suppress(InvalidInputError, KeyError, TypeError, AttributeError):
            made, source = AssetRef.parse(entry["from"]), AssetRef.parse(entry["to"])
            yield made, check_label(entry["role"], "role"), source
