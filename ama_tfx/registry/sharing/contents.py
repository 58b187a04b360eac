"""What a bundle says it holds: values, and the index document that they are read from and written to."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ama_tfx.catalog import Registration
from ama_tfx.errors import AmaError, FormatError, IntegrityError, InvalidInputError
from ama_tfx.registry.aliases.reasons import check_told
from ama_tfx.registry.names import (
    Alias,
    AssetName,
    AssetRef,
    SemanticVersion,
    check_label,
    check_text,
    is_pinned,
    settable_alias,
)
from ama_tfx.storage import Digest, canonical_json, parse_json

FORMAT = "ama-bundle/1"
MOST_PART = 999_999
"""What a part of MAJOR.MINOR.PIPELINE may be that comes from elsewhere: with more, versions to come find no number."""

_KEYS = {"aliases", "descriptions", "format", "registry", "roots", "versions"}


@dataclass(frozen=True)
class BundledVersion:
    """A version in a bundle, as the registry that made it knew it.

    Attributes:
        reference: By digest.
        number, semantic, message, created_at, created_by, tags, registrations: Of the version there.
        metrics: Name -> value.
        manifest_bytes: How long its manifest is.
        retired: Why it was retired, or None; the files of a retired version are not in the bundle.
    """

    reference: AssetRef
    number: int
    semantic: SemanticVersion
    message: str
    created_at: datetime.datetime
    created_by: str
    manifest_bytes: int
    tags: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    registrations: tuple[Registration, ...] = ()
    retired: str | None = None

    @property
    def asset(self) -> AssetName:
        """Whose version it is."""
        return self.reference.asset

    @property
    def digest(self) -> Digest:
        """Its manifest's."""
        assert isinstance(self.reference.selector, Digest)
        return self.reference.selector

    def to_json(self) -> dict[str, Any]:
        """Return its entry in the index."""
        return {
            "reference": str(self.reference),
            "version": self.number,
            "semantic": str(self.semantic),
            "message": self.message,
            "created_at": self.created_at.isoformat(),
            "created_by": self.created_by,
            "manifest_bytes": self.manifest_bytes,
            "tags": sorted(self.tags),
            "metrics": dict(self.metrics),
            "registrations": [
                {
                    "registered_at": entry.registered_at.isoformat(),
                    "registered_by": entry.registered_by,
                    "provenance": dict(entry.provenance),
                }
                for entry in self.registrations
            ],
            "retired": self.retired,
        }


@dataclass(frozen=True, slots=True, order=True)
class BundledAlias:
    """An alias in a bundle: of which asset, its name, and the version it points at."""

    asset: AssetName
    alias: str
    digest: Digest

    def to_json(self) -> dict[str, str]:
        """Return its entry in the index."""
        return {"asset": str(self.asset), "alias": self.alias, "digest": str(self.digest)}


