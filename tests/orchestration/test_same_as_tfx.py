"""Our local loop does to a pipeline what TFX's own does."""

from orchestration_parts import Copy, Write
from tfx.orchestration import metadata
from tfx.orchestration.local.local_dag_runner import LocalDagRunner

from ama_tfx.orchestration import run_local


def history(pipeline):
    """What ML Metadata holds after the runs: executions by state, artifacts by type and place below the root."""
    with metadata.Metadata(pipeline.metadata_connection_config) as handle:
        executions = [(e.type, e.State.Name(e.last_known_state)) for e in handle.store.get_executions()]
        root = pipeline.pipeline_info.pipeline_root
        artifacts = [(a.type, a.uri.replace(root, ""), a.state) for a in handle.store.get_artifacts()]
    assert executions
    return executions, artifacts


def test_both_record_the_same_executions_and_artifacts(tmp_path):
    from orchestration_parts import pipeline_of

    recorded = []
    for name, run in (("tfx", LocalDagRunner().run), ("ours", run_local)):
        folder = tmp_path / name
        folder.mkdir()
        for _ in range(2):  # the second time from the cache
            first = Write(text="bread")
            pipeline = pipeline_of([first, Copy(source=first.outputs["out"])], folder)
            run(pipeline)
        recorded.append(history(pipeline))
    assert recorded[0] == recorded[1]
