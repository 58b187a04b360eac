"""Lineage: what versions were made from, and what was made from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ama_tfx import catalog
from ama_tfx.catalog import Database
from ama_tfx.catalog import lineage as edges
from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.lineage.linking import links_around
from ama_tfx.registry.lineage.results import Affected, Impact, Lineage, LineageEdge, LineageNode
from ama_tfx.registry.names import Alias, AssetRef
from ama_tfx.registry.resolving import require_version
from ama_tfx.registry.results import Version

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["Affected", "Impact", "Lineage", "LineageEdge", "LineageNode", "Tracer"]

MOST_VERSIONS = 10_000
"""How many versions a graph has at most in each direction, unless the caller says otherwise."""

_Edge = tuple[int, str, int]


class Tracer:
    """The lineage of versions; `Registry.lineage` is the one of a registry.

    Args:
        database: Of the catalog.
        parse: Reads references as the registry does.
    """

    def __init__(self, database: Database, parse: Callable[[str | AssetRef], AssetRef]) -> None:
        self._database, self._parse = database, parse

    def graph(
        self,
        reference: str | AssetRef,
        *,
        up: int | None = None,
        down: int | None = None,
        most: int = MOST_VERSIONS,
    ) -> Lineage:
        """Return what a version was made from and what was made from it.

        Args:
            reference: The version.
            up: How many refs to follow to what it was made from; None for all.
            down: How many to follow to what was made from it; None for all.
            most: How many versions to return at most in each direction, the nearest ones; the result's ``note`` tells
                when there are more.

        Raises:
            InvalidInputError: A negative number.
            NotFoundError: No such version.
        """
        for name, value in (("up", up), ("down", down), ("most", most)):
            if value is not None and value < 0:
                raise InvalidInputError(f"{name} cannot be negative: {value}; expected a number of refs from 0")
        ref = self._parse(reference)
        with self._database.read() as connection:
            root = require_version(connection, ref)
            upper, cut_up = _within(connection, [root.id], upwards=True, depth=up, most=most)
            lower, cut_down = _within(connection, [root.id], upwards=False, depth=down, most=most)
            ids = list(dict.fromkeys([*upper, *lower]))
            shown = set(ids)
            links = {link for link in links_around(connection, ids) if shown.issuperset((link[0], link[2]))}
            found = sorted({*edges.edges_between(connection, ids), *links})
            elided = _going_on(connection, upper, up, shown, upwards=True)
            elided |= _going_on(connection, lower, down, shown, upwards=False)
            nodes = _nodes(connection, ids, elided)
        refs = {node_id: node.version.reference for node_id, node in nodes.items()}
        told = tuple(LineageEdge(refs[made], role, refs[source]) for made, role, source in found)
        return Lineage(refs[root.id], tuple(nodes[i] for i in ids), told, _note(most, cut_up, cut_down))

    def impact(self, reference: str | AssetRef, *, most: int = MOST_VERSIONS) -> Impact:
        """Return everything that was made from a version, and the aliases that point at any of it.

        Forks of the version hold the same content, so what was made from them counts too.

        Args:
            reference: The version.
            most: How many versions to return at most, the nearest ones.

        Raises:
            NotFoundError: No such version.
        """
        ref = self._parse(reference)
        with self._database.read() as connection:
            root = require_version(connection, ref)
            starts = [row.id for row in catalog.versions_with_digest(connection, root.digest)]
            steps, cut = _within(connection, starts, upwards=False, depth=None, most=most)
            nodes = _nodes(connection, steps, set())
        affected = [Affected(node, steps[i]) for i, node in nodes.items() if i != root.id]
        affected.sort(key=lambda each: (each.steps, each.node.version.asset, each.node.version.number))
        names = sorted((n.version.asset, alias) for n in nodes.values() for alias in n.aliases)
        aliases = tuple(AssetRef(asset, Alias(alias)) for asset, alias in names)
        return Impact(nodes[root.id], tuple(affected), aliases, _note(most, False, cut))


def _within(
    connection: sa.Connection, starts: list[int], *, upwards: bool, depth: int | None, most: int
) -> tuple[dict[int, int], bool]:
    """Return versions by row number with their distance, the nearest first, and whether there are more of them."""
    if depth == 0:
        return dict.fromkeys(starts, 0), False
    reached, links = _reached(connection, starts, upwards=upwards, limit=most + len(starts) + 1)
    is_cut = len(reached) > most + len(starts)
    kept = reached[: most + len(starts)]
    inside = set(kept)
    known = [*edges.edges_between(connection, kept), *(link for link in links if inside.issuperset((link[0], link[2])))]
    distances = _distances(starts, known, upwards=upwards)
    if depth is None:
        return distances, is_cut
    furthest = max(distances.values())
    shown = {node: distance for node, distance in distances.items() if distance <= depth}
    return shown, is_cut and furthest <= depth


def _reached(
    connection: sa.Connection, starts: list[int], *, upwards: bool, limit: int
) -> tuple[list[int], set[_Edge]]:
    """Return the versions that refs and links lead to, those by refs first, and the links; without their keepers."""
    reached = dict.fromkeys(edges.reachable(connection, starts, upwards=upwards, limit=limit))
    links, news = set[_Edge](), list(reached)
    while news and len(reached) < limit:
        found = links_around(connection, news)
        links |= found
        ways = [(made, source) if upwards else (source, made) for made, _, source in found]
        ends = {there for here, there in ways if here in reached and there not in reached}
        beyond = edges.reachable(connection, ends, upwards=upwards, limit=limit) if ends else []
        news = [node for node in beyond if node not in reached]
        reached.update(dict.fromkeys(news))
    keepers = edges.keepers_among(connection, reached) - set(starts)
    return [node for node in reached if node not in keepers][:limit], links


def _distances(starts: Iterable[int], known: Iterable[_Edge], *, upwards: bool) -> dict[int, int]:
    """Return how many edges away versions are; each is met once, so that a circle ends."""
    following: dict[int, list[int]] = {}
    for made, _, source in known:
        here, there = (made, source) if upwards else (source, made)
        following.setdefault(here, []).append(there)
    distances = dict.fromkeys(starts, 0)
    pending = list(distances)
    for node in pending:
        for other in following.get(node, ()):
            if other not in distances:
                distances[other] = distances[node] + 1
                pending.append(other)
    return distances


def _going_on(
    connection: sa.Connection, distances: dict[int, int], depth: int | None, shown: set[int], *, upwards: bool
) -> set[int]:
    """Return the outermost versions of a graph from which refs lead on to versions that it does not have."""
    if not depth:
        return set()
    outermost = [node for node, distance in distances.items() if distance == depth]
    ways = edges.neighbours(connection, outermost, upwards=upwards)
    keepers = edges.keepers_among(connection, {other for _, other in ways})
    links = links_around(connection, outermost)
    ways += [(made, source) if upwards else (source, made) for made, _, source in links]
    known = set(outermost)
    return {node for node, other in ways if node in known and other not in shown and other not in keepers}


def _nodes(connection: sa.Connection, ids: Iterable[int], elided: set[int]) -> dict[int, LineageNode]:
    wanted = list(ids)
    rows = edges.versions_by_id(connection, wanted)
    aliases = edges.aliases_by_version(connection, wanted)
    retired = edges.retired_among(connection, wanted)
    forks = edges.provenances_with(connection, "forked_from", wanted)
    return {
        i: LineageNode(
            Version.from_row(rows[i]), aliases.get(i, ()), i in retired, _origin(forks.get(i, {})), i in elided
        )
        for i in wanted
    }


def _origin(provenance: object) -> str | None:
    told = provenance.get("forked_from") if isinstance(provenance, dict) else None
    reference = told.get("reference") if isinstance(told, dict) else None
    return reference if isinstance(reference, str) else None


def _note(most: int, cut_up: bool, cut_down: bool) -> str:
    sides = [name for name, cut in (("what it was made from", cut_up), ("what was made from it", cut_down)) if cut]
    return f"cut: of {' and of '.join(sides)} the {most} nearest versions are shown" if sides else ""
