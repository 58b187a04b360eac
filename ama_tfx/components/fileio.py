"""``ama://`` for TFX's ``fileio``, so that components and modules of users read files of assets as they read any other.

`register` makes TFX know it; nothing does so by itself. It can only be read. TensorFlow's own operations (``tf.io``,
``TFRecordDataset``) have file systems of their own and do not know it: download an asset for them.
"""

from __future__ import annotations

import contextlib
import errno
import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tfx.dsl.io import filesystem, filesystem_registry

from ama_tfx.errors import PermissionDeniedError
from ama_tfx.registry.filesystem import AmaFileSystem

PRIORITY = 10
"""Among TFX's file systems; no other has this scheme."""


class AmaFilesystem(filesystem.Filesystem):
    """A registry as TFX's ``fileio`` sees it: the one of ``ama``'s settings.

    What an alias means is looked up by each call; a name by digest never moves.
    """

    SUPPORTED_SCHEMES = ["ama://"]

    @staticmethod
    def open(name: str | bytes, mode: str = "r") -> Any:
        """Open a file for reading, as bytes (``rb``) or as text in UTF-8 (``r``)."""
        if mode not in {"r", "rt", "rb"}:
            _refuse()
        with _missing():
            stream = AmaFileSystem().open(_text(name), "rb")
        return stream if mode == "rb" else io.TextIOWrapper(stream, encoding="utf-8")

    @staticmethod
    def exists(path: str | bytes) -> bool:
        """Return whether there is such a file or folder."""
        return bool(AmaFileSystem().exists(_text(path)))

    @staticmethod
    def glob(pattern: str | bytes) -> list[str]:
        """Return the paths that match."""
        return [f"ama://{path}" for path in AmaFileSystem().glob(_text(pattern))]

    @staticmethod
    def isdir(path: str | bytes) -> bool:
        """Return whether it is a folder: also a version is one."""
        return bool(AmaFileSystem().isdir(_text(path)))

    @staticmethod
    def listdir(path: str | bytes) -> list[str]:
        """Return the names in a folder."""
        with _missing():
            return [name.rpartition("/")[2] for name in AmaFileSystem().ls(_text(path), detail=False)]

    @staticmethod
    def stat(path: str | bytes) -> Any:
        """Return what fsspec tells of a path."""
        with _missing():
            return AmaFileSystem().info(_text(path))

    @staticmethod
    def walk(
        top: str | bytes, topdown: bool = True, onerror: Callable[..., None] | None = None
    ) -> Iterable[tuple[str, list[str], list[str]]]:
        """Yield folders with the names of the folders and files in them."""
        for folder, folders, files in AmaFileSystem().walk(_text(top), topdown=topdown):
            yield f"ama://{folder}", list(folders), list(files)

    @staticmethod
    def copy(*_: Any, **__: Any) -> None:
        """Refuse: to copy from here elsewhere is not this file system's work."""
        _refuse()

    makedirs = mkdir = remove = rename = rmtree = copy


def register() -> None:
    """Let TFX's ``fileio`` open ``ama://``; doing it twice does no harm."""
    filesystem_registry.DEFAULT_FILESYSTEM_REGISTRY.register(AmaFilesystem, priority=PRIORITY)


def _text(path: str | bytes) -> str:
    return path.decode() if isinstance(path, bytes) else path


@contextlib.contextmanager
def _missing() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise filesystem.NotFoundError(errno.ENOENT, str(error)) from error


def _refuse() -> None:
    raise PermissionDeniedError("ama:// can only be read; AssetRegistrar registers what components make")
