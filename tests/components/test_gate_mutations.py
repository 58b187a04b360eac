"""Seeded faults: each is caught, and by the signal that it belongs to; clean variants pass."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

made = pytest.importorskip("gate_evidence")
import tensorflow as tf  # noqa: E402  (imported with the parts)
from tensorflow_model_analysis.proto import metrics_for_slice_pb2, validation_result_pb2  # noqa: E402
from tfx.types import standard_artifacts as standard  # noqa: E402

from ama_tfx.components import Asset, BlessingPolicy, Verdict  # noqa: E402
from ama_tfx.components.blessing_validator import absence, champion  # noqa: E402
from ama_tfx.components.blessing_validator.comparison import Comparison  # noqa: E402
from ama_tfx.components.blessing_validator.executor import Executor  # noqa: E402
from ama_tfx.components.verdicts import Blessing, Signal, judge, read_verdict, write_verdict  # noqa: E402
from ama_tfx.errors import ConflictError  # noqa: E402
from ama_tfx.registry import Facts, Ref, Registry  # noqa: E402
from ama_tfx.registry.names import AssetRef  # noqa: E402

YES, NO, UNKNOWN = Blessing.BLESSED, Blessing.NOT_BLESSED, Blessing.UNKNOWN
CHAMPION = "taxi/model:champion"
METRICS = {"auc": 0.85, "latency_p99_ms": 4.0, "peak_memory_mib": 100}

POLICY = BlessingPolicy(
    min_change={"auc": -0.01},
    max_size_bytes=1e6,
    max_size_ratio=1.5,
    max_latency_ms=20,
    max_latency_ratio=2,
    max_memory_mib=400,
    max_memory_ratio=2,
)


@dataclass
class Case:
    """All evidence of one candidate, in one folder; a test changes some of it before it is judged."""

    folder: Path
    source: Path
    policy: BlessingPolicy = POLICY
    champion: str | None = CHAMPION
    driven: str | None = None
    comparison: Comparison = field(default_factory=Comparison)
    producers: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def registry(self) -> Registry:
        return Registry(self.folder / "registry", actor="ann")

    @property
    def evaluation(self) -> Path:
        return self.folder / "evaluation"

    def uri(self, key: str) -> Path:
        return Path(self.inputs[key][0].uri)

    def give(self, key: str, producer: str, *artifacts: Any) -> None:
        self.producers[key] = producer
        self.inputs[key] = list(artifacts)

    def judge(self):
        """Run the executor; return the verdict and the blessing."""
        blessing = made.artifact(standard.ModelBlessing, self.folder / "out" / "blessing")
        verdict = made.artifact(Verdict, self.folder / "out" / "verdict")
        parameters = {
            "policy": self.policy.to_json(),
            "producers": json.dumps(self.producers),
            "champion": self.champion,
            "comparison": self.comparison.to_json(),
            "registry": str(self.folder / "registry"),
            "registry_state": self.driven,
        }
        Executor().Do(self.inputs, {"blessing": [blessing], "verdict": [verdict]}, parameters)
        return read_verdict(verdict.uri), blessing

    def edit_metrics(self, change: Callable[[Any, Any], Any]) -> None:
        """Call ``change(slice, item)`` for each metric of the candidate; False drops the metric."""
        (path,) = self.evaluation.glob("metrics-*.tfrecord")
        records = [
            metrics_for_slice_pb2.MetricsForSlice.FromString(r.numpy()) for r in tf.data.TFRecordDataset(str(path))
        ]
        with tf.io.TFRecordWriter(str(path)) as writer:
            for record in records:
                part = "".join(key.bytes_value.decode() for key in record.slice_key.single_slice_keys)
                items = [item for item in record.metric_keys_and_values if change(part, item) is not False]
                del record.metric_keys_and_values[:]
                record.metric_keys_and_values.extend(items)
                if items:
                    writer.write(record.SerializeToString())

    def set_metric(self, name: str, value: float, part: str = "", *, is_diff: bool = False) -> None:
        def change(found, item):
            key = item.key
            if (key.name, found, key.is_diff) == (name, part, is_diff) and key.model_name == "candidate":
                item.value.double_value.value = value

        self.edit_metrics(change)

    def edit_validation(self, change: Callable[[Any], None]) -> None:
        path = self.evaluation / "validations.tfrecord"
        (record,) = tf.data.TFRecordDataset(str(path))
        result = validation_result_pb2.ValidationResult.FromString(record.numpy())
        change(result)
        with tf.io.TFRecordWriter(str(path)) as writer:
            writer.write(result.SerializeToString())

    def edit_config(self, change: Callable[[Any], None]) -> None:
        path = self.evaluation / "eval_config.json"
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    def lay_anomalies(self, **names: str) -> None:
        folder = self.uri("anomalies")
        shutil.rmtree(folder, ignore_errors=True)
        made.lay_splits(self.source / "anomalies", folder, "SchemaDiff.pb", names)
        artifact = self.inputs["anomalies"][0]
        artifact.split_names = json.dumps(list(names))
        artifact.set_json_value_custom_property("blessed", {key: int(name == "clean") for key, name in names.items()})

    def give_verdict(self, *signals: Signal, subject: str | None = None) -> None:
        artifact = made.artifact(Verdict, self.folder / "infra_verdict", 8)
        shutil.rmtree(artifact.uri, ignore_errors=True)
        write_verdict(artifact, judge("InfraValidator", subject or self.inputs["model"][0].uri, signals))
        self.give("verdict_infra", "InfraValidator", artifact)

    def register_evaluation(self, *refs: Ref, name: str = "candidate") -> None:
        with self.registry as registry:
            facts = Facts(kind="ModelEvaluation", refs=refs)
            registry.register("taxi/evaluation", self.source / "evaluations" / name, facts)

    def register_verdict(self, role: str, *signals: Signal) -> None:
        verdict = made.artifact(Verdict, self.folder / "registered_verdict")
        write_verdict(verdict, judge("gate", "/some/model", signals))
        with self.registry as registry:
            facts = Facts(kind="ama_tfx.Verdict", refs=(Ref(AssetRef.parse(CHAMPION), role),))
            registry.register("taxi/verdict", verdict.uri, facts)

    def register_candidate(self) -> str:
        with self.registry as registry:
            version = registry.register("taxi/model", self.folder / "model", Facts(kind="Model")).version
        asset = made.artifact(Asset, self.folder / "asset", 9)
        asset.reference = str(version.reference)
        self.inputs["asset"] = [asset]
        return asset.reference


def measured(latency=5.0, memory=120.0):
    return (
        Signal("InfraValidator", YES, "p50 is fine", "latency_p50_ms", 2.0, "<= 100"),
        Signal("InfraValidator", YES, "p99 is fine", "latency_p99_ms", latency, "<= 100"),
        Signal("InfraValidator", YES, "memory is fine", "peak_memory_mib", memory, "<= 1000"),
    )


@pytest.fixture(scope="module")
def champion_registry(gate_folder, tmp_path_factory) -> Path:
    """A registry whose champion is the baseline that Evaluator compared with."""
    folder = tmp_path_factory.mktemp("champion") / "registry"
    with Registry(folder, create=True, actor="ann") as registry:
        facts = Facts(kind="Model", metrics=METRICS)
        registry.register("taxi/model", gate_folder / "models" / "champion", facts, alias="champion")
    return folder


@pytest.fixture
def case(gate_folder, champion_registry, tmp_path) -> Case:
    """A candidate that is good in every respect."""
    found = Case(tmp_path, gate_folder)
    shutil.copytree(champion_registry, tmp_path / "registry")
    use_model(found, "candidate")
    infra = made.artifact(standard.InfraBlessing, tmp_path / "infra_blessing", 6)
    infra.set_int_custom_property("blessed", 1)
    mark(Path(infra.uri), "INFRA_BLESSED")
    found.give("infra_blessing", "TfxInfra", infra)
    found.give("anomalies", "ExampleValidator", made.artifact(standard.ExampleAnomalies, tmp_path / "anomalies", 7))
    found.lay_anomalies(train="clean", eval="clean")
    found.give_verdict(*measured())
    return found


def use_model(case: Case, name: str) -> None:
    """Give one of the real models with Evaluator's real evaluation and blessing of it."""
    for folder in ("model", "evaluation", "blessing"):
        shutil.rmtree(case.folder / folder, ignore_errors=True)
    model = made.artifact(standard.Model, case.folder / "model", 2)
    shutil.copytree(case.source / "models" / name, model.uri)
    made.move_evaluation(case.source / "evaluations" / name, case.evaluation, candidate=model.uri)
    blessing = made.artifact(standard.ModelBlessing, case.folder / "blessing", 5)
    shutil.copytree(case.source / "blessings" / name, blessing.uri)
    was_blessed = Path(blessing.uri, "BLESSED").exists()
    blessing.set_int_custom_property("blessed", int(was_blessed))
    blessing.set_string_custom_property("current_model", model.uri)
    case.inputs["model"] = [model]
    case.give("evaluation", "Evaluator", made.artifact(standard.ModelEvaluation, case.evaluation, 4))
    case.give("evaluator_blessing", "Evaluator", blessing)


