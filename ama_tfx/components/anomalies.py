"""What ExampleValidator and StatisticsGen say of data: anomalies and statistics of each split, as signals."""

import enum
import math
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from google.protobuf.message import DecodeError, Message
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from ama_tfx.components.bounds import Bounds, Found, compare
from ama_tfx.components.verdicts import Blessing, Signal
from ama_tfx.errors import IntegrityError, InvalidInputError, did_you_mean

ANOMALIES_FILE = "SchemaDiff.pb"
STATISTICS_FILE = "FeatureStats.pb"
WHOLE = "All Examples"
"""TFDV's name of the data set that is no slice."""

BLESSED = "blessed"
"""ExampleValidator's custom property: split -> 1 without any anomaly, 0 with."""


class Severity(enum.IntEnum):
    """Of an anomaly, as TFDV has it, the worst last; one of no known severity counts as an error."""

    WARNING = 1
    ERROR = 2


class SplitArtifact(Protocol):
    """What is read of ``ExampleAnomalies`` or ``ExampleStatistics``."""

    uri: str
    split_names: str

    def has_custom_property(self, key: str) -> bool:
        """Return whether the property was set."""

    def get_json_value_custom_property(self, key: str) -> Any:
        """Return its value."""


def parse_severity(name: str) -> Severity:
    """Return the severity of a name, ``error`` or ``warning``.

    Raises:
        InvalidInputError: It is none.
    """
    try:
        return Severity[name.upper()]
    except (KeyError, AttributeError) as error:
        known = [each.name.lower() for each in Severity]
        raise InvalidInputError(
            f"unknown severity {name!r}; known: {', '.join(known)}{did_you_mean(str(name), known)}"
        ) from error


def anomaly_signals(
    source: str, artifacts: Sequence[SplitArtifact] | None, *, blocking: Severity = Severity.ERROR
) -> tuple[Signal, ...]:
    """Return what ExampleValidator found: a signal for each split, and one for each anomaly.

    Args:
        source: Its id.
        artifacts: What its output channel holds.
        blocking: From which severity on an anomaly is a no; a lesser one is told and decides nothing.
    """
    if not artifacts:
        return (Signal(source, Blessing.UNKNOWN, f"{source} gave no anomalies: it did not run", "anomalies"),)
    found = [signal for artifact in artifacts for signal in _of_artifact(source, artifact, blocking)]
    return tuple(found) or (Signal(source, Blessing.UNKNOWN, f"{source} looked at no split", "anomalies"),)


def _of_artifact(source: str, artifact: SplitArtifact, blocking: Severity) -> Iterator[Signal]:
    told = artifact.get_json_value_custom_property(BLESSED) if artifact.has_custom_property(BLESSED) else None
    for split in splits_of(artifact):
        try:
            found = read_split(artifact.uri, split, ANOMALIES_FILE, anomalies_pb2.Anomalies)
        except IntegrityError as error:
            yield Signal(source, Blessing.UNKNOWN, str(error), "anomalies", None, "can be read", split)
            continue
        yield from _of_split(source, split, found, blocking, (told or {}).get(split))


def _of_split(source: str, split: str, found: Any, blocking: Severity, told: Any) -> Iterator[Signal]:
    """Yield the split's own signal, then its anomalies; ``told`` is what the artifact's property says of the split."""
    anomalies = dict(sorted(found.anomaly_info.items()))
    if found.HasField("dataset_anomaly_info"):
        anomalies["the dataset"] = found.dataset_anomaly_info
    count = sum(_severity(info) >= blocking for info in anomalies.values())
    bound = f"no {blocking.name.lower()}"
    if told == 0 and not anomalies:
        reason = f"{source}'s property says that split {split!r} has anomalies, and its file has none: it was changed"
        yield Signal(source, Blessing.UNKNOWN, reason, "anomalies", 0, bound, split)
    else:
        said = Blessing.NOT_BLESSED if count else Blessing.BLESSED
        reason = f"split {split!r} has {count or 'no'} blocking anomal{'y' if count == 1 else 'ies'}"
        yield Signal(source, said, reason, "anomalies", count, bound, split)
    for name, info in anomalies.items():
        blocks = _severity(info) >= blocking
        reason = f"{name} in split {split!r}: {info.short_description}: {info.description}"
        said = Blessing.NOT_BLESSED if blocks else Blessing.BLESSED
        yield Signal(source, said, reason, f"anomaly:{name}", info.short_description, bound, split, required=blocks)


def _severity(info: Any) -> Severity:
    return Severity.WARNING if info.severity == anomalies_pb2.AnomalyInfo.WARNING else Severity.ERROR


def splits_of(artifact: SplitArtifact) -> list[str]:
    """Return the names of an artifact's splits."""
    return list(artifact_utils.decode_split_names(artifact.split_names)) if artifact.split_names else []


