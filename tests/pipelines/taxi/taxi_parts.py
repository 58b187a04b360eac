"""Raw trips for the tests, and what TFX's Transform makes of them."""

import csv
import itertools
from pathlib import Path
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata

from pipelines.taxi.data import wheel_data_dir
from pipelines.taxi.preprocessing import preprocessing_fn

COLUMN_TYPES = {
    "company": tf.string,
    "dropoff_census_tract": tf.int64,
    "dropoff_community_area": tf.int64,
    "dropoff_latitude": tf.float32,
    "dropoff_longitude": tf.float32,
    "fare": tf.float32,
    "payment_type": tf.string,
    "pickup_census_tract": tf.int64,
    "pickup_community_area": tf.int64,
    "pickup_latitude": tf.float32,
    "pickup_longitude": tf.float32,
    "tips": tf.float32,
    "trip_miles": tf.float32,
    "trip_seconds": tf.int64,
    "trip_start_day": tf.int64,
    "trip_start_hour": tf.int64,
    "trip_start_month": tf.int64,
    "trip_start_timestamp": tf.int64,
}
RAW_SPEC = {name: tf.io.VarLenFeature(dtype) for name, dtype in COLUMN_TYPES.items()}

Row = dict[str, Any]


def wheel_rows(count: int) -> list[Row]:
    """The first trips of TFX's wheel, without the columns that a trip does not have."""
    parse = {tf.string: str, tf.int64: int, tf.float32: float}
    with (wheel_data_dir() / "data.csv").open() as file:
        rows = list(itertools.islice(csv.DictReader(file), count))
    return [{name: parse[COLUMN_TYPES[name]](text) for name, text in row.items() if text} for row in rows]


def serialized(row: Row) -> bytes:
    """The trip as a client of the model sends it."""
    features = tf.train.Features()
    for name, value in row.items():
        feature = features.feature[name]
        if COLUMN_TYPES[name] is tf.string:
            feature.bytes_list.value.append(value.encode())
        elif COLUMN_TYPES[name] is tf.int64:
            feature.int64_list.value.append(value)
        else:
            feature.float_list.value.append(value)
    return tf.train.Example(features=features).SerializeToString()


def analyse(rows: list[Row], folder: Path) -> tft.TFTransformOutput:
    """Run the pipeline's preprocessing_fn over trips; the transformed trips are in ``folder/examples-*.gz``."""
    metadata = DatasetMetadata.from_feature_spec(RAW_SPEC)
    instances = [{name: [row[name]] if name in row else None for name in RAW_SPEC} for row in rows]
    with beam.Pipeline() as pipeline, tft_beam.Context(temp_dir=str(folder / "scratch")):
        raw = pipeline | beam.Create(instances)
        (transformed, transformed_metadata), transform_fn = (
            raw,
            metadata,
        ) | tft_beam.AnalyzeAndTransformDataset(preprocessing_fn)
        _ = transform_fn | tft_beam.WriteTransformFn(str(folder / "graph"))
        _ = metadata | tft_beam.WriteMetadata(str(folder / "graph" / "metadata"), pipeline)
        coder = tft.coders.ExampleProtoCoder(transformed_metadata.schema)
        _ = (
            transformed
            | beam.Map(coder.encode)
            | beam.io.WriteToTFRecord(str(folder / "examples"), file_name_suffix=".gz")
        )
    return tft.TFTransformOutput(str(folder / "graph"))


def transformed(output: tft.TFTransformOutput, rows: list[Row]) -> dict[str, list[Any]]:
    """What serving makes of trips: each feature's values, one per trip."""
    raw = tf.io.parse_example([serialized(row) for row in rows], RAW_SPEC)
    return {name: tensor.numpy()[:, 0].tolist() for name, tensor in output.transform_raw_features(raw).items()}
