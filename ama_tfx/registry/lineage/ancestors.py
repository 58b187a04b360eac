"""Which files of older versions a new file may be a newer version of: what the store looks at to store differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ama_tfx.storage import Digest

_WEIGHTS = {".safetensors", ".h5", ".hdf5", ".keras", ".npz", ".npy"}


@dataclass(frozen=True, slots=True)
class Ancestor:
    """One older version.

    Attributes:
        files: Its files by path.
    """

    files: Mapping[str, Digest]
    _by_kin: dict[str, list[Digest]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for path, digest in self.files.items():
            for kin in _kin(path):
                self._by_kin.setdefault(kin, []).append(digest)

    def of(self, path: str) -> Digest | None:
        """Return the file of a path, or else the only one of its name, or else, of weights, the only one of its kind.

        So ``checkpoint-5/model.safetensors`` of one version is found for ``model.safetensors`` of the next.
        """
        if path in self.files:
            return self.files[path]
        found = (self._by_kin.get(kin, []) for kin in _kin(path))
        return next((digests[0] for digests in found if len(digests) == 1), None)


@dataclass(frozen=True, slots=True)
class Ancestors:
    """Older versions, the likeliest first."""

    versions: Sequence[Ancestor] = ()

    def of(self, path: str) -> tuple[Digest, ...]:
        """Return the files that a new one may be made from: one of each version at most."""
        return tuple(digest for version in self.versions if (digest := version.of(path)) is not None)


def _kin(path: str) -> list[str]:
    pure = PurePosixPath(path)
    return [pure.name, f"*{pure.suffix}"] if pure.suffix in _WEIGHTS else [pure.name]