def read_split(uri: str, split: str, name: str, kind: type[Message]) -> Any:
    """Read a message from a split's folder.

    Raises:
        IntegrityError: The file is missing, empty (which would parse, as a message without anomalies), or cut off.
    """
    path = posixpath.join(uri, f"Split-{split}", name)
    if not fileio.exists(path):  # TFX's file system opens what is not there, and fails at the first read
        raise IntegrityError(f"{path!r} cannot be read: there is no such file")
    try:
        with fileio.open(path, "rb") as stream:
            data = stream.read()
        if not data:
            raise IntegrityError(f"{path!r} is empty; expected a {kind.DESCRIPTOR.name}")
        return kind.FromString(data)
    except (OSError, DecodeError) as error:
        raise IntegrityError(f"{path!r} cannot be read: {error}") from error


@dataclass(frozen=True)
class DataRules:
    """What the statistics of each split have to show.

    Attributes:
        min_examples: How many examples there have to be.
        max_missing: Feature -> the largest share of examples without a value of it, 0 to 1.
    """

    min_examples: int = 0
    max_missing: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.min_examples, int) or self.min_examples < 0:
            raise InvalidInputError(f"min_examples is {self.min_examples!r}; expected a whole number from 0")
        for feature, share in self.max_missing.items():
            if not isinstance(share, int | float) or not 0 <= share <= 1:
                raise InvalidInputError(f"max_missing of {feature!r} is {share!r}; expected a share from 0 to 1")

    @property
    def asks(self) -> bool:
        """Whether they ask for anything."""
        return bool(self.min_examples or self.max_missing)


def statistics_signals(source: str, artifacts: Sequence[SplitArtifact] | None, rules: DataRules) -> tuple[Signal, ...]:
    """Return what StatisticsGen's statistics say against rules, for each split."""
    if not rules.asks:
        return ()
    if not artifacts:
        return (Signal(source, Blessing.UNKNOWN, f"{source} gave no statistics: it did not run", "statistics"),)
    found = [signal for artifact in artifacts for signal in _statistics_of(source, artifact, rules)]
    return tuple(found) or (Signal(source, Blessing.UNKNOWN, f"{source} looked at no split", "statistics"),)


def _statistics_of(source: str, artifact: SplitArtifact, rules: DataRules) -> Iterator[Signal]:
    for split in splits_of(artifact):
        try:
            found = read_split(artifact.uri, split, STATISTICS_FILE, statistics_pb2.DatasetFeatureStatisticsList)
        except IntegrityError as error:
            yield Signal(source, Blessing.UNKNOWN, str(error), "statistics", None, "can be read", split)
            continue
        whole = _whole(found)
        examples = int(whole.num_examples)
        if rules.min_examples:
            yield compare(source, "examples", Found(float(examples)), Bounds(float(rules.min_examples)), part=split)
        missing = dict(_missing_shares(whole))
        for feature, most in sorted(rules.max_missing.items()):
            share = missing.get(feature)
            sure = share is None or not share.has_interval
            yield compare(source, f"missing:{feature}", share, Bounds(most=float(most)), part=split, confident=not sure)


def _whole(found: Any) -> Any:
    """Return the statistics of all examples, which with slices are one data set of many."""
    named = [dataset for dataset in found.datasets if dataset.name == WHOLE]
    return next(iter([*named, *found.datasets]), statistics_pb2.DatasetFeatureStatistics())


def _missing_shares(dataset: Any) -> Iterator[tuple[str, Found]]:
    """Yield each feature's share of examples without a value: without the feature, or with it and nothing in it."""
    for feature in dataset.features:
        stats = getattr(feature, feature.WhichOneof("stats") or "num_stats").common_stats
        total = stats.num_missing + stats.num_non_missing
        if total:
            least, most = ((stats.num_missing + empty) / total for empty in _empty(stats))
            exact = Found(least) if least == most else Found(least, least, most)
            yield feature.name or ".".join(feature.path.step), exact


def _empty(stats: Any) -> tuple[float, float]:
    """Return how many examples have a feature without a value in it, at least and at most.

    CsvExampleGen writes an empty cell as such; TFDV counts it as not missing. Of a feature with one value at most the
    number of values tells it exactly, of any other the quantiles of the numbers of values tell it nearly.
    """
    present, longest = stats.num_non_missing, stats.max_num_values
    if stats.min_num_values > 0 or not present:
        return 0, 0
    if not longest:
        return present, present
    values = stats.tot_num_values or round(stats.avg_num_values * present)
    least, most = max(present - values, 0), present - math.ceil(values / longest)
    buckets = stats.num_values_histogram.buckets
    if longest == 1 or not buckets:
        return least, max(most, least)
    surely = sum(bucket.sample_count for bucket in buckets if bucket.high_value == 0)
    perhaps = sum(bucket.sample_count for bucket in buckets if bucket.low_value == 0)
    least = max(least, min(surely, most))
    return least, max(least, min(most, perhaps))
