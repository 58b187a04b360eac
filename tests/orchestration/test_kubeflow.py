import json

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from orchestration_parts import Copy, MakeReport, Write
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.types.channel_utils import union

from ama_tfx.errors import InvalidInputError
from ama_tfx.orchestration import CompiledPipeline, KubeflowOptions, compile_pipeline, read_compiled, submit
from ama_tfx.orchestration.kubeflow import kfp_package
from ama_tfx.orchestration.kubeflow_schema import typed_artifact_schemas

IMAGE = KubeflowOptions(image="registry/demo:1")
SPEC_2_0 = KubeflowOptions(image="registry/demo:1", use_pipeline_spec_2_1=False)


def components():
    first = Write(text="x")
    with Cond(first.outputs["out"].future()[0].uri != "nowhere"):
        inner = Copy(source=first.outputs["out"]).with_id("inner")
    return [first, inner, MakeReport(rows=3)]


def parametrised(default):
    return [Write(text=RuntimeParameter(name="title", ptype=str, default=default))]


def job_of(compiled):
    return json.loads(compiled.content)


@pytest.mark.parametrize("options", [IMAGE, SPEC_2_0])
def test_compiling_twice_gives_the_same_bytes(make_pipeline, tmp_path, options):
    pipeline = make_pipeline(components())
    first, second = (compile_pipeline(pipeline, "kubeflow", options) for _ in range(2))
    other = compile_pipeline(make_pipeline(components()), "kubeflow", options)
    assert first.content == second.content == other.content
    assert len(first.content) > 1000


@pytest.mark.parametrize(("options", "version"), [(IMAGE, "2.1.0"), (SPEC_2_0, "2.0.0")])
def test_the_schema_version_is_an_option(make_pipeline, options, version):
    spec = job_of(compile_pipeline(make_pipeline(components()), "kubeflow", options))["pipelineSpec"]
    assert spec["schemaVersion"] == version


@pytest.mark.parametrize("options", [IMAGE, SPEC_2_0])
def test_an_artifact_type_with_typed_properties_compiles_and_parses(make_pipeline, options):
    compiled = compile_pipeline(make_pipeline([MakeReport(rows=3)]), "kubeflow", options)
    spec = json_format.ParseDict(job_of(compiled)["pipelineSpec"], pipeline_spec_pb2.PipelineSpec())
    schema = spec.components["MakeReport"].output_definitions.artifacts["report"].artifact_type.instance_schema
    assert yaml.safe_load(schema) == {
        "title": "orchestration_parts.TypedReport",
        "type": "object",
        "properties": {"rows": {"type": "integer"}, "score": {"type": "double"}, "title": {"type": "string"}},
    }


def test_the_patch_is_undone_also_after_an_error(make_pipeline):
    original = compiler_utils.get_artifact_schema
    with typed_artifact_schemas():
        assert compiler_utils.get_artifact_schema is not original
    with pytest.raises(ZeroDivisionError), typed_artifact_schemas():
        _ = 1 / 0
    compile_pipeline(make_pipeline(components()), "kubeflow", IMAGE)
    assert compiler_utils.get_artifact_schema is original


def test_a_condition_names_an_input_that_the_task_has(make_pipeline):
    """TFX alone writes ``_Write.out`` here, which is no input of the task."""
    spec = job_of(compile_pipeline(make_pipeline(components()), "kubeflow", IMAGE))["pipelineSpec"]
    task = spec["root"]["dag"]["tasks"]["inner"]
    assert task["triggerPolicy"]["condition"] == "!((inputs.artifacts['source'].artifacts[0].uri == 'nowhere'))"
    assert sorted(task["inputs"]["artifacts"]) == ["source"]


def test_every_container_runs_the_image(make_pipeline):
    spec = job_of(compile_pipeline(make_pipeline(components()), "kubeflow", IMAGE))["pipelineSpec"]
    images = [executor["container"]["image"] for executor in spec["deploymentSpec"]["executors"].values()]
    assert images == ["registry/demo:1"] * 3


def test_images_may_differ_by_node(make_pipeline):
    options = KubeflowOptions(image={"Write": "writer:1", "default_image_path": "other:1"})
    spec = job_of(compile_pipeline(make_pipeline(components()), "kubeflow", options))["pipelineSpec"]
    executors = spec["deploymentSpec"]["executors"]
    images = {name: executor["container"]["image"] for name, executor in executors.items()}
    assert images == {"Write_executor": "writer:1", "inner_executor": "other:1", "MakeReport_executor": "other:1"}


