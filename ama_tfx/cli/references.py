"""References as people type them: ``ASSET``, ``ASSET --alias A``, ``ASSET:3``, ``ama://…``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ama_tfx.errors import InvalidInputError
from ama_tfx.registry import Alias, AssetName, AssetRef, Expect, Registry, asset_with_alias
from ama_tfx.storage import Digest


def version_ref(text: str, workspace: str, *, alias: str | None = None, version: str | None = None) -> AssetRef:
    """Read a reference to a version.

    Args:
        text: A reference without a path.
        workspace: Where the short form looks.
        alias: Value of ``--alias``.
        version: Value of ``--version``: a number, MAJOR.MINOR.PIPELINE or ``sha256:…``.

    Raises:
        InvalidInputError: Not a reference, one to a file, or one that says the version twice.
    """
    ref = content_ref(text, workspace, alias=alias, version=version)
    if ref.path is not None:
        raise InvalidInputError(
            f"expected a version, not a path in one: {text!r}; use {str(replace(ref, path=None))!r}"
        )
    return ref


def content_ref(text: str, workspace: str, *, alias: str | None = None, version: str | None = None) -> AssetRef:
    """Read a reference to a version or to a path in one; see `version_ref`."""
    ref = AssetRef.parse(text, workspace)
    if alias is None and version is None:
        return ref
    if str(ref) != str(AssetRef(ref.asset)) or (alias is not None and version is not None):
        raise InvalidInputError(
            f"the version of {text!r} is said twice; use one of --alias, --version and ASSET:VERSION"
        )
    return AssetRef(ref.asset, Alias(alias)) if alias is not None else _at_version(ref.asset, str(version))


def names_version(text: str) -> bool:
    """Return whether a reference says which version it means."""
    ref = AssetRef.parse(text)
    return text not in {ref.asset.name, str(ref.asset)}


def asset_name(text: str, workspace: str) -> AssetName:
    """Read the name of an asset.

    Raises:
        InvalidInputError: Not a name, or a reference to one of its versions.
    """
    ref = AssetRef.parse(text, workspace)
    if str(ref) != str(AssetRef(ref.asset)):
        raise InvalidInputError(f"expected an asset, not a version of one: {text!r}; use {ref.asset.name!r}")
    return ref.asset


def _at_version(asset: AssetName, version: str) -> AssetRef:
    ref = AssetRef.parse(f"{asset}{'@' if ':' in version else ':'}{version}")
    if ref.path is not None or isinstance(ref.selector, Alias):
        raise InvalidInputError(
            f"not a version: {version!r}; expected a number from 1, MAJOR.MINOR.PIPELINE or sha256:…, "
            "or --alias for an alias"
        )
    return ref


def expected_place(text: str | None) -> int | Expect:
    """Read where an alias has to be before a move: a version's number, or ``absent``; None for anywhere.

    Raises:
        InvalidInputError: Neither.
    """
    if text is None:
        return Expect.ANYTHING
    if text == "absent":
        return Expect.ABSENT
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise InvalidInputError(f"not a place of an alias: {text!r}; expected a version's number from 1, or 'absent'")
    return int(text)


def ref_target(registry: Registry, text: str | None, *, alias: str | None, version: str | None) -> AssetRef:
    """Read what ``ama add ref`` points at: an asset's version, or an alias that one asset of the workspace has.

    Raises:
        InvalidInputError: Nothing is named, or several assets have the alias.
        NotFoundError: No asset has the alias.
    """
    if text is not None:
        return version_ref(text, registry.workspace, alias=alias, version=version)
    if alias is None or version is not None:
        raise InvalidInputError(
            "a ref needs a version: `ama add ref --alias ALIAS`, `ama add ref ASSET` or `ama add ref ASSET:VERSION`; "
            "a file called 'ref' is added with `ama add ./ref`"
        )
    return asset_with_alias(registry, alias)


def contents_to_find(files: Sequence[str], digests: Sequence[str]) -> dict[str, Path | Digest]:
    """Return what to look for, by how it was named: files' contents, or SHA-256s.

    Args:
        files: Paths.
        digests: SHA-256s, which may have upper case and ``sha256:`` before them.

    Raises:
        InvalidInputError: A folder; or not a SHA-256, or only the beginning of one.
    """
    for file in files:
        if Path(file).is_dir():
            raise InvalidInputError(f"{file!r} is a folder; expected files: `ama verify PATH` looks for whole folders")
    return {**{file: Path(file) for file in files}, **{text: _digest(text) for text in digests}}


def _digest(text: str) -> Digest:
    digits = text.lower().removeprefix("sha256:")
    if 8 <= len(digits) < 64 and not set(digits) - set("0123456789abcdef"):
        raise InvalidInputError(
            f"not a SHA-256: {digits!r} has {len(digits)} of 64 digits; `ama search sha256:{digits}` finds by the first"
        )
    return Digest(digits)
