"""AssetImporter on Kubeflow: no driver runs there, so it resolves late and its task has no cache."""

from __future__ import annotations

import json
import warnings

import pytest

from ama_tfx.orchestration import KubeflowOptions, compile_pipeline
from ama_tfx.orchestration.clusters import LocalRegistryWarning
from tests.components.test_asset_importer import register
from tests.kubeflow_harness.runner import run_job

parts = pytest.importorskip("flow_parts")
from tfx.types import standard_artifacts  # noqa: E402  (TFX is imported once, with the parts)

from ama_tfx.components import AssetImporter  # noqa: E402

DIGEST = "sha256:" + 64 * "a"


def compile_job(*components):
    from tfx.orchestration.pipeline import Pipeline

    pipeline = Pipeline("demo", "gs://nowhere", components=list(components), enable_cache=True)
    return compile_pipeline(pipeline, "kubeflow", KubeflowOptions(image="trips:1")).content


def model_job(asset, registry="registry"):
    imported = AssetImporter(asset, standard_artifacts.Model, registry=registry)
    return compile_job(imported, parts.ReadModel(model=imported.outputs["result"]))


def test_the_compiled_component_is_the_reviewed_one(golden):
    spec = json.loads(model_job("model:champion"))["pipelineSpec"]
    document = {
        "component": spec["components"]["AssetImporter"],
        "task": spec["root"]["dag"]["tasks"]["AssetImporter"],
        "executor": spec["deploymentSpec"]["executors"]["AssetImporter_executor"],
    }
    golden("asset_importer_kubeflow.json", json.dumps(document, indent=1, sort_keys=True) + "\n")


def test_a_registry_in_a_folder_of_the_container_is_warned_of():
    with pytest.warns(LocalRegistryWarning, match="registry '/srv/registry' of node 'AssetImporter' is a folder"):
        model_job("model:champion", "/srv/registry")


@pytest.mark.parametrize(
    "registry", ["/gcs/bucket/registry", "/mnt/nfs/registry", "postgresql://host/db?blobs=gs://b", None]
)
def test_a_registry_that_outlives_the_container_is_not_warned_of(registry):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model_job("model:champion", registry)
    assert [str(each.message) for each in told if each.category is LocalRegistryWarning] == []


def test_only_a_reference_that_cannot_move_is_cached():
    for asset, cached in (("model:champion", False), ("model:1", False), (f"model@{DIGEST}", True)):
        tasks = json.loads(model_job(asset))["pipelineSpec"]["root"]["dag"]["tasks"]
        assert tasks["ReadModel"]["cachingOptions"] == {"enableCache": True}
        assert ("cachingOptions" in tasks["AssetImporter"]) is cached


def test_it_resolves_in_the_container_entry_point_each_time(bench):
    for run, text in enumerate(("first", "second")):
        reference = register(bench, "model", {"saved_model.pb": text}, kind="Model", alias="champion")
        results = run_job(model_job("model:champion", bench.url), bench.folder / f"job-{run}")
        assert {name: result.state for name, result in results.items()} == {
            "AssetImporter": "SUCCEEDED",
            "ReadModel": "SUCCEEDED",
        }
        metadata = results["AssetImporter"].artifacts["result"]["metadata"]
        assert metadata["reference"] == reference
        assert (bench.folder / f"job-{run}" / "AssetImporter/result/saved_model.pb").read_text() == text
        assert results["AssetImporter"].artifacts["asset"]["metadata"]["reference"] == reference


def test_there_too_typed_properties_come_back(bench):
    properties = {"tfx.split_names": '["train"]', "tfx.span": 7, "tfx.version": 3}
    register(bench, "rows", {"Split-train/rows": "1"}, kind="Examples", properties=properties)
    imported = AssetImporter("rows", standard_artifacts.Examples, registry=bench.url)
    job = compile_job(imported, parts.ReadExamples(examples=imported.outputs["result"]))
    results = run_job(job, bench.folder / "job")
    assert [result.state for result in results.values()] == ["SUCCEEDED", "SUCCEEDED"], results
    told = json.loads((bench.folder / "job/ReadExamples/told").read_text())
    assert told == {"splits": '["train"]', "span": 7, "files": ["Split-train/rows"]}


def test_there_too_a_wrong_kind_fails_with_its_reason(bench):
    register(bench, "model", {"Split-train/rows": "1"}, kind="Examples")
    results = run_job(model_job("model", bench.url), bench.folder / "job")
    assert (results["AssetImporter"].state, results["ReadModel"].state) == ("FAILED", "SKIPPED")
    assert "of kind 'Examples', which cannot be imported as 'Model'" in results["AssetImporter"].log
