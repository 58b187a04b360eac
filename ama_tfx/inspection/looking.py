"""A file that is being looked into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ama_tfx.inspection.facts import OpenableFile, TensorFact
from ama_tfx.inspection.findings import Findings
from ama_tfx.storage.formats.window import Window

MOST_DEPTH = 3
"""Of archives in archives that are looked into."""


@dataclass
class Look:
    """A file, or a member of an archive, and where to write what is seen.

    Attributes:
        path: What it is called in what is told: the path, for a member with ``!`` and its name behind it.
        name: The last part of its name, in small letters.
        window: Its bytes.
        found: Where to write.
        files: All files, by path; of them a reader takes only the index of a TensorBundle.
        owner: The path of the file that it is in; its own, unless it is a member.
        prefix: Before the names of its tensors.
        depth: In how many archives it is.
    """

    path: str
    window: Window
    found: Findings
    files: Mapping[str, OpenableFile] = field(default_factory=dict)
    owner: str = ""
    prefix: str = ""
    depth: int = 0

    def __post_init__(self) -> None:
        self.owner = self.owner or self.path

    @property
    def name(self) -> str:
        """The last part of its name, in small letters."""
        return self.path.rpartition("!")[2].rpartition("/")[2].lower()

    @property
    def suffix(self) -> str:
        """What is behind the name's last dot, with it; empty when there is none."""
        stem, dot, end = self.name.rpartition(".")
        return dot + end if stem else ""

    @property
    def size_bytes(self) -> int:
        """How long it is."""
        return self.window.size_bytes

    def head(self, size_bytes: int) -> bytes:
        """Return its first bytes, or all when there are fewer."""
        return self.window.read_at_most(0, size_bytes)

    def whole(self, most_bytes: int) -> bytes:
        """Return all of it.

        Raises:
            ValueError: It is more than that.
        """
        if self.size_bytes > most_bytes:
            raise ValueError(f"larger than the {most_bytes:,} bytes that are read")
        return self.window.read(0, self.size_bytes)

    def is_(self, name: str) -> None:
        """Take down its format; a member's is not told."""
        if self.depth == 0:
            self.found.formats[self.path] = name

    def danger(self, what: str, why: str) -> None:
        """Take down a danger."""
        self.found.danger(self.path, what, why)

    def problem(self, what: str) -> None:
        """Take down a problem."""
        self.found.problem(self.path, what)

    def note(self, what: str) -> None:
        """Take down something else."""
        self.found.note(self.path, what)

    def tensor(self, name: str, dtype: str, shape: tuple[int, ...]) -> None:
        """Take down a tensor."""
        self.found.tensor(TensorFact(self.prefix + name, dtype, shape, self.owner))
