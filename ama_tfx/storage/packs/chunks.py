"""Where ordinary bytes are cut: by their content, so that an insertion moves only the cuts beside it."""

from __future__ import annotations

from collections.abc import Iterator

from pyfastcdc import FastCDC

AVERAGE_BYTES = 1 << 16
MAX_BYTES = AVERAGE_BYTES * 4


def cut(data: memoryview, *, is_last: bool) -> Iterator[memoryview]:
    """Yield the chunks of a buffer (FastCDC 2020, normalised).

    Args:
        data: Begins at a cut.
        is_last: Whether the content ends here. When it does not, the last chunk, whose end is not known yet, is left
            out: the caller prepends it to what comes.
    """
    chunker = FastCDC(AVERAGE_BYTES, min_size=AVERAGE_BYTES // 4, max_size=MAX_BYTES)
    pending = None
    for chunk in chunker.cut_buf(data):
        if pending is not None:
            yield pending
        pending = data[chunk.offset : chunk.offset + chunk.length]
    if pending is not None and is_last:
        yield pending
