"""Layer 5, TFX: thin adapters between TFX and the registry, one folder per component.

Each name is loaded when it is first used, with what of TFX that component needs.
"""

import importlib
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ama_tfx.errors import MissingExtraError

if find_spec("tfx") is None:
    raise MissingExtraError("tfx", "a TFX component")

if TYPE_CHECKING:
    from ama_tfx.components.asset_importer import AssetImporter
    from ama_tfx.components.asset_pusher import AssetPusher
    from ama_tfx.components.asset_registrar import AssetRegistrar
    from ama_tfx.components.blessing_validator import BlessingPolicy, BlessingValidator
    from ama_tfx.components.containers import AmaContainerTask, ContainerCheck, ContainerExport
    from ama_tfx.components.data_gate import DataGate
    from ama_tfx.components.infra_validator import InfraValidator, ServingBudgets, ServingLimits
    from ama_tfx.components.lineage_linker import LineageLinker
    from ama_tfx.components.model_selector import ModelSelector
    from ama_tfx.components.strategies import AliasStrategy, BestAssetStrategy
    from ama_tfx.components.types import Archive, Asset, Lineage, Verdict

__all__ = [
    "AliasStrategy",
    "AmaContainerTask",
    "Archive",
    "Asset",
    "AssetImporter",
    "AssetPusher",
    "AssetRegistrar",
    "BestAssetStrategy",
    "BlessingPolicy",
    "BlessingValidator",
    "ContainerCheck",
    "ContainerExport",
    "DataGate",
    "InfraValidator",
    "Lineage",
    "LineageLinker",
    "ModelSelector",
    "ServingBudgets",
    "ServingLimits",
    "Verdict",
]

_HOMES = {
    "AliasStrategy": "ama_tfx.components.strategies",
    "AmaContainerTask": "ama_tfx.components.containers",
    "Archive": "ama_tfx.components.types",
    "Asset": "ama_tfx.components.types",
    "AssetImporter": "ama_tfx.components.asset_importer",
    "AssetPusher": "ama_tfx.components.asset_pusher",
    "AssetRegistrar": "ama_tfx.components.asset_registrar",
    "BestAssetStrategy": "ama_tfx.components.strategies",
    "BlessingPolicy": "ama_tfx.components.blessing_validator",
    "BlessingValidator": "ama_tfx.components.blessing_validator",
    "ContainerCheck": "ama_tfx.components.containers",
    "ContainerExport": "ama_tfx.components.containers",
    "DataGate": "ama_tfx.components.data_gate",
    "InfraValidator": "ama_tfx.components.infra_validator",
    "Lineage": "ama_tfx.components.types",
    "LineageLinker": "ama_tfx.components.lineage_linker",
    "ModelSelector": "ama_tfx.components.model_selector",
    "ServingBudgets": "ama_tfx.components.infra_validator",
    "ServingLimits": "ama_tfx.components.infra_validator",
    "Verdict": "ama_tfx.components.types",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ama_tfx.components' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
