"""The pipeline's shape, as both runners compile it."""

import dataclasses
import json
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict
from tfx.dsl.compiler.compiler import Compiler
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig

from pipelines.taxi.pipeline import TaxiConfig, TaxiNodes, create_pipeline, standard_nodes

UPSTREAM = {
    "CsvExampleGen": set(),
    "StatisticsGen": {"CsvExampleGen"},
    "SchemaGen": {"StatisticsGen"},
    "ExampleValidator": {"StatisticsGen", "SchemaGen"},
    "Transform": {"CsvExampleGen", "SchemaGen"},
    "Trainer": {"Transform"},
    "baseline": set(),
    "Evaluator": {"CsvExampleGen", "Trainer", "baseline"},
    "Pusher": {"Trainer", "Evaluator"},
}


@pytest.fixture
def config(tmp_path: Path) -> TaxiConfig:
    return TaxiConfig(
        pipeline_root=tmp_path / "root", metadata_path=tmp_path / "metadata.db", serving_dir=tmp_path / "serving"
    )


def compiled_nodes(config: TaxiConfig) -> dict[str, dict]:
    """Each node of TFX's intermediate representation."""
    ir = Compiler().compile(create_pipeline(config))
    return {node.pipeline_node.node_info.id: MessageToDict(node.pipeline_node) for node in ir.nodes}


def custom_config(node: dict) -> dict:
    return json.loads(node["parameters"]["parameters"]["custom_config"]["fieldValue"]["stringValue"])


def test_the_nodes_are_the_standard_ones_and_read_from_each_other(config):
    compiled = compiled_nodes(config)
    assert {name: set(node.get("upstreamNodes", ())) for name, node in compiled.items()} == UPSTREAM


def test_nodes_are_listed_in_the_order_in_which_they_can_run(config):
    seen = set()
    for node in standard_nodes(config):
        assert UPSTREAM[node.id] <= seen
        seen.add(node.id)
    assert seen == set(UPSTREAM)


def test_every_node_has_a_name_of_its_role(config):
    nodes = standard_nodes(config)
    assert {field.name: getattr(nodes, field.name).id for field in dataclasses.fields(TaxiNodes)} == {
        "example_gen": "CsvExampleGen",
        "statistics_gen": "StatisticsGen",
        "schema_gen": "SchemaGen",
        "example_validator": "ExampleValidator",
        "transform": "Transform",
        "trainer": "Trainer",
        "baseline": "baseline",
        "evaluator": "Evaluator",
        "pusher": "Pusher",
    }


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 0.5},
        {"epochs": 1},
        {"hidden_units": (2,)},
        {"batch_size": 3},
        {"seed": 4},
        {"shuffled_labels": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_hyperparameter_makes_another_trainer_and_nothing_else(config, change):
    before, after = compiled_nodes(config), compiled_nodes(dataclasses.replace(config, **change))
    assert [name for name in before if before[name] != after[name]] == ["Trainer"]
    changed = custom_config(after["Trainer"])["hyperparameters"]
    (name,) = change
    assert changed[name] == (list(change[name]) if name == "hidden_units" else change[name])


def test_user_code_is_named_and_its_digest_recorded(config):
    compiled = compiled_nodes(config)
    digests = {name: custom_config(compiled[name])["source_digest"] for name in ("Transform", "Trainer")}
    assert all(digest.startswith("sha256:") and len(digest) == 71 for digest in digests.values())
    assert digests["Transform"] != digests["Trainer"]
    parameters = {name: compiled[name]["parameters"]["parameters"] for name in digests}
    run_fn, preprocessing_fn = parameters["Trainer"]["run_fn"], parameters["Transform"]["preprocessing_fn"]
    assert run_fn["fieldValue"]["stringValue"] == "pipelines.taxi.trainer.run_fn"
    assert preprocessing_fn["fieldValue"]["stringValue"] == "pipelines.taxi.preprocessing.preprocessing_fn"


@pytest.mark.parametrize("enabled", [True, False])
def test_the_cache_is_on_unless_turned_off(config, enabled):
    options = [
        node["executionOptions"] for node in compiled_nodes(dataclasses.replace(config, enable_cache=enabled)).values()
    ]
    assert [option["cachingOptions"].get("enableCache", False) for option in options] == [enabled] * 9


def test_creating_a_pipeline_writes_nothing(config, tmp_path):
    create_pipeline(config)
    assert list(tmp_path.iterdir()) == []


def test_names_and_places_are_those_of_the_configuration(config, tmp_path):
    pipeline = create_pipeline(dataclasses.replace(config, pipeline_name="my-taxi", beam_pipeline_args=("--a=b",)))
    assert pipeline.pipeline_info.pipeline_name == "my-taxi"
    assert pipeline.pipeline_info.pipeline_root == str(tmp_path / "root")
    assert pipeline.metadata_connection_config.sqlite.filename_uri == str(tmp_path / "metadata.db")
    assert pipeline.beam_pipeline_args == ["--a=b"]


def test_it_compiles_for_kubeflow(config, tmp_path):
    runner = KubeflowV2DagRunner(
        KubeflowV2DagRunnerConfig(default_image="taxi:1"), output_dir=str(tmp_path), output_filename="taxi.json"
    )
    runner.run(create_pipeline(config))
    spec = json.loads((tmp_path / "taxi.json").read_text())["pipelineSpec"]
    assert spec["pipelineInfo"] == {"name": "taxi"}
    resolvers = {"baseline-model-resolver", "baseline-model-blessing-resolver"}
    assert set(spec["root"]["dag"]["tasks"]) == {*UPSTREAM, *resolvers} - {"baseline"}
