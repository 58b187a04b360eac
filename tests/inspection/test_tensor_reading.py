"""Numbers of tensors, under the names that inspecting gives them."""

from __future__ import annotations

import numpy as np
import pytest

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.inspection import inspect_files, local_files, read_tensor, tensor_blocks
from tests.inspection import samples
from tests.inspection.samples import DATA, Held

WEIGHTS = np.arange(6, dtype="float32").reshape(2, 3)


def test_every_tensor_that_is_told_of_can_be_read():
    files = {path: Held(content) for path, content in samples.right_files().items()}
    told = [tensor for tensor in inspect_files(files).tensors if tensor.path not in {"a.onnx", "a.gguf"}]
    assert len(told) == 11
    for tensor in told:
        array = read_tensor(files[tensor.path], tensor.path, tensor.name, files)
        assert (str(array.dtype), array.shape) == (tensor.dtype, tensor.shape), tensor


@pytest.mark.parametrize(
    ("path", "name"),
    [("a.safetensors", "w"), ("a.npy", "array"), ("a.npz", "kernel"), ("packed.npz", "kernel"), ("a.h5", "layers/w")],
)
def test_the_numbers_are_right(path, name):
    array = read_tensor(Held(samples.right_files()[path]), path, name)
    assert np.array_equal(array.reshape(2, 3), WEIGHTS)
    assert np.array_equal(np.concatenate(list(tensor_blocks(Held(samples.right_files()[path]), path, name))), range(6))


def test_variables_of_a_saved_model_are_read_with_their_index():
    files = local_files(DATA / "saved_model")
    path = "variables/variables.data-00000-of-00001"
    assert np.array_equal(read_tensor(files[path], path, "v/.ATTRIBUTES/VARIABLE_VALUE", files), WEIGHTS)
    with pytest.raises(InvalidInputError, match="its index is not beside it"):
        read_tensor(files[path], path, "v/.ATTRIBUTES/VARIABLE_VALUE")


def test_weights_of_keras_are_read_where_they_lie_in_their_archive():
    file = local_files(DATA / "plain.keras")["plain.keras"]
    kernel = read_tensor(file, "plain.keras", "model.weights.h5:layers/dense/vars/0")
    old = read_tensor(local_files(DATA / "plain.h5")["plain.h5"], "plain.h5", "model_weights/d/sequential_1/d/kernel")
    assert kernel.shape == (3, 2)
    assert np.array_equal(kernel, old)
    assert np.abs(kernel).sum() > 0


def test_chunks_are_put_together():
    array = np.arange(60.0).reshape(6, 10)
    file = Held(samples.hdf5_of(lambda file: file.create_dataset("c", data=array, chunks=(4, 4))))
    assert np.array_equal(read_tensor(file, "a.h5", "c"), array)
    assert np.array_equal(np.concatenate(list(tensor_blocks(file, "a.h5", "c"))), array.reshape(-1))


def test_arrays_of_fortran_are_read_in_their_order():
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    file = Held(samples.npy_of(array))
    assert np.array_equal(read_tensor(file, "a.npy", "array"), array)
    assert np.array_equal(np.concatenate(list(tensor_blocks(file, "a.npy", "array"))), range(6))


def of_safetensors(dtype: str, data: bytes, count: int) -> list[float]:
    entry = {"dtype": dtype, "shape": [count], "data_offsets": [0, len(data)]}
    array = read_tensor(Held(samples.safetensors_of({"w": entry}, data)), "a.safetensors", "w")
    assert array.dtype == np.float32
    return array.tolist()


def test_small_floats_are_given_as_float32():
    assert of_safetensors("BF16", b"\x80\x3f\x00\xc0", 2) == [1.0, -2.0]
    assert of_safetensors("F8_E5M2", b"\x3c\xc0", 2) == [1.0, -2.0]
    assert of_safetensors("F8_E4M3", b"\x38\xc0\x01\x7e", 4) == [1.0, -2.0, 2.0**-9, 448.0]
    assert np.isnan(of_safetensors("F8_E4M3", b"\x7f", 1)).all()


def test_a_large_tensor_is_read_in_blocks():
    array = np.arange(3 << 20, dtype="float32")
    blocks = list(tensor_blocks(Held(samples.npy_of(array)), "a.npy", "array"))
    assert [block.size for block in blocks] == [1 << 20] * 3
    assert np.array_equal(np.concatenate(blocks), array)


def test_what_cannot_be_read_says_why():
    files = samples.right_files()
    with pytest.raises(NotFoundError, match="no tensor 'x' in 'a.safetensors'"):
        read_tensor(Held(files["a.safetensors"]), "a.safetensors", "x")
    with pytest.raises(InvalidInputError, match="has no plain numbers"):
        read_tensor(Held(samples.npz_of({"n": np.array(["a"])})), "a.npz", "n")
    with pytest.raises(InvalidInputError, match="'a.npz' does not parse"):
        read_tensor(Held(files["a.npz"][:-20]), "a.npz", "kernel")
    with pytest.raises(NotFoundError):
        read_tensor(Held(b"hello"), "a.txt", "w")
