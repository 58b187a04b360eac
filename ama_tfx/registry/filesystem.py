"""``ama://`` for fsspec, and so for pandas, pyarrow, dask and whatever else opens URLs: a registry, to be read.

``ama://<workspace>`` lists assets, ``ama://<workspace>/<asset>`` versions, and ``ama://<workspace>/<asset>:<alias>`` or
any other reference to a version is a folder with its files.
"""

from __future__ import annotations

import datetime
import functools
import re
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import fsspec
from fsspec.spec import AbstractFileSystem

from ama_tfx.errors import InvalidInputError, NotFoundError, PermissionDeniedError
from ama_tfx.registry.handles import AssetHandle
from ama_tfx.registry.manifest import FileEntry, folders_of
from ama_tfx.registry.names import SCHEME, AssetName, AssetRef, check_workspace
from ama_tfx.registry.opening import open_registry
from ama_tfx.registry.registry import Registry
from ama_tfx.registry.results import Version

Info = dict[str, Any]

_MOST_HANDLES = 64


class FileMissingError(NotFoundError, FileNotFoundError):
    """There is no such workspace, asset, version or file; fsspec and pandas know it as `FileNotFoundError`."""


class AmaFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """A registry as a file system that can only be read.

    What an alias means is looked up once for each file system: all that one reads of ``model:champion`` is of one
    version, also when the alias moves meanwhile. fsspec makes a new file system for each URL that it opens, so a new
    ``pandas.read_csv`` sees where the alias is by then; `invalidate_cache` lets a file system look again.

    Args:
        registry: A registry's folder or address; that of ``ama``'s settings unless one is given.
        actor: Who acts, for the registry's log.
        settings: Those of fsspec.
    """

    protocol = "ama"
    root_marker = ""
    # An instance that fsspec kept would stay at a registry that the environment no longer names, and at old aliases.
    cachable = False

    def __init__(self, registry: str | Path | None = None, actor: str | None = None, **settings: Any) -> None:
        super().__init__(**settings)
        self._url, self._actor = registry, actor
        self._handles: dict[str, AssetHandle] = {}
        self._trees: dict[str, dict[str, list[Info]]] = {}

    @functools.cached_property
    def registry(self) -> Registry:
        """The registry, opened when it is first needed."""
        registry = open_registry(self._url, actor=self._actor)
        weakref.finalize(self, registry.close)
        return registry

    @property
    def fsid(self) -> str:
        """The registry's identity."""
        return f"ama-{self.registry.id}"

    def invalidate_cache(self, path: str | None = None) -> None:
        """Forget what aliases meant."""
        self._handles.clear()
        self._trees.clear()

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """List a folder: of workspaces, of assets, of versions, or of files.

        Raises:
            FileMissingError: There is no such thing.
        """
        path = self._strip_protocol(path)
        found = self._children(path)
        return found if detail else [info["name"] for info in found]

    def info(self, path: str, **_: Any) -> Info:
        """Return what is known of a path: of a file also its ``sha256``, of a version its ``digest``.

        Raises:
            FileMissingError: There is no such thing.
        """
        path = self._strip_protocol(path)
        if (ref := _version_of(path)) is None:
            self._children(path)
            return _folder(path)
        handle = self._handle(ref)
        if ref.path is None:
            return _version_info(path, handle.version)
        listed = self._listed(handle, path.rpartition("/")[0], ref.path.rpartition("/")[0])
        if found := next((info for info in listed if info["name"] == path), None):
            return found
        raise FileMissingError(f"no path {ref.path!r} in {handle.reference}")

    def glob(self, path: str, maxdepth: int | None = None, **settings: Any) -> Any:
        """Find paths by a pattern: of assets, or in one version.

        Raises:
            InvalidInputError: The pattern is in the version.
        """
        version = re.match(r"[^:@]*[:@][^/]*", self._strip_protocol(path))
        if version and re.search(r"[*?\[{]", version[0]):
            raise InvalidInputError(f"{path!r} has a pattern in the version; only the path behind it can have one")
        return super().glob(path, maxdepth=maxdepth, **settings)

    def ukey(self, path: str) -> str:
        """Return what is the same as long as a file is: its SHA-256."""
        info = self.info(path)
        return str(info.get("sha256") or info.get("digest") or info["name"])

    checksum = ukey

    def created(self, path: str) -> datetime.datetime:
        """Return when the version of a path was registered: aware, UTC."""
        ref = _version_of(self._strip_protocol(path))
        if ref is None:
            raise InvalidInputError(f"{path!r} is in no version, which alone has a time")
        return self._handle(ref).version.created_at

    modified = created

    def _open(self, path: str, mode: str = "rb", **_: Any) -> BinaryIO:
        if mode != "rb":
            self._refuse(path)
        ref = _version_of(self._strip_protocol(path))
        if ref is None or ref.path is None:
            hint = "" if ref else self._hint(self._strip_protocol(path))
            raise InvalidInputError(f"{path!r} is no file; expected ama://WORKSPACE/ASSET:VERSION/PATH{hint}")
        try:
            return self._handle(ref).open(ref.path)
        except NotFoundError as error:
            raise FileMissingError(str(error)) from error

    def _refuse(self, path: object = "", *_: Any, **__: Any) -> NoReturn:
        raise PermissionDeniedError(
            f"{SCHEME} can only be read: a registered version never changes; "
            "register another with Registry.draft, Registry.register or `ama upload`"
        )

    # fsspec's own do nothing, or fail half-way through.
    mkdir = makedirs = rmdir = rm = rm_file = _rm = cp_file = copy = mv = put = put_file = pipe = pipe_file = touch = (
        _refuse
    )

    def _children(self, path: str) -> list[Info]:
        if not path:
            return [_folder(name) for name in sorted({asset.name.workspace for asset in self.registry.assets()})]
        if (ref := _version_of(path)) is None:
            return self._assets(path)
        handle = self._handle(ref)
        inner = ref.path or ""
        if inner and inner not in handle:
            raise FileMissingError(f"no path {inner!r} in {handle.reference}")
        found = self._listed(handle, path, inner)
        if not found and inner in {entry.path for entry in handle.files}:
            return [self.info(path)]
        return found

    def _assets(self, path: str) -> list[Info]:
        """List the assets of a workspace, those whose names go on behind ``/``, and the versions of one."""
        workspace, _, head = path.partition("/")
        check_workspace(workspace)
        names = [asset.name.name for asset in self.registry.assets(workspace)]
        below = [name for name in names if not head or name.startswith(f"{head}/")]
        skipped = len(head) + 1 if head else 0
        found = [_folder(f"{workspace}/{name}") for name in _next_level(below, skipped)]
        if head in names:
            versions = self.registry.versions(AssetName(workspace, head))
            found += [_version_info(f"{path}:{version.number}", version) for version in reversed(versions)]
        if not found:
            raise FileMissingError(
                (f"no asset {head!r} in workspace {workspace!r}" if head else f"no assets in {path!r}")
                + self._hint(path)
            )
        return found

    def _hint(self, path: str) -> str:
        """Return what an error says of a path without a version that is no folder either."""
        workspace, _, head = path.partition("/")
        names = {asset.name for asset in self.registry.assets()}
        workspaces = sorted({name.workspace for name in names})
        if workspace not in workspaces:
            return f"; there is no workspace {workspace!r}, only {', '.join(map(repr, workspaces[:5])) or 'none'}"
        parts = head.split("/")
        for count in range(len(parts) - 1, 0, -1):
            if AssetName(workspace, name := "/".join(parts[:count])) in names:
                file = "/".join(parts[count:])
                return f"; say which version: {SCHEME}{workspace}/{name}:ALIAS/{file}, or :latest"
        return ""

    def _handle(self, ref: AssetRef) -> AssetHandle:
        wanted = str(AssetRef(ref.asset, ref.selector))
        if wanted not in self._handles:
            while len(self._handles) >= _MOST_HANDLES:
                self._trees.pop(next(iter(self._handles)), None)
                del self._handles[next(iter(self._handles))]
            try:
                self._handles[wanted] = self.registry.asset(wanted)
            except NotFoundError as error:
                raise FileMissingError(str(error)) from error
        return self._handles[wanted]

    def _listed(self, handle: AssetHandle, path: str, inner: str) -> list[Info]:
        """Return what lies in a folder of a version, under names that begin as the folder was named."""
        key = str(handle.reference)
        if key not in self._trees:
            self._trees[key] = _tree(handle.files, handle.manifest.directories)
        return [{**info, "name": f"{path}/{info['name']}"} for info in self._trees[key].get(inner, ())]


