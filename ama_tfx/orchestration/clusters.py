"""What runs on this machine and not, or not as meant, in the containers of a cluster."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from tfx.dsl.components.common.resolver import RESOLVER_STRATEGY_CLASS, Resolver, ResolverStrategy
from tfx.dsl.input_resolution.strategies.latest_artifact_strategy import LatestArtifactStrategy
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy

from ama_tfx.errors import InvalidInputError

if TYPE_CHECKING:
    from tfx.dsl.components.base.base_node import BaseNode
    from tfx.orchestration.pipeline import Pipeline

__all__ = ["MOUNTED", "LocalRegistryWarning", "check_for_clusters"]

MOUNTED = ("/gcs/", "/mnt/")
"""Where clusters mount what outlives a container: Vertex its buckets and NFS, Kubernetes volumes as a rule."""


class LocalRegistryWarning(UserWarning):
    """A component's registry is a folder, which on a cluster is one of its container."""


def check_for_clusters(pipeline: Pipeline, target: str) -> None:
    """Refuse what the target cannot run, and warn of what is lost there.

    Raises:
        InvalidInputError: A resolver has a strategy of one's own.
    """
    for node in pipeline.components:
        _refuse_strategy(node, target)
        _warn_of_folder(node, pipeline.pipeline_name, target)


def _refuse_strategy(node: BaseNode, target: str) -> None:
    strategy = node.exec_properties.get(RESOLVER_STRATEGY_CLASS) if isinstance(node, Resolver) else None
    runs = (LatestArtifactStrategy, LatestBlessedModelStrategy)
    if strategy is None or not issubclass(strategy, ResolverStrategy) or issubclass(strategy, runs):
        return
    raise InvalidInputError(
        f"node {node.id!r} has the strategy {strategy.__name__}, and target {target!r} runs "
        f"{' and '.join(each.__name__ for each in runs)} only; to take a version from the registry use AssetImporter, "
        "which needs it to be there; where a first run has none yet, leave the node out and give the reference to "
        "BlessingValidator(champion=…), which compares with what the registry knows of it"
    )


def _warn_of_folder(node: BaseNode, pipeline_name: str, target: str) -> None:
    folder = node.exec_properties.get("registry")
    if not isinstance(folder, str) or not folder or "://" in folder or folder.startswith(MOUNTED):
        return
    warnings.warn_explicit(
        f"registry {folder!r} of node {node.id!r} is a folder, on target {target!r} one of the node's own container, "
        "which is lost when it ends, though the run says complete; give a registry on PostgreSQL and a bucket, or a "
        f"folder of a volume that is mounted into every container (nothing is said below {' and '.join(MOUNTED)})",
        LocalRegistryWarning,
        # Of the pipeline, not of a line of code: which nodes it has is known here alone.
        filename=f"pipeline {pipeline_name!r}",
        lineno=0,
        module=f"pipeline {pipeline_name}",
    )
