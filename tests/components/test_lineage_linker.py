"""LineageLinker in real pipelines: what a run made is linked afterwards, found by lineage, and drawn."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ama_tfx.errors import InvalidInputError, RunFailedError
from ama_tfx.orchestration import KubeflowOptions, compile_pipeline
from tests.kubeflow_harness.runner import run_job

parts = pytest.importorskip("registrar_parts")
flow = pytest.importorskip("flow_parts")
from ama_tfx.components import AssetImporter, AssetRegistrar, LineageLinker  # noqa: E402  (TFX is imported once)


def register(bench, channel, name, **options):
    registrar = AssetRegistrar(channel, name, registry=bench.url, code_folder=bench.folder, **options)
    return registrar.with_id(f"Register-{name}")


def training(bench, *, given=("examples", "schema", "evaluation"), base=None, **options):
    """Transform, train and evaluate; register all but what Transform made; link what is given."""
    examples, schema = parts.MakeExamples(text="rows"), flow.MakeSchema(text="schema")
    transform = flow.TransformRows(examples=examples.outputs["examples"], schema=schema.outputs["schema"])
    more = {} if base is None else {"base_model": base.outputs["result"]}
    trainer = flow.Train(examples=transform.outputs["transformed"], **more)
    evaluator = flow.Evaluate(model=trainer.outputs["model"], examples=examples.outputs["examples"])
    made = {"examples": examples, "schema": schema, "model": trainer, "evaluation": evaluator}
    registrars = {name: register(bench, node.outputs[name], name) for name, node in made.items()}
    inputs = {name: registrars[name].outputs["asset"] for name in given}
    chosen = {"registry": bench.url, **inputs, **options}
    linker = LineageLinker(registrars["model"].outputs["asset"], **chosen)
    before = [] if base is None else [base]
    return *before, examples, schema, transform, trainer, evaluator, *registrars.values(), linker


def store(bench):
    return str(bench.folder / "metadata.db")


def edges(bench, name="model"):
    found = bench.registry.lineage.graph(name).edges
    return sorted((edge.made.asset.name, edge.role, edge.made_from.asset.name) for edge in found)


DECLARED = [("evaluation", "evaluated_by", "model"), ("model", "schema", "schema"), ("model", "trained_on", "examples")]
OBSERVED = [("evaluation", "evaluated_by", "model"), ("evaluation", "evaluated_on", "examples"), *DECLARED[1:]]


def newest(bench):
    return max(bench.artifacts("ama_tfx.Lineage"), key=lambda found: found.id)


def test_what_the_metadata_store_recorded_is_linked_over_what_nobody_registered(bench):
    bench.run(*training(bench, metadata=store(bench)))
    assert edges(bench) == OBSERVED
    assert newest(bench).properties["links"].int_value == 4


def test_the_model_alone_is_enough_to_find_what_it_was_made_from(bench):
    bench.run(*training(bench, given=(), metadata=store(bench)))
    assert edges(bench) == [("model", "schema", "schema"), ("model", "trained_on", "examples")]


def test_without_a_metadata_store_the_inputs_tell(bench):
    bench.run(*training(bench))
    assert edges(bench) == DECLARED


def test_an_imported_base_model_is_linked(bench):
    bench.run(*training(bench))
    base = bench.registry.resolve("model").reference
    from tfx.types import standard_artifacts

    imported = AssetImporter(str(base), standard_artifacts.Model, registry=bench.url)
    bench.run(*training(bench, base=imported, metadata=store(bench)))
    assert [version.number for version in bench.registry.versions("model")] == [2, 1]
    assert bench.registry.lineage.graph("model:2").up(bench.registry.resolve("model:2").reference)[0] == (
        "base_model",
        base,
    )


def test_the_artifact_holds_the_graph_as_json_dot_and_picture(bench):
    bench.run(*training(bench, metadata=store(bench)))
    folder = Path(newest(bench).uri)
    assert sorted(path.name for path in folder.iterdir()) == ["lineage.dot", "lineage.json", "lineage.svg"]
    document = json.loads((folder / "lineage.json").read_text())
    assert document["root"] == str(bench.registry.resolve("model").reference)
    assert sorted(node["asset"] for node in document["nodes"]) == ["evaluation", "examples", "model", "schema"]
    assert len(document["links"]) == 4
    assert document["recorded"] == str(bench.registry.resolve("lineage/model").reference)
    picture = ElementTree.fromstring((folder / "lineage.svg").read_text())
    drawn = {text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert {"model:1", "examples:1", "schema:1", "evaluation:1", "trained_on", "evaluated_by"} <= drawn
    assert 'label="evaluated_by"' in (folder / "lineage.dot").read_text()


def test_ama_lineage_shows_what_was_linked(bench):
    from click.testing import CliRunner

    from ama_tfx.cli.app import root

    bench.run(*training(bench, metadata=store(bench)))
    shown = CliRunner().invoke(root, ["lineage", "model", "--registry", bench.url]).output
    assert "evaluated_by: evaluation:1" in shown
    assert "trained_on: examples:1" in shown
    assert "lineage/model" not in shown


def test_a_repeated_run_is_cached_and_without_the_cache_it_links_nothing_anew(bench):
    bench.run(*training(bench, metadata=store(bench)))
    assert set(bench.run(*training(bench, metadata=store(bench))).values()) == {"cached"}
    bench.run(*training(bench, metadata=store(bench)), cache=False)
    assert [version.number for version in bench.registry.versions("lineage/model")] == [1]
    assert json.loads(Path(newest(bench).uri, "lineage.json").read_text())["recorded"] is None


def test_refs_that_the_registrar_recorded_are_not_told_twice(bench):
    examples, model = parts.MakeExamples(text="rows"), parts.MakeModel(text="weights")
    data = register(bench, examples.outputs["examples"], "examples")
    named = register(bench, model.outputs["model"], "model", refs={"trained_on": data.outputs["asset"]})
    linker = LineageLinker(named.outputs["asset"], examples=data.outputs["asset"], registry=bench.url)
    bench.run(examples, model, data, named, linker)
    assert edges(bench) == [("model", "trained_on", "examples")]
    assert not bench.registry.exists("lineage/model")


def test_it_runs_under_tfxs_own_runner(bench):
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    LocalDagRunner().run(bench.pipeline(*training(bench, metadata=store(bench), name="history/of-taxi")))
    assert edges(bench) == OBSERVED
    assert bench.registry.resolve("history/of-taxi").kind == "ama_tfx.Lineage"


def test_a_metadata_store_that_is_not_there_fails_the_run_and_links_nothing(bench):
    with pytest.raises(RunFailedError, match=r"LineageLinker: failed: NotFoundError.*nowhere\.db"):
        bench.run(*training(bench, metadata=bench.folder / "nowhere.db"))
    assert edges(bench) == []
    assert bench.artifacts("ama_tfx.Lineage") == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"registry": "postgresql://a:hunter2@h/d?blobs=/b"}, "holds a password"),
        ({"metadata": "mysql://a:hunter2@h/d"}, "password"),
        ({"name": "lineage/taxi:3"}, "names a version; expected an asset"),
        ({"examples": "examples:1"}, "examples 'examples:1' is no asset"),
    ],
)
def test_a_parameter_that_can_never_work_is_refused_when_the_pipeline_is_composed(bench, options, message):
    model = parts.MakeModel(text="weights")
    asset = register(bench, model.outputs["model"], "model").outputs["asset"]
    with pytest.raises(InvalidInputError, match=message) as caught:
        LineageLinker(asset, **options)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(InvalidInputError, match="model .* is no asset"):
        LineageLinker(model.outputs["model"])


def compile_job(bench, **options):
    from tfx.orchestration.pipeline import Pipeline

    pipeline = Pipeline("demo", "gs://nowhere", components=list(training(bench, **options)))
    return compile_pipeline(pipeline, "kubeflow", KubeflowOptions(image="trips:1")).content


def test_the_compiled_component_is_the_reviewed_one(bench, golden):
    spec = json.loads(compile_job(bench))["pipelineSpec"]
    document = {
        "component": spec["components"]["LineageLinker"],
        "task": spec["root"]["dag"]["tasks"]["LineageLinker"],
        "executor": spec["deploymentSpec"]["executors"]["LineageLinker_executor"],
    }
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    golden("lineage_linker_kubeflow.json", text.replace(str(bench.folder), "/bench"))


def test_it_links_in_the_container_entry_point(bench):
    results = run_job(compile_job(bench), bench.folder / "job")
    assert results["LineageLinker"].state == "SUCCEEDED", results["LineageLinker"].log
    assert edges(bench) == DECLARED
    assert results["LineageLinker"].artifacts["lineage"]["metadata"]["links"] == 3
