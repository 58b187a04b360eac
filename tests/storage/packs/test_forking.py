from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from ama_tfx.storage.packs import PackStore
from tests.storage.packs.packs_parts import put, read, some_bytes

FORKS = 50
"""Of a hundred, three hung when nothing was done about it."""


def in_child(work: Callable[[], object]) -> int:
    """Do something in a forked child; return its exit status, that of SIGALRM when it hangs."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.alarm(120)
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]


def test_a_child_forked_beside_busy_threads_reads_and_writes(tmp_path: Path) -> None:
    store = PackStore.in_folder(tmp_path / "store")
    contents = [some_bytes(number, 3000) for number in range(20)]
    digests = [put(store, content) for content in contents]
    ended, wrong = threading.Event(), list[int]()

    def keep_reading(number: int) -> None:
        while not ended.is_set():
            number = (number + 1) % len(digests)
            if read(store, digests[number]) != contents[number]:
                wrong.append(number)

    def keep_writing() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            put(store, b"%d" % number)

    threads = [threading.Thread(target=keep_reading, args=(number,)) for number in range(5)]
    threads.append(threading.Thread(target=keep_writing))
    for thread in threads:
        thread.start()
    try:
        for number in range(FORKS):
            digest, content = digests[number % 20], contents[number % 20]
            assert in_child(lambda digest=digest, content=content: _same(read(store, digest), content)) == 0  # type: ignore[misc]
        assert in_child(lambda: put(store, b"of a child")) == 0
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_children_of_several_threads_that_fork_at_once_read(tmp_path: Path) -> None:
    store = PackStore.in_folder(tmp_path / "store")
    digest = put(store, b"content")
    codes: list[int] = []

    def fork_some() -> None:
        for _ in range(10):
            codes.append(in_child(lambda: _same(read(store, digest), b"content")))
            read(store, digest)

    threads = [threading.Thread(target=fork_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0] * 40


def _same(found: bytes, expected: bytes) -> None:
    assert found == expected
