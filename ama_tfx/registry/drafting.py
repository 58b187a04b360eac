"""Drafts in Python: what becomes a version when the ``with`` block ends, and nothing when it fails."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ama_tfx.errors import ConflictError, InvalidInputError, NotFoundError
from ama_tfx.registry.measuring import check_metrics
from ama_tfx.registry.names import AssetName, AssetRef, check_label, check_path, check_text, settable_alias
from ama_tfx.registry.results import Facts, Ref, Registered
from ama_tfx.storage import canonical_json, make_folders, os_errors

if TYPE_CHECKING:
    from ama_tfx.registry.registry import Registry


class Drafting:
    """What is to become an asset's next version, while a ``with`` block puts it together; see `Registry.draft`.

    Each method checks what it is given when it is called, so that a mistake is told where it is made. Leaving the block
    registers everything in one transaction; an exception leaves the registry as it was. What was written for the draft
    itself is in a folder of its own, which is removed in any case.

    Args:
        registry: Where.
        asset: Whose next version it is.
    """

    def __init__(self, registry: Registry, asset: AssetName) -> None:
        self._registry, self.asset = registry, asset
        self._facts = Facts()
        self._alias: str | None = None
        self._added: dict[str, Path] = {}
        self._folder: Path | None = None
        self._registered: Registered | None = None
        self._state = "new"

    def __repr__(self) -> str:
        return f"Drafting({str(self.asset)!r}, {self._state})"

    def __enter__(self) -> Drafting:
        if self._state != "new":
            raise InvalidInputError(f"the draft of {str(self.asset)!r} is over; begin another with Registry.draft")
        self._state = "open"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._state = "registered" if kind is None else "given up"
        try:
            if kind is None:
                self._registered = self._register()
        except BaseException:
            self._state = "given up"
            raise
        finally:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, path: str | Path, to: str | None = None) -> Drafting:
        """Take a file or a folder; it is read when the block ends.

        Args:
            path: On disk.
            to: Its path in the asset: its own name unless another is given; ``""`` puts a folder's content at the top.

        Raises:
            NotFoundError: There is no such file or folder.
            InvalidInputError: Nothing can have that path in an asset.
            ConflictError: Something else of the draft has it.
        """
        self._require_open()
        local = Path(path).absolute()
        with os_errors("read", local):
            if not local.exists():
                raise NotFoundError(f"no such file or folder: {str(path)!r}")
            is_folder = local.is_dir()
        name = local.name if to is None else to
        if name or not is_folder:
            check_path(name)
        if self._added.get(name, local) != local or (name and self._folder and (self._folder / name).is_file()):
            raise ConflictError(f"the draft has {name!r} already; give {str(path)!r} another path, with to=…")
        self._added[name] = local
        return self

    def path(self, path: str) -> Path:
        """Return where a file or folder of the version may be written, as in ``model.save(draft.path("model.keras"))``.

        Args:
            path: In the asset; what lies there on disk when the block ends becomes part of the version.
        """
        self._require_open()
        check_path(path)
        if self._folder is None:
            with os_errors("write", tempfile.gettempdir()):
                self._folder = Path(tempfile.mkdtemp(prefix="ama-draft-"))
        target = self._folder / path
        make_folders(target.parent)
        return target

    def write(self, path: str, content: bytes | str) -> Drafting:
        """Write a file of the version.

        Args:
            path: In the asset.
            content: Text is written in UTF-8.

        Raises:
            ConflictError: The draft has a file there already.
        """
        target = self.path(path)
        if target.exists() or path in self._added:
            raise ConflictError(f"the draft has {path!r} already; choose another path")
        with os_errors("write", target):
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        return self

    def ref(self, reference: str | AssetRef, role: str = "input") -> Drafting:
        """Record that the version is made from another: the one that the reference means now.

        Raises:
            NotFoundError: No such version.
            InvalidInputError: A path, or a role that is no label.
        """
        self._require_open()
        wanted = reference
        if isinstance(wanted, str):
            wanted = AssetRef.parse(wanted, self._registry.workspace)
        if wanted.path is not None:
            raise InvalidInputError(f"a ref points at a version, not at a file: {str(wanted)!r}; leave the path out")
        ref = Ref(self._registry.resolve(wanted).reference, role)
        self._facts = replace(self._facts, refs=tuple(dict.fromkeys((*self._facts.refs, ref))))
        return self

    def set(
        self,
        *,
        alias: str | None = None,
        message: str | None = None,
        tags: Iterable[str] = (),
        properties: Mapping[str, Any] | None = None,
        kind: str | None = None,
        metrics: Mapping[str, float] | None = None,
    ) -> Drafting:
        """Set what the version says of itself.

        Tags, properties and metrics are added to those that are set; None changes nothing.

        Raises:
            InvalidInputError: A name or value that no version may have; then nothing is set.
        """
        self._require_open()
        if isinstance(tags, str):
            raise InvalidInputError(f"tags are {tags!r}, a text; expected several, as in tags=[{tags!r}]")
        before = self._facts
        after = replace(
            before,
            kind=before.kind if kind is None else check_label(kind, "kind"),
            message=before.message if message is None else check_text(message, "message"),
            tags=tuple(dict.fromkeys((*before.tags, *tags))),
            properties={**before.properties, **_checked(properties or {})},
            metrics={**before.metrics, **check_metrics(metrics or {})},
        )
        self._alias = self._alias if alias is None else settable_alias(alias).name
        self._facts = after
        return self

    @property
    def registered(self) -> Registered:
        """What registering did.

        Raises:
            InvalidInputError: The block has not ended yet, or it failed.
        """
        if self._registered is None:
            raise InvalidInputError(f"the draft of {str(self.asset)!r} is not registered; it is {self._state}")
        return self._registered

    def _register(self) -> Registered:
        content = {**self._added}
        for path, local in _written(self._folder):
            if path in content:
                raise ConflictError(f"{path!r} was added and written; leave one of them out")
            content[path] = local
        if not content:
            raise InvalidInputError(f"the draft of {str(self.asset)!r} has no file; an asset needs at least one")
        return self._registry.register(self.asset, content, self._facts, alias=self._alias)

    def _require_open(self) -> None:
        if self._state != "open":
            raise InvalidInputError(
                f"the draft of {str(self.asset)!r} is {self._state}; use it inside `with registry.draft(…) as draft:`"
            )


def _written(folder: Path | None) -> Iterator[tuple[str, Path]]:
    """Yield what lies in a draft's folder: files and empty folders, by path."""
    for local in sorted(folder.rglob("*")) if folder is not None else ():
        path = local.relative_to(folder or local).as_posix()
        if local.is_symlink():
            raise InvalidInputError(f"{path!r} is a symbolic link; write a file or a folder in its place")
        if not local.is_dir() or not any(local.iterdir()):
            yield path, local


def _checked(properties: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in properties.items():
        check_label(key, "property")
        canonical_json(value)
    return dict(properties)
