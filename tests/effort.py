"""How much work something is, on whatever machine: what grows too fast is found, a slow machine is not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_QUIET_SECONDS = 0.036
"""CPU time of `_known_work` where nothing else runs."""

_BURSTS = 3
"""What a machine may have been slower before than where it is measured."""


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Check that a block takes at most so much CPU time of a quiet machine.

    The clocks of a machine that is shared count what others take, so a block that takes longer is compared with a known
    piece of work.
    """
    began = time.process_time()
    yield
    taken = time.process_time() - began
    if taken < seconds:
        return
    slowness = max(1.0, _known_work() / _QUIET_SECONDS)
    assert taken / slowness < seconds * _BURSTS, f"{taken:.2f} s on a machine that is {slowness:.1f} times as slow"


def _known_work() -> float:
    began = time.process_time()
    for _ in range(3):
        sorted(range(100_000), key=str)
    return time.process_time() - began
