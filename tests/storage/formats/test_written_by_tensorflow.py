"""What TensorFlow, Keras and Beam write: each tensor lies where it is said to, each gzip file is made again."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ama_tfx.storage.formats import deflate, inflate, inflate_exactly, record_boundaries
from tests.storage.formats.samples import contents, read

LAYERS = 25


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    """A folder with one trained model in each of the formats, and ``weights.npz`` with its weights in order."""
    import keras
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6,)), *[keras.layers.Dense(8) for _ in range(LAYERS)]])
    model.compile("adam", "mse")
    model.fit(np.ones((8, 6)), np.ones((8, 8)), verbose=0)
    model.save(folder / "m.keras")
    model.save(folder / "m.h5")
    model.save_weights(folder / "m.weights.h5")
    model.export(str(folder / "exported"))
    tf.saved_model.save(model, str(folder / "saved"))
    tf.train.Checkpoint(model=model).save(str(folder / "ckpt"))
    np.savez(folder / "weights.npz", *model.get_weights())
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "m.keras",
        "m.h5",
        "m.weights.h5",
        "exported/variables/variables.data-00000-of-00001",
        "saved/variables/variables.data-00000-of-00001",
        "ckpt-1.data-00000-of-00001",
    ],
)
def test_every_weight_of_a_model_is_found(models, name):
    weights = contents(models / "weights.npz")
    assert len(weights) == 2 * LAYERS
    found = contents(models / name)
    assert len(found) >= len(weights)
    values = {(str(array.dtype), array.shape, array.tobytes()) for array in found.values()}
    for array in weights.values():
        assert (str(array.dtype), array.shape, array.tobytes()) in values


def test_a_checkpoint_is_tensors_from_its_first_byte_to_its_last(models):
    path = models / "ckpt-1.data-00000-of-00001"
    assert sum(tensor.size_bytes for tensor in read(path)) == path.stat().st_size


def test_every_tensor_of_a_bundle_is_tensorflow_s(models):
    import tensorflow as tf

    for prefix in ("saved/variables/variables", "ckpt-1"):
        reader = tf.train.load_checkpoint(str(models / prefix))
        found = contents(models / f"{prefix}.data-00000-of-00001")
        assert found.keys() == reader.get_variable_to_shape_map().keys()
        for name, array in found.items():
            if array.dtype != np.dtype("V1"):  # strings
                assert array.tobytes() == reader.get_tensor(name).tobytes()
                assert array.shape == tuple(reader.get_variable_to_shape_map()[name])


def test_types_of_variables(tmp_path):
    import tensorflow as tf

    names = ["bfloat16", "float16", "float64", "int8", "uint32", "int64", "bool", "complex64", "uint8"]
    module = tf.Module()
    module.variables_ = [tf.Variable(tf.ones((2, 3), getattr(tf, name))) for name in names]
    module.text = tf.Variable(["a", "bc"])
    tf.saved_model.save(module, str(tmp_path))
    found = {tensor.name: tensor for tensor in read(tmp_path / "variables" / "variables.data-00000-of-00001")}
    for number, name in enumerate(names):
        tensor = found[f"variables_/{number}/.ATTRIBUTES/VARIABLE_VALUE"]
        assert (tensor.dtype, tensor.shape) == (name, (2, 3))
    assert found["text/.ATTRIBUTES/VARIABLE_VALUE"].dtype == "opaque"


def test_bundles_of_many_shards(tmp_path):
    import tensorflow as tf
    from tensorflow.python.ops import gen_io_ops

    arrays = [np.full((3, n + 1), n, "float32") for n in range(4)]
    for shard in range(2):
        mine = range(shard, 4, 2)
        gen_io_ops.save_v2(str(tmp_path / f"part{shard}"), [f"t{n}" for n in mine], [""] * 2, [arrays[n] for n in mine])
    gen_io_ops.merge_v2_checkpoints([str(tmp_path / f"part{shard}") for shard in range(2)], str(tmp_path / "whole"))
    first, second = (contents(tmp_path / f"whole.data-0000{shard}-of-00002") for shard in range(2))
    assert sorted([*first, *second]) == ["t0", "t1", "t2", "t3"]
    assert all((array == arrays[int(name[1:])]).all() for name, array in {**first, **second}.items())
    assert tf.train.load_checkpoint(str(tmp_path / "whole")).has_tensor("t3")


def examples(count: int) -> list[bytes]:
    import tensorflow as tf

    generator = np.random.default_rng(5)
    return [
        tf.train.Example(
            features=tf.train.Features(
                feature={
                    "fare": tf.train.Feature(float_list=tf.train.FloatList(value=generator.random(4).round(2))),
                    "company": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"company %d" % (n % 17)])),
                }
            )
        ).SerializeToString()
        for n in range(count)
    ]


def test_examples_of_tensorflow(tmp_path):
    import tensorflow as tf

    records = examples(5000)
    for compression in ("", "GZIP"):
        with tf.io.TFRecordWriter(str(tmp_path / f"r{compression}"), compression) as writer:
            for record in records:
                writer.write(record)
    starts = [0, *np.cumsum([len(record) + 16 for record in records]).tolist()]
    assert list(record_boundaries(tmp_path / "r")) == starts[:-1]
    recipe = inflate_exactly(tmp_path / "rGZIP")
    assert recipe is not None
    inflated = b"".join(inflate(tmp_path / "rGZIP", recipe))
    assert inflated == (tmp_path / "r").read_bytes()
    assert b"".join(deflate(recipe, [inflated])) == (tmp_path / "rGZIP").read_bytes()


def test_examples_of_beam(tmp_path):
    import apache_beam as beam

    records = examples(3000)
    with beam.Pipeline() as pipeline:
        write = beam.io.WriteToTFRecord(str(tmp_path / "data_tfrecord"), file_name_suffix=".gz", num_shards=2)
        _ = pipeline | beam.Create(records) | write
    paths = sorted(tmp_path.glob("data_tfrecord-*.gz"))
    assert len(paths) == 2
    for path in paths:
        recipe = inflate_exactly(path)
        assert recipe is not None
        assert b"".join(deflate(recipe, inflate(path, recipe))) == path.read_bytes()


def test_parsing_imports_no_library_of_the_formats():
    code = (
        "import sys, ama_tfx.storage.formats; print({'numpy', 'h5py', 'tensorflow', 'google_crc32c'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
