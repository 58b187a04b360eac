"""Layer 6, pipelines: TFX pipeline -> compiled bytes -> target (local, kubeflow, vertex).

Compiling is pure: bytes come out, the same ones each time. Submitting is the only effect, and sends just those bytes:

    compiled = compile_pipeline(pipeline, "local")
    compiled.write(path)                                # what was reviewed ...
    submit(read_compiled(path, "local"))                # ... is what runs

Importing this package imports no TFX: a target's module is imported when the target is named.
"""

from ama_tfx.orchestration.compiled import CompiledPipeline
from ama_tfx.orchestration.options import KubeflowOptions, LocalRunOptions
from ama_tfx.orchestration.report import NodeOutcome, NodeProgress, NodeState, RunReport
from ama_tfx.orchestration.targets import (
    TARGETS,
    Target,
    compile_pipeline,
    load_target,
    read_compiled,
    run_local,
    submit,
)

__all__ = [
    "TARGETS",
    "CompiledPipeline",
    "KubeflowOptions",
    "LocalRunOptions",
    "NodeOutcome",
    "NodeProgress",
    "NodeState",
    "RunReport",
    "Target",
    "compile_pipeline",
    "load_target",
    "read_compiled",
    "run_local",
    "submit",
]
