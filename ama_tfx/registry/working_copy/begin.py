"""Beginning with an asset in a folder: the library behind ``ama init``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ama_tfx.errors import NotFoundError
from ama_tfx.registry.names import AssetName, AssetRef
from ama_tfx.registry.registry import Registry
from ama_tfx.registry.results import Version
from ama_tfx.registry.working_copy.changes import Changes
from ama_tfx.registry.working_copy.working_copy import WorkingCopy


@dataclass(frozen=True)
class Begun:
    """What beginning did.

    Attributes:
        working_copy: The folder's, whose current asset it is now.
        changes: What is pending of the asset.
        left: The version that it was based on before and is not any more; None for none.
        newest: The asset's newest version; None for none, or when the registry cannot tell.
    """

    working_copy: WorkingCopy
    changes: Changes
    left: AssetRef | None
    newest: Version | None

    @property
    def is_empty_beside_versions(self) -> bool:
        """Whether the next version begins empty, though the asset has versions that it could begin from."""
        return not self.changes and self.changes.base is None and bool(self.left or self.newest)


def begin(root: Path, asset: AssetName, registry: Registry | None, *, clear: bool = False) -> Begun:
    """Work on an asset in a folder, from nothing unless something is pending of it; see `WorkingCopy.init`.

    Args:
        root: The folder.
        asset: The asset.
        registry: Asked for the asset's newest version; None for no such answer.
        clear: Forget what is pending of it.
    """
    copy = WorkingCopy(root.absolute())
    before = None if clear else copy.records.read(asset).base
    copy = WorkingCopy.init(root, asset, clear=clear)
    changes = copy.changes()
    return Begun(copy, changes, None if before == changes.base else before, _newest(registry, asset))


def _newest(registry: Registry | None, asset: AssetName) -> Version | None:
    try:
        return registry.resolve(AssetRef(asset)) if registry else None
    except NotFoundError:
        return None
