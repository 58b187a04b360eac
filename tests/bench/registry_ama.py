"""ama's registry, as a process: ``register HOME SOURCE FIRST LAST`` and ``find HOME FILE``."""

from __future__ import annotations

import sys
from pathlib import Path

from ama_tfx.registry import Registry


def register(home: Path, source: Path, first: int, last: int) -> None:
    """Register versions of a model, from the first to the last; what is missing is made with version 1."""
    registry = Registry(home / "registry", create=True)
    for number in range(first, last + 1):
        registry.register("model", source / str(number))
    registry.close()


def find(home: Path, file: Path) -> list[int]:
    """Return the versions that hold a file of this content."""
    registry = Registry(home / "registry")
    return [hit.version.number for hit in registry.find(file)]


if __name__ == "__main__":
    verb, place, other, *more = sys.argv[1:]
    if verb == "register":
        register(Path(place), Path(other), *map(int, more))
    else:
        print(*find(Path(place), Path(other)))
