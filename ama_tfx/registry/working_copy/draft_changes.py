"""What is done to drafts: a draft in, a draft out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from ama_tfx.errors import NotFoundError, did_you_mean
from ama_tfx.registry.manifest import FileEntry
from ama_tfx.registry.names import AssetRef
from ama_tfx.registry.tree import Tree
from ama_tfx.registry.working_copy.changes import replaced
from ama_tfx.registry.working_copy.draft import Draft, DraftRef

T = TypeVar("T")


def with_content(
    draft: Draft, named: Collection[str], tree: Tree, links: Collection[str] = (), of_base: Collection[str] = ()
) -> Draft:
    """Return the draft with what was found under some paths, in place of all that it had from there.

    Args:
        draft: Before.
        named: The paths that were added, from the root; ``""`` is the root itself.
        tree: What is there now, by path from the root.
        links: Those of the paths that are symbolic links.
        of_base: The paths of the version that the draft is based on: those under the named ones that are not there now
            are removed.
    """
    files = {path for path in draft.files if not _lies_under(path, named)} | set(tree.files)
    empty = {path for path in draft.directories if not _lies_under(path, named)} | set(tree.directories)
    filled = {folder for path in files | empty for folder in _folders_of(path)}
    kept = {path for path in draft.links if not _lies_under(path, named)} | set(links)
    gone = {path for path in of_base if _lies_under(path, named)} - files - empty - filled
    removed = {path for path in draft.removed if not _lies_under(path, named)} | gone
    return replace(
        draft,
        files=tuple(sorted(files)),
        directories=tuple(sorted(empty - filled)),
        links=tuple(sorted(kept)),
        removed=tuple(sorted(removed)),
        external=tuple(entry for entry in draft.external if entry.path not in files),
    )


def with_ref(draft: Draft, ref: DraftRef, inherited: Collection[DraftRef] = ()) -> Draft:
    """Return the draft with a ref; adding what was named before, in the same role, takes what it means now.

    Args:
        draft: Before.
        ref: The new one.
        inherited: The base's: those of the same role and asset make room for it.
    """
    gone = replaced(ref, inherited)
    others = tuple(r for r in draft.refs if (r.role, r.written) != (ref.role, ref.written) and r not in gone)
    return replace(draft, refs=(*others, ref))


def with_settings(
    draft: Draft,
    *,
    alias: str | None = None,
    message: str | None = None,
    tags: tuple[str, ...] = (),
    properties: Mapping[str, Any] | None = None,
    kind: str | None = None,
    metrics: Mapping[str, float] | None = None,
) -> Draft:
    """Return the draft with these set; tags, properties and metrics are added to what it has, None changes nothing."""
    return replace(
        draft,
        alias=draft.alias if alias is None else alias,
        message=draft.message if message is None else message,
        tags=tuple(sorted({*draft.tags, *tags})),
        properties={**draft.properties, **(properties or {})},
        kind=draft.kind if kind is None else kind,
        metrics={**draft.metrics, **(metrics or {})},
    )


def without(draft: Draft, uploaded: Draft) -> Draft:
    """Return what is pending still when ``uploaded`` is not: what was added while it was on its way."""
    files, directories = _minus(draft.files, uploaded.files), _minus(draft.directories, uploaded.directories)
    return replace(
        draft,
        files=files,
        directories=directories,
        links=_links_used(draft, files, directories),
        refs=tuple(ref for ref in draft.refs if ref not in uploaded.refs),
        alias=None if draft.alias == uploaded.alias else draft.alias,
        message=None if draft.message == uploaded.message else draft.message,
        tags=_minus(draft.tags, uploaded.tags),
        properties=_changed(draft.properties, uploaded.properties),
        metrics=_changed(draft.metrics, uploaded.metrics),
        kind=None if draft.kind == uploaded.kind else draft.kind,
        removed=_minus(draft.removed, uploaded.removed),
        external=tuple(entry for entry in draft.external if entry not in uploaded.external),
    )


def without_paths(draft: Draft, paths: Collection[str], of_base: Collection[str]) -> Draft:
    """Return the draft without some files and empty folders.

    Args:
        draft: Before.
        paths: Which.
        of_base: Those that the version has that the draft is based on.
    """
    files, directories = _minus(draft.files, tuple(paths)), _minus(draft.directories, tuple(paths))
    return replace(
        draft,
        files=files,
        directories=directories,
        links=_links_used(draft, files, directories),
        external=tuple(entry for entry in draft.external if entry.path not in paths),
        removed=tuple(sorted({*draft.removed, *(set(paths) & set(of_base))})),
    )


def without_refs(draft: Draft, references: Collection[AssetRef]) -> Draft:
    """Return the draft without the refs to some versions, named as they were or as what that means.

    Raises:
        NotFoundError: There is no such ref.
    """
    for reference in references:
        if not any(reference in {ref.written, ref.target} for ref in draft.refs):
            known = [str(ref.written) for ref in draft.refs]
            raise NotFoundError(f"no ref {str(reference)!r} is set{_there(known)}")
    return replace(draft, refs=tuple(ref for ref in draft.refs if {ref.written, ref.target}.isdisjoint(references)))


def without_settings(
    draft: Draft,
    *,
    tags: Collection[str] = (),
    properties: Collection[str] = (),
    alias: bool = False,
    message: bool = False,
    kind: bool = False,
) -> Draft:
    """Return the draft with these not set.

    Raises:
        NotFoundError: One of them is not set.
    """
    for what, wanted, known in (("tag", tags, draft.tags), ("property", properties, tuple(draft.properties))):
        for name in wanted:
            if name not in known:
                raise NotFoundError(f"no {what} {name!r} is set{did_you_mean(name, known) or _there(known)}")
    for what, wish, value in (
        ("alias", alias, draft.alias),
        ("message", message, draft.message),
        ("kind", kind, draft.kind),
    ):
        if wish and value is None:
            raise NotFoundError(f"no {what} is set")
    return replace(
        draft,
        tags=_minus(draft.tags, tuple(tags)),
        properties={key: value for key, value in draft.properties.items() if key not in properties},
        alias=None if alias else draft.alias,
        message=None if message else draft.message,
        kind=None if kind else draft.kind,
    )


def with_external(draft: Draft, entry: FileEntry) -> Draft:
    """Return the draft with content that stays where it is, in place of what it had under this path."""
    files = _minus(draft.files, (entry.path,))
    return replace(
        draft,
        files=files,
        links=_links_used(draft, files, draft.directories),
        removed=_minus(draft.removed, (entry.path,)),
        external=tuple(sorted([*(other for other in draft.external if other.path != entry.path), entry])),
    )


def after_upload(left: Draft, start: Draft) -> Draft:
    """Return what is pending when a version was uploaded, and is the base now.

    Args:
        left: What was added while it was on its way; see `without`.
        start: The draft that changes nothing of the new version.
    """
    there = {(ref.role, ref.target) for ref in start.refs}
    return replace(
        left,
        base=start.base,
        refs=(*start.refs, *(ref for ref in left.refs if (ref.role, ref.target) not in there)),
        properties={**start.properties, **left.properties},
        kind=left.kind or start.kind,
    )


def _there(names: Collection[str]) -> str:
    return f"; there are {', '.join(map(repr, names))}" if names else "; there are none"


def _links_used(draft: Draft, files: Collection[str], directories: Collection[str]) -> tuple[str, ...]:
    used = {folder for path in (*files, *directories) for folder in (path, *_folders_of(path))}
    return tuple(path for path in draft.links if path in used)


def _lies_under(path: str, named: Collection[str]) -> bool:
    return path in named or any(folder in named for folder in _folders_of(path))


def _folders_of(path: str) -> Iterator[str]:
    """Yield the folders that a path lies in, up to the root, which is ``""``."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _changed(now: Mapping[str, T], before: Mapping[str, T]) -> dict[str, T]:
    return {key: value for key, value in now.items() if key not in before or before[key] != value}


def _minus(some: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({*some} - {*others}))
