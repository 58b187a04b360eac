"""AssetPusher: a blessed model appears where it is served, whole, and then gets its alias.

The component is loaded when it is asked for: `ama_tfx.components.asset_pusher.work` needs nothing of TFX.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ama_tfx.components.asset_pusher.component import AssetPusher

__all__ = ["AssetPusher"]


def __getattr__(name: str) -> Any:
    if name != "AssetPusher":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ama_tfx.components.asset_pusher.component import AssetPusher

    return AssetPusher
