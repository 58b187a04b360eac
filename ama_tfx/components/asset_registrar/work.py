"""What AssetRegistrar does, without TFX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ama_tfx.components.blessings import Signal, Verdict
from ama_tfx.registry import AssetRef, Facts, Manifest, Ref, Registered, Registry, default_registry_url

TFX_PREFIX = "tfx."
"""Properties that the artifact itself carries (``tfx.split_names``) are kept under this prefix."""


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
    manifest: Manifest
    alias: str | None
    refusals: tuple[str, ...]


def open_registry(url: str | None) -> Registry:
    """Open the registry of a request, making it when there is none."""
    return Registry(url or default_registry_url(), create=True)


def register(request: Request) -> Outcome:
    """Register the content; refuse the alias, not the version, when a gate did not bless it."""
    registry = open_registry(request.registry)
    refusals = tuple(s.reason for s in request.signals if s.verdict is not Verdict.BLESSED) if request.alias else ()
    provenance = dict(request.provenance)
    if request.signals:
        provenance["gates"] = [
            {"source": s.source, "verdict": s.verdict.value, "reason": s.reason} for s in request.signals
        ]
    if refusals:
        provenance["alias_refused"] = {"alias": request.alias, "reasons": list(refusals)}
    facts = Facts(
        kind=request.kind,
        message=request.message,
        tags=request.tags,
        properties=request.properties,
        refs=tuple(Ref(AssetRef.parse(reference), role) for role, reference in request.refs),
        provenance=provenance,
    )
    alias = None if refusals else request.alias
    registered = registry.register(request.asset, request.content, facts, alias=alias)
    return Outcome(registered, registry.manifest(registered.version.reference), alias, refusals)