@pytest.mark.parametrize("image", ["", {}, {"Write": "writer:1"}, {"default_image_path": ""}])
def test_options_without_image_are_refused(image):
    with pytest.raises(InvalidInputError, match="image"):
        KubeflowOptions(image=image)


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_compiling_without_image_is_refused(make_pipeline, target):
    with pytest.raises(InvalidInputError, match=f"target '{target}' needs the image"):
        compile_pipeline(make_pipeline(components()), target)


@pytest.mark.parametrize(("parameters", "value"), [({}, "bread"), ({"title": "cake"}, "cake")])
def test_the_default_of_a_runtime_parameter_is_kept(make_pipeline, parameters, value):
    options = KubeflowOptions(image="demo:1", parameters=parameters)
    job = job_of(compile_pipeline(make_pipeline(parametrised("bread")), "kubeflow", options))
    assert job["runtimeConfig"]["parameterValues"] == {"title": value}


def test_a_runtime_parameter_without_value_is_refused(make_pipeline):
    with pytest.raises(InvalidInputError, match=r"parameters without value: \['title'\]"):
        compile_pipeline(make_pipeline(parametrised(None)), "kubeflow", IMAGE)


def test_an_unknown_parameter_is_refused(make_pipeline):
    options = KubeflowOptions(image="demo:1", parameters={"titel": "cake"})
    with pytest.raises(InvalidInputError, match=r"unknown parameter 'titel'; known: \['title'\]; did you mean 'title'"):
        compile_pipeline(make_pipeline(parametrised("bread")), "kubeflow", options)


def test_what_kubeflow_cannot_express_is_refused_with_tfx_s_reason(make_pipeline):
    first, second = Write(text="a").with_id("first"), Write(text="b").with_id("second")
    joined = Copy(source=union([first.outputs["out"], second.outputs["out"]]))
    with pytest.raises(InvalidInputError, match="cannot be compiled for target 'vertex': TypeError: Only single Chan"):
        compile_pipeline(make_pipeline([first, second, joined]), "vertex", IMAGE)


def test_an_illegal_pipeline_name_is_refused(make_pipeline):
    with pytest.raises(InvalidInputError, match="pipeline 'my_demo' cannot be compiled for target 'kubeflow'"):
        compile_pipeline(make_pipeline(components(), pipeline_name="my_demo"), "kubeflow", IMAGE)


def test_a_pipeline_without_nodes_is_refused(make_pipeline):
    with pytest.raises(InvalidInputError, match="pipeline 'demo' has no nodes"):
        compile_pipeline(make_pipeline([]), "kubeflow", IMAGE)


@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_what_was_written_can_be_read(make_pipeline, tmp_path, target):
    compiled = compile_pipeline(make_pipeline(components()), target, IMAGE)
    assert read_compiled(compiled.write(tmp_path / "job.json"), target) == compiled
    assert (compiled.target, compiled.pipeline_name) == (target, "demo")


def test_a_field_that_kfp_does_not_know_is_refused(make_pipeline, tmp_path):
    job = job_of(compile_pipeline(make_pipeline(components()), "kubeflow", IMAGE))
    job["pipelineSpec"]["deploymentSpec"]["executers"] = {}
    (tmp_path / "job.json").write_text(json.dumps(job))
    with pytest.raises(InvalidInputError, match="executers"):
        read_compiled(tmp_path / "job.json", "kubeflow")


@pytest.mark.parametrize(
    ("target", "says"), [("kubeflow", "kfp --endpoint URL run create"), ("vertex", r"aiplatform\.PipelineJob\(")]
)
def test_submitting_is_refused_and_says_how_to(target, says):
    with pytest.raises(InvalidInputError, match=f"target '{target}' is submitted to with its own client.*{says}"):
        submit(CompiledPipeline(target, "demo", b"{}"))


def test_the_package_for_the_kfp_client_is_the_spec_with_the_jobs_settings_as_defaults(make_pipeline, tmp_path):
    package = kfp_package(compile_pipeline(make_pipeline(parametrised("bread")), "kubeflow", IMAGE))
    spec = json_format.ParseDict(yaml.safe_load(package), pipeline_spec_pb2.PipelineSpec())
    assert spec.pipeline_info.name == "demo"
    assert spec.default_pipeline_root == str(tmp_path / "artifacts")
    assert spec.root.input_definitions.parameters["title"].default_value.string_value == "bread"


def test_schema_2_0_cannot_be_packaged_for_the_kfp_client(make_pipeline):
    with pytest.raises(InvalidInputError, match=r"use_pipeline_spec_2_1=True"):
        kfp_package(compile_pipeline(make_pipeline(components()), "kubeflow", SPEC_2_0))
