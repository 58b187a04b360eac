"""Files of each format, small and made by hand, right ones and hostile ones."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from ama_tfx.inspection import Inspected, inspect_files
from tests.storage.formats.samples import message, record

DATA = Path(__file__).parent / "data"
MARK = "AMA_EXECUTED"


@dataclass(frozen=True)
class Held:
    """A file in memory."""

    content: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    def open(self) -> BinaryIO:
        return io.BytesIO(self.content)


def inspect(files: Mapping[str, bytes]) -> Inspected:
    return inspect_files({path: Held(content) for path, content in files.items()})


class Bomb:
    """Pickled, it runs code when it is loaded."""

    def __reduce__(self) -> Any:
        return (os.system, (f"touch {MARK}",))


def zip_of(members: Mapping[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tar_of(members: Mapping[str, bytes | tuple[bytes, str]], mode: str = "w") -> bytes:
    """A tar archive; a member that is a pair is of that type and links there."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(data, tuple):
                info.type, info.linkname = data
                archive.addfile(info)
            else:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def npy_of(array: np.ndarray, **options: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def npz_of(arrays: Mapping[str, np.ndarray], *, compressed: bool = False) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **arrays)
    return buffer.getvalue()


def hdf5_of(fill: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    return buffer.getvalue()


def safetensors_of(header: Any, data: bytes = b"", size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + data


def weights(start: int, end: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [(end - start) // 4], "data_offsets": [start, end]}


def saved_model_of(*ops: str, function: str = "", asset: str = "") -> bytes:
    """A SavedModel whose graph, or a function of it, has these operations."""
    nodes = [message((1, f"n{n}".encode()), (2, op.encode())) for n, op in enumerate(ops)]
    if function:
        body = message((1, message((1, function.encode()))), *((3, node) for node in nodes))
        graph = message((2, message((1, body))))
    else:
        graph = message(*((1, node) for node in nodes))
    assets = [(6, message((2, asset.encode())))] if asset else []
    return message((1, 1), (2, message((2, graph), *assets)))


def onnx_of(location: str = "", domain: str = "", *, nested: bool = False) -> bytes:
    """An ONNX model with an initializer, which may lie in another file, and a node."""
    external = [(13, message((1, b"location"), (2, location.encode())))] if location else []
    tensor = message((1, 2), (1, 3), (2, 1), (8, b"w"), *(external or [(9, b"\0" * 24)]))
    shape = message((1, message((1, 2))), (1, message((2, b"batch"))))
    info = message((1, b"x"), (2, message((1, message((1, 1), (2, shape))))))
    node = message((4, b"Op"), (7, domain.encode()))
    graph = message((1, node), (2, b"g"), (5, tensor), (11, info), (12, info))
    if nested:
        attribute = message((1, b"body"), (6, message((5, tensor))))
        graph = message((1, message((4, b"Loop"), (5, attribute))), (2, b"g"))
    return message((1, 8), (2, b"test"), (7, graph), (8, message((2, 17))))


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf_of(tensors: int = 1, pairs: int = 2, *, offset: int = 0, template: str = "{{ x }}") -> bytes:
    """A GGUF file with one tensor of 2 x 3 floats, and counts that may lie."""
    facts = text("general.architecture") + struct.pack("<I", 8) + text("tiny")
    facts += text("tokenizer.chat_template") + struct.pack("<I", 8) + text(template)
    infos = text("w") + struct.pack("<I2QIQ", 2, 3, 2, 0, offset)
    head = b"GGUF" + struct.pack("<IQQ", 3, tensors, pairs) + facts + infos
    return head + bytes(-len(head) % 32) + bytes(24)


def example(**features: Any) -> bytes:
    """A serialized tf.train.Example."""

    def feature(value: Any) -> bytes:
        if isinstance(value, bytes):
            return message((1, message((1, value))))
        if isinstance(value, float):
            return message((2, message((1, struct.pack("<f", value)))))
        return message((3, message((1, bytes([value])))))

    return message((1, message(*((1, message((1, k.encode()), (2, feature(v)))) for k, v in features.items()))))


def examples(count: int) -> bytes:
    return b"".join(record(example(fare=1.5, trip=n % 100, company=b"Taxi")) for n in range(count))


def lambda_config() -> bytes:
    layer = {"class_name": "Lambda", "config": {"name": "evil", "function": ["\x00code", None, None]}}
    return json.dumps({"class_name": "Sequential", "config": {"layers": [layer]}}).encode()


def with_bad_crc(archive: bytes, content: bytes) -> bytes:
    at = archive.index(content)
    return archive[:at] + bytes([archive[at] ^ 1]) + archive[at + 1 :]


def right_files() -> dict[str, bytes]:
    """One file of each format that is read; nothing in them is dangerous or damaged."""
    arrays = {"kernel": np.arange(6, dtype="float32").reshape(2, 3), "bias": np.ones(3, "float16")}
    data = arrays["kernel"].tobytes()
    return {
        "a.yaml": b"train:\n  rate: 0.1\n  layers: [64, 32]\n",
        "a.json": b'{"rate": 0.1, "name": "x"}',
        "metrics.json": b'{"auc": 0.9, "by": {"Cash": 0.8}, "name": "x"}',
        "a.toml": b"[train]\nrate = 0.1\n",
        "schema.pbtxt": b'feature { name: "fare" type: FLOAT presence { min_fraction: 1.0 } }',
        "a.safetensors": safetensors_of({"w": weights(0, 24)}, data),
        "a.npy": npy_of(arrays["kernel"]),
        "a.npz": npz_of(arrays),
        "packed.npz": npz_of(arrays, compressed=True),
        "a.h5": hdf5_of(lambda file: file.create_dataset("layers/w", data=arrays["kernel"])),
        "a.onnx": onnx_of(),
        "a.gguf": gguf_of(),
        "a.tfrecord": examples(30),
        "a.tfrecord.gz": gzip.compress(examples(30)),
        "a.zip": zip_of({"a/b.txt": b"b" * 100}, zipfile.ZIP_DEFLATED),
        "a.tar": tar_of({"a/b.txt": b"b" * 100}),
        "a.tar.gz": tar_of({"a/b.txt": b"b" * 100}, "w:gz"),
        "saved_model.pb": saved_model_of("MatMul", "AddV2"),
        "plain.keras": (DATA / "plain.keras").read_bytes(),
        "plain.h5": (DATA / "plain.h5").read_bytes(),
        "metrics-00000-of-00001.tfrecord": (DATA / "evaluation/metrics-00000-of-00001.tfrecord").read_bytes(),
    }


def hostile_files(outside: str) -> dict[str, tuple[bytes, str]]:
    """Hostile files, each with what has to be told of it: a part of a danger's or a problem's text."""
    bomb = pickle.dumps(Bomb())
    old_bomb = pickle.dumps(Bomb(), protocol=0)

    def linked(file: Any) -> None:
        file.attrs["model_config"] = lambda_config().decode()
        file["outside"] = h5py.ExternalLink(outside, "/weights")
        file.create_dataset("external", (10,), "f4", external=[(outside, 0, 40)])

    tfsm = json.dumps({"class_name": "TFSMLayer", "config": {"name": "t", "filepath": outside}}).encode()
    imports = {"class_name": "function", "module": "os", "config": "system", "registered_name": None}
    custom = {"class_name": "Mine", "module": None, "registered_name": "my_package>Mine", "config": {}}
    words = {"class_name": "TextVectorization", "module": "keras.layers", "config": {"vocabulary": outside}}
    torch = zip_of({"archive/data.pkl": bomb, "archive/data/0": b"weights" * 100})
    return {
        "pickle.safetensors": (bomb, "pickle that is called .safetensors"),
        "old-pickle.safetensors": (old_bomb, "posix.system"),
        "model.pkl": (bomb, "posix.system"),
        "old.pkl": (old_bomb, "posix.system"),
        "packed.joblib": (zlib.compress(bomb), "posix.system"),
        "packed.pkl": (bz2.compress(bomb), "posix.system"),
        "pytorch_model.bin": (torch, "posix.system"),
        "bad-crc.pt": (with_bad_crc(torch, b"weightsweights"), "'archive/data/0' is damaged: its checksum is wrong"),
        "objects.npy": (npy_of(np.array([Bomb()], object), allow_pickle=True), "array of objects"),
        "objects.npz": (npz_of({"a": np.array([Bomb()], object)}), "posix.system"),
        "lambda.keras": (zip_of({"config.json": lambda_config()}), "Lambda layer 'evil'"),
        "packed-lambda.keras": (zip_of({"config.json": lambda_config()}, zipfile.ZIP_DEFLATED), "Lambda layer 'evil'"),
        "tfsm.keras": (zip_of({"config.json": tfsm}), "TFSMLayer 't'"),
        "imports.keras": (zip_of({"config.json": json.dumps({"f": [imports]}).encode()}), "os.system"),
        "custom.keras": (zip_of({"config.json": json.dumps(custom).encode()}), "custom object 'my_package>Mine'"),
        "words.keras": (zip_of({"config.json": json.dumps(words).encode()}), "TextVectorization with vocabulary"),
        "keras_metadata.pb": (message((1, message((2, 0), (5, lambda_config())))), "Lambda layer 'evil'"),
        "lambda.h5": (hdf5_of(linked), "Lambda layer 'evil'"),
        "link.h5": (hdf5_of(linked), "external link /outside"),
        "external.h5": (hdf5_of(linked), "dataset 'external' in another file"),
        "latest.h5": (hdf5_of(linked, libver="latest"), "external link /outside"),
        "1/saved_model.pb": (saved_model_of("MatMul", "EagerPyFunc"), "operation EagerPyFunc"),
        "2/saved_model.pb": (saved_model_of("PyFunc", function="f"), "operation PyFunc"),
        "3/saved_model.pb": (saved_model_of("EvilCustomOp"), "operation EvilCustomOp"),
        "4/saved_model.pb": (saved_model_of("WriteFile", "ReadFile"), "operation WriteFile"),
        "5/saved_model.pb": (saved_model_of("SaveV2", function="f"), "operation SaveV2"),
        "6/saved_model.pb": (saved_model_of("MatMul", asset="../../etc/passwd"), "asset '../../etc/passwd'"),
        "7/saved_model.pb": (saved_model_of("PyFunc", function="PyFunc"), "operation PyFunc"),
        "8/assets.extra/run.sh": (b"#!/bin/sh\n", "a file in assets.extra"),
        "9/custom_ops.so": (b"\x7fELF" + bytes(60), "a native library"),
        "traversal.onnx": (onnx_of("../../secret"), "external data in '../../secret'"),
        "absolute.onnx": (onnx_of(outside), "an absolute path"),
        "nested.onnx": (onnx_of("../secret", nested=True), "external data in '../secret'"),
        "custom.onnx": (onnx_of(domain="evil.ops"), "operators of 'evil.ops'"),
        "overlap.safetensors": (safetensors_of({"a": weights(0, 8), "b": weights(4, 12)}, bytes(12)), "overlap"),
        "huge-header.safetensors": (safetensors_of({"a": weights(0, 8)}, bytes(8), size=1 << 62), "beyond the end"),
        "counts.gguf": (gguf_of(tensors=1 << 63, pairs=1 << 63), "tensors and 9,223,372,036,854,775,808 facts"),
        "offset.gguf": (gguf_of(offset=1 << 40), "its tensors end beyond its end"),
        "template.gguf": (gguf_of(template="{{ x.__class__ }}"), "reaches for Python's insides"),
        "python.yaml": (b"a: !!python/object/apply:os.system ['true']\n", "!!python/object/apply:os.system"),
        "bomb.yaml": (yaml_bomb(), "more than 5,000 values"),
        "deep.yaml": (b"[" * 100_000, "nested deeper than 64"),
        "deep.json": (b"[" * 100_000, "does not parse as json"),
        "config.json": (b'{"auto_map": {"AutoModel": "evil.Model"}}', "auto_map"),
        "traversal.zip": (zip_of({"../../evil": b"x"}), "it leads out of its folder"),
        "absolute.zip": (zip_of({"/etc/evil": b"x"}), "an absolute path"),
        "bomb.zip": (zip_of({"zeros": bytes(20 << 20)}, zipfile.ZIP_DEFLATED), "inflates 1000-fold"),
        "inner.zip": (zip_of({"inner.zip": zip_of({"model.pkl": bomb})}), "posix.system"),
        "traversal.tar": (tar_of({"../evil": b"x"}), "it leads out of its folder"),
        "link.tar": (tar_of({"here": (tarfile.SYMTYPE, "/etc/passwd")}), "is a symbolic link to '/etc/passwd'"),
        "device.tar": (tar_of({"device": (tarfile.CHRTYPE, "")}), "is a device"),
        "inner.tar.gz": (tar_of({"model.pkl": bomb}, "w:gz"), "posix.system"),
        "damaged.tfrecord": (flipped(examples(5), 20), "record 1 is damaged"),
        "cut.tfrecord": (examples(5)[:-3], "cut off in record 5"),
    }


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def yaml_bomb() -> bytes:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]")
    return "\n".join(lines).encode()
