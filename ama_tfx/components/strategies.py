"""Resolver strategies: which of a pipeline's artifacts is the one that the registry names, or the best.

For TFX's ``Resolver``, where TFX runs strategies of one's own: locally. Kubeflow and Vertex refuse them; there, and
wherever the artifact is to come from the registry itself, `AssetImporter` does the job.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from absl import logging
from tfx import types
from tfx.dsl.components.common.resolver import ResolverStrategy
from tfx.orchestration.portable.input_resolution import exceptions

from ama_tfx.components.asset_importer.work import locate_version, open_existing, parse_importable
from ama_tfx.components.registry_url import without_secret
from ama_tfx.components.types import Asset
from ama_tfx.errors import AmaError, ConflictError, InvalidInputError, NotFoundError
from ama_tfx.registry import AssetRef, Registry, check_label
from ama_tfx.registry.metric_directions import higher_is_better

_INPUT, _OUTPUT = 3, 4
"""ML Metadata's numbers of events."""

_BRING = "what another pipeline made, or was made elsewhere, bring in with AssetImporter"

ArtifactDict = dict[str, list[types.Artifact]]


class InvalidStrategyError(InvalidInputError, exceptions.InvalidArgument):
    """A parameter that can never work, in a form whose text TFX tells: of any other it says "internal error"."""


class UnresolvedError(NotFoundError, exceptions.FailedPreconditionError):
    """The registry names nothing that can be taken, in a form whose text TFX tells."""


class ElsewhereError(ConflictError):
    """The registry names a version, and none of this pipeline's artifacts is it."""


class AliasStrategy(ResolverStrategy):
    """Takes the artifact that a reference of the registry means now.

    It chooses among the artifacts that TFX gives a Resolver: those that pipelines of this name made, or imported, in
    this metadata store. An artifact is the version when AssetRegistrar registered it, or AssetImporter made it, as
    that; of several, which have the same content, the newest is taken. The registry is asked in every run, so a moved
    alias is followed.

    Example::

        champion = Resolver(
            strategy_class=AliasStrategy,
            config={"asset": "taxi/model:champion", "registry": "registry"},
            model=Channel(type=Model),
        ).with_id("Champion")

    Args:
        asset: As for `AssetImporter`.
        registry: As for `AssetImporter`.
        optional: Whether it is no error that there is no such registry, asset or alias yet; then the resolver gives
            nothing, as TFX's ``LatestBlessedModelStrategy`` does in a first run. A version that is there and is none
            of this pipeline's artifacts fails all the same.

    Raises:
        InvalidStrategyError: A parameter that can never work; TFX makes strategies when a pipeline runs, so not before.
    """

    def __init__(self, asset: str, registry: str | None = None, optional: bool = False):
        with _told_by_tfx():
            self._ref = parse_importable(asset)
            self._registry, self._optional = without_secret(registry), optional

    def resolve_artifacts(self, store: Any, input_dict: ArtifactDict) -> ArtifactDict | None:
        """Return, of each input's artifacts, the one that is the version.

        Raises:
            UnresolvedError: There is no such version, it is retired, or none of the artifacts is it.
        """
        return _chosen(input_dict, lambda: self._find(store, input_dict), optional=self._optional)

    def _find(self, store: Any, input_dict: ArtifactDict) -> ArtifactDict:
        with open_existing(self._registry) as registry:
            reference = locate_version(registry, str(self._ref)).version.reference
            return _take(store, registry, reference, input_dict)


