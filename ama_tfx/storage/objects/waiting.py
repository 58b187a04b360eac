"""Waiting for a client's asynchronous calls without stopping this process's other threads.

obstore 0.6's own `put` and `list` hold Python's lock for the whole request: measured against a server that does not
answer, another thread ran once in a second, and 888 times with `put_async`.
"""

from __future__ import annotations

import asyncio
import functools
import os
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(call: Callable[[], Awaitable[T]]) -> T:
    """Make an asynchronous call in the process's event loop and return its answer, or raise its error."""

    async def answer() -> T:
        return await call()

    return asyncio.run_coroutine_threadsafe(answer(), _loop_of(os.getpid())).result()


@functools.cache
def _loop_of(_: int) -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="ama-objects", daemon=True).start()
    return loop
