"""Looking into files: which reader looks into which file, and what becomes of its failures."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping

from ama_tfx.errors import AmaError
from ama_tfx.inspection import (
    archives,
    arrays,
    gguf,
    hdf5_files,
    keras_config,
    onnx,
    pickles,
    records,
    saved_model,
    text_files,
    tfx_schema,
)
from ama_tfx.inspection.facts import Inspected, OpenableFile
from ama_tfx.inspection.findings import Findings
from ama_tfx.inspection.inflating import Inflated, is_compressed
from ama_tfx.inspection.looking import Look
from ama_tfx.inspection.name_lists import names
from ama_tfx.inspection.proto_reading import messages, parts
from ama_tfx.storage.formats import hdf5, npy, tensor_bundle
from ama_tfx.storage.formats.tensor import NotParsedError
from ama_tfx.storage.formats.window import Window

MOST_FILES = 20_000
"""That are looked into; an asset of more is of data in small files."""

MOST_STEPS, MOST_BYTES = 1_500_000, 1 << 30
"""Of work for one file, and of bytes read from it."""

MOST_STEPS_IN_ALL = 30_000_000

_HEAD_BYTES = 512
_MOST_UNPICKLED_BYTES = 64 << 20
_FAILURES = (ValueError, RecursionError, struct.error, IndexError, KeyError, OverflowError, ZeroDivisionError, EOFError)
_MODEL_SUFFIXES = names(
    """
    .pkl .pickle .joblib .pt .pth .bin .ckpt .safetensors .npy .npz .h5 .hdf5 .keras .model .dat .dump .pck
    """
)
_PICKLES = {".pkl", ".pickle", ".joblib", ".pt", ".pth"}
_COMPRESSED = {".gz", ".tgz", ".bz2", ".xz", *_PICKLES}
_NATIVE = (b"\x7fELF", b"\xfe\xed\xfa\xcf", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_NATIVE_CODE = "a program that loads it runs it"
_SCHEMA_NAME = re.compile(r".*schema.*\.pb")

Read = Callable[[Look], None]


def inspect_files(files: Mapping[str, OpenableFile]) -> Inspected:
    """Tell what files contain, by parsing them; nothing in them is executed or followed to another file.

    Memory and time are bounded for each file, whatever it holds; a file that does not parse is a `Problem`.

    Args:
        files: Path in the asset -> file.

    Raises:
        AmaError: A file cannot be read: it is gone, refused, or its stored bytes are damaged.
    """
    found = Findings()
    steps = MOST_STEPS_IN_ALL
    for count, (path, file) in enumerate(sorted(files.items())):
        if count == MOST_FILES or steps <= 0:
            found.problem(path, f"this and {len(files) - count - 1:,} files behind it are not looked into: too much")
            break
        steps -= _inspect_file(path, file, files, found)
    return found.inspected()


def _inspect_file(path: str, file: OpenableFile, files: Mapping[str, OpenableFile], found: Findings) -> int:
    """Look into a file; return what it cost."""
    budget = [MOST_STEPS, MOST_BYTES]
    with file.open() as stream:
        _inspect(Look(path, Window(stream, 0, file.size_bytes, budget), found, files))
    return MOST_STEPS - budget[0]


def _inspect(look: Look) -> None:
    try:
        head = look.head(_HEAD_BYTES)
        _check_place(look, head)
        if read := _reader(look, head):
            read(look)
    except AmaError:
        raise
    except _FAILURES as error:
        _take_failure(look, error)


def _take_failure(look: Look, error: Exception) -> None:
    """Tell of a file that is not what it seemed; when it may be a pickle instead, of that."""
    if look.suffix in _MODEL_SUFFIXES and look.found.formats.get(look.path) != "pickle":
        try:
            if pickles.is_pickle(look.window):
                look.danger(f"a pickle that is called {look.suffix}", pickles.RUNS)
                pickles.read(look)
                return
        except _FAILURES:
            pass
    kind = look.found.formats.get(look.path, "") if look.depth == 0 else ""
    text = str(error) or type(error).__name__
    look.problem(f"does not parse{f' as {kind}' if kind else ''}: {text}")


def _check_place(look: Look, head: bytes) -> None:
    """Tell of files that are dangerous as such, or where they lie."""
    folders = look.path.lower().replace("!", "/").split("/")[:-1]
    if "assets.extra" in folders and not look.name.startswith("tf_serving_warmup_requests"):
        look.danger("a file in assets.extra", "TensorFlow does not use it; what else loads it there is not known")
    if head.startswith(_NATIVE) or look.suffix in {".so", ".dll", ".dylib", ".exe"}:
        look.danger("a native library or program", _NATIVE_CODE)
    elif look.suffix in {".pyc", ".pyd"}:
        look.danger("compiled Python", _NATIVE_CODE)


def _reader(look: Look, head: bytes) -> Read | None:
    """Return what looks into a file: by its first bytes where they tell, else by its name."""
    if not look.size_bytes:
        return None
    if pickles.may_be_pickle(head) and (look.suffix in _PICKLES or pickles.is_pickle(look.window)):
        return _read_pickle
    if head.startswith(b"PK\x03\x04"):
        return lambda look: archives.read_zip(look, _inspect)
    for magic, read in ((hdf5.MAGIC, hdf5_files.read), (npy.MAGIC, arrays.read_npy), (gguf.MAGIC, gguf.read)):
        if head.startswith(magic):
            return read
    if archives.is_tar(head):
        return lambda look: archives.read_tar(look, _inspect)
    if is_compressed(head) and (read_inflated := _reader_of_inflated(look)):
        return read_inflated
    if records.is_tfrecord(head):
        return records.read
    return _reader_by_name(look)


def _reader_of_inflated(look: Look) -> Read | None:
    try:
        inside = Inflated.of(look.window).read(_HEAD_BYTES)
    except NotParsedError:
        if look.suffix in _COMPRESSED:
            raise
        return None  # text may begin like that
    if records.is_tfrecord(inside):
        return records.read
    if archives.is_tar(inside):
        return lambda look: archives.read_tar(look, _inspect)
    if pickles.may_be_pickle(inside) or look.suffix in {".pkl", ".pickle", ".joblib"}:
        return _read_compressed_pickle
    return None


def _reader_by_name(look: Look) -> Read | None:
    if tensor_bundle.DATA_NAME.fullmatch(look.path.rpartition("/")[2]) and look.depth == 0:
        return arrays.read_bundle
    if look.name in _BY_NAME:
        return _BY_NAME[look.name]
    if _SCHEMA_NAME.fullmatch(look.name):
        return tfx_schema.read_serialized
    return _BY_SUFFIX.get(look.suffix, _read_if_pickle if look.suffix in _MODEL_SUFFIXES else None)


def _read_pickle(look: Look) -> None:
    if look.suffix in {".safetensors", ".h5", ".hdf5", ".keras", ".npy", ".npz", ".onnx", ".gguf"}:
        look.danger(f"a pickle that is called {look.suffix}", pickles.RUNS)
    pickles.read(look)


def _read_if_pickle(look: Look) -> None:
    """Read a model of no known format: it may be a pickle of protocol 0 or 1, which no first byte tells."""
    if pickles.is_pickle(look.window):
        pickles.read(look)


def _read_compressed_pickle(look: Look) -> None:
    content = Inflated.of(look.window).as_file(_MOST_UNPICKLED_BYTES)
    window = Window(content, 0, len(content.getbuffer()), look.window.budget)
    pickles.read(Look(look.path, window, look.found, depth=look.depth))


def _read_json(look: Look) -> None:
    """Read JSON; a member of a .keras archive as Keras would."""
    if look.depth and look.name == "config.json":
        keras_config.read(look, look.whole(keras_config.MOST_BYTES))
    elif look.depth == 0:
        text_files.read_json(look)


def _read_keras_metadata(look: Look) -> None:
    """Read the configurations in a ``keras_metadata.pb`` of Keras 2."""
    look.is_("keras_metadata")
    for node in messages(look.window, 1):
        for number, value in parts(node):
            if number == 5 and isinstance(value, Window):
                keras_config.read(look, value.read(0, value.size_bytes))


def _not_this(kind: str) -> Read:
    def fail(look: Look) -> None:
        look.is_(kind)
        raise ValueError(f"its first bytes are not those of {kind}")

    return fail


_BY_NAME: dict[str, Read] = {
    "saved_model.pb": saved_model.read,
    "saved_model.pbtxt": saved_model.read_text,
    "keras_metadata.pb": _read_keras_metadata,
    "featurestats.pb": lambda look: look.is_("tfdv_statistics"),
    "schemadiff.pb": lambda look: look.is_("tfdv_anomalies"),
}
_BY_SUFFIX: dict[str, Read] = {
    ".yaml": text_files.read_yaml,
    ".yml": text_files.read_yaml,
    ".json": _read_json,
    ".toml": text_files.read_toml,
    ".pbtxt": tfx_schema.read_text,
    ".textproto": tfx_schema.read_text,
    ".safetensors": arrays.read_safetensors,
    ".index": arrays.read_index,
    ".onnx": onnx.read,
    ".pkl": pickles.read,
    ".pickle": pickles.read,
    ".joblib": pickles.read,
    ".keras": _not_this("keras"),
    ".npz": _not_this("npz"),
    ".npy": _not_this("npy"),
    ".h5": _not_this("hdf5"),
    ".hdf5": _not_this("hdf5"),
    ".gguf": _not_this("gguf"),
    ".zip": _not_this("zip"),
    ".tar": _not_this("tar"),
    ".tfrecord": _not_this("tfrecord"),
    ".tfrecords": _not_this("tfrecord"),
}
