"""ama-tfx: TFX components that give every pipeline an asset registry, and the registry itself.

Importing this package loads nothing heavy: each name is loaded when it is first used. Kubeflow imports custom artifact
types by their type name, ``ama_tfx.Asset``, which is why they are names of this module.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

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

_HOMES = {
    "AmaError": "ama_tfx.errors",
    "Archive": "ama_tfx.components.types",
    "Asset": "ama_tfx.components.types",
    "Lineage": "ama_tfx.components.types",
    "Verdict": "ama_tfx.components.types",
    "Facts": "ama_tfx.registry",
    "Ref": "ama_tfx.registry",
    "Registry": "ama_tfx.registry",
    "open_registry": "ama_tfx.registry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ama_tfx' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
