"""The gated and registered taxi pipeline, as it is compiled; `tests/e2e` runs it."""

from __future__ import annotations

import json

import pytest

from ama_tfx.errors import InvalidInputError
from ama_tfx.orchestration import KubeflowOptions, compile_pipeline
from pipelines.taxi.config import TaxiConfig
from pipelines.taxi.registered import create_registered_pipeline


@pytest.fixture
def config(tmp_path):
    return TaxiConfig(tmp_path / "root", tmp_path / "metadata.db", tmp_path / "serving")


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_it_compiles_for_clusters_with_every_gate(config, target):
    pipeline = create_registered_pipeline(config, "/mnt/registry", beside_champion=False)
    spec = json.loads(compile_pipeline(pipeline, target, KubeflowOptions(image="taxi:1")).content)["pipelineSpec"]
    tasks = spec["root"]["dag"]["tasks"]
    assert {"InfraValidator", "BlessingValidator", "RegisterModel", "AssetPusher", "LineageLinker"} <= set(tasks)
    assert tasks["AssetPusher"]["dependentTasks"] == ["BlessingValidator", "InfraValidator", "RegisterModel", "Trainer"]
    # Its champion is an alias, which no driver resolves there: a cached verdict could be of another champion.
    cached = {name for name, task in tasks.items() if task.get("cachingOptions", {}).get("enableCache")}
    assert "BlessingValidator" not in cached
    assert "Trainer" in cached


def test_for_a_cluster_the_resolver_of_the_champion_is_refused_by_name(config):
    with pytest.raises(InvalidInputError, match="Champion|AliasStrategy"):
        compile_pipeline(create_registered_pipeline(config), "kubeflow", KubeflowOptions(image="taxi:1"))


def test_the_gates_stand_before_the_registrars_and_the_push(config):
    upstream = {
        node.id: {one.id for one in node.upstream_nodes} for node in create_registered_pipeline(config).components
    }
    registrars = {name for name in upstream if name.startswith("Register")}
    assert len(registrars) == 6
    assert all("BlessingValidator" in upstream[name] for name in registrars)
    assert {"BlessingValidator", "InfraValidator", "RegisterModel"} <= upstream["AssetPusher"]
    assert upstream["Evaluator"] == {"CsvExampleGen", "Trainer", "Champion"}
