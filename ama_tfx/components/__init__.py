"""Layer 5, TFX: thin adapters between TFX and the registry, one folder per component.

Each name is loaded when it is first used, with what of TFX that component needs.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from ama_tfx.errors import MissingExtraError
from ama_tfx.lazy_names import lazy_names

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

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ama_tfx.components.asset_importer": ("AssetImporter",),
        "ama_tfx.components.asset_pusher": ("AssetPusher",),
        "ama_tfx.components.asset_registrar": ("AssetRegistrar",),
        "ama_tfx.components.blessing_validator": ("BlessingPolicy", "BlessingValidator"),
        "ama_tfx.components.containers": ("AmaContainerTask", "ContainerCheck", "ContainerExport"),
        "ama_tfx.components.data_gate": ("DataGate",),
        "ama_tfx.components.infra_validator": ("InfraValidator", "ServingBudgets", "ServingLimits"),
        "ama_tfx.components.lineage_linker": ("LineageLinker",),
        "ama_tfx.components.model_selector": ("ModelSelector",),
        "ama_tfx.components.strategies": ("AliasStrategy", "BestAssetStrategy"),
        "ama_tfx.components.types": ("Archive", "Asset", "Lineage", "Verdict"),
    },
)