class BestAssetStrategy(ResolverStrategy):
    """Takes the artifact whose version has the best value of a metric that is noted in the registry.

    Versions that are retired, or that none of the artifacts is, are passed over.

    Example::

        Resolver(
            strategy_class=BestAssetStrategy,
            config={"asset": "taxi/model", "metric": "auc"},
            model=Channel(type=Model),
        )

    Args:
        asset: The asset.
        metric: Name of the metric, as ``ama metrics`` shows it.
        highest: Whether more is better; None to tell that from the metric's name.
        registry: As for `AssetImporter`.
        optional: Whether it is no error that no version has the metric yet.

    Raises:
        InvalidStrategyError: A parameter that can never work, or a metric whose name does not say what is better.
    """

    def __init__(
        self,
        asset: str,
        metric: str,
        highest: bool | None = None,
        registry: str | None = None,
        optional: bool = False,
    ):
        known = higher_is_better(metric) if highest is None else highest
        with _told_by_tfx():
            self._asset = parse_importable(asset).asset
            if AssetRef(self._asset) != parse_importable(asset):
                raise InvalidInputError(
                    f"asset {asset!r} names a version; expected the asset alone: {self._asset.name!r}"
                )
            self._metric = check_label(metric, "metric")
            if known is None:
                raise InvalidInputError(f"metric {metric!r}: is more of it better? Say highest=True or highest=False")
            self._highest, self._registry, self._optional = known, without_secret(registry), optional

    def resolve_artifacts(self, store: Any, input_dict: ArtifactDict) -> ArtifactDict | None:
        """Return, of each input's artifacts, the best one.

        Raises:
            UnresolvedError: No version has the metric, or none of the artifacts is one that has.
        """
        return _chosen(input_dict, lambda: self._find(store, input_dict), optional=self._optional)

    def _find(self, store: Any, input_dict: ArtifactDict) -> ArtifactDict:
        with open_existing(self._registry) as registry:
            ranked = self._ranked(registry)
            for reference in ranked:
                with contextlib.suppress(NotFoundError, ConflictError):  # foreign, and retired ones
                    locate_version(registry, str(reference))
                    return _take(store, registry, reference, input_dict)
        if not ranked:
            raise NotFoundError(
                f"no version of {str(self._asset)!r} has the metric {self._metric!r}; note it with `ama metrics`"
            )
        raise ElsewhereError(
            f"of the versions of {str(self._asset)!r} with the metric {self._metric!r} ({len(ranked)}) each is retired "
            f"or none of this pipeline's artifacts; {_BRING}"
        )

    def _ranked(self, registry: Registry) -> list[AssetRef]:
        """Return the versions that have the metric, the best first, of equal ones the newer."""
        found = registry.search(f'name:"{self._asset.name}"', limit=None, workspace=self._asset.workspace)
        sign = -1 if self._highest else 1
        measured = [(sign * m.metrics[self._metric], -m.version.number, m) for m in found if self._metric in m.metrics]
        return [match.version.reference for _, _, match in sorted(measured, key=lambda each: each[:2])]


def _chosen(input_dict: ArtifactDict, find: Any, *, optional: bool) -> ArtifactDict:
    with _told_by_tfx():
        try:
            return find()
        except NotFoundError as error:
            if not optional:
                raise
            logging.warning("the resolver gives nothing: %s", error)
            return {key: [] for key in input_dict}


@contextlib.contextmanager
def _told_by_tfx() -> Iterator[None]:
    try:
        yield
    except InvalidInputError as error:
        raise InvalidStrategyError(str(error)) from error
    except AmaError as error:
        raise UnresolvedError(str(error)) from error


def _take(store: Any, registry: Registry, reference: AssetRef, input_dict: ArtifactDict) -> ArtifactDict:
    """Return the newest artifact of each input that is a version.

    Raises:
        ElsewhereError: None of them is.
    """
    ids = set(_registered_as(store, str(reference)))
    uris = {entry.provenance.get("artifact_uri") for entry in registry.show(reference).registrations}
    found = {}
    for key, artifacts in input_dict.items():
        fitting = [each for each in artifacts if each.id in ids or _is(each, str(reference)) or each.uri in uris]
        if not fitting:
            raise ElsewhereError(
                f"none of the {len(artifacts)} artifacts of {key!r} that pipelines of this name made or imported is "
                f"{str(reference)!r}; {_BRING}"
            )
        found[key] = [max(fitting, key=lambda each: each.id)]
    return found


def _is(artifact: types.Artifact, reference: str) -> bool:
    """Return whether an artifact says itself that it is a version: an imported one, or an Asset."""
    if isinstance(artifact, Asset):
        return artifact.reference == reference
    return artifact.get_string_custom_property("reference") == reference


def _registered_as(store: Any, reference: str) -> Iterator[int]:
    """Yield the ids of what AssetRegistrar took when it gave an Asset with this reference."""
    assets = [one.id for one in store.get_artifacts_by_type(Asset.TYPE_NAME) if _reference(one) == reference]
    given = store.get_events_by_artifact_ids(assets) if assets else []
    executions = [event.execution_id for event in given if event.type == _OUTPUT]
    taken = store.get_events_by_execution_ids(executions) if executions else []
    for event in taken:
        if event.type == _INPUT and any(step.key == "artifact" for step in event.path.steps):
            yield event.artifact_id


def _reference(asset: Any) -> str:
    return str(asset.properties["reference"].string_value)
