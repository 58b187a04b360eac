"""BlessingValidator in real pipelines: the champion, the cache, Pusher, resolvers, Kubeflow."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from ama_tfx.errors import InvalidInputError, RunFailedError
from ama_tfx.orchestration import KubeflowOptions, compile_pipeline
from ama_tfx.registry import Facts, Registry
from tests.kubeflow_harness.runner import run_job

parts = pytest.importorskip("gate_parts")
from tfx.components import Pusher  # noqa: E402  (TFX is imported once, with the parts)
from tfx.dsl.components.common.resolver import Resolver  # noqa: E402
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import (  # noqa: E402
    LatestBlessedModelStrategy,
)
from tfx.orchestration.local.local_dag_runner import LocalDagRunner  # noqa: E402
from tfx.orchestration.pipeline import Pipeline  # noqa: E402
from tfx.proto import pusher_pb2  # noqa: E402
from tfx.types import Channel, standard_artifacts  # noqa: E402

from ama_tfx.components import AssetRegistrar, BlessingPolicy, BlessingValidator  # noqa: E402
from ama_tfx.components.blessing_validator import executor  # noqa: E402
from ama_tfx.components.verdicts import read_verdict  # noqa: E402

CHAMPION = "ama://default/taxi/model:champion"


def pushed_to(folder):
    return pusher_pb2.PushDestination(filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=str(folder)))


def gated(bench, source, name="candidate", latency=4.0, *, target="local", **options):
    """The nodes of a pipeline whose model is pushed when BlessingValidator blesses it."""
    model = parts.GiveModel(folder=str(source), name=name)
    old = parts.GiveModel(folder=str(source), name="champion").with_id("Baseline")
    evaluation = parts.Evaluate(
        folder=str(source), name=name, model=model.outputs["model"], baseline=old.outputs["model"]
    )
    kind = parts.BlessAnything(model=model.outputs["model"])
    measured = parts.Measure(model=model.outputs["model"], latency_ms=latency)
    data = parts.GiveData(folder=str(source), train="clean", evaluated="clean")
    chosen = {
        "champion": CHAMPION,
        "registry": bench.url if target == "local" else "registry",
        "policy": BlessingPolicy(min_change={"auc": -0.01}, max_latency_ratio=2, max_size_ratio=2),
        **options,
    }
    gate = BlessingValidator(
        model.outputs["model"],
        evaluation.outputs["evaluation"],
        evaluator_blessing=kind.outputs["blessing"],
        verdicts={"infra": measured.outputs["verdict"]},
        anomalies=data.outputs["anomalies"],
        baseline_model=old.outputs["model"],
        **chosen,
    )
    pusher = Pusher(
        model=model.outputs["model"],
        model_blessing=gate.outputs["blessing"],
        push_destination=pushed_to(bench.folder / "serving" if target == "local" else "serving"),
    )
    return old, model, evaluation, kind, measured, data, gate, pusher


def make_champion(bench, source, name="champion", **metrics):
    with Registry(bench.url, create=True) as registry:
        facts = Facts(kind="Model", metrics={"auc": 0.85, "latency_p99_ms": 4.0, **metrics})
        return registry.register("taxi/model", source / "models" / name, facts, alias="champion").version


def verdicts(bench):
    found = [a for a in bench.artifacts("ama_tfx.Verdict") if a.properties["gate"].string_value == "BlessingValidator"]
    return sorted(found, key=lambda artifact: artifact.id)


def pushes(bench):
    return sorted((bench.folder / "serving").glob("*")) if (bench.folder / "serving").exists() else []


def test_a_good_model_is_blessed_and_pushed_and_the_verdict_says_why(bench, gate_folder):
    make_champion(bench, gate_folder)
    states = bench.run(*gated(bench, gate_folder))
    assert set(states.values()) == {"complete"}
    (verdict,) = verdicts(bench)
    assert verdict.properties["outcome"].string_value == "blessed"
    judgement = read_verdict(verdict.uri)
    assert {signal.source for signal in judgement.signals} == {
        *("Evaluate", "BlessAnything", "Measure", "GiveData", "registry"),
        "policy",
    }
    text = Path(verdict.uri, "verdict.md").read_text()
    assert text.startswith("# BlessingValidator: blessed\n")
    assert re.search(r"\| auc \| pay=Cash \| 0\.8\d+ \| >= 0\.6 \| yes \| Evaluate \|", text)
    assert len(pushes(bench)) == 1


def test_a_model_trained_on_shuffled_labels_is_not_pushed_and_is_no_baseline_later(bench, gate_folder):
    """Its evaluator blessed it: only the resolver that is told who judges does not take it."""
    make_champion(bench, gate_folder)
    bench.run(*gated(bench, gate_folder))
    bench.run(*gated(bench, gate_folder, "shuffled"))
    good, bad = verdicts(bench)
    assert bad.properties["outcome"].string_value == "not_blessed"
    assert "auc is 0.5; expected >= 0.7" in bad.properties["reasons"].string_value
    assert len(pushes(bench)) == 1
    assert bench.registry.resolve("taxi/model:champion").number == 1
    resolver = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing, producer_component_id="BlessingValidator"),
    ).with_id("latest_blessed")
    seen = parts.BlessAnything(model=resolver.outputs["model"]).with_id("Seen")
    bench.run(resolver, seen)
    newest = max(bench.artifacts("ModelBlessing"), key=lambda artifact: artifact.id)
    assert newest.custom_properties["current_model"].string_value == good.properties["subject"].string_value


def test_an_unchanged_input_is_cached_and_a_moved_alias_is_not(bench, gate_folder):
    make_champion(bench, gate_folder)
    bench.run(*gated(bench, gate_folder))
    again = bench.run(*gated(bench, gate_folder))
    assert set(again.values()) == {"cached"}
    with bench.registry as registry:
        registry.register(
            "taxi/model", gate_folder / "models" / "candidate", Facts(kind="Model", metrics={"auc": 0.99})
        )
        registry.set_alias("taxi/model:2", "champion", expected=1)
    moved = bench.run(*gated(bench, gate_folder))
    assert (moved["Evaluate"], moved["BlessingValidator"]) == ("cached", "complete")
    assert verdicts(bench)[-1].properties["outcome"].string_value == "not_blessed"
    assert "against the champion's 0.99" in verdicts(bench)[-1].properties["reasons"].string_value


def test_a_metric_noted_later_makes_the_cached_verdict_stale(bench, gate_folder):
    make_champion(bench, gate_folder)
    bench.run(*gated(bench, gate_folder))
    with bench.registry as registry:
        registry.notes.record_metrics("taxi/model:champion", {"auc": 0.95})
    states = bench.run(*gated(bench, gate_folder))
    assert states["BlessingValidator"] == "complete"
    assert "auc_vs_champion" in verdicts(bench)[-1].properties["reasons"].string_value


def test_an_approval_makes_the_cached_verdict_stale(bench, gate_folder):
    def nodes():
        model = parts.GiveModel(folder=str(gate_folder), name="candidate")
        asset = AssetRegistrar(model.outputs["model"], "taxi/model", registry=bench.url)
        policy = BlessingPolicy(approvals=1, approvers=("bob",))
        gate = BlessingValidator(
            model.outputs["model"], asset=asset.outputs["asset"], policy=policy, registry=bench.url
        )
        return model, asset, gate

    bench.run(*nodes())
    assert bench.run(*nodes())["BlessingValidator"] == "cached"
    with Registry(bench.url, actor="bob") as registry:
        registry.notes.tag("taxi/model:1", "approved-by/bob")
    assert bench.run(*nodes())["BlessingValidator"] == "complete"
    assert [v.properties["outcome"].string_value for v in verdicts(bench)] == ["unknown", "blessed"]


def test_what_the_driver_found_is_what_the_executor_compares_with(bench, gate_folder):
    version = make_champion(bench, gate_folder)
    bench.run(*gated(bench, gate_folder))
    signals = {signal.name: signal for signal in read_verdict(verdicts(bench)[-1].uri).signals}
    assert signals["champion"].value == str(version.reference)


def test_what_changes_after_the_driver_looked_fails_the_node_and_publishes_nothing(bench, gate_folder, monkeypatch):
    def after_a_metric_was_noted(what, look_up=executor.look_up):
        with bench.registry as registry:
            registry.notes.record_metrics("taxi/model:champion", {"auc": 0.5})
        return look_up(what)

    make_champion(bench, gate_folder)
    monkeypatch.setattr(executor, "look_up", after_a_metric_was_noted)
    with pytest.raises(RunFailedError, match="changed while the model was judged; run again"):
        bench.run(*gated(bench, gate_folder))
    assert verdicts(bench) == []
    assert pushes(bench) == []


def test_a_registry_that_cannot_be_read_fails_the_node_and_publishes_nothing(bench, gate_folder):
    make_champion(bench, gate_folder)
    Path(bench.url, "catalog.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(RunFailedError, match="BlessingValidator"):
        bench.run(*gated(bench, gate_folder))
    assert verdicts(bench) == []
    assert pushes(bench) == []


def test_it_runs_under_the_runner_of_tfx(bench, gate_folder):
    LocalDagRunner().run(bench.pipeline(*gated(bench, gate_folder)))
    (verdict,) = verdicts(bench)
    assert verdict.properties["outcome"].string_value == "blessed"
    told = {signal.name: signal for signal in read_verdict(verdict.uri).signals}
    assert told["champion"].reason.startswith("there is no champion (there is no registry yet)")
    assert not told["auc_vs_champion"].required


def compile_job(bench, source, *, name="candidate", **options):
    pipeline = Pipeline(
        "demo", "gs://nowhere", components=list(gated(bench, source, name, **options)), enable_cache=True
    )
    return compile_pipeline(pipeline, "kubeflow", KubeflowOptions(image="trips:1"))


def test_the_compiled_component_is_the_reviewed_one(bench, golden):
    spec = json.loads(compile_job(bench, "evidence", target="kubeflow").content)["pipelineSpec"]
    named = {
        "components": spec["components"],
        "tasks": spec["root"]["dag"]["tasks"],
        "executors": spec["deploymentSpec"]["executors"],
    }
    document = {kind: {k: v for k, v in found.items() if "BlessingValidator" in k} for kind, found in named.items()}
    assert all(document.values())
    golden("blessing_validator_kubeflow.json", json.dumps(document, indent=1, sort_keys=True) + "\n")


def test_on_kubeflow_a_verdict_that_asks_the_registry_is_not_cached(bench):
    tasks = json.loads(compile_job(bench, "evidence", target="kubeflow").content)["pipelineSpec"]["root"]["dag"][
        "tasks"
    ]
    assert tasks["Evaluate"]["cachingOptions"] == {"enableCache": True}
    assert "cachingOptions" not in tasks["BlessingValidator"]


@pytest.mark.parametrize(("name", "blessed"), [("candidate", 1), ("shuffled", 0)])
def test_in_the_container_entry_point_it_blesses_by_the_name_of_the_resource(bench, gate_folder, name, blessed):
    make_champion(bench, gate_folder)
    results = run_job(compile_job(bench, gate_folder, name=name).content, bench.folder / "job")
    assert {task: result.state for task, result in results.items()} == dict.fromkeys(results, "SUCCEEDED")
    metadata = results["BlessingValidator"].artifacts["blessing"]["metadata"]
    assert metadata["blessed"] == blessed
    assert metadata["current_model_id"] == results["GiveModel"].artifacts["model"]["name"]
    assert metadata["baseline_model_id"] == results["Baseline"].artifacts["model"]["name"]
    assert results["BlessingValidator"].artifacts["verdict"]["metadata"]["outcome"] == (
        "blessed" if blessed else "not_blessed"
    )
    assert len(pushes(bench)) == blessed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "there is nothing to judge the model by"),
        ({"policy": BlessingPolicy(max_size_ratio=2)}, "compares with a champion and none is named"),
        ({"policy": BlessingPolicy(approvals=1)}, "pass asset=registrar.outputs"),
        ({"champion": "taxi/model:champion/saved_model.pb"}, "there is nothing to judge|names a file"),
        ({"verdicts": {"infra": "a path"}}, "expected a name like 'infra' and a channel of ama_tfx.Verdict"),
        (
            {"policy": BlessingPolicy(max_size_bytes=1), "registry": "postgresql://ama:hunter2@h/d?blobs=/b"},
            "set PGPASSWORD",
        ),
    ],
)
def test_a_parameter_that_can_never_work_is_refused_when_the_pipeline_is_composed(options, message):
    model = parts.GiveModel(folder="f", name="n")
    with pytest.raises(InvalidInputError, match=message) as refused:
        BlessingValidator(model.outputs["model"], **options)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"require": ("valuation",)}, "unknown evidence 'valuation'.*did you mean 'evaluation'"),
        ({"require": "evaluation"}, r"expected names, as \('evaluation',\)"),
        ({"anomalies": "errors"}, "unknown severity 'errors'; known: warning, error; did you mean 'error'"),
        ({"min_change": {"frobs": 0.1}}, "which way that is better is not known"),
        ({"min_change": {"frobs[hour=3]": 0.1}}, r"higher_is_better=\{'frobs': True\} beside it"),
        ({"higher_is_better": {"frobs": "yes"}}, "of 'frobs' is 'yes'; expected a metric and a bool"),
        ({"higher_is_better": {"auc": False}}, "of 'auc' is False; of that metric it is True"),
        ({"higher_is_better": ["frobs"]}, r"higher_is_better is \['frobs'\]"),
        ({"min_change": {"auc": float("nan")}}, "expected a number, as -0.005"),
        ({"max_size_ratio": 0}, "max_size_ratio is 0; expected a number above 0"),
        ({"max_latency_ms": True}, "max_latency_ms is True"),
        ({"approvals": -1}, "approvals is -1; expected a whole number from 0"),
        ({"approvals": 3, "approvers": ("ann", "bob")}, "approvals is 3 of 2 approvers"),
    ],
)
def test_a_rule_that_can_never_work_is_refused(rules, message):
    with pytest.raises(InvalidInputError, match=message):
        BlessingPolicy(**rules)


def test_a_policy_travels_as_text():
    policy = BlessingPolicy(require=("champion",), min_change={"auc": -0.005}, approvers=("ann",), approvals=1)
    assert BlessingPolicy.from_json(policy.to_json()) == policy


def test_a_metric_of_which_less_is_better_improves_when_it_falls(bench, gate_folder):
    from ama_tfx.components.blessing_validator.champion import Champion, RegistryState
    from ama_tfx.components.blessing_validator.work import Evidence, decide
    from ama_tfx.components.bounds import Found

    policy = BlessingPolicy(min_change={"loss": -0.01})
    state = RegistryState(Champion("ama://default/m@sha256:0", 1, {"eval.loss": 0.30}))

    def outcome(loss):
        evidence = Evidence("gate", "/m", 1, metrics={"loss": Found(loss)}, has_champion_rule=True)
        return decide(policy, evidence, state).blessing.value

    assert [outcome(loss) for loss in (0.2, 0.3099, 0.32)] == ["blessed", "blessed", "not_blessed"]


def test_it_judges_a_model_in_an_object_store(bench, gate_folder):
    from tfx.dsl.io import fileio

    from ama_tfx.components.tree import tree_digests, tree_size

    fileio.makedirs("ram://bucket/gated/variables")
    with fileio.open("ram://bucket/gated/variables/data", "wb") as stream:
        stream.write(b"remote")
    assert tree_size("ram://bucket/gated") == 6
    assert tree_digests("ram://bucket/gated") == {
        "variables/data": "b71199ebd070b36beab7317920c2c2f1d777df8d05e5527d8458fda57cb17a7a"
    }


def test_the_gate_leaves_the_model_and_the_registry_as_they_are(bench, gate_folder):
    make_champion(bench, gate_folder)
    before = shutil.copytree(bench.url, bench.folder / "before")
    bench.run(*gated(bench, gate_folder))
    with bench.registry as registry:
        assert registry.audit.verify() == len(registry.audit.entries())
        assert len(registry.audit.entries()) == _entries(before)


def _entries(folder):
    with Registry(folder) as registry:
        return len(registry.audit.entries())


def test_what_evaluator_is_asked_to_compare_is_known_from_its_configuration(gate_folder):
    import gate_evidence
    import tensorflow_model_analysis as tfma
    from tfx.components import Evaluator

    from ama_tfx.components.blessing_validator.comparison import Comparison

    change = tfma.MetricThreshold(change_threshold=tfma.GenericChangeThreshold(absolute={"value": -1.0}))
    config = gate_evidence.eval_config()
    config.metrics_specs[0].thresholds["gain"].CopyFrom(change)
    own = config.metrics_specs[0].metrics.add(class_name="Recall", config='{"name": "found"}')
    part = tfma.SlicingSpec(feature_keys=["hour"], feature_values={"pay": "Cash"})
    own.per_slice_thresholds.add(slicing_specs=[part], threshold=change)
    crossed = tfma.CrossSlicingSpec(baseline_spec={}, slicing_specs=[part])
    own.cross_slice_thresholds.add(cross_slicing_specs=[crossed], threshold=change)
    data, model = parts.GiveData(folder="f", train="t", evaluated="e"), parts.GiveModel(folder="f", name="n")
    examples = Channel(type=standard_artifacts.Examples)
    evaluator = Evaluator(examples=examples, model=model.outputs["model"], eval_config=config)

    def recorded(**options):
        gate = BlessingValidator(model.outputs["model"], anomalies=data.outputs["anomalies"], **options)
        return Comparison.from_json(gate.exec_properties.get("comparison"))

    changes = ("AUC", "found[across slices]", "found[hour=*, pay=Cash]", "gain")
    evaluation, baseline = evaluator.outputs["evaluation"], model.outputs["model"]
    assert recorded(evaluation=evaluation) == Comparison(False, changes)
    assert recorded(evaluation=evaluation, baseline_model=baseline) == Comparison(True, changes)
    assert recorded(baseline_model=baseline) == recorded() == Comparison()


def test_a_worse_model_whose_baseline_was_not_found_is_not_blessed_though_it_passes_its_thresholds(bench, gate_folder):
    make_champion(bench, gate_folder)
    model = parts.GiveModel(folder=str(gate_folder), name="candidate")
    nothing = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
    ).with_id("latest_blessed")
    baseline = nothing.outputs["model"]
    evaluation = parts.Evaluate(folder=str(gate_folder), name="alone", model=model.outputs["model"], baseline=baseline)
    gate = BlessingValidator(
        model.outputs["model"],
        evaluation.outputs["evaluation"],
        baseline_model=baseline,
        champion=CHAMPION,
        registry=bench.url,
    )
    bench.run(model, nothing, evaluation, gate)
    (verdict,) = verdicts(bench)
    assert verdict.properties["outcome"].string_value == "unknown"
    assert verdict.properties["reasons"].string_value.endswith(
        "but Evaluator compared with nothing; the pipeline names a baseline, and none was found: give Evaluator that "
        "champion as its baseline_model"
    )
