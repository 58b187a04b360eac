"""Why there is no champion: there has never been one, or somebody named or removed it wrongly."""

from ama_tfx.errors import NotFoundError
from ama_tfx.registry import Alias, AssetName, AssetRef, Registry

LINKS = "lineage"
"""Folder of the assets that LineageLinker keeps: ``lineage/taxi/model`` holds no model."""

MOST_SLIPS = 2
"""Of the keyboard, in a name that may still be meant for another."""

LEAST = 4
"""Letters of a part that may be misspelt: of shorter ones, two slips make any of any other."""


def hint(registry: Registry, ref: AssetRef) -> str | None:
    """Return what speaks against a reference that leads nowhere being of a first model; None when nothing does.

    A first model's asset is not there, is not named nearly like one that is, and has, when it is there, no alias. An
    asset with other aliases has been in use: one that was never set on it is more likely the wrong one, which would
    let every model pass as the first, for ever.
    """
    try:
        aliases = registry.aliases(ref.asset)
    except NotFoundError:
        near = sorted(str(found.name) for found in registry.assets() if _is_near(ref.asset, found.name))
        return f"; {', '.join(near)} is named nearly so" if near else None
    if not isinstance(ref.selector, Alias):
        return "" if registry.exists(AssetRef(ref.asset)) else None
    if registry.alias_moves(ref.asset, ref.selector.name):
        return "; it was there once, and was removed"
    if aliases:
        return f"; name one of those, or set {ref.selector.name!r} once by hand"
    return None


def _is_near(wanted: AssetName, known: AssetName) -> bool:
    """Return whether a name may be meant for another: two slips of the keyboard at most, or folders are left out."""
    one, other = (name.name.split("/") for name in (wanted, known))
    if other[0] == LINKS and one[0] != LINKS:
        return False
    if wanted.workspace == known.workspace and len(one) != len(other):
        least = min(len(one), len(other))
        return one[-least:] == other[-least:]
    pairs = list(zip([wanted.workspace, *one], [known.workspace, *other], strict=False))
    if len(one) != len(other) or any(min(map(len, pair)) < LEAST for pair in pairs if pair[0] != pair[1]):
        return False
    return sum(_slips(mine, its) for mine, its in pairs) <= MOST_SLIPS


def _slips(one: str, other: str) -> int:
    """Return how many letters were left out, added, changed, or swapped with the next, to make one of the other."""
    before, row = [], list(range(len(other) + 1))
    for number, letter in enumerate(one, start=1):
        earlier, before, row = before, row, [number]
        for place, its in enumerate(other, start=1):
            row.append(min(before[place] + 1, row[-1] + 1, before[place - 1] + (letter != its)))
            if min(number, place) > 1 and letter == other[place - 2] and one[number - 2] == its:
                row[place] = min(row[place], earlier[place - 2] + 1)
    return row[-1]