def _version_of(path: str) -> AssetRef | None:
    """Return the reference that a path without protocol is, or None for what is above versions."""
    return AssetRef.parse(f"{SCHEME}{path}") if ":" in path or "@" in path else None


def _folder(name: str, **more: Any) -> Info:
    return {"name": name, "size": 0, "type": "directory", **more}


def _version_info(name: str, version: Version) -> Info:
    return _folder(name, digest=str(version.digest), version=version.number, created=version.created_at)


def _tree(files: Iterable[FileEntry], directories: Iterable[str]) -> dict[str, list[Info]]:
    """Return the content of every folder, ``""`` being the version itself."""
    tree: dict[str, list[Info]] = {"": []}
    for entry in files:
        _grow(tree, entry.path)
        info = {"size": entry.size_bytes, "type": "file", "sha256": entry.digest.hex}
        tree[entry.path.rpartition("/")[0]].append({"name": entry.path.rpartition("/")[2], **info})
    for path in directories:
        _grow(tree, f"{path}/")
    return tree


def _grow(tree: dict[str, list[Info]], path: str) -> None:
    """Put the folders that a path lies in into the tree, the outermost first."""
    folders = list(folders_of(path))
    if not folders or folders[0] in tree:
        return
    for folder in reversed(folders):
        if folder not in tree:
            tree[folder] = []
            parent, _, name = folder.rpartition("/")
            tree[parent].append(_folder(name))


def _next_level(names: Iterable[str], skipped: int) -> list[str]:
    """Return names up to the next ``/`` behind their first characters, each once."""
    return sorted({name[:skipped] + name[skipped:].partition("/")[0] for name in names})


def register() -> None:
    """Let fsspec know ``ama://`` where the package's entry points are not installed."""
    fsspec.register_implementation("ama", AmaFileSystem, clobber=True)
