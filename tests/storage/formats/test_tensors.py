"""Tensors are found where the libraries wrote them."""

import io
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.storage.formats import Tensor, tensors
from tests.storage.formats import samples
from tests.storage.formats.samples import assert_same, contents, read, weights


def test_safetensors(tmp_path):
    arrays = weights()
    path = tmp_path / "a.safetensors"
    samples.write_safetensors(path, samples.safetensors_header(arrays), b"".join(a.tobytes() for a in arrays.values()))
    assert_same(contents(path), arrays)


def test_a_tensor_says_where_and_what_it_is(tmp_path):
    header = {"b": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}}
    header["x"] = {"dtype": "F4", "shape": [4], "data_offsets": [12, 14]}
    header["none"] = {"dtype": "F32", "shape": [0], "data_offsets": [14, 14]}
    path = tmp_path / "A.SafeTensors"
    samples.write_safetensors(path, header, bytes(range(14)))
    offset = path.stat().st_size - 14
    assert tensors(path) == (
        Tensor("b", offset, 12, "bfloat16", 2, (2, 3)),
        Tensor("x", offset + 12, 2, "opaque", 1, (2,)),
    )


@pytest.mark.parametrize("header", [{}, {"__metadata__": {}}, b'{ "__metadata__" :\t{ "a" : "b" , "c":"\\"}"} }\n'])
def test_safetensors_without_tensors(tmp_path, header):
    samples.write_safetensors(tmp_path / "a.safetensors", header, b"")
    assert read(tmp_path / "a.safetensors") == ()


def test_the_header_of_safetensors_may_hold_spaces_and_escapes(tmp_path):
    text = b'{ "a\\u0041\\"" : { "shape" : [ 1 ] ,\n "data_offsets":[0,1], "dtype" : "U8" } , "__metadata__":{} }  '
    samples.write_safetensors(tmp_path / "a.safetensors", text, b"x")
    assert [tensor.name for tensor in read(tmp_path / "a.safetensors")] == ['aA"']


def test_tensor_bundle(tmp_path):
    arrays = weights()
    data = b"".join(array.tobytes() for _, array in sorted(arrays.items()))
    path = samples.write_bundle(tmp_path, samples.bundle_index(arrays), data)
    assert_same(contents(path), arrays)


def test_the_index_of_a_bundle_may_lie_elsewhere(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    arrays = weights()
    data = b"".join(array.tobytes() for _, array in sorted(arrays.items()))
    path = samples.write_bundle(tmp_path, samples.bundle_index(arrays), data)
    (tmp_path / samples.INDEX_NAME).rename(tmp_path / "elsewhere" / samples.INDEX_NAME)
    assert tensors(path) == ()
    assert len(tensors(path, siblings=tmp_path / "elsewhere")) == 5


def test_big_endian_bundles_are_opaque_and_sliced_tensors_lie_under_their_slices(tmp_path):
    entries = [
        (b"", samples.message((1, 1), (2, 1))),
        (b"\0\x01part\0\xff", samples.bundle_entry(1, (2,), 0, 8)),
        (b"whole", samples.bundle_entry(1, (2,), 0, 0, (7, b""))),
    ]
    path = samples.write_bundle(tmp_path, samples.table_of(samples.block_of(entries)), bytes(8))
    assert read(path) == (Tensor("\0\x01part\0\\xff", 0, 8, "opaque", 1, (8,)),)


def test_npy(tmp_path):
    arrays = {**weights(), "complex": np.ones((2, 2), "complex64"), "empty dimension": np.ones((1, 1, 1), "int8")}
    for array in arrays.values():
        np.save(tmp_path / "a.npy", array)
        assert_same(contents(tmp_path / "a.npy"), {"array": array})
    np.save(tmp_path / "a.npy", np.ones((2, 3), order="F"))
    assert [tensor.shape for tensor in read(tmp_path / "a.npy")] == [(2, 3)]


@pytest.mark.parametrize("array", [np.ones(3, ">f4"), np.array(["ab", "c"]), np.array([b"abc"]), np.zeros(2, "M8[s]")])
def test_arrays_of_other_things_than_plain_numbers_are_opaque(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    (tensor,) = read(tmp_path / "a.npy")
    assert (tensor.dtype, tensor.item_bytes, tensor.size_bytes) == ("opaque", 1, array.nbytes)
    assert (tmp_path / "a.npy").read_bytes()[tensor.offset :] == array.tobytes()


def test_pickled_arrays_are_no_arrays(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}]), allow_pickle=True)
    np.savez(tmp_path / "a.npz", a=np.array([{}]), b=np.ones(2))
    assert read(tmp_path / "a.npy") == ()
    assert_same(contents(tmp_path / "a.npz"), {"b": np.ones(2)})


def test_npz(tmp_path):
    np.savez(tmp_path / "a.npz", **weights())
    assert_same(contents(tmp_path / "a.npz"), weights())


