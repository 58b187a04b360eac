"""AssetPusher: a blessed model appears where it is served, whole, and then gets its alias.

The component is loaded when it is asked for: `ama_tfx.components.asset_pusher.work` needs nothing of TFX.
"""

from typing import TYPE_CHECKING

from ama_tfx.lazy_names import lazy_names

if TYPE_CHECKING:
    from ama_tfx.components.asset_pusher.component import AssetPusher

__all__ = ["AssetPusher"]

__getattr__, __dir__ = lazy_names(__name__, {"ama_tfx.components.asset_pusher.component": ("AssetPusher",)})
