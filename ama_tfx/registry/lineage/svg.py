"""Lineage as a picture: SVG that every browser shows, without a program that draws.

It holds no script, no link and no font; whatever a name says is text.
"""

from __future__ import annotations

import itertools
from html import escape

from ama_tfx.catalog.lineage import VERDICT_KIND
from ama_tfx.registry.lineage.layout import Layout, lay_out
from ama_tfx.registry.lineage.results import Lineage, LineageNode

_CARD_WIDTH, _CARD_HEIGHT, _ROW, _GAP, _MARGIN = 216, 64, 92, 128, 28
_MOST_CHARACTERS = 26
_COLOURS = {
    "Model": "#4c6ef5",
    "Examples": "#2b8a3e",
    "Schema": "#e67700",
    "ExampleStatistics": "#1098ad",
    "TransformGraph": "#ae3ec9",
    "ModelEvaluation": "#c2255c",
    VERDICT_KIND: "#c2255c",
}
_OTHER = "#5c677d"
_STYLE = (
    "text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
    ".name{font-size:13px;font-weight:600;fill:#1b1f24}.kind{font-size:11px;fill:#57606a}"
    ".role{font-size:11px;fill:#424a53;paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}"
    ".alias{font-size:10px;fill:#fff;font-weight:600}.edge{fill:none;stroke:#8c959f;stroke-width:1.6px}"
)


def to_svg(lineage: Lineage) -> str:
    """Return a graph as an SVG document: arrows lead from what was used to what was made of it."""
    numbers = {node.version.reference: number for number, node in enumerate(lineage.nodes)}
    roles: dict[tuple[int, int], list[str]] = {}
    for edge in lineage.edges:
        roles.setdefault((numbers[edge.made_from], numbers[edge.made]), []).append(edge.role)
    layout = lay_out(len(lineage.nodes), roles)
    width = 2 * _MARGIN + _CARD_WIDTH + max(layout.layers.values(), default=0) * (_CARD_WIDTH + _GAP)
    rows = max((layout.places[number] for number in range(len(lineage.nodes))), default=0.5) + 0.5
    height = round(2 * _MARGIN + max(rows, *layout.places.values(), 1.0) * _ROW) + (20 if lineage.note else 0)
    title = f"Lineage of {lineage.root}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{_text(title)}">',
        f"<title>{_text(title)}</title><style>{_STYLE}</style>",
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0.5L7.5 4L0 7.5z" fill="#8c959f"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        *(_edge(layout, arrow) for arrow in roles),
        *(_card(node, layout, number, node.version.reference == lineage.root) for node, number in _each(lineage)),
        *(_roles(layout, arrow, told) for arrow, told in roles.items()),
    ]
    if lineage.note:
        parts.append(f'<text class="kind" x="{_MARGIN}" y="{height - 14}">{_text(lineage.note)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _each(lineage: Lineage) -> list[tuple[LineageNode, int]]:
    return [(node, number) for number, node in enumerate(lineage.nodes)]


def _left(layout: Layout, node: int) -> float:
    return _MARGIN + layout.layers[node] * (_CARD_WIDTH + _GAP)


def _middle(layout: Layout, node: int) -> float:
    return _MARGIN + layout.places[node] * _ROW


def _card(node: LineageNode, layout: Layout, number: int, is_root: bool) -> str:
    version, x, y = node.version, _left(layout, number), _middle(layout, number) - _CARD_HEIGHT / 2
    colour = _COLOURS.get(version.kind, _OTHER)
    name = f"{version.asset.name}:{version.number}"
    border = f'stroke="{colour}" stroke-width="2.4"' if is_root else 'stroke="#d0d7de" stroke-width="1.2"'
    dashes = ' stroke-dasharray="5 4"' if node.retired else ""
    kind = f"{version.kind} · {version.semantic}" + (" · retired" if node.retired else "")
    more = " …" if node.is_elided else ""
    return (
        f'<g><title>{_text(str(version.reference))}</title><rect x="{x:g}" y="{y:g}" width="{_CARD_WIDTH}" '
        f'height="{_CARD_HEIGHT}" rx="9" fill="#fff" {border}{dashes}/>'
        f'<rect x="{x:g}" y="{y + 10:g}" width="5" height="{_CARD_HEIGHT - 20}" rx="2.5" fill="{colour}"/>'
        f'<text class="name" x="{x + 17:g}" y="{y + 23:g}">{_text(_short(name))}</text>'
        f'<text class="kind" x="{x + 17:g}" y="{y + 39:g}">{_text(_short(kind + more))}</text>'
        f"{_chips(node.aliases, x + 17, y + 45, colour)}</g>"
    )


def _chips(aliases: tuple[str, ...], x: float, y: float, colour: str) -> str:
    """Draw the aliases as far as there is room; the rest is a number."""
    drawn, end = [], x
    for position, alias in enumerate(aliases):
        width = 12 + 6.1 * len(alias)
        is_last = position == len(aliases) - 1
        if end + width + (0 if is_last else 30) > x + _CARD_WIDTH - 30:
            alias, width = f"+{len(aliases) - position}", 26.0  # noqa: PLW2901 - what is drawn instead
            is_last = True
        drawn.append(
            f'<rect x="{end:g}" y="{y:g}" width="{width:g}" height="14" rx="7" fill="{colour}"/>'
            f'<text class="alias" x="{end + width / 2:g}" y="{y + 10.4:g}" text-anchor="middle">{_text(alias)}</text>'
        )
        end += width + 5
        if is_last:
            break
    return "".join(drawn)


def _edge(layout: Layout, arrow: tuple[int, int]) -> str:
    points = _points(layout, arrow)
    path = f"M{points[0][0]:g} {points[0][1]:g}"
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        bend = (x1 - x0) / 2
        path += f"C{x0 + bend:g} {y0:g} {x1 - bend:g} {y1:g} {x1:g} {y1:g}"
    return f'<path class="edge" d="{path}" marker-end="url(#arrow)"/>'


def _points(layout: Layout, arrow: tuple[int, int]) -> list[tuple[float, float]]:
    """Return where an arrow goes through: out of a card's side, straight past the cards of layers between, in again."""
    route = layout.routes[arrow]
    first, last = route[0], route[-1]
    is_forward = layout.layers[first] < layout.layers[last]
    out, into = (_CARD_WIDTH, 0) if is_forward else (0, _CARD_WIDTH)
    points = [(_left(layout, first) + out, _middle(layout, first))]
    for point in route[1:-1]:
        sides = (0, _CARD_WIDTH) if is_forward else (_CARD_WIDTH, 0)
        points += [(_left(layout, point) + side, _middle(layout, point)) for side in sides]
    points.append((_left(layout, last) + into, _middle(layout, last)))
    return points


def _roles(layout: Layout, arrow: tuple[int, int], roles: list[str]) -> str:
    """Write the roles in the last gap before the arrow's end, where only arrows to that card are."""
    (x0, y0), (x1, y1) = _points(layout, arrow)[-2:]
    x, y = x0 + (x1 - x0) * 0.5, y0 + (y1 - y0) * 0.5 - 6
    return (
        f'<text class="role" x="{x:g}" y="{y:g}" text-anchor="middle">{_text(_short(", ".join(sorted(roles))))}</text>'
    )


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 1]}…"


def _text(text: str) -> str:
    """Return text for XML; characters that are not printed, and those that XML forbids, become a sign."""
    return escape("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text))
