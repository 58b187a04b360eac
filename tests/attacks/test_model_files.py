"""Attack class D, the store's side: a hostile model file is bytes to be kept; nothing of it is run or followed."""

import io
import json
import os
import pickle
import struct
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from ama_tfx.registry import Registry

MARK = "AMA_EXECUTED"
PADDING = os.urandom(300_000)  # large enough for the store to look for tensors


class Bomb:
    """Pickled, it runs code when it is loaded."""

    def __reduce__(self):
        return (exec, (f"import os; os.environ[{MARK!r}] = '1'",))


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as written:
        for name, data in members.items():
            written.writestr(name.replace("__", "/"), data)
    return buffer.getvalue()


def bad_crc(data: bytes) -> bytes:
    at = data.index(PADDING[:100])
    return data[: at + 5] + bytes([data[at + 5] ^ 1]) + data[at + 6 :]


def safetensors(header: object, size: int | None = None) -> bytes:
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if size is None else size) + raw + PADDING


def lambda_layer() -> bytes:
    code = "\x00" + MARK
    layer = {"class_name": "Lambda", "config": {"name": "evil", "function": [code, None, None]}}
    return json.dumps({"class_name": "Sequential", "config": {"layers": [layer]}}).encode()


def hdf5(folder: Path, secret: Path) -> bytes:
    with h5py.File(folder / "made.h5", "w") as made:
        made.attrs["model_config"] = lambda_layer().decode()
        made["outside"] = h5py.ExternalLink(str(secret), "/weights")
        made["soft"] = h5py.SoftLink("/soft")
        made["weights"] = np.frombuffer(PADDING, np.float32)
        made.create_dataset("external", (10,), "f4", external=[(str(secret), 0, 40)])
    return (folder / "made.h5").read_bytes()


def hostile_files(folder: Path, secret: Path) -> dict[str, bytes]:
    bomb = pickle.dumps(Bomb())
    weights = {"dtype": "F32", "shape": [25_000], "data_offsets": [0, 100_000]}
    return {
        "pickle.safetensors": bomb + PADDING,
        "pickle.npy": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
        + bomb
        + PADDING,
        "pickle.npz": archive(**{"arr_0.npy": bomb + PADDING}),
        "torch.pt": bad_crc(archive(**{"archive__data.pkl": bomb, "archive__data__0": PADDING})),
        "lambda.keras": archive(**{"config.json": lambda_layer(), "model.weights.h5": PADDING}),
        "model.h5": hdf5(folder, secret),
        "overlap.safetensors": safetensors({"a": weights, "b": {**weights, "data_offsets": [50_000, 150_000]}}),
        "huge-header.safetensors": safetensors({"a": weights}, size=1 << 62),
        "negative.safetensors": safetensors({"a": {**weights, "data_offsets": [-4, 99_996]}}),
        "counts.gguf": b"GGUF" + struct.pack("<IQQ", 3, 1 << 63, 1 << 63) + PADDING,
        "external.onnx": b"\x08\x07external_data:location=../../secret" + PADDING,
        "saved_model.pb": b"\x08\x01\x12EagerPyFunc py_function" + PADDING,
        "assets.extra/run.sh": b"#!/bin/sh\ntouch executed\n",
        "variables/variables.index": PADDING,
        "variables/variables.data-00000-of-00001": PADDING,
    }


@pytest.fixture
def content(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret weights" * 100)
    folder = tmp_path / "content"
    for path, data in hostile_files(tmp_path, secret).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_hostile_model_files_are_kept_to_the_bit_and_nothing_in_them_is_run(content, tmp_path):
    opened = []
    sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
    wanted = files(content)
    assert len(wanted) == 15
    opened.clear()
    registry = Registry(tmp_path / "registry", create=True)
    registry.register("model", content)
    for path, data in wanted.items():  # and as parents of what comes next
        (content / path).write_bytes(data[:-7] + b"changed")
    wanted_next = files(content)
    registry.register("model", content)
    registry.download("model:1", tmp_path / "one")
    registry.download("model:2", tmp_path / "two")
    assert files(tmp_path / "one") == wanted
    assert files(tmp_path / "two") == wanted_next
    assert MARK not in os.environ
    assert not (tmp_path / "executed").exists()
    assert not any("secret" in path for path in opened)
