from pathlib import Path

import pytest
from ml_metadata.proto.metadata_store_pb2 import ConnectionConfig, SqliteMetadataSourceConfig
from orchestration_parts import Copy, Write, latest_blessed_model, pipeline_of
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.dsl.placeholder.placeholder import output
from tfx.orchestration.pipeline import Pipeline
from tfx.proto.orchestration.pipeline_pb2 import PipelineInfo

from ama_tfx.errors import InvalidInputError
from ama_tfx.orchestration import KubeflowOptions, compile_pipeline, read_compiled, run_local, submit


def components():
    """Enough nodes that the order of a hash map shows, and a condition."""
    first = Write(text="x")
    with Cond(first.outputs["out"].future()[0].uri != "nowhere"):
        inner = Copy(source=first.outputs["out"]).with_id("inner")
    copies = [Copy(source=first.outputs["out"]).with_id(f"copy_{number}") for number in range(8)]
    return [first, inner, latest_blessed_model(), *copies]


def compiled(pipeline):
    return compile_pipeline(pipeline, "local")


def test_compiling_one_pipeline_twice_gives_the_same_bytes(make_pipeline):
    pipeline = make_pipeline(components())
    assert compiled(pipeline).content == compiled(pipeline).content != b""


def test_equal_pipelines_compile_to_the_same_bytes(make_pipeline):
    assert compiled(make_pipeline(components())).digest == compiled(make_pipeline(components())).digest


def test_compiling_for_kubeflow_in_between_changes_nothing(make_pipeline):
    pipeline = make_pipeline(components())
    before = compiled(pipeline)
    compile_pipeline(pipeline, "kubeflow", KubeflowOptions(image="demo:1"))
    assert compiled(pipeline) == before


def test_another_process_compiled_it_to_the_same_bytes():
    """TFX's own bytes differ by process. A new TFX may change this digest: look why, then pin it anew."""
    store = ConnectionConfig(sqlite=SqliteMetadataSourceConfig(filename_uri="/nowhere/metadata.db"))
    pipeline = pipeline_of(components(), Path("/nowhere"), metadata_connection_config=store)
    assert str(compiled(pipeline).digest) == "sha256:608e2bc0a8f2837ba93654c338c1c0c3ca9503cccbfb51c633dac56ec99d4c38"


def test_a_changed_parameter_changes_the_digest(make_pipeline):
    one, other = (compiled(make_pipeline([Write(text=text)])) for text in "ab")
    assert one.digest != other.digest


def test_what_was_written_is_what_runs(make_pipeline, tmp_path):
    written = compiled(make_pipeline([Write(text="bread")]))
    path = written.write(tmp_path / "demo.pb")
    read = read_compiled(path, "local")
    assert read == written
    assert submit(read).is_success
    outputs = list((tmp_path / "artifacts" / "Write").rglob("value"))
    assert [file.read_text() for file in outputs] == ["bread"]


def test_submitting_does_not_change_the_bytes(make_pipeline):
    bytes_sent = compiled(make_pipeline([Write(text="bread")]))
    before = bytes_sent.digest
    assert submit(bytes_sent).run_id != submit(bytes_sent).run_id
    assert bytes_sent.digest == before


def test_a_pipeline_without_nodes_is_refused(make_pipeline):
    with pytest.raises(InvalidInputError, match="not a pipeline that can run: name 'demo', 0 nodes"):
        compiled(make_pipeline([]))


def test_a_pipeline_without_metadata_store_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="pipeline 'demo' has no ML Metadata store; pass Pipeline"):
        compiled(pipeline_of([Write(text="x")], tmp_path, metadata_connection_config=None))


def test_a_pipeline_of_pipelines_is_refused(make_pipeline):
    inner = Pipeline(pipeline_name="inner", components=[Write(text="x")])
    with pytest.raises(InvalidInputError, match="holds other pipelines"):
        compiled(make_pipeline([inner]))


def test_a_platform_config_of_another_target_is_refused(make_pipeline):
    pipeline = make_pipeline([Write(text="x").with_platform_config(PipelineInfo(id="no platform config"))])
    with pytest.raises(
        InvalidInputError, match="pipeline 'demo' cannot run on target 'local': Platform config of Write"
    ):
        compiled(pipeline)


def test_what_tfx_cannot_express_is_refused_with_its_reason(make_pipeline):
    pipeline = make_pipeline([Write(text=output("out").uri)])
    with pytest.raises(InvalidInputError, match="'demo' cannot be compiled for target 'local': ValueError: E"):
        compiled(pipeline)


def test_options_of_another_target_are_refused(make_pipeline):
    pipeline = make_pipeline([Write(text="x")])
    with pytest.raises(InvalidInputError, match="target 'local' takes no options to compile"):
        compile_pipeline(pipeline, "local", KubeflowOptions(image="demo:1"))
    with pytest.raises(InvalidInputError, match="target 'local' takes LocalRunOptions"):
        run_local(pipeline, KubeflowOptions(image="demo:1"))
