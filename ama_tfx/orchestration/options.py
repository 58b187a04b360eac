"""What a caller may choose when compiling or running; light, so that front ends can build them without TFX."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ama_tfx.errors import InvalidInputError
from ama_tfx.orchestration.report import NodeProgress

__all__ = ["KubeflowOptions", "LocalRunOptions", "ParameterValue"]

ParameterValue = str | int | float


@dataclass(frozen=True)
class KubeflowOptions:
    """How a pipeline is compiled for ``kubeflow`` and ``vertex``.

    Attributes:
        image: Container image that every component runs in; it must hold ama-tfx and the pipeline's own modules,
            which TFX's public image does not. Or images by node id, with ``default_image_path`` for the others.
        parameters: Values of the pipeline's runtime parameters. Defaults are filled in here, because TFX drops them.
        display_name: What the console shows; the pipeline's name when empty.
        use_pipeline_spec_2_1: Schema 2.1 (Kubeflow Pipelines 2 takes no other; Vertex takes both), else 2.0.
    """

    image: str | Mapping[str, str]
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    display_name: str = ""
    use_pipeline_spec_2_1: bool = True

    def __post_init__(self) -> None:
        if not self.image or not all(self.image.values() if isinstance(self.image, Mapping) else [self.image]):
            raise InvalidInputError(f"image {self.image!r}: must name the container image, as in 'registry/name:tag'")
        if isinstance(self.image, Mapping) and "default_image_path" not in self.image:
            raise InvalidInputError(f"image {dict(self.image)!r}: needs 'default_image_path' for the nodes not named")


@dataclass(frozen=True)
class LocalRunOptions:
    """How a compiled pipeline is run on this machine.

    Attributes:
        run_id: Name of the run in ML Metadata. None takes the time. The id of an earlier run resumes that run: nodes
            that completed are kept, the others run.
        parameters: Values of the pipeline's runtime parameters that have no default or should have another.
        from_nodes: Run only these nodes and what is downstream of them; the outputs of the others are taken from the
            latest run.
        to_nodes: Run only these nodes and what is upstream of them.
        on_progress: Called when a node starts and when it ends, in the thread of the run; what it raises ends the run.
        clock: Gives seconds; only differences are used.
    """

    run_id: str | None = None
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    from_nodes: tuple[str, ...] = ()
    to_nodes: tuple[str, ...] = ()
    on_progress: Callable[[NodeProgress], object] | None = None
    clock: Callable[[], float] = time.monotonic
