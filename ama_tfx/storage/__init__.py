"""Layer 1, bytes: digests, blob stores and moving bytes between files and stores.

Knows nothing of assets, versions or names: it keeps bytes under their SHA-256 and gives back exactly those bytes.
"""

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
