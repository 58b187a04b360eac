"""Progress of long work, on standard error, where somebody looks at it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from ama_tfx.storage import OnProgress, Progress


@contextlib.contextmanager
def progress(doing: str, total_bytes: int, *, wanted: bool = True, color: str = "auto") -> Iterator[OnProgress | None]:
    """Give the function to call with numbers of bytes as they are done, or None when nobody would see a bar.

    Args:
        doing: What is being done, as in ``uploading``.
        total_bytes: How many bytes there are to do.
        wanted: False for no bar in any case.
        color: ``never`` for a bar without colours.
    """
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TextColumn("{task.fields[files]} files"),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=_console(color), transient=True) as bar:
        task = bar.add_task(doing, total=total_bytes, files=0)
        files = 0

        def advance(done: Progress) -> None:
            nonlocal files
            files += done.files
            bar.update(task, advance=done.size_bytes, files=files)

        yield advance


@contextlib.contextmanager
def steps(doing: str, *, wanted: bool = True, color: str = "auto") -> Iterator[Callable[[str], object] | None]:
    """Give the function to call with what is done next, or None when nobody would see it.

    Args:
        doing: What is being done, as in ``checking``.
        wanted: False for nothing to see in any case.
        color: ``never`` for no colours.
    """
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    with _console(color).status(doing) as status:
        yield lambda step: status.update(f"{doing}: {step}")


def _console(color: str) -> Console:
    from rich.console import Console

    return Console(stderr=True, no_color=color == "never" or None)
