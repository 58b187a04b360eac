"""TFRecord files, plain and gzip: of Examples, and of what TFMA writes."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator

from ama_tfx.inspection import tfma
from ama_tfx.inspection.inflating import Inflated
from ama_tfx.inspection.looking import Look
from ama_tfx.storage.formats.crc32c import masked_crc32c
from ama_tfx.storage.formats.protobuf_wire import fields
from ama_tfx.storage.formats.tensor import NotParsedError
from ama_tfx.storage.formats.window import Window

MOST_RECORDS = 200_000
"""That are counted in one file."""

SAMPLED = 20
"""Records of a file that are looked into."""

_MOST_RECORD_BYTES = 8 << 20
_MOST_CHECKED_BYTES = 1 << 18
_HEADER = struct.Struct("<8sI")
_KINDS = {1: "bytes", 2: "float", 3: "int64"}
_MOST_FEATURES = 5_000
_TFMA = {"metrics": tfma.read_metrics, "validations": tfma.read_validations}
_OPAQUE_OF_TFMA = ("plots", "attributions")


def is_tfrecord(head: bytes) -> bool:
    """Return whether a file that begins so begins with a record."""
    if len(head) < _HEADER.size:
        return False
    length, crc = _HEADER.unpack_from(head)
    return bool(masked_crc32c(length) == crc)


def read(look: Look) -> None:
    """Read a TFRecord file, which may be compressed."""
    look.is_("tfrecord")
    stem = look.name.partition("-")[0].partition(".")[0]
    with contextlib.closing(_Records(look)) as records:
        if stem in _TFMA:
            look.is_(f"tfma_{stem}")
            for record in records.contents():
                _TFMA[stem](look, record)
            return
        if stem in _OPAQUE_OF_TFMA:
            look.is_(f"tfma_{stem}")
        else:
            sampled = list(records.contents(SAMPLED))
            _read_examples(look, sampled)
        count, complete = records.count()
    if look.depth == 0 and look.found.formats[look.path] == "tfrecord_examples":
        look.found.records[look.path] = count
        look.found.counted_all &= complete


def _read_examples(look: Look, sampled: list[bytes]) -> None:
    features: dict[str, set[str]] = {}
    try:
        for record in sampled:
            for name, kind in _features_of(record, look.window):
                if len(features) < _MOST_FEATURES:
                    features.setdefault(name, set()).add(kind)
    except ValueError:
        return
    if features and look.depth == 0:
        look.is_("tfrecord_examples")
        look.found.sampled += len(sampled)
        for name, kinds in features.items():
            look.found.features.setdefault(name, set()).update(kinds)


def _features_of(record: bytes, window: Window) -> Iterator[tuple[str, str]]:
    """Yield the features of a ``tf.train.Example`` (or of a SequenceExample), each with its kind.

    Raises:
        NotParsedError: It is none.
    """
    for number, value in fields(record, window.step):
        if number not in {1, 2} or not isinstance(value, bytes):
            raise NotParsedError("not an example")
        for field, item in fields(value, window.step):
            if field != 1 or not isinstance(item, bytes):
                raise NotParsedError("not features")
            pair = dict(fields(item, window.step))
            name, content = pair.get(1, b""), pair.get(2, b"")
            if not isinstance(name, bytes) or not isinstance(content, bytes):
                raise NotParsedError("not a feature")
            yield name.decode(), _kind_of(content, window, in_list=number == 2)


def _kind_of(feature: bytes, window: Window, *, in_list: bool) -> str:
    for number, value in fields(feature, window.step):
        if in_list and number == 1 and isinstance(value, bytes):
            return _kind_of(value, window, in_list=False)
        if number not in _KINDS or not isinstance(value, bytes):
            raise NotParsedError("not a feature")
        return _KINDS[number]
    return "empty"


class _Records:
    """The records of a file, in order; what is wrong with them is told where it is met."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._bytes = Inflated.of(look.window)
        self._count = 0
        self._broken = False

    def close(self) -> None:
        self._bytes.close()

    def contents(self, most: int = MOST_RECORDS) -> Iterator[bytes]:
        """Yield the content of the next records."""
        for _ in range(most):
            length = self._next()
            if length is None:
                return
            if length > _MOST_RECORD_BYTES:
                self._skip(length + 4)
                continue
            content = self._bytes.read(length)
            crc = self._bytes.read(4)
            if len(crc) < 4:
                self._break(f"cut off in record {self._count}")
                return
            if length <= _MOST_CHECKED_BYTES and masked_crc32c(content) != int.from_bytes(crc, "little"):
                self._break(f"record {self._count} is damaged: its checksum is wrong")
                return
            yield content

    def count(self) -> tuple[int, bool]:
        """Return how many records there are, and whether those are all."""
        try:
            while self._count < MOST_RECORDS:
                length = self._next()
                if length is None:
                    return self._count, not self._broken
                self._skip(length + 4)
        except NotParsedError as error:
            self._look.note(f"counted up to record {self._count:,}: {error}")
        return self._count, False

    def _next(self) -> int | None:
        header = b"" if self._broken else self._bytes.read(_HEADER.size)
        if not header:
            return None
        if len(header) < _HEADER.size:
            self._break(f"cut off after record {self._count}")
            return None
        length, crc = _HEADER.unpack(header)
        if masked_crc32c(length) != crc:
            self._break(f"what follows record {self._count} is no record")
            return None
        self._count += 1
        return int.from_bytes(length, "little")

    def _skip(self, size_bytes: int) -> None:
        if not self._bytes.skip(size_bytes):
            self._break(f"cut off in record {self._count}")

    def _break(self, what: str) -> None:
        self._broken = True
        self._look.problem(what)
