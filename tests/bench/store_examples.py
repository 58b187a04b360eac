"""Data sets of TFX, and their next versions: ``python -m tests.bench.store_examples NAME FOLDER``.

The trips of the wheel are drawn with replacement, 120,000 of them, with fares and miles moved a little, so that a data
set has a size that a shard may have; in the next version 1 % of the records have other fares and tips.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.io.tfrecordio import _TFRecordUtil

from pipelines.taxi.data import wheel_data_dir
from tests.bench.store_job import describe

RECORDS, SHARDS = 120_000, 4
_MOVED = ("fare", "trip_miles", "trip_seconds")
_CHANGED = ("fare", "tips")

Row = dict[str, str]
Write = Callable[[Path, list[bytes]], None]


def write_by_tensorflow(path: Path, records: list[bytes]) -> None:
    """Write a shard as TensorFlow does."""
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type="GZIP")) as writer:
        for record in records:
            writer.write(record)


def write_by_beam(path: Path, records: list[bytes]) -> None:
    """Write a shard as the sink of Beam does, which is what TFX's ExampleGen uses."""
    stream = FileSystems.create(str(path), "application/octet-stream", CompressionTypes.GZIP)
    for record in records:
        _TFRecordUtil.write_record(stream, record)
    stream.close()


WRITERS: dict[str, Write] = {"examples-tf": write_by_tensorflow, "examples-beam": write_by_beam}


def examples(folder: Path, write: Write) -> None:
    """Make both versions, in the folders that TFX has."""
    rng = np.random.default_rng(3)
    rows = list(_drawn(rng, _trips()))
    _shards(folder / "v1", rows, write)
    for number in rng.choice(RECORDS, RECORDS // 100, replace=False):
        rows[number] = _moved(rng, rows[number], _CHANGED)
    _shards(folder / "v2", rows, write)
    describe(folder, [["v1"], ["v2"]], {"v2": ["v1"]})


def _trips() -> list[Row]:
    paths = sorted(Path(str(wheel_data_dir())).glob("*.csv"))
    assert paths
    return [row for path in paths for row in csv.DictReader(path.open())]


def _drawn(rng: np.random.Generator, trips: list[Row]) -> Iterator[Row]:
    for number in rng.integers(len(trips), size=RECORDS):
        yield _moved(rng, trips[number], _MOVED)


def _moved(rng: np.random.Generator, row: Row, names: tuple[str, ...]) -> Row:
    """Return a row with some of its numbers multiplied by about one."""
    return row | {name: f"{float(row[name]) * rng.normal(1, 0.1) + 0.25:.2f}" for name in names if row.get(name)}


def _shards(folder: Path, rows: list[Row], write: Write) -> None:
    split = folder / "Split-train"
    split.mkdir(parents=True)
    for number in range(SHARDS):
        records = [_example(row) for row in rows[number::SHARDS]]
        write(split / f"data_tfrecord-{number:05}-of-{SHARDS:05}.gz", records)


def _example(row: Row) -> bytes:
    features = {name: _feature(value) for name, value in row.items()}
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return bytes(example.SerializeToString(deterministic=True))


def _feature(value: str) -> tf.train.Feature:
    """Return a column's value with the type that CsvExampleGen would infer for it alone."""
    if not value:
        return tf.train.Feature()
    if value.lstrip("-").isdigit():
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))
    try:
        return tf.train.Feature(float_list=tf.train.FloatList(value=[float(value)]))
    except ValueError:
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))


if __name__ == "__main__":
    examples(Path(sys.argv[2]), WRITERS[sys.argv[1]])
