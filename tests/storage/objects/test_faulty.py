import pytest

from ama_tfx.errors import BackendError, OutOfSpaceError
from ama_tfx.storage.objects import MemoryObjects
from ama_tfx.testing.object_store import CONNECTION_LOST, Fault, FaultyObjects, connection_lost


@pytest.fixture
def faulty() -> FaultyObjects:
    return FaultyObjects(MemoryObjects())


def test_the_nth_call_fails_and_the_others_work(faulty: FaultyObjects) -> None:
    faulty.put("a", b"1")
    faulty.fail("put", OutOfSpaceError("full"), call=2)
    assert faulty.put("b", b"2") is True
    with pytest.raises(OutOfSpaceError, match="full"):
        faulty.put("c", b"3")
    assert faulty.put("c", b"3") is True
    assert faulty.calls == [("put", "a"), ("put", "b"), ("put", "c"), ("put", "c")]


def test_a_connection_may_be_lost_after_all_was_stored(faulty: FaultyObjects) -> None:
    faulty.fail("put", connection_lost())
    with pytest.raises(BackendError, match=CONNECTION_LOST):
        faulty.put("a", b"1")
    assert faulty.inner.read("a") == b"1"
    assert faulty.put("a", b"1") is False


def test_a_connection_may_be_lost_before_anything_was_stored(faulty: FaultyObjects) -> None:
    faulty.fail("put", connection_lost(before=True))
    with pytest.raises(BackendError, match=CONNECTION_LOST):
        faulty.put("a", b"1")
    assert faulty.put("a", b"1") is True


def test_a_put_may_store_nothing_and_a_read_be_short(faulty: FaultyObjects) -> None:
    faulty.fail("put", Fault(nothing_stored=True))
    assert faulty.put("a", b"123") is True
    assert faulty.stat("a") is None
    faulty.put("a", b"123")
    faulty.fail("read", Fault(cut_bytes=2))
    assert [faulty.read("a"), faulty.read("a")] == [b"1", b"123"]


def test_a_slow_call_calls_back_first(faulty: FaultyObjects) -> None:
    seen: list[bool] = []
    faulty.fail("put", Fault(wait=lambda: seen.append(faulty.inner.stat("a") is None)))
    faulty.put("a", b"")
    assert seen == [True]


def test_a_listing_fails_at_its_end_and_any_call_can_be_counted(faulty: FaultyObjects) -> None:
    faulty.put("a", b"")
    faulty.fail("list", connection_lost())
    listing = faulty.list()
    assert next(listing).name == "a"
    with pytest.raises(BackendError):
        next(listing)
    faulty.fail("any", BackendError("gone"), call=2)
    faulty.stat("a")
    with pytest.raises(BackendError, match="gone"):
        faulty.delete("a")
    assert faulty.inner.stat("a") is not None
