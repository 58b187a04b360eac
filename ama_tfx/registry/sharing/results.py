"""What sharing gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from ama_tfx.registry.names import AssetName, AssetRef
from ama_tfx.registry.results import Version
from ama_tfx.registry.sharing.contents import BundledAlias, BundledVersion, BundleIndex
from ama_tfx.storage import Digest


@dataclass(frozen=True, slots=True)
class BundleContents:
    """What is in a bundle.

    Attributes:
        path: Of its file.
        digest: SHA-256 of its index: names the bundle with all that is in it.
        index: What it says of itself.
        blob_count: How many files' bytes it holds, each content once.
        blob_bytes: How many bytes those are.
        size_bytes: Of the file.
        is_verified: Whether those bytes were read and compared with their digests too.
    """

    path: Path
    digest: Digest
    index: BundleIndex
    blob_count: int
    blob_bytes: int
    size_bytes: int
    is_verified: bool

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama bundle create --json`` and ``inspect --json`` print it."""
        return {
            "path": str(self.path.absolute()),
            "digest": str(self.digest),
            "registry": self.index.registry_id,
            "roots": [str(root) for root in self.index.roots],
            "versions": [version.to_json() for version in self.index.versions],
            "aliases": [alias.to_json() for alias in self.index.aliases],
            "descriptions": {str(asset): text for asset, text in self.index.descriptions.items()},
            "blob_count": self.blob_count,
            "blob_bytes": self.blob_bytes,
            "size_bytes": self.size_bytes,
            "verified": self.is_verified,
        }


class AliasOutcome(Enum):
    """What becomes of an alias of a bundle."""

    SET = "set"
    MOVED = "moved"
    THERE = "there"
    KEPT = "kept"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AliasStep:
    """An alias of a bundle, and what becomes of it.

    Attributes:
        alias: Which, in the asset of this registry.
        outcome: ``KEPT`` when it points elsewhere here and is not to be moved, ``REFUSED`` when it is protected here.
        why: Why it is kept or refused; else empty.
    """

    alias: BundledAlias
    outcome: AliasOutcome
    why: str = ""


@dataclass(frozen=True, slots=True)
class Placement:
    """A version of a bundle, and the asset that it becomes a version of.

    Attributes:
        version: Which.
        asset: Whose version it becomes.
        is_known: Whether that asset has it already, and its files where the bundle has them.
    """

    version: BundledVersion
    asset: AssetName
    is_known: bool

    @property
    def reference(self) -> AssetRef:
        """The reference by digest here."""
        return AssetRef(self.asset, self.version.digest)


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a bundle did, or would do.

    Attributes:
        digest: The bundle's.
        placements: Its versions and where they are now.
        aliases: What became of its aliases.
        new_bytes: How many bytes the store has grown; 0 when nothing was done.
        is_done: False for a dry run.
    """

    digest: Digest
    placements: tuple[Placement, ...]
    aliases: tuple[AliasStep, ...]
    new_bytes: int
    is_done: bool

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama bundle apply --json`` prints it."""
        return {
            "bundle": str(self.digest),
            "versions": [
                {
                    "reference": str(placement.reference),
                    "from": str(placement.version.reference),
                    "known": placement.is_known,
                }
                for placement in self.placements
            ],
            "aliases": [
                {**step.alias.to_json(), "outcome": step.outcome.value, "why": step.why} for step in self.aliases
            ],
            "new_bytes": self.new_bytes,
            "done": self.is_done,
        }


@dataclass(frozen=True, slots=True)
class Forked:
    """What a fork did.

    Attributes:
        asset: The asset that has the versions now.
        versions: Each version that was forked and the one that it became.
        new_count: How many of them are new.
        aliases: Which aliases were set.
        is_done: False for a dry run; then the versions of the fork are those forked.
        aliases_refused: Which aliases were not set, and why: they are protected there.
    """

    asset: AssetName
    versions: tuple[tuple[Version, Version], ...]
    new_count: int
    aliases: tuple[str, ...]
    is_done: bool = True
    aliases_refused: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama fork --json`` prints it."""
        return {
            "asset": self.asset.name,
            "workspace": self.asset.workspace,
            "versions": [{**new.to_json(), "forked_from": str(old.reference)} for old, new in self.versions],
            "new_count": self.new_count,
            "aliases": list(self.aliases),
            "aliases_refused": dict(self.aliases_refused),
            "done": self.is_done,
        }


@dataclass(frozen=True, slots=True)
class WorkspaceSummary:
    """A workspace and how much is in it."""

    name: str
    asset_count: int
    version_count: int

    def to_json(self) -> Mapping[str, Any]:
        """Return the stable JSON form, as ``ama workspaces --json`` prints it."""
        return {"workspace": self.name, "asset_count": self.asset_count, "version_count": self.version_count}
