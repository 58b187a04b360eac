"""Failures are told when they happen, so that a run that is ended from outside has said what went wrong."""

from __future__ import annotations

import time

import pytest

SLOW_SECONDS = 60
MOST_LINES = 25


class FailuresAtOnce:
    """Prints each failure with the end of its report, and each test that takes long, with the run's time so far."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._started = time.monotonic()

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """See pytest."""
        if report.failed:
            lines = report.longreprtext.splitlines()[-MOST_LINES:]
            self._say(f"{report.outcome.upper()} {report.when}", report, lines)
        elif report.duration > SLOW_SECONDS:
            self._say("slow", report, [])

    def _say(self, what: str, report: pytest.TestReport, lines: list[str]) -> None:
        minutes = (time.monotonic() - self._started) / 60
        headline = f"[{minutes:.1f} min] {what}: {report.nodeid} ({report.duration:.0f} s)"
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        terminal.ensure_newline()
        for line in [headline, *(f"    {line}" for line in lines)]:
            terminal.write_line(line)
