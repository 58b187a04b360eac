"""What real runs leave in ML Metadata, as `ama_tfx.provenance` tells it: complete, empty, cached and failed nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from ama_tfx.errors import RunFailedError
from ama_tfx.provenance import RunState, import_run, open_history, record_run
from tests.components.conftest import Bench

parts = pytest.importorskip("registrar_parts")
from ama_tfx.components import AssetRegistrar  # noqa: E402  (TFX is imported once, with the parts)

COMPLETE, CACHED, EMPTY, FAILED = RunState.COMPLETE, RunState.CACHED, RunState.EMPTY, RunState.FAILED


@dataclass(frozen=True)
class Project:
    """A project after three runs: all new, all cached, and one that failed."""

    bench: Bench
    history: Any
    first: Any
    second: Any
    third: Any


def nodes(bench, *, text="weights", fails=False):
    from tfx.dsl.components.common.resolver import Resolver
    from tfx.dsl.input_resolution.strategies.latest_artifact_strategy import LatestArtifactStrategy
    from tfx.types import Channel, standard_artifacts

    champion = Resolver(strategy_class=LatestArtifactStrategy, model=Channel(type=standard_artifacts.Model)).with_id(
        "champion"
    )
    examples, model = parts.MakeExamples(text="rows"), parts.MakeModel(text=text)
    model.add_upstream_nodes([examples, champion])
    gate = parts.Bless(model=model.outputs["model"], blessed=1)
    data = AssetRegistrar(examples.outputs["examples"], "data", registry=bench.url).with_id("RegisterData")
    asset = AssetRegistrar(
        model.outputs["model"], "model", registry=bench.url, refs={"trained_on": data.outputs["asset"]}
    ).with_id("RegisterModel")
    made = [champion, examples, model, gate, data, asset]
    if fails:
        failing = parts.Fail(model=model.outputs["model"])
        failing.add_upstream_node(asset)
        made.append(failing)
    return made


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    bench = Bench(tmp_path_factory.mktemp("project"))
    bench.run(*nodes(bench))
    bench.run(*nodes(bench))
    with pytest.raises(RunFailedError):
        bench.run(*nodes(bench, text="others", fails=True))
    history = open_history(str(bench.folder / "metadata.db"))
    names = [one.run.name for one in history.runs()]
    return Project(bench, history, *(history.run(name) for name in reversed(names)))


def test_a_run_of_tfxs_own_runner_is_told_the_same_way(tmp_path):
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    bench = Bench(tmp_path)
    examples, model = parts.MakeExamples(text="rows"), parts.MakeModel(text="weights")
    LocalDagRunner().run(bench.pipeline(examples, model))
    history = open_history(str(tmp_path / "metadata.db"))
    (details,) = history.runs()
    assert (details.pipeline, details.state, states(details)) == (
        "workbench",
        COMPLETE,
        {"MakeExamples": COMPLETE, "MakeModel": COMPLETE},
    )
    assert history.artifact("Examples").fact("split_names") == '["train", "eval"]'


def states(details):
    return {node.node: node.state for node in details.nodes}


def test_the_runs_of_a_pipeline_are_told_with_their_states(project):
    assert [(one.pipeline, one.state) for one in project.history.runs("workbench")] == [
        ("workbench", FAILED),
        ("workbench", COMPLETE),
        ("workbench", COMPLETE),
    ]


def test_a_first_run_is_complete_though_its_resolver_found_nothing(project):
    assert states(project.first) == {
        "champion": EMPTY,
        "MakeExamples": COMPLETE,
        "MakeModel": COMPLETE,
        "Bless": COMPLETE,
        "RegisterData": COMPLETE,
        "RegisterModel": COMPLETE,
    }
    assert all(node.seconds > 0 for node in project.first.nodes if node.state is COMPLETE)


def test_a_cached_run_names_the_executions_that_made_its_outputs(project):
    assert states(project.second) == {
        "champion": COMPLETE,
        **dict.fromkeys(["MakeExamples", "MakeModel", "Bless", "RegisterData", "RegisterModel"], CACHED),
    }
    made_by = {node.node: node.cached_from for node in project.second.nodes if node.cached_from}
    assert {one.run.name for one in made_by.values()} == {project.first.run.name}
    assert {node: one.node for node, one in made_by.items()} == {node: node for node in made_by}
    assert len(made_by) == 5


def test_a_failed_run_tells_where_and_keeps_what_was_made(project):
    assert [node.node for node in project.third.failures] == ["Fail"]
    assert project.third.failures[0].reason == "no reason is recorded; the run's log has it"
    found = states(project.third)
    assert (found["MakeExamples"], found["MakeModel"], found["Fail"]) == (CACHED, COMPLETE, FAILED)
    assert project.third.state is FAILED


def test_parameters_are_those_of_the_components(project):
    found = {node.node: node.parameters for node in project.third.nodes}
    assert found["MakeModel"] == {"text": "others"}
    assert found["Bless"] == {"blessed": 1}


def test_a_model_that_a_resolver_chose_was_made_by_its_trainer(project):
    model = project.history.artifact(str(project.first.nodes[2].outputs[0].artifact_id))
    graph = project.history.lineage(model.id, down=0)
    assert (model.type, graph.maker(model.id).node, graph.maker(model.id).run.name) == (
        "Model",
        "MakeModel",
        project.first.run.name,
    )
    assert len(graph.executions) == 1


def test_a_registered_version_leads_to_its_artifact(project):
    reference = project.bench.registry.resolve("model:1").reference
    assert project.history.artifact(str(reference)).uri.endswith("/MakeModel/model/3")
    datasets = project.history.datasets(next(iter(assets(project))))
    assert [(one.artifact.type, one.splits, one.is_source) for one in datasets] == [
        ("Examples", ("train", "eval"), True)
    ]


def assets(project):
    """Yield the Asset artifacts that the first run made of its model."""
    node = next(node for node in project.first.nodes if node.node == "RegisterModel")
    return (event.artifact_id for event in node.outputs)


def test_a_real_run_is_imported_once_and_outlives_its_store(project):
    with project.bench.registry as registry:
        record = record_run(project.history, project.first)
        imported = import_run(registry, record)
        assert (imported.registered.created, imported.missing) == (True, ())
        assert import_run(registry, record_run(project.history, project.first)).registered.created is False
        details = registry.show("runs/workbench")
        assert [(role, version.asset.name) for role, version in details.refs] == [
            ("registered", "data"),
            ("registered", "model"),
        ]
        document = record.document
        assert [node["node"] for node in document["nodes"]] == [node.node for node in project.first.nodes]
        by_type = {one["type"]: one["references"] for one in document["artifacts"]}
        assert by_type["Model"] == [str(registry.resolve("model:1").reference)]
        assert by_type["ModelBlessing"] == []
