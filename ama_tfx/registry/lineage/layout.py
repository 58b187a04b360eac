"""Where the versions of a lineage are drawn: layers from left to right, few crossings; pure numbers.

Layered drawing after Sugiyama: longest-path layers, edges over several layers led through points of their own, order by
barycentres, then places by averaging neighbours under a least distance.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SWEEPS = 12
"""Passes that order and place; more change nothing that one could see on graphs of a run."""

Arrow = tuple[int, int]
"""From node to node, by number."""


@dataclass(frozen=True)
class Layout:
    """A drawing's numbers.

    Attributes:
        layers: Node -> its layer, from 0 at the left; also of the points.
        places: Node or point -> the middle of it from the top, in units of one row.
        routes: Arrow -> the nodes and points that it goes through, both ends included.
    """

    layers: Mapping[int, int]
    places: Mapping[int, float]
    routes: Mapping[Arrow, tuple[int, ...]]


def lay_out(count: int, arrows: Iterable[Arrow], room: float = 1.0) -> Layout:
    """Lay out a graph.

    Args:
        count: How many nodes; their numbers begin at 0.
        arrows: Between different nodes; of a circle, the arrow that closes it points backwards.
        room: The least distance of two nodes of a layer, in rows; a point takes half of it.
    """
    known = sorted(set(arrows))
    drawn = _layers(count, known)
    forward = [(source, target) for source, target in known if drawn[source] < drawn[target]]
    layers = _near_to_their_use(_layers(count, forward), forward)
    routes, depth = _routes(known, layers)
    columns = _columns(depth)
    segments = [pair for route in routes.values() for pair in itertools.pairwise(route)]
    neighbours = _neighbours(segments)
    for sweep in range(SWEEPS):
        _order(columns, neighbours, depth, backwards=bool(sweep % 2))
    size = {node: room if node < count else room / 2 for node in depth}
    return Layout(depth, _places(columns, neighbours, size), routes)


def _layers(count: int, arrows: Sequence[Arrow]) -> dict[int, int]:
    """Return each node's layer: as many as lie on the longest way to it; in a circle, until it closes."""
    layers = dict.fromkeys(range(count), 0)
    for _ in range(count):
        changed = False
        for source, target in arrows:
            if layers[target] <= layers[source] < count - 1:
                layers[target] = layers[source] + 1
                changed = True
        if not changed:
            break
    return layers


def _near_to_their_use(layers: dict[int, int], arrows: Sequence[Arrow]) -> dict[int, int]:
    """Move what was made from nothing to the layer before its first use: its arrow need not cross the picture."""
    made = {target for _, target in arrows}
    for node in layers.keys() - made:
        uses = [layers[target] for source, target in arrows if source == node]
        layers[node] = min(uses) - 1 if uses else layers[node]
    return layers


def _routes(arrows: Sequence[Arrow], layers: Mapping[int, int]) -> tuple[dict[Arrow, tuple[int, ...]], dict[int, int]]:
    """Give every arrow over several layers a point in each layer between; return the routes, and all layers."""
    depth, routes = dict(layers), {}
    for source, target in arrows:
        step = 1 if layers[source] <= layers[target] else -1
        points = []
        for layer in range(layers[source] + step, layers[target], step):
            points.append(len(depth))
            depth[points[-1]] = layer
        routes[source, target] = (source, *points, target)
    return routes, depth


def _columns(depth: Mapping[int, int]) -> list[list[int]]:
    columns: list[list[int]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node, layer in depth.items():
        columns[layer].append(node)
    return columns


def _neighbours(segments: Iterable[Arrow]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for one, other in segments:
        found.setdefault(one, []).append(other)
        found.setdefault(other, []).append(one)
    return found


def _order(
    columns: list[list[int]], neighbours: Mapping[int, list[int]], depth: Mapping[int, int], *, backwards: bool
) -> None:
    """Order each column by the mean place of its neighbours in the column before it."""
    for column in reversed(columns) if backwards else columns:
        position = {node: index for each in columns for index, node in enumerate(each)}

        def mean(node: int, position: Mapping[int, int] = position) -> float:
            before = [n for n in neighbours.get(node, ()) if (depth[n] > depth[node]) == backwards]
            return sum(position[n] for n in before) / len(before) if before else position[node]

        column.sort(key=mean)


def _places(
    columns: Sequence[Sequence[int]], neighbours: Mapping[int, list[int]], size: Mapping[int, float]
) -> dict[int, float]:
    """Return the middles: near to the mean of a node's neighbours, in order, none nearer to the next than both need."""
    places = {node: float(index) for column in columns for index, node in enumerate(column)}
    for _ in range(SWEEPS):
        for column in columns:
            wanted = [_mean([places[n] for n in neighbours.get(node, ())], places[node]) for node in column]
            places.update(zip(column, _spread(wanted, [size[node] for node in column]), strict=True))
    top = min((places[node] - size[node] / 2 for node in places), default=0.0)
    return {node: place - top for node, place in places.items()}


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _spread(wanted: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Return places in the given order, far enough apart, whose mean is that of those wanted."""
    found: list[float] = []
    for place, size in zip(wanted, sizes, strict=True):
        least = found[-1] + (sizes[len(found) - 1] + size) / 2 if found else place
        found.append(max(place, least))
    shift = _mean(wanted, 0.0) - _mean(found, 0.0)
    return [place + shift for place in found]
