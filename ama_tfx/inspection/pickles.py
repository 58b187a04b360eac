"""Pickles: which names they import, read opcode by opcode; nothing is unpickled.

https://github.com/python/cpython/blob/main/Lib/pickletools.py describes the opcodes.
"""

from __future__ import annotations

import contextlib
import pickletools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ama_tfx.inspection.looking import Look
from ama_tfx.storage.formats.tensor import NotParsedError
from ama_tfx.storage.formats.window import Window

MOST_OPCODES = 400_000
MOST_NAMES = 200
_BUFFER_BYTES = 1 << 16
_MOST_LINE = 4096
_MOST_PICKLES = 100
_OPCODES = {opcode.code.encode("latin-1")[0]: opcode for opcode in pickletools.opcodes}
_LENGTHS = {-2: 1, -3: 4, -4: 4, -5: 8}  # pickletools.TAKEN_FROM_ARGUMENT1, 4, 4U, 8U
_TEXTS = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING"}
_GETS, _PUTS = {"GET", "BINGET", "LONG_BINGET"}, {"PUT", "BINPUT", "LONG_BINPUT"}
_CALLS = {"REDUCE", "BUILD", "OBJ", "NEWOBJ", "NEWOBJ_EX", "INST"}
_DATA = {
    f"{module} {name}"
    for module, names in {
        "numpy.core.multiarray": "_reconstruct scalar",
        "numpy._core.multiarray": "_reconstruct scalar",
        "numpy.core.numeric": "_frombuffer",
        "numpy._core.numeric": "_frombuffer",
        "numpy": "ndarray dtype bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64",
        "torch._utils": "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter _rebuild_qtensor",
        "torch": "Size device float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 bool FloatStorage "
        "DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage CharStorage ByteStorage "
        "BoolStorage",
        "torch.storage": "UntypedStorage TypedStorage",
        "collections": "OrderedDict defaultdict Counter deque",
        "_codecs": "encode",
        "copyreg": "_reconstructor",
        "copy_reg": "_reconstructor",
        "joblib.numpy_pickle": "NumpyArrayWrapper NDArrayWrapper ZNDArrayWrapper",
        "datetime": "datetime date time timedelta timezone",
        "decimal": "Decimal",
        "builtins": "set frozenset list dict tuple int float bool str bytes bytearray complex slice range object",
        "__builtin__": "set frozenset list dict tuple int long float bool str unicode bytearray complex slice object",
    }.items()
    for name in names.split()
}
"""What data is commonly made of; whatever else a pickle imports is told by its name."""

_NAME = re.compile(r"[^\W\d][\w.]* [^\W\d][\w.]*")
RUNS = "unpickling calls what a pickle names, so it can run any code"


@dataclass
class _Seen:
    names: dict[str, None] = field(default_factory=dict)
    computed: bool = False
    calls: int = 0
    pickles: int = 0
    why_ended: str = ""


def may_be_pickle(head: bytes) -> bool:
    """Return whether a file that begins so says that it is a pickle of protocol 2 or later."""
    return len(head) > 2 and head[0] == 0x80 and 2 <= head[1] <= 5


def read(look: Look) -> None:
    """Take down a pickle as the danger that it is, with what it imports."""
    seen = _Seen()
    try:
        _walk(look.window, seen)
    except (NotParsedError, IndexError, UnicodeError) as error:
        seen.why_ended = str(error)
    if not seen.pickles and not seen.names:
        raise NotParsedError(f"not a pickle: {seen.why_ended or 'it does not end'}")
    look.is_("pickle")
    names = list(seen.names)
    shown = ", ".join(name.replace(" ", ".") for name in names[:10]) + (
        f" and {len(names) - 10} more" if len(names) > 10 else ""
    )
    look.danger(f"a pickle that imports {shown}" if names else "a pickle", RUNS)
    for name in names:
        if name not in _DATA:
            look.danger(f"pickle imports {name.replace(' ', '.')}", RUNS)
    if seen.computed:
        look.danger("pickle imports a name that it computes", RUNS)
    _tell_end(look, seen)


def is_pickle(window: Window) -> bool:
    """Return whether a file is a pickle that imports or calls something, of whatever protocol.

    Bytes that are no pickle are opcodes for a while; what counts is a name that can be one, or an end.
    """
    seen = _Seen()
    with contextlib.suppress(NotParsedError, IndexError, UnicodeError):
        _walk(window, seen)
    return any(map(_NAME.fullmatch, seen.names)) or (seen.pickles > 0 and (seen.computed or seen.calls > 0))


def _tell_end(look: Look, seen: _Seen) -> None:
    if not seen.why_ended:
        return
    if any(name.startswith("joblib.numpy_pickle ") for name in seen.names):
        look.note("arrays of joblib lie between its opcodes; what follows the first is not looked into")
    elif seen.pickles == 0:
        look.problem(f"a damaged pickle: {seen.why_ended}")


