"""Named immutable objects in a folder, a bucket or memory: what packs and manifests lie in.

A client library is imported when an address of its scheme is opened, not before.
"""

from ama_tfx.storage.objects.backends import BACKENDS, check_address, open_objects
from ama_tfx.storage.objects.contract import ObjectInfo, ObjectStore, check_name
from ama_tfx.storage.objects.local import LocalObjects
from ama_tfx.storage.objects.memory import MemoryObjects

__all__ = [
    "BACKENDS",
    "LocalObjects",
    "MemoryObjects",
    "ObjectInfo",
    "ObjectStore",
    "check_address",
    "check_name",
    "open_objects",
]
