"""InfraValidator on Kubeflow: it compiles, and it runs in TFX's container entry point."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ama_tfx.orchestration import KubeflowOptions, compile_pipeline

parts = pytest.importorskip("infra_parts")
from tfx.proto import infra_validator_pb2 as protos  # noqa: E402

from ama_tfx.components import InfraValidator, ServingBudgets, ServingLimits  # noqa: E402


def compile_job(models):
    from tfx.orchestration.pipeline import Pipeline

    examples = parts.MakeExamples(rows=3)
    model = parts.TakeModel(path=f"{models}/longer")
    champion = parts.TakeModel(path=f"{models}/good").with_id("TakeChampion")
    gate = InfraValidator(
        model.outputs["model"],
        examples.outputs["examples"],
        champion=champion.outputs["model"],
        request_spec=protos.RequestSpec(num_examples=3, make_warmup=True),
        validation_spec=protos.ValidationSpec(num_tries=1),
        limits=ServingLimits(memory_mib=1024, cpu_seconds=60),
        budgets=ServingBudgets(output_difference=1, samples=5),
        server="python",
    )
    pipeline = Pipeline("demo", "gs://nowhere", components=[examples, model, champion, gate])
    return compile_pipeline(pipeline, "kubeflow", KubeflowOptions(image="trips:1"))


def test_the_compiled_component_is_the_reviewed_one(golden):
    spec = json.loads(compile_job("/models").content)["pipelineSpec"]
    document = {
        "component": spec["components"]["InfraValidator"],
        "task": spec["root"]["dag"]["tasks"]["InfraValidator"],
        "executor": spec["deploymentSpec"]["executors"]["InfraValidator_executor"],
    }
    golden("infra_validator_kubeflow.json", json.dumps(document, indent=1, sort_keys=True) + "\n")


# In a Python of its own: gRPC does not survive the fork of a process that has used it, which this one has.
RUN = """\
import dataclasses, json, sys, types
from pathlib import Path
sys.path[:0] = [sys.argv[3], sys.argv[4]]
sys.modules["tests"] = types.ModuleType("tests")  # some distribution installs another package of this name
sys.modules["tests"].__path__ = [sys.argv[4] + "/tests"]
import infra_parts as parts
from tests.kubeflow_harness.runner import run_job
if __name__ == "__main__":
    results = run_job(Path(sys.argv[1]).read_bytes(), Path(sys.argv[2]))
    print(json.dumps({name: dataclasses.asdict(result) for name, result in results.items()}))
"""


def test_it_judges_in_the_container_entry_point(tmp_path):
    models, job = tmp_path / "models", tmp_path / "job.json"
    parts.save_models(models, "good", "longer")
    job.write_bytes(compile_job(models).content)
    here = Path(__file__).parent
    command = [sys.executable, "-c", RUN, str(job), str(tmp_path / "run"), str(here), str(here.parents[1])]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    results = json.loads(done.stdout.splitlines()[-1])
    assert {name: result["state"] for name, result in results.items()} == dict.fromkeys(
        ["MakeExamples", "TakeModel", "TakeChampion", "InfraValidator"], "SUCCEEDED"
    ), results["InfraValidator"]["log"]
    artifacts = results["InfraValidator"]["artifacts"]
    blessing = artifacts["blessing"]["metadata"]
    assert (blessing["blessed"], blessing["has_model"], blessing["outcome"]) == (1, 1, "blessed")
    assert blessing["current_model"] == results["TakeModel"]["artifacts"]["model"]["uri"]
    assert artifacts["verdict"]["metadata"]["outcome"] == "blessed"
    told = json.loads(Path(artifacts["verdict"]["uri"], "verdict.json").read_text())
    assert {signal["name"]: signal["value"] for signal in told["signals"]}["output_difference"] == 0.5
