"""Layer 1, bytes: digests, blob stores and moving bytes between files and stores.

Knows nothing of assets, versions or names: it keeps bytes under their SHA-256 and gives back exactly those bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ama_tfx.lazy_names import lazy_names

if TYPE_CHECKING:
    from ama_tfx.storage.blob_store import BlobInfo, BlobStore, BlobWriter, OnProgress, Progress, Source
    from ama_tfx.storage.canonical import canonical_json, parse_json
    from ama_tfx.storage.digest import Digest, hash_stream
    from ama_tfx.storage.files import (
        FileState,
        PendingFile,
        fsync_directory,
        give_new_name,
        make_folders,
        open_regular_file,
        os_errors,
        sync_file_system,
        write_file,
    )
    from ama_tfx.storage.leftovers import hold, remove_leftovers
    from ama_tfx.storage.objects import ObjectStore, check_address, open_objects
    from ama_tfx.storage.packs import PackStore, open_packs
    from ama_tfx.storage.reused_memory import reuse_memory

__all__ = [
    "BlobInfo",
    "BlobStore",
    "BlobWriter",
    "Digest",
    "FileState",
    "ObjectStore",
    "OnProgress",
    "PackStore",
    "PendingFile",
    "Progress",
    "Source",
    "canonical_json",
    "check_address",
    "fsync_directory",
    "give_new_name",
    "hash_stream",
    "hold",
    "make_folders",
    "open_objects",
    "open_packs",
    "open_regular_file",
    "os_errors",
    "parse_json",
    "remove_leftovers",
    "reuse_memory",
    "sync_file_system",
    "write_file",
]

_NAMES = {
    "ama_tfx.storage.blob_store": ("BlobInfo", "BlobStore", "BlobWriter", "OnProgress", "Progress", "Source"),
    "ama_tfx.storage.canonical": ("canonical_json", "parse_json"),
    "ama_tfx.storage.digest": ("Digest", "hash_stream"),
    "ama_tfx.storage.files": (
        *("FileState", "PendingFile", "fsync_directory", "give_new_name", "make_folders"),
        *("open_regular_file", "os_errors", "sync_file_system", "write_file"),
    ),
    "ama_tfx.storage.leftovers": ("hold", "remove_leftovers"),
    "ama_tfx.storage.objects": ("ObjectStore", "check_address", "open_objects"),
    "ama_tfx.storage.packs": ("PackStore", "open_packs"),
    "ama_tfx.storage.reused_memory": ("reuse_memory",),
}

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
