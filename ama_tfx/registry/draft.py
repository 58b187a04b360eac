"""Drafts: what is to become an asset's next version. Values only; `WorkingCopy` keeps them on disk."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ama_tfx.errors import AmaError, FormatError, InvalidInputError
from ama_tfx.registry.manifest import check_paths
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
from ama_tfx.registry.tree import Tree
from ama_tfx.storage import canonical_json, parse_json

FORMAT = "ama-draft/1"


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

    def __post_init__(self) -> None:
        check_paths(list(self.files), self.directories)
        for path in self.links:
            check_path(path)
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

    @property
    def facts(self) -> Facts:
        """What the version will say of itself."""
        return Facts(
            kind=self.kind or "Files",
            message=self.message or "",
            tags=self.tags,
            properties=dict(self.properties),
            refs=tuple(Ref(ref.target, ref.role) for ref in self.refs),
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


def with_content(draft: Draft, named: Collection[str], tree: Tree, links: Collection[str] = ()) -> Draft:
    """Return the draft with what was found under some paths, in place of all that it had from there.

    Args:
        draft: Before.
        named: The paths that were added, from the root; ``""`` is the root itself.
        tree: What is there now, by path from the root.
        links: Those of the paths that are symbolic links.
    """
    files = {path for path in draft.files if not _lies_under(path, named)} | set(tree.files)
    empty = {path for path in draft.directories if not _lies_under(path, named)} | set(tree.directories)
    filled = {folder for path in files | empty for folder in _folders_of(path)}
    kept = {path for path in draft.links if not _lies_under(path, named)} | set(links)
    return replace(
        draft, files=tuple(sorted(files)), directories=tuple(sorted(empty - filled)), links=tuple(sorted(kept))
    )


def with_ref(draft: Draft, ref: DraftRef) -> Draft:
    """Return the draft with a ref; adding what was named before, in the same role, takes what it means now."""
    others = tuple(r for r in draft.refs if (r.role, r.written) != (ref.role, ref.written))
    return replace(draft, refs=(*others, ref))


def with_settings(
    draft: Draft,
    *,
    alias: str | None = None,
    message: str | None = None,
    tags: tuple[str, ...] = (),
    properties: Mapping[str, Any] | None = None,
    kind: str | None = None,
) -> Draft:
    """Return the draft with these set; tags and properties are added to what it has, None changes nothing."""
    return replace(
        draft,
        alias=draft.alias if alias is None else alias,
        message=draft.message if message is None else message,
        tags=tuple(sorted({*draft.tags, *tags})),
        properties={**draft.properties, **(properties or {})},
        kind=draft.kind if kind is None else kind,
    )


def without(draft: Draft, uploaded: Draft) -> Draft:
    """Return what is pending still when ``uploaded`` is not: what was added while it was on its way."""
    files, directories = _minus(draft.files, uploaded.files), _minus(draft.directories, uploaded.directories)
    used = {folder for path in (*files, *directories) for folder in (path, *_folders_of(path))}
    return replace(
        draft,
        files=files,
        directories=directories,
        links=tuple(path for path in draft.links if path in used),
        refs=tuple(ref for ref in draft.refs if ref not in uploaded.refs),
        alias=None if draft.alias == uploaded.alias else draft.alias,
        message=None if draft.message == uploaded.message else draft.message,
        tags=_minus(draft.tags, uploaded.tags),
        properties={
            key: value
            for key, value in draft.properties.items()
            if key not in uploaded.properties or uploaded.properties[key] != value
        },
        kind=None if draft.kind == uploaded.kind else draft.kind,
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
        **rest,
    )


def _texts(value: object) -> tuple[str, ...]:
    """Return a list of the document; a text would pass for a list of its characters."""
    if not isinstance(value, list):
        raise TypeError(f"expected a list, not {value!r}")
    return tuple(value)


def _lies_under(path: str, named: Collection[str]) -> bool:
    return path in named or any(folder in named for folder in _folders_of(path))


def _folders_of(path: str) -> Iterator[str]:
    """Yield the folders that a path lies in, up to the root, which is ``""``."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _minus(some: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*some} - {*others}))
