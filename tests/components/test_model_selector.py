"""ModelSelector: the best candidate that qualifies, with the numbers of all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ama_tfx.errors import GateError, InvalidInputError, RunFailedError
from ama_tfx.orchestration import KubeflowOptions, compile_pipeline
from tests.kubeflow_harness.runner import run_job

parts = pytest.importorskip("gate_parts")
from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner  # noqa: E402
from tfx.orchestration.local.local_dag_runner import LocalDagRunner  # noqa: E402  (TFX comes with the parts)
from tfx.orchestration.pipeline import Pipeline  # noqa: E402
from tfx.types.channel_utils import union  # noqa: E402

from ama_tfx.components import ModelSelector  # noqa: E402
from ama_tfx.components.bounds import Found  # noqa: E402
from ama_tfx.components.choosing import Candidate, Wanted, choose  # noqa: E402
from ama_tfx.components.verdicts import Blessing, Signal, judge, read_verdict  # noqa: E402


def contest(source, names=("shuffled", "candidate"), latencies=None, *, as_union=False, **options):
    """Models by name, their evaluations in the opposite order, and a selector."""
    models = [parts.GiveModel(folder=str(source), name=name).with_id(f"Model{n}") for n, name in enumerate(names)]
    evaluations = [
        parts.Evaluate(folder=str(source), name=name, model=models[n].outputs["model"]).with_id(f"Evaluate{n}")
        for n, name in enumerate(names)
    ]
    measured = [
        parts.Measure(model=models[n].outputs["model"], latency_ms=latency).with_id(f"Measure{n}")
        for n, latency in enumerate(latencies or [])
    ]
    channels = {
        "models": [node.outputs["model"] for node in models],
        "evaluations": [node.outputs["evaluation"] for node in reversed(evaluations)],
        "verdicts": [node.outputs["verdict"] for node in measured],
    }
    if as_union:
        channels = {kind: [union(found)] for kind, found in channels.items() if found}
    selector = ModelSelector(metric="auc", **channels, **options)
    return *models, *evaluations, *measured, selector


def selected(bench):
    (found,) = [a for a in bench.artifacts("Model") if "selected_from" in a.custom_properties]
    return found


@pytest.mark.parametrize("as_union", [False, True], ids=["channels", "union"])
def test_the_best_model_is_selected_whatever_the_order(bench, gate_folder, as_union):
    bench.run(*contest(gate_folder, as_union=as_union))
    model = selected(bench)
    assert "/Model1/" in model.custom_properties["selected_from"].string_value
    made = gate_folder / "models" / "candidate"
    files = sorted(path.relative_to(made) for path in made.rglob("*") if path.is_file())
    assert files
    assert sorted(p.relative_to(model.uri) for p in Path(model.uri).rglob("*") if p.is_file()) == files
    assert all((made / path).read_bytes() == Path(model.uri, path).read_bytes() for path in files)


def test_the_verdict_has_the_numbers_of_every_candidate(bench, gate_folder):
    bench.run(*contest(gate_folder, latencies=[2.0, 3.0]))
    (verdict,) = [a for a in bench.artifacts("ama_tfx.Verdict") if a.properties["gate"].string_value == "ModelSelector"]
    judgement = read_verdict(verdict.uri)
    assert judgement.blessing is Blessing.BLESSED
    assert judgement.subject == selected(bench).uri
    values = {signal.name: signal.value for signal in judgement.signals}
    assert values["candidate_1.auc"] == 0.5
    assert values["candidate_2.auc"] > 0.8
    assert (values["candidate_1.latency_p99_ms"], values["candidate_2.latency_p99_ms"]) == (2, 3)
    assert values["candidate_1.size_bytes"] > 1000
    assert judgement.signals[0].reason.startswith("auc is 0.8")
    assert judgement.signals[0].reason.endswith("the best of 2 that qualify")


def test_an_unchanged_contest_is_cached(bench, gate_folder):
    bench.run(*contest(gate_folder))
    assert set(bench.run(*contest(gate_folder)).values()) == {"cached"}


def test_when_none_qualifies_the_run_fails_and_nothing_is_published(bench, gate_folder):
    nodes = contest(gate_folder, minimum={"auc[pay=Cash]": 0.99})
    with pytest.raises(RunFailedError, match=r"none of 2 candidates qualifies; 1 .*auc\[pay=Cash\]_minimum is 0.5"):
        bench.run(*nodes)
    assert len(bench.artifacts("Model")) == 2
    assert bench.artifacts("ama_tfx.Verdict") == []


@pytest.mark.parametrize("runner", [LocalDagRunner, BeamDagRunner])
def test_it_runs_under_the_runners_of_tfx(bench, gate_folder, runner):
    runner().run(bench.pipeline(*contest(gate_folder)))
    assert "/Model1/" in selected(bench).custom_properties["selected_from"].string_value


def compile_job(source):
    pipeline = Pipeline("demo", "gs://nowhere", components=list(contest(source, latencies=[2.0, 3.0])))
    return compile_pipeline(pipeline, "kubeflow", KubeflowOptions(image="trips:1"))


def test_the_compiled_component_is_the_reviewed_one(golden):
    spec = json.loads(compile_job("evidence").content)["pipelineSpec"]
    document = {
        "component": spec["components"]["ModelSelector"],
        "task": spec["root"]["dag"]["tasks"]["ModelSelector"],
        "executor": spec["deploymentSpec"]["executors"]["ModelSelector_executor"],
    }
    golden("model_selector_kubeflow.json", json.dumps(document, indent=1, sort_keys=True) + "\n")


def test_in_the_container_entry_point_it_selects_among_several(bench, gate_folder):
    results = run_job(compile_job(gate_folder).content, bench.folder / "job")
    assert {task: result.state for task, result in results.items()} == dict.fromkeys(results, "SUCCEEDED")
    told = results["ModelSelector"].artifacts
    assert told["model"]["metadata"]["selected_from"] == results["Model1"].artifacts["model"]["uri"]
    assert told["verdict"]["metadata"]["outcome"] == "blessed"


def test_a_union_is_refused_by_kubeflow_with_a_word_on_it(gate_folder):
    pipeline = Pipeline("demo", "gs://nowhere", components=list(contest(gate_folder, as_union=True)))
    with pytest.raises(InvalidInputError, match="Only single Channel is supported"):
        compile_pipeline(pipeline, "kubeflow", KubeflowOptions(image="trips:1"))


def candidate(name, auc, *, size=100.0, latency=None, blessing=Blessing.BLESSED, **metrics):
    found = {name: Found(value) for name, value in {"auc": auc, **metrics}.items() if value is not None}
    signals = [Signal("infra", blessing, "said so", "latency_p99_ms", latency)]
    return Candidate(name, size, found, (judge("infra", name, signals),) if latency is not None else ())


def winner(wanted, *candidates):
    return choose("selector", "/out", candidates, Wanted.from_json(wanted.to_json())).selected.uri


@pytest.mark.parametrize(
    ("wanted", "candidates", "expected"),
    [
        ({}, [candidate("a", 0.8), candidate("b", 0.9)], "b"),
        ({"metric": "loss"}, [candidate("a", 0, loss=0.3), candidate("b", 0, loss=0.4)], "a"),
        ({}, [candidate("a", None), candidate("b", 0.1)], "b"),
        ({}, [candidate("a", float("nan")), candidate("b", 0.1)], "b"),
        ({}, [candidate("a", 0.9, latency=1, blessing=Blessing.UNKNOWN), candidate("b", 0.1)], "b"),
        ({"needs_verdict": True}, [candidate("a", 0.9), candidate("b", 0.1, latency=5)], "b"),
        ({"max_size_bytes": 50}, [candidate("a", 0.9), candidate("b", 0.1, size=50)], "b"),
        ({"max_latency_ms": 5}, [candidate("a", 0.9, latency=6), candidate("b", 0.1, latency=5)], "b"),
        ({"max_latency_ms": 5}, [candidate("a", 0.9), candidate("b", 0.1, latency=5)], "b"),
        ({"minimum": {"recall": 0.5}}, [candidate("a", 0.9, recall=0.4), candidate("b", 0.1, recall=0.5)], "b"),
        ({"minimum": {"loss": 0.5}}, [candidate("a", 0.9, loss=0.6), candidate("b", 0.1, loss=0.5)], "b"),
        (
            {"metric": "frobs", "higher_is_better": {"frobs": False}},
            [candidate("a", 0, frobs=0.3), candidate("b", 0, frobs=0.2)],
            "b",
        ),
        (
            {"minimum": {"frobs": 0.5}, "higher_is_better": {"frobs": True}},
            [candidate("a", 0.9, frobs=0.4), candidate("b", 0.1, frobs=0.5)],
            "b",
        ),
        ({"tolerance": 0.02}, [candidate("a", 0.9, latency=6), candidate("b", 0.89, latency=5)], "b"),
        ({"tolerance": 0.02}, [candidate("a", 0.9), candidate("b", 0.89, size=10)], "b"),
        ({"tolerance": 0.02}, [candidate("a", 0.9), candidate("b", 0.87, size=10)], "a"),
        ({}, [candidate("a", 0.9), candidate("b", 0.9)], "a"),
    ],
)
def test_who_wins(wanted, candidates, expected):
    assert winner(Wanted(**{"metric": "auc", **wanted}), *candidates) == expected


def test_without_candidates_nobody_wins():
    with pytest.raises(GateError, match="none of 0 candidates qualifies; there are none"):
        winner(Wanted("auc"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "frobs", "higher_is_better": {"frobs": 1}}, "of 'frobs' is 1; expected a metric and a bool"),
        ({"metric": "frobs"}, "which way metric 'frobs' is better is not known"),
        ({"minimum": {"auc": float("inf")}}, "inf is not a number to compare with"),
        ({"tolerance": -1}, "tolerance is -1; expected a number from 0"),
        ({"models": []}, "there is no model to select from"),
        ({"verdicts": ["a path"]}, "expected a list of channels"),
    ],
)
def test_a_parameter_that_can_never_work_is_refused_when_the_pipeline_is_composed(options, message):
    model = parts.GiveModel(folder="f", name="n")
    chosen = {"models": [model.outputs["model"]], "evaluations": [], "metric": "auc", **options}
    with pytest.raises(InvalidInputError, match=message):
        ModelSelector(**chosen)


def test_more_channels_than_there_are_inputs_are_refused():
    model = parts.GiveModel(folder="f", name="n")
    with pytest.raises(InvalidInputError, match="there are 5 channels of models; expected 4 at most"):
        ModelSelector(models=[model.outputs["model"]] * 5, evaluations=[], metric="auc")


@pytest.mark.parametrize("target", ["/etc/passwd", "/etc"], ids=["to a file", "to a folder"])
def test_a_link_in_the_selected_model_is_refused_instead_of_followed(tmp_path, target):
    from ama_tfx.components.model_selector import _copy

    (tmp_path / "model" / "assets").mkdir(parents=True)
    (tmp_path / "model" / "assets" / "link").symlink_to(target)
    with pytest.raises(InvalidInputError, match="link' is a link; expected a model of regular files"):
        _copy(str(tmp_path / "model"), str(tmp_path / "selected"))
    assert not (tmp_path / "selected").exists()
