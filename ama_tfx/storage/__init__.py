"""Layer 1, bytes: digests, blob stores and moving bytes between files and stores.

Knows nothing of assets, versions or names: it keeps bytes under their SHA-256 and gives back exactly those bytes.
"""

from ama_tfx.storage.blob_store import BlobInfo, BlobStore
from ama_tfx.storage.canonical import canonical_json, parse_json
from ama_tfx.storage.digest import Digest, hash_stream
from ama_tfx.storage.files import (
    FileState,
    PendingFile,
    fsync_directory,
    make_folders,
    open_regular_file,
    os_errors,
    sync_file_system,
    write_file,
)
from ama_tfx.storage.leftovers import hold, remove_leftovers
from ama_tfx.storage.local import LocalBlobStore
from ama_tfx.storage.transfer import OnBytes, export_blob, import_file, write_blob

__all__ = [
    "BlobInfo",
    "BlobStore",
    "Digest",
    "FileState",
    "LocalBlobStore",
    "OnBytes",
    "PendingFile",
    "canonical_json",
    "export_blob",
    "fsync_directory",
    "hash_stream",
    "hold",
    "import_file",
    "make_folders",
    "open_regular_file",
    "os_errors",
    "parse_json",
    "remove_leftovers",
    "sync_file_system",
    "write_blob",
    "write_file",
]
