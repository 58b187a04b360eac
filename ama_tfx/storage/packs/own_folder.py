"""A folder for what a user keeps of a store that is far away, or that this user may not write."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import weakref
from pathlib import Path

from ama_tfx.errors import AmaError
from ama_tfx.storage.cache import CacheFolder
from ama_tfx.storage.files import PendingFile, make_folders, os_errors
from ama_tfx.storage.packs.index import Index


def own_folder(cache: CacheFolder, identity: str, owner: object) -> Path:
    """Return a folder for an index and unfinished packs: in the cache, or else a temporary one.

    A cache on a full or read-only disk costs time, and nothing else.

    Args:
        cache: The user's.
        identity: Tells the store from all others that this user has.
        owner: With which a temporary folder goes.
    """
    folder = cache.root / "stores" / hashlib.sha256(identity.encode()).hexdigest()[:32]
    with contextlib.suppress(AmaError):
        make_folders(folder)
        with PendingFile(folder) as probe, os_errors("write", folder):
            probe.stream.write(b"probe")
            probe.stream.flush()
        Index(folder / "index.db").close()
        return folder
    with os_errors("make", tempfile.gettempdir()):
        temporary = tempfile.TemporaryDirectory(prefix="ama-")
    weakref.finalize(owner, temporary.cleanup)
    return Path(temporary.name)
