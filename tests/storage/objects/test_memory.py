import pytest

from ama_tfx.storage.objects import MemoryObjects
from ama_tfx.testing.object_store import FaultyObjects, ObjectStoreContract


class TestMemory(ObjectStoreContract):
    @pytest.fixture
    def objects(self) -> MemoryObjects:
        return MemoryObjects()


class TestFaultyWithoutFaults(ObjectStoreContract):
    @pytest.fixture
    def objects(self) -> FaultyObjects:
        return FaultyObjects(MemoryObjects())
