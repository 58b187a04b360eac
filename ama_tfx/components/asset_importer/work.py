"""What AssetImporter does, without TFX."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ama_tfx.errors import ConflictError, IntegrityError, InvalidInputError
from ama_tfx.registry import DEFAULT_WORKSPACE, AssetRef, Details, Manifest, Registry, Version, default_registry_url
from ama_tfx.storage import canonical_json, parse_json

TFX_PREFIX = "tfx."
"""Properties that an artifact itself carries (``tfx.split_names``) are registered under this prefix."""

UNTYPED = "Files"
"""The kind of a version whose author did not say what it is; it may be imported as anything."""

REFERENCE_FILE = "reference.json"
"""Of an artifact that is linked: what it stands for."""

FORMAT_PROPERTIES = ("file_format", "payload_format")
"""Custom properties of Examples that say how to read them; of all that TFX noted when they were made, only these say
something of the content and not of that run."""


@dataclass(frozen=True)
class Import:
    """One import.

    Attributes:
        registry: URL; None for the environment's.
        reference: What; in the executor by digest where a driver has run, by alias where none has.
        kind: TFX's name of the type that the artifact is to have.
        properties: Typed properties that the pipeline gives; they count more than the recorded ones.
    """

    registry: str | None
    reference: str
    kind: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Imported:
    """What an artifact is told: which version it is, its manifest, typed properties, and how to read its files."""

    version: Version
    manifest: Manifest
    properties: Mapping[str, Any]
    formats: Mapping[str, str]


def open_existing(url: str | None) -> Registry:
    """Open the registry of an import; one that does not exist has nothing to import, so none is made."""
    return Registry(url or default_registry_url())


def parse_importable(reference: str) -> AssetRef:
    """Return a reference that names a version.

    Raises:
        InvalidInputError: It is none, or names a path in one.
    """
    ref = AssetRef.parse(reference, DEFAULT_WORKSPACE)
    if ref.path is not None:
        whole = AssetRef(ref.asset, ref.selector)
        raise InvalidInputError(f"asset {reference!r} names a path in a version; expected the version: {str(whole)!r}")
    return ref


def locate(registry: Registry, reference: str, kind: str) -> Details:
    """Return the version that a reference means now, if it can be imported as this type.

    Raises:
        NotFoundError, ConflictError, IntegrityError: As `locate_version` says.
        InvalidInputError: It is of another kind.
    """
    details = locate_version(registry, reference)
    version = details.version
    if version.kind not in {kind, UNTYPED}:
        raise InvalidInputError(
            f"{reference!r} means version {version.number}, of kind {version.kind!r}, which cannot be imported as "
            f"{kind!r}; expected artifact_type to be the type named {version.kind!r}, or a version of kind {kind!r}"
        )
    return details


def locate_version(registry: Registry, reference: str) -> Details:
    """Return the version that a reference means now, if its files are kept.

    Raises:
        NotFoundError: No such asset, alias or version.
        ConflictError: It is retired.
        IntegrityError: Its manifest is lost or damaged.
    """
    details = registry.show(parse_importable(reference))
    version = details.version
    if details.retired is not None:
        raise ConflictError(
            f"{reference!r} means version {version.number}, which is retired "
            f"({details.retired.reason or 'no reason'}): "
            "its files are not kept; name another version, or undo that with `ama retire --undo`"
        )
    return details


def fetch(request: Import, target: Path, *, one_file: bool) -> Imported:
    """Write a version's files to a folder, or its one file to a file; verified, whole or not at all.

    Raises:
        ConflictError, IntegrityError, InvalidInputError, NotFoundError: As `locate` says; or bytes are lost or damaged,
            or the version does not hold exactly one file where one is wanted.
    """
    with open_existing(request.registry) as registry:
        details = locate(registry, request.reference, request.kind)
        wanted = details.version.reference
        if one_file:
            paths = [entry.path for entry in details.files]
            if len(paths) != 1:
                raise InvalidInputError(
                    f"{request.reference!r} holds {len(paths)} files; expected one, which is what a {request.kind} is"
                )
            wanted = AssetRef(wanted.asset, wanted.selector, paths[0])
        registry.download(wanted, target)
        return _imported(registry, details, request)


def link(request: Import) -> tuple[Imported, dict[str, bytes]]:
    """Return a version and the documents that stand for its content: where it is, and its manifest; nothing is read.

    Raises:
        ConflictError, IntegrityError, InvalidInputError, NotFoundError: As `locate` says.
    """
    with open_existing(request.registry) as registry:
        details = locate(registry, request.reference, request.kind)
        imported = _imported(registry, details, request)
        document = {
            "schema_version": 1,
            "reference": str(details.version.reference),
            "registry": str(registry.location),
        }
    documents = {REFERENCE_FILE: canonical_json(document), "manifest.json": imported.manifest.to_bytes()}
    return imported, documents


def fetch_linked(document: bytes, target: Path) -> None:
    """Write the files that a reference document stands for to a folder.

    Raises:
        IntegrityError: It is no reference document, or bytes are lost or damaged.
    """
    try:
        told = parse_json(document, REFERENCE_FILE)
        url, reference = told["registry"], AssetRef.parse(told["reference"])
    except (InvalidInputError, KeyError, TypeError) as error:
        raise IntegrityError(f"not a {REFERENCE_FILE} of AssetImporter: {error}") from error
    with open_existing(url) as registry:
        registry.download(reference, target)


def parse_properties(text: str) -> dict[str, Any]:
    """Return the typed properties that a component's parameter holds."""
    found: dict[str, Any] = json.loads(text)
    return found


def _imported(registry: Registry, details: Details, request: Import) -> Imported:
    recorded = {
        key[len(TFX_PREFIX) :]: value for key, value in details.properties.items() if key.startswith(TFX_PREFIX)
    }
    manifest = registry.manifest(details.version.reference)
    return Imported(details.version, manifest, {**recorded, **request.properties}, _formats(details))


def _formats(details: Details) -> dict[str, str]:
    """Return how to read the files, as the newest registration that knows it says."""
    for registration in reversed(details.registrations):
        noted = registration.provenance.get("artifact_properties")
        if isinstance(noted, Mapping):
            return {key: str(noted[key]) for key in FORMAT_PROPERTIES if key in noted}
    return {}
