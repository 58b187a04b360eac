"""The user's cache: bytes of remote stores that were read before, and indexes of their packs (docs/adr/0013).

Whatever is wrong with it (damaged, full, read-only, gone) costs time, never a result: all that is read from it is
checked by whoever reads it, and no failure of it leaves this package.
"""

from ama_tfx.storage.cache.clones import Clones
from ama_tfx.storage.cache.folder import CacheFolder, default_cache, parse_size
from ama_tfx.storage.cache.payloads import Payloads

__all__ = ["CacheFolder", "Clones", "Payloads", "default_cache", "parse_size"]
