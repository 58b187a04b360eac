"""Published contracts, fakes and strategies for whoever adds a backend.

Inherit a contract class in a pytest module, give it the fixture it asks for, and every promise of the layer is tested.
"""

from ama_tfx.testing.blob_store import BlobStoreContract
from ama_tfx.testing.clock import TickingClock
from ama_tfx.testing.container_engine import ContainerEngine, container_engine
from ama_tfx.testing.memory import MemoryBlobStore
from ama_tfx.testing.registry_machine import RegistryMachine

__all__ = [
    "BlobStoreContract",
    "ContainerEngine",
    "MemoryBlobStore",
    "RegistryMachine",
    "TickingClock",
    "container_engine",
]