def _walk(window: Window, seen: _Seen) -> None:
    reader = _Reader(window)
    budget = MOST_OPCODES
    for _ in range(_MOST_PICKLES):
        budget = _one(reader, seen, budget)
        seen.pickles += 1
        if reader.peek() != 0x80:  # as in files of torch before its archives: several, one after the other
            return


def _one(reader: _Reader, seen: _Seen, budget: int) -> int:
    """Read one pickle to its STOP; a small part of the stack is followed: which texts lie on top of it."""
    top: list[str | None] = []
    memo: dict[int, str | None] = {}
    while budget > 0:
        budget -= 1
        opcode = _OPCODES.get(reader.byte())
        if opcode is None:
            raise NotParsedError("not an opcode")
        argument = reader.argument(opcode)
        name = opcode.name
        if name == "STOP":
            return budget
        if name in {"GLOBAL", "INST"}:
            _import(seen, str(argument))
        elif name == "STACK_GLOBAL":
            _import(seen, None if len(top) < 2 or None in top[-2:] else " ".join(map(str, top[-2:])))
        elif name.startswith("EXT"):
            seen.computed = True
        seen.calls += name in _CALLS
        _follow(name, argument, top, memo)
    raise NotParsedError(f"more than {MOST_OPCODES:,} opcodes")


def _follow(name: str, argument: str | int | None, top: list[str | None], memo: dict[int, str | None]) -> None:
    if name in _TEXTS:
        top.append(str(argument))
    elif name in _GETS:
        top.append(memo.get(int(argument or 0)))
    elif name in _PUTS or name == "MEMOIZE":
        memo[len(memo) if name == "MEMOIZE" else int(argument or 0)] = top[-1] if top else None
    elif name not in {"FRAME", "PROTO"}:
        top.append(None)
    del top[:-2]


def _import(seen: _Seen, name: str | None) -> None:
    if name is None:
        seen.computed = True
    elif len(seen.names) < MOST_NAMES:
        seen.names[name] = None


class _Reader:
    """Reads opcodes and their arguments; long ones are passed over."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._buffer = b""
        self._start = 0
        self._at = 0

    def byte(self) -> int:
        return self._take(1)[0]

    def peek(self) -> int:
        """Return the next byte, -1 at the end."""
        if self._start + self._at >= self._window.size_bytes:
            return -1
        value = self.byte()
        self._at -= 1
        return value

    def argument(self, opcode: pickletools.OpcodeInfo) -> str | int | None:
        """Return the argument of an opcode, as far as it is a text or a key of the memo."""
        if opcode.arg is None:
            return None
        size_bytes = opcode.arg.n
        if size_bytes == pickletools.UP_TO_NEWLINE:
            return self._lines(2 if opcode.name in {"GLOBAL", "INST"} else 1, opcode.name)
        if size_bytes >= 0:
            data = self._take(size_bytes)
            return int.from_bytes(data, "little") if opcode.name in _GETS | _PUTS else None
        size_bytes = int.from_bytes(self._take(_LENGTHS[size_bytes]), "little")
        if opcode.name in _TEXTS and size_bytes <= _MOST_LINE:
            return self._take(size_bytes).decode("utf-8", "backslashreplace")
        self._skip(size_bytes)
        return "" if opcode.name in _TEXTS else None

    def _lines(self, count: int, name: str) -> str | int | None:
        lines = [line.decode("utf-8", "backslashreplace") for line in self._some_lines(count)]
        if name in _GETS | _PUTS:
            return int(lines[0]) if lines[0].isdigit() and len(lines[0]) < 20 else 0
        if name == "STRING":
            return lines[0].strip("'\"")
        return " ".join(lines)

    def _some_lines(self, count: int) -> Iterator[bytes]:
        for _ in range(count):
            line = bytearray()
            while (byte := self.byte()) != 0x0A:
                if len(line) > _MOST_LINE:
                    raise NotParsedError("too long a line")
                line.append(byte)
            yield bytes(line)

    def _take(self, size_bytes: int) -> bytes:
        if self._at + size_bytes > len(self._buffer):
            self._start += self._at
            self._buffer = self._window.read_at_most(self._start, max(_BUFFER_BYTES, size_bytes))
            self._at = 0
            if len(self._buffer) < size_bytes:
                raise NotParsedError("cut off")
        data = self._buffer[self._at : self._at + size_bytes]
        self._at += size_bytes
        return data

    def _skip(self, size_bytes: int) -> None:
        if self._at + size_bytes <= len(self._buffer):
            self._at += size_bytes
            return
        self._start += self._at + size_bytes
        if self._start > self._window.size_bytes:
            raise NotParsedError("cut off")
        self._buffer, self._at = b"", 0
