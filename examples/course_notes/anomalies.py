"""FindOutliers, function-based: values outside the confidence interval of the training data are anomalies.

Writes what ExampleValidator writes, an ExampleAnomalies artifact, so `ama_tfx.components.DataGate` and every other
reader of it takes this one too.
"""

import json
import math
import statistics
from pathlib import Path

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, OutputDict, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import ExampleAnomalies, Examples

from course_notes.records import read_split, value_of


def interval(values: list[float], z: float) -> tuple[float, float]:
    """Return mean - z standard deviations and mean + z standard deviations."""
    mean, deviation = statistics.fmean(values), statistics.stdev(values)
    return mean - z * deviation, mean + z * deviation


def anomaly(feature: str, outside: list[float], of: int, bounds: tuple[float, float]) -> anomalies_pb2.AnomalyInfo:
    """Return the finding about a feature, in the words of TensorFlow Metadata."""
    low, high = bounds
    found = anomalies_pb2.AnomalyInfo(
        severity=anomalies_pb2.AnomalyInfo.ERROR,
        short_description="Outside the confidence interval",
        description=f"{len(outside)} of {of} values lie outside [{low:.6g}, {high:.6g}]: {min(outside):.6g} to "
        f"{max(outside):.6g}",
    )
    found.path.step.append(feature)
    found.reason.add(
        type=anomalies_pb2.AnomalyInfo.UNKNOWN_TYPE,  # the format has no word for it
        short_description=found.short_description,
        description=found.description,
    )
    return found


@component
def FindOutliers(  # noqa: N802 - TFX names function components like classes
    examples: InputArtifact[Examples],
    anomalies: OutputArtifact[ExampleAnomalies],
    feature: Parameter[str],
    z: Parameter[float] = 6.0,
) -> OutputDict(outliers=int):
    """Compare a numeric feature of all other splits with mean +- z standard deviations of ``train``; NaN is outside."""
    names = json.loads(examples.split_names)
    values = {name: [value_of(record, feature) for record in read_split(examples, name)] for name in names}
    low, high = interval([value for value in values["train"] if not math.isnan(value)], z)
    checked = [name for name in names if name != "train"]
    blessed, total = {}, 0
    for name in checked:
        outside = [value for value in values[name] if not low <= value <= high]
        report = anomalies_pb2.Anomalies()
        if outside:
            report.anomaly_info[feature].CopyFrom(anomaly(feature, outside, len(values[name]), (low, high)))
        folder = Path(anomalies.uri, f"Split-{name}")
        folder.mkdir(parents=True)
        (folder / "SchemaDiff.pb").write_bytes(report.SerializeToString(deterministic=True))
        blessed[name], total = int(not outside), total + len(outside)
    anomalies.split_names = json.dumps(checked)
    anomalies.set_json_value_custom_property("blessed", blessed)
    return {"outliers": total}