def test_compressed_members_have_no_tensors(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", **weights())
    assert read(tmp_path / "a.npz") == ()


def test_npz_written_to_a_pipe(tmp_path):
    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def tell(self):
            raise io.UnsupportedOperation

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:
        buffer = io.BytesIO()
        np.save(buffer, np.arange(5))
        archive.writestr("a.npy", buffer.getvalue())
    (tmp_path / "a.npz").write_bytes(pipe.getvalue())
    assert_same(contents(tmp_path / "a.npz"), {"a": np.arange(5)})


def test_zip64(tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    np.savez(tmp_path / "a.npz", **weights())
    assert b"PK\x06\x06" in (tmp_path / "a.npz").read_bytes()
    assert_same(contents(tmp_path / "a.npz"), weights())


@pytest.mark.parametrize("version", ["earliest", "latest"])
def test_hdf5(tmp_path, version):
    path = tmp_path / "a.h5"
    samples.write_hdf5(path, weights(), libver=version)
    found = contents(path)
    expected = {f"layers/{name}": array for name, array in weights().items()}
    expected["layers/mask"] = found["layers/mask"].view("V1")  # h5py writes an enumeration
    assert_same({name: found[name] for name in found if name.startswith("layers/")}, expected)
    if version == "earliest":
        whole = np.arange(60.0).reshape(6, 10)
        assert (found["chunked#0,5"] == whole[:4, 5:]).all()
        assert (found["chunked#4,0"][:2] == whole[4:, :5]).all()
        assert {str(found[f"packed#{start}"].dtype) for start in (0, 300, 600, 900)} == {"|V1"}
    with h5py.File(path) as file:
        assert file["layers/dense/kernel"].id.get_offset() in {tensor.offset for tensor in read(path)}


def test_hdf5_with_many_names_in_a_group(tmp_path):
    arrays = {f"layer_{n}/{'x' * (n % 200 + 1)}": np.full(n % 7 + 1, n, "float64") for n in range(400)}
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
    assert_same(contents(tmp_path / "a.hdf5"), arrays)


def test_hdf5_dtypes(tmp_path):
    plain = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
    arrays = {dtype: np.ones(3, dtype) for dtype in plain}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
        file["big"], file["text"], file["complex"] = np.ones(2, ">i4"), np.array([b"ab"]), np.ones(2, "c8")
    found = contents(tmp_path / "a.h5")
    assert {str(found.pop(name).dtype) for name in ("big", "text", "complex")} == {"|V1"}
    assert_same(found, arrays)


def test_hdf5_links_are_not_followed(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = np.ones(10)
    (tmp_path / "raw").write_bytes(bytes(80))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["group/data"] = np.arange(4)
        file["group/soft"] = h5py.SoftLink("/group/data")
        file["links/external"] = h5py.ExternalLink("other.h5", "/secret")
        file["links/circle"] = file["/"]
        file["links/hard"] = file["group/data"]
        file.create_dataset("outside", (10,), "f8", external=[("raw", 0, 80)])
    assert_same(contents(tmp_path / "a.h5"), {"group/data": np.arange(4)})


def test_keras(tmp_path):
    samples.write_hdf5(tmp_path / "a.h5", weights())
    samples.write_keras(tmp_path / "a.keras", (tmp_path / "a.h5").read_bytes())
    inner, outer = contents(tmp_path / "a.h5"), contents(tmp_path / "a.keras")
    assert_same(outer, {f"model.weights.h5:{name}": array for name, array in inner.items()})


def test_a_name_alone_makes_no_format(tmp_path):
    for name in ("a.safetensors", "a.npy", "a.npz", "a.h5", "a.keras", samples.DATA_NAME):
        for content in (b"", b"\0", b"text", pickle.dumps({"a": 1}), b"\x80\x02" * 50):
            (tmp_path / name).write_bytes(content)
            assert read(tmp_path / name) == ()


def test_a_format_is_known_under_every_name(tmp_path):
    paths = [path for path in samples.write_all(tmp_path) if path.name != samples.DATA_NAME and tensors(path)]
    assert {path.suffix for path in paths} >= {".safetensors", ".npz", ".h5", ".keras"}
    for path in paths:
        found = tensors(path)
        path.rename(tmp_path / "weights")
        assert tensors(tmp_path / "weights") == found


def test_what_the_operating_system_says_is_raised(tmp_path: Path):
    with pytest.raises(NotFoundError, match="none"):
        tensors(tmp_path / "none.npy")
    (tmp_path / "link.npy").symlink_to("/etc/passwd")
    with pytest.raises(InvalidInputError, match="not a regular file"):
        tensors(tmp_path / "link.npy")
    with pytest.raises(InvalidInputError, match="not a regular file"):
        tensors(tmp_path)


def test_an_index_that_is_a_link_is_none(tmp_path):
    path = samples.write_bundle(tmp_path, samples.bundle_index(weights()), bytes(1000))
    assert len(tensors(path)) == 5
    (tmp_path / samples.INDEX_NAME).rename(tmp_path / "elsewhere")
    (tmp_path / samples.INDEX_NAME).symlink_to(tmp_path / "elsewhere")
    assert tensors(path) == ()
