from __future__ import annotations

import pytest

from ama_tfx.storage import BlobStore, Digest
from ama_tfx.storage.objects import MemoryObjects
from ama_tfx.storage.packs import PackStore
from ama_tfx.testing import BlobStoreContract
from tests.storage.packs.packs_parts import damage_blob, store_on


class TestPacksInAFolder(BlobStoreContract):
    @pytest.fixture
    def store(self, tmp_path_factory: pytest.TempPathFactory) -> PackStore:
        return PackStore.in_folder(tmp_path_factory.mktemp("store"))

    def damage(self, store: BlobStore, digest: Digest) -> None:
        assert isinstance(store, PackStore)
        damage_blob(store, digest)


class TestPacksInMemory(BlobStoreContract):
    @pytest.fixture
    def store(self, tmp_path_factory: pytest.TempPathFactory) -> PackStore:
        return store_on(MemoryObjects(), tmp_path_factory.mktemp("index"))

    def damage(self, store: BlobStore, digest: Digest) -> None:
        assert isinstance(store, PackStore)
        damage_blob(store, digest)
