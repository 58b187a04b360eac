"""Time that a test decides."""

from __future__ import annotations

import datetime

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


class TickingClock:
    """A clock that starts with the year 2026 and is one second later at each look.

    Attributes:
        now: What the next look shows; a test may set it.
    """

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime.datetime:
        """Return the time, aware, in UTC."""
        shown, self.now = self.now, self.now + datetime.timedelta(seconds=1)
        return shown
