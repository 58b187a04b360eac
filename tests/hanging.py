"""A test that hangs where no exception reaches it ends with its process, so that the run goes on without it.

pytest-timeout raises in the main thread: a test that then waits for its own threads, or in a library, goes on waiting.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator

import pytest

GRACE_SECONDS = 120
"""From the moment at which pytest-timeout raises."""


class HangingTests:
    """Ends a process whose test runs on after its time, and says where its threads were; xdist says which it was."""

    def __init__(self, config: pytest.Config) -> None:
        capturing = config.pluginmanager.get_plugin("capturemanager")
        with capturing.global_and_fixture_disabled():
            self._stderr = os.dup(2)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """See pytest."""
        marker = item.get_closest_marker("timeout")
        seconds = float(marker.args[0] if marker else item.config.getini("timeout"))
        faulthandler.dump_traceback_later(seconds + GRACE_SECONDS, exit=True, file=self._stderr)
        try:
            return (yield)
        finally:
            faulthandler.cancel_dump_traceback_later()
