"""What is stored: the versions of an input, in groups that are put and measured one after another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

DESCRIPTION = "versions.json"


@dataclass(frozen=True, slots=True)
class Input:
    """An input on disk: a folder for each version, beside a description of them.

    Attributes:
        folder: Where it is.
        groups: Versions put together, in order; the time of each group is measured.
        parents: Of which versions a version is made; what a registry knows, and tells the store.
        restored: The versions restored and compared; all of them, if none is named.
    """

    folder: Path
    groups: list[list[str]]
    parents: dict[str, list[str]]
    restored: list[str]

    @classmethod
    def read(cls, folder: Path) -> Input:
        """Read what `describe` wrote."""
        found = json.loads((folder / DESCRIPTION).read_text())
        every = [version for group in found["groups"] for version in group]
        return cls(folder, found["groups"], found["parents"], found["restored"] or every)


def describe(
    folder: Path, groups: list[list[str]], parents: dict[str, list[str]] | None = None, restored: tuple[str, ...] = ()
) -> None:
    """Write the description of an input: the last step of making it."""
    found = {"groups": groups, "parents": parents or {}, "restored": restored}
    (folder / DESCRIPTION).write_text(json.dumps(found, indent=1))
