"""What AssetRegistrar does, without TFX."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ama_tfx.components.asset_importer.work import TFX_PREFIX
from ama_tfx.components.blessings import Blessing, Signal
from ama_tfx.errors import InvalidInputError
from ama_tfx.registry import (
    AssetRef,
    Facts,
    Manifest,
    Ref,
    Registered,
    Registry,
    check_label,
    default_registry_url,
)
from ama_tfx.storage import canonical_json


@dataclass(frozen=True)
class Request:
    """One registration.

    Attributes:
        registry: URL; None for the environment's (`default_registry_url`).
        asset: Name of the asset.
        kind: TFX's type name of the artifact.
        content: What TFX wrote.
        alias: Wanted for the version; set only when every signal is *blessed*.
        message: For people.
        tags: Labels.
        properties: Facts, the user's and the artifact's.
        refs: Role and reference by digest of what it was made from.
        signals: What the gates said.
        provenance: Run, code and environment.
    """

    registry: str | None
    asset: str
    kind: str
    content: Path
    alias: str | None = None
    message: str = ""
    tags: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    refs: tuple[tuple[str, str], ...] = ()
    signals: tuple[Signal, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came of a request: ``refusals`` say why the alias was not set; none means that it was, if wanted."""

    registered: Registered
    alias: str | None
    refusals: tuple[str, ...]


def recordable(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return an artifact's own properties as facts that a manifest can carry.

    What JSON does not carry exactly (a span in nanoseconds, NaN) is kept as text; a name that cannot be a property's is
    left out.
    """
    facts: dict[str, Any] = {}
    for name, value in properties.items():
        with contextlib.suppress(InvalidInputError):
            key = check_label(f"{TFX_PREFIX}{name}", "property")
            facts[key] = value if _is_exact(value) else str(value)
    return facts


def _is_exact(value: Any) -> bool:
    try:
        canonical_json(value)
    except InvalidInputError:
        return False
    return True


def open_registry(url: str | None) -> Registry:
    """Open the registry of a request, making it when there is none."""
    return Registry(url or default_registry_url(), create=True)


def moved_on(registry: Registry, asset: str, alias: str) -> int:
    """Return how often an alias was moved away from a version, or removed."""
    if not registry.exists(asset):
        return 0
    return sum(move.from_version is not None for move in registry.alias_moves(asset, alias))


def register(request: Request, before_commit: Callable[[Manifest], object]) -> Outcome:
    """Register the content; refuse the alias, not the version, when a gate did not bless it.

    Args:
        request: What.
        before_commit: Called with the manifest while nothing is visible yet; what it raises undoes the registration.
    """
    refusals = tuple(s.reason for s in request.signals if s.blessing is not Blessing.BLESSED) if request.alias else ()
    facts = Facts(
        kind=request.kind,
        message=request.message,
        tags=request.tags,
        properties=request.properties,
        refs=tuple(Ref(AssetRef.parse(reference), role) for role, reference in request.refs),
        provenance=_provenance(request, refusals),
    )
    with contextlib.closing(open_registry(request.registry)) as registry:
        registered = registry.register(
            request.asset,
            request.content,
            facts,
            alias=None if refusals else request.alias,
            before_commit=before_commit,
        )
    if registered.alias_refused:
        refusals = (registered.alias_refused,)
    return Outcome(registered, None if refusals else request.alias, refusals)


def _provenance(request: Request, refusals: tuple[str, ...]) -> dict[str, Any]:
    provenance = dict(request.provenance)
    if request.signals:
        provenance["gates"] = [
            {"source": s.source, "verdict": s.blessing.value, "reason": s.reason} for s in request.signals
        ]
    if refusals:
        provenance["alias_refused"] = {"alias": request.alias, "reasons": list(refusals)}
    return provenance
