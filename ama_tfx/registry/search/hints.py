"""What may have been meant by a query that nothing is like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ama_tfx.registry.registry import Registry

_QUOTED = re.compile(r'"(\\.|[^"\\])*"')
_KIND = re.compile(r"(?<![\w.])kind\s*[:=]\s*([\w./-]+)")
_MOST_KINDS = 1000
"""How many versions are looked at for their kinds."""


def search_hints(registry: Registry, query: str) -> Iterator[str]:
    """Yield what may be wrong with a query that nothing is like, as sentences without a full stop."""
    bare = _QUOTED.sub('""', query)
    words = bare.split()
    inner = {word for word in words[1:-1] if word in {"and", "or"}} | {word for word in words[:-1] if word == "not"}
    for word in sorted(inner):
        yield f"{word!r} was searched for as a word; {word.upper()} between conditions is written in capitals"
    wanted = set(_KIND.findall(bare))
    if wanted:
        there = {match.version.kind for match in registry.search("", workspace="*", limit=_MOST_KINDS)}
        for kind in sorted(wanted - there):
            for near in sorted(one for one in there if one.casefold() == kind.casefold()):
                yield f"there is no kind {kind!r}, but there is {near!r}"
