"""Blobs in packs: cut where their content or their tensors say, each piece once, encoded, with an index beside them."""

from ama_tfx.storage.packs.opening import open_packs
from ama_tfx.storage.packs.store import PackStore

__all__ = ["PackStore", "open_packs"]
