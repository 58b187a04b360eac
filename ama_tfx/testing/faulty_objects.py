"""An object store that fails as a test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ama_tfx.errors import BackendError
from ama_tfx.storage.objects import ObjectInfo, ObjectStore

T = TypeVar("T")

CONNECTION_LOST = "connection lost"


@dataclass(slots=True)
class Fault:
    """What goes wrong with one call.

    Attributes:
        error: Raised in place of an answer; None lets the call answer.
        before: Whether the error comes before the store has done anything; if not, it has done all, and only its
            answer is lost.
        nothing_stored: Whether a ``put`` answers True and stores nothing.
        cut_bytes: How many bytes a ``read`` leaves out at the end of what it returns.
        wait: Called first: a slow store, without sleeping; a test advances its clock or meets another thread in it.
    """

    error: Exception | None = None
    before: bool = True
    nothing_stored: bool = False
    cut_bytes: int = 0
    wait: Callable[[], object] = field(default=lambda: None)


def connection_lost(*, before: bool = False) -> Fault:
    """Return the fault of a connection that breaks, unless told otherwise when all is done and before the answer."""
    return Fault(BackendError(CONNECTION_LOST), before=before)


class FaultyObjects:
    """An `ObjectStore` that passes calls on, and fails where it is told to.

    Args:
        inner: The store that works.

    Attributes:
        calls: Every call so far, as (verb, name).
        faults: Faults still to come: (verb, n) -> what goes wrong with the n-th call of that verb, from 1; the verb
            ``"any"`` counts all calls.
    """

    def __init__(self, inner: ObjectStore) -> None:
        self.inner = inner
        self.calls: list[tuple[str, str]] = []
        self.faults: dict[tuple[str, int], Fault] = {}

    def fail(self, verb: str, fault: Fault | Exception, *, call: int = 1) -> None:
        """Let a coming call fail: the ``call``-th of a verb from now on.

        Args:
            verb: ``put``, ``read``, ``stat``, ``settle``, ``list``, ``delete``, or ``"any"``.
            fault: What goes wrong; an exception is raised before the store does anything.
            call: 1 is the next one.
        """
        made = self._count(verb)
        self.faults[verb, made + call] = Fault(fault) if isinstance(fault, Exception) else fault

    def put(self, name: str, source: Path | bytes) -> bool:
        """See `ObjectStore.put`."""
        fault = self._next("put", name)
        created = True if fault.nothing_stored else self.inner.put(name, source)
        return _answer(fault, created)

    def read(self, name: str, start: int = 0, size_bytes: int | None = None) -> bytes:
        """See `ObjectStore.read`."""
        fault = self._next("read", name)
        data = self.inner.read(name, start, size_bytes)
        return _answer(fault, data[: len(data) - min(fault.cut_bytes, len(data))])

    def stat(self, name: str) -> ObjectInfo | None:
        """See `ObjectStore.stat`."""
        fault = self._next("stat", name)
        return _answer(fault, self.inner.stat(name))

    def settle(self, name: str) -> None:
        """See `ObjectStore.settle`."""
        fault = self._next("settle", name)
        self.inner.settle(name)
        _answer(fault, None)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`; an error that is not ``before`` comes after the last object."""
        fault = self._next("list", prefix)
        found = self.inner.list(prefix)

        def objects() -> Iterator[ObjectInfo]:
            yield from found
            _answer(fault, None)

        return objects()

    def delete(self, name: str) -> None:
        """See `ObjectStore.delete`."""
        fault = self._next("delete", name)
        self.inner.delete(name)
        _answer(fault, None)

    def _next(self, verb: str, name: str) -> Fault:
        self.calls.append((verb, name))
        fault = self.faults.pop((verb, self._count(verb)), None) or self.faults.pop(("any", len(self.calls)), None)
        if fault is None:
            return Fault()
        fault.wait()
        if fault.error is not None and fault.before:
            raise fault.error
        return fault

    def _count(self, verb: str) -> int:
        return sum(1 for called, _ in self.calls if verb in {called, "any"})


def _answer(fault: Fault, answer: T) -> T:
    if fault.error is not None:
        raise fault.error
    return answer
