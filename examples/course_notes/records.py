"""Reading and writing the splits of Examples, and a real data set as Examples."""

import json
from collections.abc import Iterable
from pathlib import Path

import tensorflow as tf
from sklearn.datasets import load_breast_cancer
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples


def read_split(examples: Examples, split: str) -> list[bytes]:
    """Return the serialised examples of a split."""
    files = sorted(map(str, Path(examples.uri, f"Split-{split}").iterdir()))
    return list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator())


def write_split(examples: Examples, split: str, records: Iterable[bytes]) -> None:
    """Write a split as ExampleGen does: one gzip shard."""
    folder = Path(examples.uri, f"Split-{split}")
    folder.mkdir(parents=True)
    shard = folder / "data_tfrecord-00000-of-00001.gz"
    with tf.io.TFRecordWriter(str(shard), options="GZIP") as writer:
        for record in records:
            writer.write(record)


def value_of(record: bytes, feature: str) -> float:
    """Return the number that an example has in a feature; NaN where it has none."""
    found = tf.train.Example.FromString(record).features.feature[feature]
    values = found.float_list.value or found.int64_list.value
    return float(values[0]) if values else float("nan")


@component
def TumourExamples(examples: OutputArtifact[Examples], broken_rows: Parameter[int] = 0):  # noqa: N802 - TFX names function components like classes
    """Write scikit-learn's breast cancer data: 212 malignant (0) and 357 benign (1) tumours, a fifth of them for eval.

    The first ``broken_rows`` of the eval split have a radius in another unit, a thousand times too large.
    """
    data = load_breast_cancer()
    splits: dict[str, list[bytes]] = {"train": [], "eval": []}
    for number, (row, label) in enumerate(zip(data.data, data.target, strict=True)):
        split = "eval" if number % 5 == 0 else "train"
        radius = row[0] * (1000 if split == "eval" and len(splits["eval"]) < broken_rows else 1)
        feature = {
            "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[int(label)])),
            "mean_radius": tf.train.Feature(float_list=tf.train.FloatList(value=[radius])),
        }
        record = tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString(deterministic=True)
        splits[split].append(record)
    for split, records in splits.items():
        write_split(examples, split, records)
    examples.split_names = json.dumps(list(splits))