@dataclass(frozen=True)
class BundleIndex:
    """The first member of a bundle.

    Attributes:
        registry_id: Of the registry that made it.
        roots: What was asked for, by digest; the other versions are what those were made from.
        versions: In the order in which they were registered: each is made from earlier ones only.
        aliases: Of these versions.
        descriptions: Asset -> what it is, in words.
    """

    registry_id: str
    roots: tuple[AssetRef, ...]
    versions: tuple[BundledVersion, ...]
    aliases: tuple[BundledAlias, ...] = ()
    descriptions: Mapping[AssetName, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the canonical bytes."""
        return canonical_json(
            {
                "format": FORMAT,
                "registry": self.registry_id,
                "roots": sorted(map(str, self.roots)),
                "versions": [version.to_json() for version in self.versions],
                "aliases": [alias.to_json() for alias in sorted(self.aliases)],
                "descriptions": {str(asset): text for asset, text in self.descriptions.items()},
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> BundleIndex:
        """Read an index, trusting nothing.

        Raises:
            FormatError: Of another format.
            IntegrityError: Not an index, or not in canonical form.
        """
        try:
            index = cls._read(_with_keys(_of_this_format(parse_json(content, "the bundle's index")), _KEYS))
        except FormatError:
            raise
        except (AmaError, TypeError, ValueError, AttributeError) as error:
            raise IntegrityError(f"the bundle's index was not written by ama-tfx: {error}") from error
        if index.to_bytes() != content:
            raise IntegrityError("the bundle's index is not in canonical form; it was not written by ama-tfx")
        return index

    @classmethod
    def _read(cls, document: Mapping[str, Any]) -> BundleIndex:
        index = cls(
            registry_id=_text(document["registry"], "registry", most=64),
            roots=tuple(_pinned(root) for root in _list(document["roots"])),
            versions=tuple(map(_version, _list(document["versions"]))),
            aliases=tuple(map(_alias, _list(document["aliases"]))),
            descriptions={_asset(name): _text(text, name) for name, text in _object(document["descriptions"]).items()},
        )
        _check_names(index)
        return index


def _of_this_format(document: Any) -> Any:
    found = document.get("format") if isinstance(document, dict) else type(document).__name__
    if found != FORMAT:
        raise FormatError(f"the bundle has format {found!r}, this release reads {FORMAT!r}")
    return document


def _check_names(index: BundleIndex) -> None:
    """Make sure that names stand for one thing each, also where case makes no difference."""
    known = {version.reference for version in index.versions}
    if not index.roots or len(known) != len(index.versions):
        raise InvalidInputError("it has no root, or names a version twice")
    for root in index.roots:
        if root not in known:
            raise InvalidInputError(f"its root {str(root)!r} is none of its versions")
    for alias in index.aliases:
        if AssetRef(alias.asset, alias.digest) not in known:
            raise InvalidInputError(f"alias {alias.alias!r} of {alias.asset} points at none of its versions")
    _check_twins([str(asset) for asset in sorted({version.asset for version in index.versions})])
    _check_twins([f"{alias.asset}:{alias.alias}" for alias in index.aliases])
    if unknown := index.descriptions.keys() - {version.asset for version in index.versions}:
        raise InvalidInputError(f"it describes assets that it does not hold: {sorted(map(str, unknown))[:3]}")


def _check_twins(names: Sequence[str]) -> None:
    folded: dict[str, str] = {}
    for name in names:
        if (key := name.casefold()) in folded:
            raise InvalidInputError(f"{folded[key]!r} and {name!r} are the same, or differ only in case")
        folded[key] = name


def _version(entry: Any) -> BundledVersion:
    known = {"reference", "version", "semantic", "message", "created_at", "created_by", "manifest_bytes"}
    told = _with_keys(entry, known | {"tags", "metrics", "registrations", "retired"})
    retired = told["retired"]
    return BundledVersion(
        reference=_pinned(told["reference"]),
        number=_count(told["version"], "version", least=1),
        semantic=_semantic(told["semantic"]),
        message=_text(told["message"], "message"),
        created_at=_time(told["created_at"]),
        created_by=_text(told["created_by"], "created_by", most=255),
        manifest_bytes=_count(told["manifest_bytes"], "manifest_bytes", least=1),
        tags=tuple(check_label(tag, "tag") for tag in _list(told["tags"])),
        metrics={check_label(name, "metric"): _number(value) for name, value in _object(told["metrics"]).items()},
        registrations=tuple(map(_registration, _list(told["registrations"]))),
        retired=None if retired is None else check_told(_text(retired, "reason"), "reason"),
    )


def _semantic(text: Any) -> SemanticVersion:
    semantic = SemanticVersion.parse(_text(text, "semantic"))
    if max(semantic.major, semantic.minor, semantic.pipeline) > MOST_PART:
        raise InvalidInputError(
            f"semantic version {text!r} leaves too little room above; expected parts to {MOST_PART}"
        )
    return semantic


def _alias(entry: Any) -> BundledAlias:
    told = _with_keys(entry, {"asset", "alias", "digest"})
    alias: Alias = settable_alias(told["alias"])
    return BundledAlias(_asset(told["asset"]), alias.name, Digest.parse(told["digest"]))


def _registration(entry: Any) -> Registration:
    told = _with_keys(entry, {"registered_at", "registered_by", "provenance"})
    by = _text(told["registered_by"], "registered_by", most=255)
    return Registration(_time(told["registered_at"]), by, _object(told["provenance"]))


def _with_keys(value: Any, keys: set[str]) -> Mapping[str, Any]:
    if set(_object(value)) != keys:
        raise InvalidInputError(f"it has the fields {sorted(value)[:20]} where {sorted(keys)} are expected")
    return value  # type: ignore[no-any-return]


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInputError(f"expected an object, found {type(value).__name__}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise InvalidInputError(f"expected a list, found {type(value).__name__}")
    return value


def _text(value: Any, what: str, *, most: int | None = None) -> str:
    if not isinstance(value, str):
        raise InvalidInputError(f"{what}: expected text, found {type(value).__name__}")
    return check_text(value, what, most=most)


def _count(value: Any, what: str, *, least: int) -> int:
    if type(value) is not int or value < least:
        raise InvalidInputError(f"{what} is {value!r}; expected a whole number from {least}")
    return value


def _number(value: Any) -> float:
    if type(value) not in {int, float} or not math.isfinite(value):
        raise InvalidInputError(f"a metric is {value!r}; expected a number")
    return float(value)


def _time(value: Any) -> datetime.datetime:
    at = datetime.datetime.fromisoformat(_text(value, "time"))
    if at.tzinfo is None:
        raise InvalidInputError(f"time {value!r} has no zone")
    return at


def _asset(text: Any) -> AssetName:
    asset = AssetRef.parse(_text(text, "asset")).asset
    if str(asset) != text:
        raise InvalidInputError(f"not an asset's full name: {text!r}")
    return asset


def _pinned(text: Any) -> AssetRef:
    ref = AssetRef.parse(_text(text, "reference"))
    if str(ref) != text or not is_pinned(ref) or ref.path is not None:
        raise InvalidInputError(f"not a reference by digest: {text!r}")
    return ref
