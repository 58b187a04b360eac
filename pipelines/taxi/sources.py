"""Digests of the taxi modules' sources: how TFX's cache learns that user code has changed.

TFX caches by inputs and execution properties. A function given by name (``run_fn="pipelines.taxi.trainer.run_fn"``)
looks the same whatever it does, so Transform and Trainer also get the digest of the sources that matter to them: of the
sources at hand when the pipeline is created.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec

from ama_tfx.errors import NotFoundError

__all__ = ["TRAINER_MODULES", "TRANSFORM_MODULES", "source_digest"]

TRANSFORM_MODULES = ("pipelines.taxi.features", "pipelines.taxi.preprocessing")
"""Modules that decide what Transform does."""

TRAINER_MODULES = (
    "pipelines.taxi.features",
    "pipelines.taxi.hyperparameters",
    "pipelines.taxi.model",
    "pipelines.taxi.trainer",
)
"""Modules that decide what Trainer does; preprocessing reaches it through the transform graph."""


def source_digest(modules: tuple[str, ...]) -> str:
    """Return ``sha256:<hex>`` over the names and sources of modules, none of which is imported.

    Raises:
        NotFoundError: A module does not exist, or has no source.
    """
    digest = hashlib.sha256()
    for name in sorted(modules):
        source = _source(name)
        digest.update(f"{name}\0{len(source)}\0".encode())
        digest.update(source)
    return f"sha256:{digest.hexdigest()}"


def _source(module: str) -> bytes:
    """Return the source of a module, from a directory or from a zip file."""
    spec = find_spec(module)
    if spec is None or spec.origin is None or not hasattr(spec.loader, "get_data"):
        raise NotFoundError(f"no source of module {module!r} is to be found: it must be an importable .py file")
    return bytes(spec.loader.get_data(spec.origin))
