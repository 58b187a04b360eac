"""Progress of long work, on standard error, where somebody looks at it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ama_tfx.storage import OnBytes


@contextlib.contextmanager
def progress(doing: str, total_bytes: int, *, wanted: bool = True) -> Iterator[OnBytes | None]:
    """Give the function to call with numbers of bytes as they are done, or None when nobody would see a bar.

    Args:
        doing: What is being done, as in ``uploading``.
        total_bytes: How many bytes there are to do.
        wanted: False for no bar in any case.
    """
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=total_bytes)
        yield lambda size_bytes: bar.advance(task, size_bytes)