def mark(folder: Path, name: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / name).touch()


def cut(path: Path, size: int) -> None:
    data = path.read_bytes()
    assert len(data) > size
    path.write_bytes(data[:size])


def only(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


def with_intervals(case: Case, width: float) -> None:
    """Give every metric an interval, as TFMA's jackknife writes them."""

    def change(_, item):
        interval = item.confidence_interval
        interval.lower_bound.double_value.value = item.value.double_value.value - width
        interval.upper_bound.double_value.value = item.value.double_value.value + width

    case.edit_metrics(change)


def without_baseline(case: Case, asked_for: Comparison) -> None:
    """Give the evaluation that TFX's Evaluator writes when its baseline's channel is empty."""
    shutil.rmtree(case.evaluation)
    made.move_evaluation(case.source / "evaluations" / made.ALONE, case.evaluation, candidate=case.uri("model"))
    case.comparison = asked_for


def policy(case: Case, **changes: Any) -> None:
    case.policy = replace(case.policy, **changes)


FAULTS: dict[str, tuple[Callable[[Case], object], tuple[str, str, Blessing]]] = {}
"""Fault -> what seeds it, and the signal that has to catch it: its name, its slice and its outcome."""

CLEAN: dict[str, Callable[[Case], object]] = {}


def fault(name: str, outcome: Blessing, part: str = ""):
    def add(seed):
        assert seed.__name__ not in FAULTS
        FAULTS[seed.__name__] = (seed, (name, part, outcome))
        return seed

    return add


def clean(seed):
    CLEAN[seed.__name__] = seed
    return seed


# The evaluation


@fault("evaluation", UNKNOWN)
def metrics_are_missing(case):
    only(case.evaluation, "metrics-*").unlink()


@fault("evaluation", UNKNOWN)
def metrics_are_cut_off(case):
    cut(only(case.evaluation, "metrics-*"), 200)


@fault("evaluation", UNKNOWN)
def metrics_are_empty(case):
    only(case.evaluation, "metrics-*").write_bytes(b"")


@fault("evaluation", UNKNOWN)
def the_validation_is_missing(case):
    (case.evaluation / "validations.tfrecord").unlink()


@fault("evaluation", UNKNOWN)
def the_validation_is_cut_off(case):
    cut(case.evaluation / "validations.tfrecord", 20)


@fault("evaluation", UNKNOWN)
def the_configuration_is_missing(case):
    (case.evaluation / "eval_config.json").unlink()


@fault("evaluation", UNKNOWN)
def the_configuration_is_cut_off(case):
    cut(case.evaluation / "eval_config.json", 100)


@fault("evaluation", UNKNOWN)
def evaluator_did_not_run(case):
    case.inputs["evaluation"] = []


@fault("evaluation", UNKNOWN)
def there_are_two_evaluations(case):
    case.inputs["evaluation"] *= 2


@fault("evaluated_model", UNKNOWN)
def the_evaluation_is_of_another_model(case):
    case.edit_config(lambda found: found["modelLocations"].update(candidate=f"{case.folder}/model2/Format-Serving"))


@fault("evaluated_model", UNKNOWN)
def the_evaluation_is_of_predictions(case):
    case.edit_config(lambda found: found["modelLocations"].update(candidate="<unknown>"))


@fault("validation", UNKNOWN)
def there_are_no_thresholds(case):
    def forget(found):
        for metric in found["evalConfig"]["metricsSpecs"][0]["metrics"]:
            metric.pop("perSliceThresholds", None)

    def say(found):
        found.Clear()
        found.missing_thresholds = True

    case.edit_config(forget)
    case.edit_validation(say)


@fault("validation", NO)
def tfma_says_no_without_a_reason(case):
    case.edit_validation(lambda found: setattr(found, "validation_ok", False))


@fault("validation", NO)
def tfma_misses_a_slice(case):
    def miss(found):
        found.validation_ok = False
        found.missing_slices.add().feature_values["pay"] = "Cheque"

    case.edit_validation(miss)


@fault("auc_by_tfma", NO, "pay=Cash")
def metrics_were_edited_after_tfma_refused_them(case):
    def refuse(found):
        found.validation_ok = False
        part = found.metric_validations_per_slice.add()
        part.slice_key.single_slice_keys.add(column="pay", bytes_value=b"Cash")
        failure = part.failures.add()
        failure.metric_key.name, failure.metric_key.model_name = "auc", "candidate"
        failure.metric_value.double_value.value = 0.4

    case.edit_validation(refuse)


# Metrics and slices


@fault("auc", NO)
def the_model_is_worse_than_the_threshold(case):
    case.set_metric("auc", 0.69)


@fault("auc", NO, "pay=Cash")
def one_slice_is_bad(case):
    case.set_metric("auc", 0.55, "Cash")


@fault("auc", UNKNOWN, "pay=Card")
def the_metric_of_a_slice_is_not_a_number(case):
    case.set_metric("auc", math.nan, "Card")


@fault("auc", UNKNOWN)
def the_metric_is_infinite(case):
    case.set_metric("auc", math.inf)


@fault("auc_vs_champion", UNKNOWN)
def the_metric_is_infinitely_better_than_the_champion(case):
    case.set_metric("auc", math.inf)


@fault("auc", UNKNOWN)
def the_metric_is_not_there(case):
    case.edit_metrics(lambda part, item: not (part == "" and item.key.name == "auc"))


@fault("auc", UNKNOWN, "pay=*")
def the_slices_are_not_there(case):
    case.edit_metrics(lambda part, _: part == "")


@fault("binary_accuracy", NO)
def the_model_is_too_good_to_be_true(case):
    case.set_metric("binary_accuracy", 0.999)


@fault("auc_change", NO)
def the_model_is_worse_than_the_baseline(case):
    case.set_metric("auc", -0.05, is_diff=True)


@fault("auc", UNKNOWN)
def the_metric_is_too_uncertain(case):
    with_intervals(case, 0.2)
    policy(case, confident=True)


@fault("auc", UNKNOWN, "pay=Cash")
def there_is_no_confidence_interval_and_one_is_asked_for(case):
    policy(case, confident=True)


@fault("auc", NO)
def the_labels_were_shuffled(case):
    use_model(case, "shuffled")


# Evaluator's blessing


@fault("Evaluator", NO)
def evaluator_did_not_bless(case):
    case.inputs["evaluator_blessing"][0].set_int_custom_property("blessed", 0)
    mark(case.uri("evaluator_blessing"), "NOT_BLESSED")


@fault("Evaluator", NO)
def the_file_blessed_is_forged(case):
    case.inputs["evaluator_blessing"][0].set_int_custom_property("blessed", 0)


@fault("Evaluator", UNKNOWN)
def the_property_blessed_is_forged(case):
    mark(case.uri("evaluator_blessing"), "NOT_BLESSED")


@fault("Evaluator", UNKNOWN)
def there_are_two_blessings(case):
    case.inputs["evaluator_blessing"] *= 2


@fault("Evaluator", UNKNOWN)
def the_blessing_is_of_another_model(case):
    case.inputs["evaluator_blessing"][0].set_string_custom_property("current_model", "/elsewhere/model/1")


@fault("Evaluator", UNKNOWN)
def evaluator_gave_no_blessing(case):
    case.inputs["evaluator_blessing"] = []


@fault("Evaluator", UNKNOWN)
def evaluator_decided_nothing(case):
    blessing = made.artifact(standard.ModelBlessing, case.uri("evaluator_blessing"), 5)
    case.inputs["evaluator_blessing"] = [blessing]


@fault("baseline_model", UNKNOWN)
def the_pipeline_names_another_baseline(case):
    case.inputs["baseline_model"] = [made.artifact(standard.Model, case.source / "models" / "shuffled", 3)]


# Infrastructure


@fault("TfxInfra", UNKNOWN)
def infra_validator_did_not_run(case):
    case.inputs["infra_blessing"] = []


@fault("TfxInfra", NO)
def infra_validator_did_not_bless(case):
    case.inputs["infra_blessing"][0].set_int_custom_property("blessed", 0)
    mark(case.uri("infra_blessing"), "INFRA_NOT_BLESSED")


@fault("TfxInfra", UNKNOWN)
def the_infra_property_is_forged(case):
    mark(case.uri("infra_blessing"), "INFRA_NOT_BLESSED")


@fault("verdict", UNKNOWN)
def the_verdict_is_of_another_model(case):
    case.give_verdict(*measured(), subject="/elsewhere/model/1")


@fault("verdict", UNKNOWN)
def the_verdict_is_missing(case):
    shutil.rmtree(case.uri("verdict_infra"))


@fault("verdict", UNKNOWN)
def the_outcome_of_the_verdict_was_edited(case):
    case.give_verdict(*measured(), Signal("InfraValidator", NO, "it crashed", "loads"))
    path = case.uri("verdict_infra") / "verdict.json"
    path.write_text(path.read_text().replace('"outcome":"not_blessed"', '"outcome":"blessed"', 1))


@fault("verdict", UNKNOWN)
def a_signal_of_the_verdict_was_edited_away(case):
    case.give_verdict(*measured(), Signal("InfraValidator", NO, "it crashed", "loads"))
    told = case.inputs["verdict_infra"][0].outcome
    case.give_verdict(*measured())
    case.inputs["verdict_infra"][0].outcome = told


@fault("verdict", UNKNOWN)
def the_verdict_asked_for_nothing(case):
    case.give_verdict(*(replace(signal, required=False) for signal in measured()))


@fault("loads", NO)
def the_model_does_not_load(case):
    case.give_verdict(*measured(), Signal("InfraValidator", NO, "it crashed", "loads"))


@fault("latency_p99_ms_budget", NO)
def the_model_is_slow(case):
    case.give_verdict(*measured(latency=21.0))


@fault("latency_p99_ms_vs_champion", NO)
def the_model_is_slower_than_the_champion(case):
    case.give_verdict(*measured(latency=9.0))


@fault("peak_memory_mib_vs_champion", NO)
def the_model_needs_more_memory_than_the_champion(case):
    case.give_verdict(*measured(memory=250.0))


@fault("latency_p99_ms_vs_champion", NO)
def the_model_is_slower_than_the_champion_beside_it(case):
    case.give_verdict(*measured(latency=4.0), Signal("InfraValidator", YES, "told", "latency_p99_ratio", 2.5))


@fault("peak_memory_mib_vs_champion", NO)
def the_model_needs_more_memory_than_the_champion_beside_it(case):
    case.give_verdict(*measured(), Signal("InfraValidator", YES, "told", "model_memory_ratio", 2.5))


@fault("latency_p99_ms_budget", NO)
def a_later_signal_says_that_the_slow_model_is_quick(case):
    case.give_verdict(*measured(latency=900.0), Signal("ContainerCheck", YES, "said", "latency_p99_ms", 0.001))


@fault("latency_p99_ms_budget", NO)
def an_earlier_signal_says_that_the_slow_model_is_quick(case):
    case.give_verdict(Signal("ContainerCheck", YES, "said", "latency_p99_ms", 0.001), *measured(latency=900.0))


@fault("latency_p99_ms_budget", UNKNOWN)
def only_the_latency_of_a_slice_is_known(case):
    case.give_verdict(Signal("ContainerCheck", YES, "said", "latency_p99_ms", 0.001, slice="pay=Cash"))


@fault("latency_p99_ms_budget", UNKNOWN)
def the_latency_is_negative(case):
    case.give_verdict(*measured(), Signal("ContainerCheck", YES, "said", "latency_p99_ms", -5.0))


@fault("peak_memory_mib_budget", UNKNOWN)
def the_memory_is_infinite(case):
    case.give_verdict(*measured(memory=math.inf), Signal("ContainerCheck", YES, "said", "peak_memory_mib", 1.0))


@fault("latency_p99_ms_budget", UNKNOWN)
def nobody_measured_the_latency(case):
    case.give_verdict(Signal("InfraValidator", YES, "it loads", "loads"))


# Data


@fault("anomalies", NO, "eval")
def one_split_has_values_that_the_schema_does_not_know(case):
    case.lay_anomalies(train="clean", eval="new_value")


@fault("anomaly:fare", NO, "train")
def a_column_is_gone(case):
    case.lay_anomalies(train="column_gone", eval="clean")


@fault("anomalies", NO, "eval")
def there_is_a_warning_and_warnings_count(case):
    case.lay_anomalies(train="clean", eval="warned")
    policy(case, anomalies="warning")


@fault("anomalies", UNKNOWN, "eval")
def the_anomalies_of_a_split_are_missing(case):
    (case.uri("anomalies") / "Split-eval" / "SchemaDiff.pb").unlink()


@fault("anomalies", UNKNOWN, "eval")
def the_anomalies_of_a_split_are_cut_off(case):
    case.lay_anomalies(train="clean", eval="new_value")
    cut(case.uri("anomalies") / "Split-eval" / "SchemaDiff.pb", 30)


@fault("anomalies", UNKNOWN, "train")
def the_anomalies_of_a_split_are_an_empty_file(case):
    (case.uri("anomalies") / "Split-train" / "SchemaDiff.pb").write_bytes(b"")


@fault("anomalies", UNKNOWN, "eval")
def the_anomalies_of_a_split_were_replaced(case):
    case.lay_anomalies(train="clean", eval="new_value")
    shutil.copy(case.source / "anomalies" / "clean", case.uri("anomalies") / "Split-eval" / "SchemaDiff.pb")


@fault("anomalies", UNKNOWN)
def no_split_was_looked_at(case):
    case.inputs["anomalies"][0].split_names = "[]"


@fault("anomalies", UNKNOWN)
def example_validator_did_not_run(case):
    case.inputs["anomalies"] = []


# Policy and champion


@fault("size_bytes_budget", NO)
def the_model_is_too_large(case):
    (case.folder / "model" / "notes.bin").write_bytes(bytes(1_000_001))


@fault("size_bytes_vs_champion", NO)
def the_model_is_larger_than_the_champion(case):
    size = sum(path.stat().st_size for path in (case.folder / "model").rglob("*") if path.is_file())
    (case.folder / "model" / "notes.bin").write_bytes(bytes(size))


@fault("auc_vs_champion", NO)
def the_model_is_worse_than_the_champion(case):
    with case.registry as registry:
        registry.notes.record_metrics(CHAMPION, {"auc": 0.9})


@fault("f1_score_vs_champion", UNKNOWN)
def nobody_noted_the_metric_of_the_champion(case):
    policy(case, min_change={"f1_score": 0.0})


@fault("auc_vs_champion", NO, "pay=Cash")
def one_slice_is_worse_than_the_slice_of_the_champion(case):
    with case.registry as registry:
        facts = Facts(kind="ModelEvaluation", refs=(Ref(AssetRef.parse(CHAMPION), "evaluated_by"),))
        registry.register("taxi/evaluation", case.source / "evaluations" / "candidate", facts)
    policy(case, min_change={"auc[pay=Cash]": -0.001})
    case.set_metric("auc", 0.61, "Cash")


@fault("auc_vs_champion", UNKNOWN, "pay=Cash")
def an_evaluation_only_compares_with_the_champion(case):
    case.register_evaluation(Ref(AssetRef.parse(CHAMPION), "compared_with"), name="shuffled")
    policy(case, min_change={"auc[pay=Cash]": -0.001})


@fault("auc_vs_champion", UNKNOWN, "pay=Cash")
def an_evaluation_says_that_it_is_of_two_models(case):
    case.register_candidate()
    both = (CHAMPION, "taxi/model:2")
    case.register_evaluation(*(Ref(AssetRef.parse(name), "evaluated_by") for name in both), name="shuffled")
    policy(case, min_change={"auc[pay=Cash]": -0.001})


@fault("auc_vs_champion", UNKNOWN, "pay=Cash")
def a_verdict_only_compares_with_the_champion(case):
    case.register_verdict("compared_with", Signal("gate", YES, "said", "auc", 0.01, slice="pay=Cash"))
    policy(case, min_change={"auc[pay=Cash]": -0.001})


@fault("auc_vs_champion", NO, "pay=Cash")
def a_verdict_tells_two_numbers_of_the_champion_and_the_worse_is_beaten(case):
    numbers = (Signal("gate", YES, "said", "auc", value, slice="pay=Cash") for value in (0.99, 0.01))
    case.register_verdict("judged", *numbers)
    policy(case, min_change={"auc[pay=Cash]": -0.001})


@fault("auc_vs_champion", UNKNOWN, "pay=Cash")
def the_evaluation_of_the_champion_is_damaged(case):
    damaged = shutil.copytree(case.source / "evaluations" / "candidate", case.folder / "damaged")
    cut(only(damaged, "metrics-*"), 100)
    with case.registry as registry:
        facts = Facts(kind="ModelEvaluation", refs=(Ref(AssetRef.parse(CHAMPION), "evaluated_by"),))
        registry.register("taxi/evaluation", damaged, facts)
    policy(case, min_change={"auc[pay=Cash]": -0.001})


@fault("precision_vs_champion", UNKNOWN)
def nobody_measured_what_is_noted_of_the_champion(case):
    with case.registry as registry:
        registry.notes.record_metrics(CHAMPION, {"precision": 0.9})
    policy(case, min_change={"precision": 0.0})


@fault("champion", UNKNOWN)
def the_alias_was_removed(case):
    with case.registry as registry:
        registry.remove_alias("taxi/model", "champion")


@fault("champion", UNKNOWN)
def the_alias_is_misspelt(case):
    case.champion = "taxi/model:champoin"


@fault("champion", UNKNOWN)
def the_asset_of_the_champion_is_misspelt(case):
    case.champion = "taxi/modle:champion"


@fault("champion", UNKNOWN)
def the_folder_of_the_champion_is_left_out(case):
    case.champion = "model:champion"


@fault("champion", UNKNOWN)
def the_workspace_of_the_champion_is_misspelt(case):
    case.champion = "ama://defaults/taxi/model:champion"


@fault("champion", UNKNOWN)
def the_alias_was_never_set_and_the_asset_has_others(case):
    case.champion = "taxi/model:live"


@fault("champion", UNKNOWN)
def there_is_no_champion_and_one_is_required(case):
    case.champion = "taxi/other:champion"
    policy(case, require=("champion",))


@fault("champion", UNKNOWN)
def the_version_named_is_not_there(case):
    case.champion = "taxi/model:7"


@fault("baseline", UNKNOWN)
def evaluator_compared_with_another_model_than_the_champion(case):
    with case.registry as registry:
        registry.register("taxi/model", case.source / "models" / "shuffled", Facts(kind="Model", metrics=METRICS))
        registry.set_alias("taxi/model:2", "champion", expected=1)


@fault("baseline", UNKNOWN)
def evaluator_compared_with_nothing_though_it_had_to(case):
    case.edit_config(lambda found: found["modelLocations"].pop("baseline"))
    policy(case, require=("baseline",))


@fault("baseline", UNKNOWN)
def the_resolver_of_the_baseline_gave_nothing(case):
    without_baseline(case, Comparison(names_baseline=True))
    policy(case, min_change={})


@fault("baseline", UNKNOWN)
def evaluator_dropped_its_change_thresholds(case):
    without_baseline(case, Comparison(changes=("AUC", "BinaryAccuracy")))


@fault("baseline", UNKNOWN)
def the_slice_whose_change_threshold_was_dropped_is_not_compared(case):
    without_baseline(case, Comparison(changes=("AUC[pay=Cash]",)))


@fault("infra_blessing", UNKNOWN)
def evidence_that_is_required_is_not_connected(case):
    del case.producers["infra_blessing"]
    policy(case, require=("infra_blessing",))


@fault("approvals", UNKNOWN)
def nobody_approved(case):
    case.register_candidate()
    policy(case, approvals=1)


@fault("approvals", UNKNOWN)
def somebody_approved_for_another(case):
    reference = case.register_candidate()
    with Registry(case.folder / "registry", actor="mallory") as registry:
        registry.notes.tag(reference, "approved-by/bob")
    policy(case, approvals=1)


@fault("approvals", UNKNOWN)
def who_registered_approved(case):
    reference = case.register_candidate()
    with case.registry as registry:
        registry.notes.tag(reference, "approved-by/ann")
    policy(case, approvals=1)


@fault("approvals", UNKNOWN)
def too_few_of_those_who_count_approved(case):
    reference = case.register_candidate()
    for name in ("bob", "eve"):
        with Registry(case.folder / "registry", actor=name) as registry:
            registry.notes.tag(reference, f"approved-by/{name}")
    policy(case, approvals=2, approvers=("bob", "carol"))


@fault("approvals", UNKNOWN)
def an_unregistered_candidate_has_no_approvals(case):
    policy(case, approvals=1)


@fault("protected_alias", NO)
def anybody_may_move_the_alias(case):
    policy(case, protected_alias=True)


@fault("protected_alias", NO)
def the_alias_is_protected_and_needs_no_blessing(case):
    with case.registry as registry:
        registry.protection.protect("taxi/model", "champion")
    policy(case, protected_alias=True)


# Clean variants


@clean
def everything_is_there_and_good(case):
    assert len(case.producers) == 5


@clean
def the_first_model_of_a_registry(case):
    shutil.rmtree(case.folder / "registry")


@clean
def the_first_champion_of_an_asset(case):
    case.champion = "taxi/other:champion"


@clean
def the_first_champion_of_an_asset_whose_models_were_all_refused(case):
    with case.registry as registry:
        registry.register("bikes/model", case.source / "models" / "shuffled", Facts(kind="Model"))
    case.champion = "bikes/model:champion"


@clean
def there_are_warnings_only(case):
    case.lay_anomalies(train="clean", eval="warned")


@clean
def intervals_are_narrow(case):
    with_intervals(case, 0.001)
    policy(case, confident=True)


@clean
def a_bound_is_just_met(case):
    case.set_metric("auc", 0.6, "Cash")


@clean
def a_missed_budget_is_advisory(case):
    case.give_verdict(*measured(latency=21.0))
    policy(case, advisory=("latency_p99_ms_budget", "latency_p99_ms_vs_champion"))


@clean
def two_people_approved(case):
    reference = case.register_candidate()
    for name in ("bob", "carol"):
        with Registry(case.folder / "registry", actor=name) as registry:
            registry.notes.tag(reference, f"approved-by/{name}")
    policy(case, approvals=2, approvers=("bob", "carol", "dave"))


@clean
def the_alias_is_protected(case):
    with case.registry as registry:
        registry.protection.protect("taxi/model", "champion", needs_blessing=True)
    policy(case, protected_alias=True)


@clean
def the_baseline_is_the_champion(case):
    case.inputs["baseline_model"] = [made.artifact(standard.Model, case.source / "models" / "champion", 3)]
    policy(case, require=("baseline", "champion", "evaluation", "infra_blessing", "verdicts", "anomalies"))


@clean
def the_registry_compares_what_evaluator_did_not(case):
    without_baseline(case, Comparison(changes=("AUC",)))


@clean
def the_first_model_has_no_baseline(case):
    without_baseline(case, Comparison(names_baseline=True, changes=("AUC",)))
    shutil.rmtree(case.folder / "registry")


@clean
def a_noisy_record_of_the_champion_does_not_count_beside_a_live_measurement(case):
    live = [Signal("InfraValidator", YES, "", name, 1.1) for name in ("latency_p99_ratio", "model_memory_ratio")]
    case.give_verdict(*measured(latency=19.0, memory=390.0), *live)


@clean
def the_champion_is_named_by_its_digest(case):
    with case.registry as registry:
        case.champion = str(registry.resolve(CHAMPION).reference)


@clean
def a_slice_is_compared_with_the_evaluation_of_the_champion(case):
    with case.registry as registry:
        champion = Ref(AssetRef.parse(str(registry.resolve(CHAMPION).reference)), "evaluated_by")
        facts = Facts(kind="ModelEvaluation", refs=(champion,))
        registry.register("taxi/evaluation", case.source / "evaluations" / "candidate", facts)
    policy(case, min_change={"auc": -0.01, "auc[pay=Cash]": -0.001})


@clean
def the_champion_is_known_by_the_verdict_that_blessed_it(case):
    """Its metrics, latency and memory are in the registered verdict; nobody noted any by hand."""
    judgement, _ = case.judge()
    assert judgement.blessing is YES
    with case.registry as registry:
        registry.register("taxi/model", case.folder / "model", Facts(kind="Model"))
        registry.set_alias("taxi/model:2", "champion", expected=1)
        facts = Facts(kind="ama_tfx.Verdict", refs=(Ref(AssetRef.parse("taxi/model:2"), "judged"),))
        registry.register("taxi/verdict", case.folder / "out" / "verdict", facts)
    policy(case, min_change={"auc": 0.0, "auc[pay=Cash]": 0.0}, advisory=("baseline",))


def write_pickle(evaluation: Path, flag: Path) -> None:
    """Write a configuration of TFMA's first format, which makes a file when it is unpickled."""
    import pickle

    class Payload:
        def __reduce__(self):
            return Path.touch, (flag,)

    with tf.io.TFRecordWriter(str(evaluation / "eval_config")) as writer:
        writer.write(pickle.dumps(Payload()))


def found_in(judgement, name, part):
    return [signal.blessing for signal in judgement.signals if (signal.name, signal.slice) == (name, part)]


@pytest.mark.parametrize("seeded", FAULTS)
def test_every_fault_is_caught_by_its_signal(case, seeded):
    seed, (name, part, outcome) = FAULTS[seeded]
    seed(case)
    judgement, blessing = case.judge()
    assert outcome in found_in(judgement, name, part), [s.reason for s in judgement.signals]
    assert judgement.blessing is not YES
    assert judgement.reasons
    assert blessing.get_int_custom_property("blessed") == 0
    assert [path.name for path in Path(blessing.uri).iterdir()] == ["NOT_BLESSED"]


@pytest.mark.parametrize("variant", CLEAN)
def test_clean_variants_pass(case, variant):
    CLEAN[variant](case)
    judgement, blessing = case.judge()
    assert judgement.reasons == ()
    assert judgement.blessing is YES
    assert blessing.get_int_custom_property("blessed") == 1
    assert [path.name for path in Path(blessing.uri).iterdir()] == ["BLESSED"]


def test_there_are_enough_faults_and_clean_variants():
    assert len(FAULTS) >= 30
    assert len(CLEAN) >= 10


def test_a_fault_does_not_blame_what_is_in_order(case):
    """One bad slice is one threshold's no, and TFMA's own where it knows of it: nothing else turns."""
    case.set_metric("auc", 0.55, "Cash")
    judgement, _ = case.judge()
    against = [(s.name, s.slice, s.source) for s in judgement.signals if s.required and s.blessing is not YES]
    assert against == [("auc", "pay=Cash", "Evaluator")]


def test_a_model_trained_on_shuffled_labels_is_refused_by_everything_that_looks_at_it(case):
    use_model(case, "shuffled")
    judgement, _ = case.judge()
    against = {(s.source, s.name) for s in judgement.signals if s.required and s.blessing is NO}
    assert against == {
        ("Evaluator", "validation"),
        ("Evaluator", "auc"),
        ("Evaluator", "auc_change"),
        ("Evaluator", "binary_accuracy"),
        ("Evaluator", "Evaluator"),
        ("registry", "auc_vs_champion"),
    }
    assert "auc is 0.5; expected >= 0.7" in judgement.reasons


def test_every_signal_has_a_value_a_bound_and_a_source(case):
    judgement, _ = case.judge()
    by_name = {(signal.name, signal.slice): signal for signal in judgement.signals}
    auc = by_name["auc", "pay=Cash"]
    assert (auc.source, auc.bound) == ("Evaluator", ">= 0.6")
    assert auc.value == pytest.approx(0.863, abs=0.05)
    latency = by_name["latency_p99_ms_vs_champion", ""]
    assert (latency.source, latency.value, latency.bound) == ("registry", 1.25, "<= 2 against the champion's 4")
    numbers = {name for (name, _), signal in by_name.items() if isinstance(signal.value, int | float)}
    assert numbers >= {"auc", "auc_change", "binary_accuracy", "auc_vs_champion", "size_bytes_budget"}
    assert all(signal.source and signal.reason for signal in judgement.signals)


def test_a_registered_evaluation_of_the_champion_cannot_run_code(case, tmp_path):
    evaluation, flag = tmp_path / "mallory", tmp_path / "was_run"
    evaluation.mkdir()
    write_pickle(evaluation, flag)
    with case.registry as registry:
        facts = Facts(kind="ModelEvaluation", refs=(Ref(AssetRef.parse(CHAMPION), "evaluated_by"),))
        registry.register("mallory/evaluation", evaluation, facts)
    policy(case, min_change={"f1_score": 0.0})
    judgement, _ = case.judge()
    assert not flag.exists()
    (reason,) = [s.reason for s in judgement.signals if s.name == "f1_score_vs_champion"]
    assert reason.startswith(
        "f1_score_vs_champion cannot be told: the registry knows no f1_score of the champion; not "
    )
    assert reason.endswith("it has no eval_config.json")
    assert "/tmp" not in reason


def test_an_evaluation_of_the_champion_that_is_very_large_is_not_downloaded(case, monkeypatch):
    monkeypatch.setattr(champion, "MOST_LINKED_BYTES", 1000)
    case.register_evaluation(Ref(AssetRef.parse(CHAMPION), "evaluated_by"))
    policy(case, min_change={"auc[pay=Cash]": -0.001})
    judgement, _ = case.judge()
    assert found_in(judgement, "auc_vs_champion", "pay=Cash") == [UNKNOWN]
    assert any(reason.endswith("bytes; expected 1000 at most of ModelEvaluation") for reason in judgement.reasons)


def test_a_misspelt_asset_is_answered_with_the_one_that_is_meant(case):
    case.champion = "taxi/modle:champion"
    judgement, _ = case.judge()
    assert "; ama://default/taxi/model is named nearly so), and the model cannot be compared" in judgement.reasons[0]


@pytest.mark.parametrize("change", ["approvals", "metrics", "nothing"])
def test_what_changed_after_the_driver_looked_is_not_judged_under_its_fingerprint(case, change):
    reference = case.register_candidate()
    url = str(case.folder / "registry")
    case.driven = champion.look_up(champion.Sought(url, CHAMPION, reference)).fingerprint()
    with Registry(url, actor="bob") as registry:
        if change == "approvals":
            registry.notes.tag(reference, "approved-by/bob")
        elif change == "metrics":
            registry.notes.record_metrics(CHAMPION, {"auc": 0.5})
    if change == "nothing":
        assert case.judge()[0].blessing is YES
        return
    with pytest.raises(ConflictError, match="changed while the model was judged; run again"):
        case.judge()
    assert not (case.folder / "out").exists()


def test_a_verdict_without_a_baseline_says_what_was_not_compared(case):
    without_baseline(case, Comparison(changes=("AUC", "BinaryAccuracy")))
    with case.registry as registry:
        reference = registry.resolve(CHAMPION).reference
    assert case.judge()[0].reasons == (
        f"the registry has a champion ({reference}), but Evaluator compared with nothing; its change thresholds are "
        "dropped then, those of BinaryAccuracy: give Evaluator that champion as its baseline_model",
    )


def test_the_reason_of_another_gate_names_it(case):
    case.give_verdict(*measured(), Signal("InfraValidator", NO, "the image ended with exit code 3", "exit_code", 3.0))
    assert case.judge()[0].reasons == ("InfraValidator: the image ended with exit code 3",)


@pytest.mark.parametrize(("gain", "outcome"), [(0.5, YES), (0.3, NO)])
def test_a_metric_of_ones_own_is_compared_as_the_policy_says(case, gain, outcome):
    """The champion's is 0.4: the better one of two that a verdict on it tells."""
    case.edit_metrics(lambda part, item: rename(item, gain))
    told = [Signal("gate", YES, "told", "gain", number) for number in (0.4, 0.1)]
    case.register_verdict("judged", *told)
    policy(case, min_change={"gain": 0.0}, higher_is_better={"gain": True})
    judgement, _ = case.judge()
    assert found_in(judgement, "gain_vs_champion", "") == [outcome]
    assert BlessingPolicy.from_json(case.policy.to_json()) == case.policy


def rename(item, value):
    if item.key.name == "example_count" and item.key.model_name == "candidate" and not item.key.is_diff:
        item.key.name = "gain"
        item.value.double_value.value = value


TAXI = ("taxi/schema", "taxi/examples", "taxi/transform_graph", "taxi/evaluation", "taxi/verdict", "lineage/taxi/model")


def test_the_first_model_of_the_taxi_pipeline_is_not_taken_for_a_misspelt_other_asset(tmp_path):
    (tmp_path / "file").write_text("x")
    with Registry(tmp_path / "registry", create=True) as registry:
        for name in TAXI:
            registry.register(name, tmp_path / "file", Facts(kind="Thing"))
        hints = {
            name: absence.hint(registry, AssetRef.parse(f"{name}:champion"))
            for name in ("taxi/model", "taxi/schemes", "bike/model", "taxi/evluatio_n", "taxi/shcmea", "ab/verdict")
        }
    near = "; ama://default/taxi/{} is named nearly so"
    assert hints == {
        "taxi/model": None,
        "taxi/schemes": near.format("schema"),
        "bike/model": None,
        "taxi/evluatio_n": near.format("evaluation"),
        "taxi/shcmea": near.format("schema"),
        "ab/verdict": None,
    }
