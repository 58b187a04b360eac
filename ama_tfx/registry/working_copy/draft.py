"""Drafts: what is to become an asset's next version. Values only; `WorkingCopy` keeps them on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ama_tfx.errors import AmaError, FormatError, InvalidInputError
from ama_tfx.registry.manifest import FileEntry, Manifest, check_paths
from ama_tfx.registry.measuring import check_metrics
from ama_tfx.registry.names import (
    AssetName,
    AssetRef,
    check_label,
    check_path,
    check_text,
    is_pinned,
    settable_alias,
)
from ama_tfx.registry.results import Facts, Ref
from ama_tfx.registry.urls import check_url
from ama_tfx.storage import Digest, canonical_json, parse_json

FORMAT = "ama-draft/1"

_DEFAULT_KIND = "Files"


@dataclass(frozen=True, slots=True)
class DraftRef:
    """A ref of a draft.

    Attributes:
        role: What the other version was used as.
        written: What the user named; it may move.
        target: What that meant when it was added: a reference by digest.

    Raises:
        InvalidInputError: The role is no label, or the target may move.
    """

    role: str
    written: AssetRef
    target: AssetRef

    def __post_init__(self) -> None:
        check_label(self.role, "role")
        if not is_pinned(self.target) or self.target.path is not None:
            raise InvalidInputError(f"a ref's target is a version by digest, not {str(self.target)!r}")


@dataclass(frozen=True)
class Draft:
    """What is to become an asset's next version; checked, so that it can be registered.

    Attributes:
        asset: Whose next version it is.
        files: Paths of files, relative to the working copy's root and to the asset's.
        directories: Paths of empty folders.
        refs: What it is made from.
        alias: Set to the version when it is registered; None for no alias.
        message: None until somebody sets one.
        tags: Labels.
        properties: JSON values.
        kind: None until somebody sets one, which means ``Files``.
        links: Paths that were symbolic links when the user named them: no other may be one when it is uploaded.
        base: The version, by digest, that the working copy is based on: its files are those of the next version, but
            for ``files``, ``directories`` and ``external``, which come on top, and ``removed``. None for no such
            version: the next one is what is added.
        removed: Paths of the base's files and empty folders that the next version does not have.
        external: Content that stays where it is: each with its URL.
        metrics: Finite numbers.

    Raises:
        InvalidInputError: A path, name or value that no version may have.
    """

    asset: AssetName
    files: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    refs: tuple[DraftRef, ...] = ()
    alias: str | None = None
    message: str | None = None
    tags: tuple[str, ...] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    kind: str | None = None
    links: tuple[str, ...] = ()
    base: AssetRef | None = None
    removed: tuple[str, ...] = ()
    external: tuple[FileEntry, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_paths([*self.files, *(entry.path for entry in self.external)], self.directories)
        for path in (*self.links, *self.removed):
            check_path(path)
        if self.base is not None and (not is_pinned(self.base) or self.base.asset != self.asset or self.base.path):
            raise InvalidInputError(f"the base of {self.asset} is a version of it by digest, not {str(self.base)!r}")
        for entry in self.external:
            check_url(entry.url or "")
        if self.alias is not None:
            settable_alias(self.alias)
        if self.message is not None:
            check_text(self.message, "message")
        if self.kind is not None:
            check_label(self.kind, "kind")
        for tag in self.tags:
            check_label(tag, "tag")
        for key, value in self.properties.items():
            check_label(key, "property")
            canonical_json(value)
        check_metrics(self.metrics)

    @classmethod
    def on(cls, base: AssetRef, manifest: Manifest) -> Draft:
        """Return the draft that changes nothing of a version: its files, refs, properties and kind are the next one's.

        Args:
            base: The version, by digest.
            manifest: Its manifest.
        """
        targets = [(entry.role, AssetRef(entry.asset, entry.digest)) for entry in manifest.refs]
        return cls(
            base.asset,
            refs=tuple(DraftRef(role, target, target) for role, target in targets),
            properties=dict(manifest.properties),
            kind=None if manifest.kind == _DEFAULT_KIND else manifest.kind,
            base=base,
        )

    @property
    def facts(self) -> Facts:
        """What the version will say of itself."""
        return Facts(
            kind=self.kind or _DEFAULT_KIND,
            message=self.message or "",
            tags=self.tags,
            properties=dict(self.properties),
            refs=tuple(Ref(ref.target, ref.role) for ref in self.refs),
            metrics=dict(self.metrics),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama add --json`` prints it."""
        return {
            "asset": self.asset.name,
            "workspace": self.asset.workspace,
            "files": list(self.files),
            "directories": list(self.directories),
            "refs": [{"role": r.role, "written": str(r.written), "target": str(r.target)} for r in self.refs],
            "alias": self.alias,
            "message": self.message,
            "tags": list(self.tags),
            "properties": dict(self.properties),
            "kind": self.kind,
            **({"links": list(self.links)} if self.links else {}),
            **({"base": str(self.base)} if self.base else {}),
            **({"removed": list(self.removed)} if self.removed else {}),
            **({"metrics": dict(self.metrics)} if self.metrics else {}),
            **({"external": [entry.to_json() for entry in self.external]} if self.external else {}),
        }

    def to_bytes(self) -> bytes:
        """Return the canonical bytes of the draft's file."""
        return canonical_json({"format": FORMAT, **self.to_json()}) + b"\n"

    @classmethod
    def from_bytes(cls, content: bytes, what: str) -> Draft:
        """Read a draft's file, trusting nothing.

        Args:
            content: The file's.
            what: How errors call the file.

        Raises:
            FormatError: Another release's, or no draft.
        """
        try:
            document = parse_json(content, what)
            found = document["format"]
            if found == FORMAT:
                return _from_document(**{key: value for key, value in document.items() if key != "format"})
        except (AmaError, KeyError, TypeError, AttributeError) as error:
            raise FormatError(f"{what} is no draft that ama-tfx wrote; remove it, then add its files again") from error
        raise FormatError(
            f"{what} has format {found!r}, this release of ama-tfx reads {FORMAT!r}; "
            "use the release that wrote it, or remove it"
        )


def _from_document(
    *,
    asset: str,
    workspace: str,
    files: list[str],
    directories: list[str],
    refs: list[dict[str, str]],
    tags: list[str],
    links: list[str] | None = None,
    base: str | None = None,
    removed: list[str] | None = None,
    external: list[dict[str, Any]] | None = None,
    **rest: Any,
) -> Draft:
    return Draft(
        asset=AssetName(workspace, asset),
        files=_texts(files),
        directories=_texts(directories),
        refs=tuple(
            DraftRef(ref["role"], AssetRef.parse(ref["written"]), AssetRef.parse(ref["target"])) for ref in refs
        ),
        tags=_texts(tags),
        links=_texts([] if links is None else links),
        base=None if base is None else AssetRef.parse(base),
        removed=_texts([] if removed is None else removed),
        external=tuple(
            FileEntry(entry["path"], Digest(entry["sha256"]), entry["size_bytes"], entry["url"])
            for entry in external or ()
        ),
        **rest,
    )


def _texts(value: object) -> tuple[str, ...]:
    """Return a list of the document; a text would pass for a list of its characters."""
    if not isinstance(value, list):
        raise TypeError(f"expected a list, not {value!r}")
    return tuple(value)
