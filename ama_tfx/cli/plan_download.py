"""Where a download goes: decided before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ama_tfx.errors import InvalidInputError, NotFoundError, did_you_mean
from ama_tfx.registry import AssetRef, Manifest, Registry, Version
from ama_tfx.registry.manifest import folders_of
from ama_tfx.registry.working_copy.ignoring import chosen


@dataclass(frozen=True, slots=True)
class Step:
    """One folder or file to write.

    Attributes:
        reference: What, by digest.
        target: Where.
        size_bytes: How much.
        role: Of which ref it is the target; None for what was asked for itself.
        manifest: The version's, when it was read already.
    """

    reference: AssetRef
    target: Path
    size_bytes: int
    role: str | None = None
    manifest: Manifest | None = None


def plan_content(
    version: Version, manifest: Manifest, paths: Sequence[str], output: str | None, here: Path
) -> list[Step]:
    """Return the steps that write a version, or paths of it, each at its place below the target.

    Args:
        version: Which.
        manifest: Its manifest.
        paths: Files and folders in it; none for all of it.
        output: The target; None for the last part of the asset's name.
        here: The current folder.

    Raises:
        NotFoundError: The version has no such path.
        InvalidInputError: The target is the current folder, which would be replaced under the user's feet.
    """
    target = target_folder(version, output)
    if not paths:
        if (here / target).resolve() == here.resolve():
            raise InvalidInputError(
                f"cannot make the folder {output!r}: it is the current one; "
                f"leave --output out for './{last_name(version)}', or name another"
            )
        return [Step(version.reference, target, manifest.size_bytes, manifest=manifest)]
    wanted = list(dict.fromkeys(path.rstrip("/") for path in paths))
    named = {*wanted}
    # A folder brings what lies in it.
    outermost = [path for path in wanted if not any(folder in named for folder in folders_of(path))]
    return [
        Step(AssetRef(version.asset, version.digest, path), target / path, _size_of(manifest, path), manifest=manifest)
        for path in outermost
    ]


def plan_refs(refs: Sequence[tuple[str, Version]], target: Path) -> list[Step]:
    """Return the steps that write what a version refers to, each beside the target under its asset's last name.

    Args:
        refs: Role and version.
        target: The version's own folder; a ref that would have its name, or another's, gets ``-2``, ``-3``, ….
    """
    steps: dict[AssetRef, Step] = {}
    taken = {target.name.casefold()}
    for role, version in refs:
        if version.reference not in steps:
            name = _free_name(last_name(version), taken)
            taken.add(name.casefold())
            steps[version.reference] = Step(version.reference, target.parent / name, version.size_bytes, role)
    return list(steps.values())


def target_folder(version: Version, output: str | None) -> Path:
    """Return the folder that a version, or what is chosen of it, is written to."""
    return Path(last_name(version) if output is None else output)


def last_name(version: Version) -> str:
    """Return the last part of the asset's name."""
    return version.asset.name.rpartition("/")[2]


def _free_name(name: str, taken: set[str]) -> str:
    free, number = name, 2
    while free.casefold() in taken:
        free, number = f"{name}-{number}", number + 1
    return free


def _size_of(manifest: Manifest, path: str) -> int:
    inside = [entry for entry in manifest.files if entry.path == path or entry.path.startswith(f"{path}/")]
    folders = (folder for folder in manifest.directories if folder == path or folder.startswith(f"{path}/"))
    if not inside and not any(folders):
        known = [entry.path for entry in manifest.files]
        raise NotFoundError(f"no path {path!r} in this version{did_you_mean(path, known)}")
    return sum(entry.size_bytes for entry in inside)


def plan_clone(registry: Registry, ref: AssetRef, folder: str | None, *, refs: bool, here: Path) -> list[Step]:
    """Return what a clone has to write: the version first, then what it was made from, when that is wanted."""
    steps = plan_download(registry, ref, (), output=folder, refs=refs, here=here)
    return [replace(step, target=here / step.target) for step in steps]


def narrowed(manifest: Manifest, include: Sequence[str], exclude: Sequence[str]) -> Manifest:
    """Return the manifest of the files and empty folders that patterns choose; see `chosen`.

    Raises:
        NotFoundError: A pattern to include matches no file, or no file is left.
    """
    if not (include or exclude):
        return manifest
    wanted = chosen([entry.path for entry in manifest.files], include, exclude)
    files = tuple(entry for entry in manifest.files if entry.path in wanted)
    return replace(manifest, files=files, directories=() if include else manifest.directories)


def plan_download(
    registry: Registry,
    ref: AssetRef,
    paths: Sequence[str],
    *,
    output: str | None,
    refs: bool,
    here: Path,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> list[Step]:
    """Return what a download has to write.

    Args:
        registry: Asked what there is.
        ref: What; its path, if any, is one of the paths.
        paths: Files and folders in it; none for all of it.
        output: Folder to write to; None for the last part of the asset's name.
        refs: Whether what the version was made from is written too.
        here: The current folder.
        include: Patterns of the files that are wanted; none for all.
        exclude: Patterns of files that are not.
    """
    version = registry.resolve(ref)
    named = [*([ref.path] if ref.path else []), *paths]
    manifest = narrowed(registry.manifest(version.reference), include, exclude)
    steps = plan_content(version, manifest, named, output, here)
    if refs:
        steps += plan_refs(registry.show(version.reference).refs, target_folder(version, output))
    return steps
