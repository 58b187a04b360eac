"""ama-tfx: TFX components that give every pipeline an asset registry, and the registry itself.

Importing this package loads nothing heavy: each name is loaded when it is first used. Kubeflow imports custom artifact
types by their type name, ``ama_tfx.Asset``, which is why they are names of this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ama_tfx.lazy_names import lazy_names

if TYPE_CHECKING:
    from ama_tfx.components.types import Archive, Asset, Lineage, Verdict
    from ama_tfx.errors import AmaError
    from ama_tfx.registry import Facts, Ref, Registry, open_registry

__version__ = "0.1.0"

__all__ = [
    "AmaError",
    "Archive",
    "Asset",
    "Facts",
    "Lineage",
    "Ref",
    "Registry",
    "Verdict",
    "__version__",
    "open_registry",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ama_tfx.components.types": (
            "Archive",
            "Asset",
            "Lineage",
            "Verdict",
        ),
        "ama_tfx.errors": ("AmaError",),
        "ama_tfx.registry": (
            "Facts",
            "Ref",
            "Registry",
            "open_registry",
        ),
    },
)
