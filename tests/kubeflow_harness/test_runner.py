import json
from pathlib import Path

import pytest
from harness_parts import Break, MakeReport, ReadReport, Report, Write
from tfx.components import CsvExampleGen
from tfx.dsl.components.common.importer import Importer
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.dsl.input_resolution.strategies.latest_artifact_strategy import LatestArtifactStrategy
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.pipeline import Pipeline
from tfx.types.channel import Channel
from tfx.types.standard_artifacts import Model, ModelBlessing

from ama_tfx.orchestration import KubeflowOptions, compile_pipeline
from tests.kubeflow_harness.conditions import condition_holds
from tests.kubeflow_harness.runner import NotModelledError, run_job


@pytest.fixture(params=[True, False], ids=["spec 2.1", "spec 2.0"])
def compiled(request):
    """Return a function (components, parameters) -> the compiled job, in each schema version."""

    def compile_job(components, parameters=None):
        pipeline = Pipeline(pipeline_name="demo", pipeline_root="gs://nowhere", components=components)
        options = KubeflowOptions("demo:1", parameters=parameters or {}, use_pipeline_spec_2_1=request.param)
        return compile_pipeline(pipeline, "kubeflow", options).content

    return compile_job


def states(results):
    return {name: result.state for name, result in results.items()}


def written(results, task):
    return Path(results[task].artifacts["out"]["uri"]).read_text()


def test_a_custom_typed_artifact_travels_through_three_nodes(compiled, tmp_path):
    first = Write(text="bread")
    report = MakeReport(source=first.outputs["out"])
    results = run_job(compiled([first, report, ReadReport(report=report.outputs["report"])]), tmp_path)
    assert states(results) == {"Write": "SUCCEEDED", "MakeReport": "SUCCEEDED", "ReadReport": "SUCCEEDED"}
    assert written(results, "ReadReport") == "int:3 float:0.5 str:bread dict:{'words': ['a', 'b']} str:custom"
    assert results["MakeReport"].artifacts["report"]["metadata"] == {
        "rows": 3.0,
        "score": 0.5,
        "title": "bread",
        "details": {"words": ["a", "b"]},
        "note": "custom",
        "tfx_version": "1.16.0",
    }


def test_a_failed_task_tells_why_and_what_is_behind_it_is_skipped(compiled, tmp_path):
    first = Write(text="bread")
    broken = Break(source=first.outputs["out"])
    results = run_job(compiled([first, broken, MakeReport(source=broken.outputs["out"])]), tmp_path)
    assert states(results) == {"Write": "SUCCEEDED", "Break": "FAILED", "MakeReport": "SKIPPED"}
    assert "ValueError: the oven is off" in results["Break"].log


@pytest.mark.parametrize(("answer", "state"), [("bread", "SUCCEEDED"), ("cake", "SKIPPED")])
def test_a_condition_decides(compiled, tmp_path, answer, state):
    first = Write(text="bread")
    report = MakeReport(source=first.outputs["out"])
    with Cond(report.outputs["report"].future()[0].property("title") == answer):
        read = ReadReport(report=report.outputs["report"])
    assert states(run_job(compiled([first, report, read]), tmp_path))["ReadReport"] == state


def test_a_parameter_of_the_job_reaches_the_task(compiled, tmp_path):
    first = Write(text=RuntimeParameter(name="title", ptype=str))
    assert written(run_job(compiled([first], {"title": "cake"}), tmp_path), "Write") == "cake"


def test_a_value_of_another_task_reaches_the_task(compiled, tmp_path):
    first = Write(text="bread").with_id("first")
    second = Write(text=first.outputs["out"].future()[0].value).with_id("second")
    assert written(run_job(compiled([first, second]), tmp_path), "second") == "bread"


def test_an_imported_artifact_is_found_by_a_resolver_in_a_later_run(compiled, tmp_path):
    imported = Importer(source_uri="gs://reports/1", artifact_type=Report).with_id("imported")
    results = run_job(compiled([imported]), tmp_path / "1")
    resolver = Resolver(strategy_class=LatestArtifactStrategy, report=Channel(type=Report)).with_id("latest")
    known = results["imported"].artifacts.values()
    later = run_job(compiled([resolver]), tmp_path / "2", known)
    assert later["latest"].artifacts["report"]["uri"] == "gs://reports/1"


def test_a_resolver_that_finds_nothing_fails(compiled, tmp_path):
    resolver = Resolver(strategy_class=LatestArtifactStrategy, report=Channel(type=Report)).with_id("latest")
    results = run_job(compiled([resolver]), tmp_path)
    assert (results["latest"].state, results["latest"].log) == (
        "FAILED",
        "no artifact of type harness_parts.Report for 'report'",
    )


def test_an_example_gen_runs_behind_its_driver(compiled, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "data.csv").write_text("a,b\n" + "1,2\n" * 100)
    results = run_job(compiled([CsvExampleGen(input_base=str(tmp_path / "data"))]), tmp_path)
    assert states(results) == {"CsvExampleGen": "SUCCEEDED"}, results["CsvExampleGen"].log
    examples = results["CsvExampleGen"].artifacts["examples"]
    assert json.loads(examples["metadata"]["split_names"]) == ["train", "eval"]
    assert len(list(Path(examples["uri"]).rglob("*.gz"))) == 2


def test_a_resolver_that_is_not_modelled_is_refused(compiled, tmp_path):
    channels = {"model": Channel(type=Model), "model_blessing": Channel(type=ModelBlessing)}
    resolver = Resolver(strategy_class=LatestBlessedModelStrategy, **channels).with_id("baseline")
    with pytest.raises(NotModelledError, match="resolves by"):
        run_job(compiled([resolver]), tmp_path)


ARTIFACTS = {"x": {"uri": "gs://a", "metadata": {"blessed": 1.0, "name": "a && !b"}}}


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("(inputs.artifacts['x'].artifacts[0].metadata['blessed'] == 1)", True),
        ("!((inputs.artifacts['x'].artifacts[0].uri == 'gs://a'))", False),
        ("(inputs.artifacts['x'].artifacts[0].metadata['name'] == 'a && !b')", True),
        ("(inputs.artifacts['x'].artifacts[0].metadata['blessed'] > 0.5) && (1 < 2)", True),
        ("(1 < 0) || (2 < 1)", False),
    ],
)
def test_conditions_as_tfx_writes_them(expression, holds):
    assert condition_holds(expression, ARTIFACTS) is holds


@pytest.mark.parametrize("expression", ["size(inputs.artifacts) > 0", "a ? b : c", "[x for x in inputs]"])
def test_other_conditions_are_refused(expression):
    with pytest.raises(NotImplementedError):
        condition_holds(expression, ARTIFACTS)


def test_a_condition_on_a_property_that_is_not_there_is_an_error():
    with pytest.raises(KeyError, match="missing"):
        condition_holds("(inputs.artifacts['x'].artifacts[0].metadata['missing'] == 1)", ARTIFACTS)
