"""A pipeline as bytes: what is reviewed, kept and sent."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ama_tfx.errors import AmaError, InvalidInputError
from ama_tfx.registry.secrecy import secret_in_url
from ama_tfx.storage import Digest, make_folders, write_file

__all__ = ["CompiledPipeline", "compiler_refusals", "without_passwords"]


@dataclass(frozen=True)
class CompiledPipeline:
    """What a target made of a pipeline.

    Attributes:
        target: Name of the target that compiled it, and the only one that can run it.
        pipeline_name: The pipeline's own name.
        content: The document in the target's own format: TFX's Pipeline IR (a serialized protocol buffer) for
            ``local``, a KFP PipelineJob (canonical JSON) for ``kubeflow`` and ``vertex``.
    """

    target: str
    pipeline_name: str
    content: bytes = field(repr=False)

    @property
    def digest(self) -> Digest:
        """SHA-256 of the content: equal pipelines have equal digests, in any process."""
        return Digest.of(self.content)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the content to a file that appears whole or not at all; missing folders are made.

        Returns:
            The file's path.
        """
        target = Path(path)
        make_folders(target.parent)
        write_file(target, self.content)
        return target


def without_passwords(compiled: CompiledPipeline) -> CompiledPipeline:
    """Return a compiled pipeline in which no URL holds a password or a token: it is kept, reviewed and sent around.

    What components refuse by themselves never gets here; this is for the parameters of everybody else's, and for the
    configurations of resolvers, which TFX reads when the pipeline runs.

    Raises:
        InvalidInputError: One does; the password is not shown.
    """
    if shown := secret_in_url(compiled.content.decode("latin-1")):  # of a protocol buffer too
        raise InvalidInputError(
            f"pipeline {compiled.pipeline_name!r} holds a URL with a password, {shown!r} and on, which "
            "would be recorded with every run; leave it out and let the component read it from the environment"
        )
    return compiled


@contextlib.contextmanager
def compiler_refusals(pipeline_name: str, target: str) -> Iterator[None]:
    """Turn what TFX's compilers raise for a pipeline that they cannot express into the error that says so.

    Raises:
        InvalidInputError: TFX refused the pipeline; holds its type of error and its reason.
    """
    try:
        yield
    except AmaError:
        raise
    except (AttributeError, KeyError, NotImplementedError, TypeError, ValueError) as error:
        raise InvalidInputError(
            f"pipeline {pipeline_name!r} cannot be compiled for target {target!r}: {type(error).__name__}: {error}"
        ) from error
