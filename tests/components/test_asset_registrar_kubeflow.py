"""AssetRegistrar on Kubeflow: it compiles, and it runs in TFX's container entry point."""

from __future__ import annotations

import json

import pytest

from ama_tfx.orchestration import KubeflowOptions, compile_pipeline
from tests.kubeflow_harness.runner import run_job

parts = pytest.importorskip("registrar_parts")
from ama_tfx.components import AssetRegistrar  # noqa: E402  (TFX is imported once, with the parts)


def compile_job(bench, *, blessed=1, registry="registry"):
    from tfx.orchestration.pipeline import Pipeline

    examples, model = parts.MakeExamples(text="rows"), parts.MakeModel(text="weights")
    gate = parts.Bless(model=model.outputs["model"], blessed=blessed)
    data = AssetRegistrar(
        examples.outputs["examples"], "examples", registry=registry, code_folder=bench.folder
    ).with_id("RegisterExamples")
    registered = AssetRegistrar(
        model.outputs["model"],
        "model",
        registry=registry,
        alias="champion",
        tags=["nightly"],
        properties={"learning_rate": 0.1},
        blessing=gate.outputs["blessing"],
        refs={"trained_on": data.outputs["asset"]},
        code_folder=bench.folder,
    ).with_id("RegisterModel")
    pipeline = Pipeline("demo", "gs://nowhere", components=[examples, model, gate, data, registered])
    return compile_pipeline(pipeline, "kubeflow", KubeflowOptions(image="trips:1"))


def test_the_compiled_components_are_the_reviewed_ones(bench, golden):
    job = json.loads(compile_job(bench).content)
    spec = job["pipelineSpec"]
    ours = {name: value for name, value in spec["components"].items() if "Register" in name}
    tasks = {name: value for name, value in spec["root"]["dag"]["tasks"].items() if "Register" in name}
    executors = {name: value for name, value in spec["deploymentSpec"]["executors"].items() if "Register" in name}
    assert len(ours) == len(tasks) == len(executors) == 2
    document = {"components": ours, "tasks": tasks, "executors": executors}
    golden("asset_registrar_kubeflow.json", json.dumps(document, indent=1, sort_keys=True) + "\n")


def test_it_registers_links_and_names_in_the_container_entry_point(bench):
    results = run_job(compile_job(bench, registry=bench.url).content, bench.folder / "job")
    assert {name: result.state for name, result in results.items()} == dict.fromkeys(
        ["MakeExamples", "MakeModel", "Bless", "RegisterExamples", "RegisterModel"], "SUCCEEDED"
    )
    details = bench.registry.show("model:champion")
    assert details.tags == ("nightly",)
    assert details.properties == {"learning_rate": 0.1}
    assert [(role, version.asset.name) for role, version in details.refs] == [("trained_on", "examples")]
    assert bench.registry.show("examples").properties == {"tfx.split_names": '["train", "eval"]'}
    metadata = results["RegisterModel"].artifacts["asset"]["metadata"]
    assert metadata["reference"] == str(details.version.reference)
    assert metadata["alias"] == "champion"


def test_there_too_a_refused_model_does_not_get_the_alias(bench):
    run_job(compile_job(bench, blessed=0, registry=bench.url).content, bench.folder / "job")
    details = bench.registry.show("model")
    assert details.aliases == ()
    assert details.registrations[0].provenance["alias_refused"]["alias"] == "champion"
    assert "run_id" not in details.registrations[0].provenance


def test_what_is_not_known_there_is_left_out_and_not_made_up(bench):
    run_job(compile_job(bench, registry=bench.url).content, bench.folder / "job")
    provenance = bench.registry.show("examples").registrations[0].provenance
    assert {"pipeline", "run_id", "registrar"} & provenance.keys() == set()
    assert provenance["component"] == "MakeExamples"
    assert provenance["tfx_version"] == "1.16.0"
