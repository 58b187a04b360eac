"""Importing a trained model's archive: what went into it and what came out become two assets, linked."""

from __future__ import annotations

import fnmatch
import math
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ama_tfx.errors import ContentChangedError, InvalidInputError
from ama_tfx.registry.names import AssetName, AssetRef, check_label
from ama_tfx.registry.results import Facts, Ref, Registered
from ama_tfx.registry.sharing.archives import Archive, open_archive
from ama_tfx.registry.sharing.layout import is_bundle
from ama_tfx.storage import parse_json

if TYPE_CHECKING:
    from ama_tfx.registry.registry import Registry

SUMMARY = "summary_dict.json"
_MOST_SUMMARY_BYTES = 1 << 20
_MOST_METRICS = 1000


class Side(Enum):
    """Whether a file went into a training or came out of it."""

    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Rule:
    """Files whose name or path matches a glob are on one side."""

    glob: str
    side: Side

    def matches(self, path: str) -> bool:
        """Return whether it is about a path; a glob without a slash is about the last name of it."""
        subject = path if "/" in self.glob else path.rpartition("/")[2]
        return fnmatch.fnmatchcase(subject, self.glob)


RULES = (
    Rule("git_commit_info*.y*ml", Side.INPUT),
    Rule("run_config*.y*ml", Side.INPUT),
    Rule("training*.y*ml", Side.INPUT),
    Rule("graph_version.txt", Side.OUTPUT),
    Rule("meta.y*ml", Side.OUTPUT),
    Rule("model.*", Side.OUTPUT),
    Rule(SUMMARY, Side.OUTPUT),
    Rule("*", Side.OUTPUT),
)
"""The first that matches counts. The names are those that the trainings of the AMA case study write."""


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file of an archive, where it goes and why."""

    path: str
    size_bytes: int
    rule: Rule

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        side = self.rule.side.value
        return {"path": self.path, "size_bytes": self.size_bytes, "side": side, "rule": self.rule.glob}


@dataclass(frozen=True)
class ImportPlan:
    """What an import would make.

    Attributes:
        archive: The archive.
        digest: SHA-256 of its file as hexadecimal digits; None for a folder.
        inputs: The asset of what went in; none is made when no file is.
        outputs: The asset of what came out.
        files: Every file.
        metrics: Name -> value, for the version of what came out.
        notes: What was left out.
        most_bytes: As given.
    """

    archive: Path
    digest: str | None
    inputs: AssetName
    outputs: AssetName
    files: tuple[PlannedFile, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    most_bytes: int | None = None

    def paths(self, side: Side) -> frozenset[str]:
        """Return the paths of one side."""
        return frozenset(file.path for file in self.files if file.rule.side is side)

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama import --dry-run --json`` prints it."""
        return {
            "archive": str(self.archive),
            "sha256": self.digest,
            "inputs": str(self.inputs) if self.paths(Side.INPUT) else None,
            "outputs": str(self.outputs),
            "files": [file.to_json() for file in self.files],
            "metrics": dict(self.metrics),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import made.

    Attributes:
        plan: What was to be made.
        inputs: What became of the files that went in; None when there are none.
        outputs: What became of those that came out.
    """

    plan: ImportPlan
    inputs: Registered | None
    outputs: Registered

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama import --json`` prints it."""
        return {
            **self.plan.to_json(),
            "inputs": _document(self.inputs) if self.inputs else None,
            "outputs": _document(self.outputs),
        }


def plan_import(
    path: Path,
    workspace: str,
    name: str | None,
    globs: tuple[Sequence[str], Sequence[str]],
    most_bytes: int | None,
) -> ImportPlan:
    """Decide what an archive's files become; nothing is written.

    Args:
        path: The archive.
        workspace: Of names that have none.
        name: Of the asset of what came out; None for the archive's.
        globs: Of what went in and of what came out, asked before `RULES`.
        most_bytes: How much it may unpack to; None for a sensible limit.
    """
    if path.is_file() and is_bundle(path):
        raise InvalidInputError(
            f"{str(path)!r} is a bundle; use `ama bundle apply`, which takes its versions as they are"
        )
    own = (*(Rule(glob, Side.INPUT) for glob in globs[0]), *(Rule(glob, Side.OUTPUT) for glob in globs[1]))
    outputs = named_asset(name or _name_of(path), workspace)
    with open_archive(path, most_bytes) as archive:
        files = tuple(_planned(own + RULES, archive))
        metrics, notes = _metrics(archive, [f.path for f in files if f.path.rpartition("/")[2] == SUMMARY])
        if archive.passed_over:
            notes.append(f"{archive.passed_over} members passed over: records of git, ama or macOS are no content")
        digest = archive.digest
    if all(file.rule.side is Side.INPUT for file in files):
        raise InvalidInputError(f"nothing came out: every file of {str(path)!r} went in; say which with --outputs GLOB")
    inputs = AssetName(outputs.workspace, f"{outputs.name}_inputs")
    return ImportPlan(path, digest, inputs, outputs, files, metrics, tuple(notes), most_bytes)


def import_planned(registry: Registry, plan: ImportPlan) -> Imported:
    """Register what a plan says: first what went in, then what came out, with a ref to it.

    Raises:
        ContentChangedError: The archive is another one than when it was planned.
    """
    with open_archive(plan.archive, plan.most_bytes) as archive:
        if archive.digest != plan.digest or dict(archive.sizes) != {f.path: f.size_bytes for f in plan.files}:
            raise ContentChangedError(f"{str(plan.archive)!r} changed since it was looked at; try again")
        went_in = _register(registry, plan.inputs, archive, plan.paths(Side.INPUT), _facts(plan))
        refs = (Ref(AssetRef(plan.inputs, went_in.version.digest), "input"),) if went_in else ()
        facts = _facts(plan, refs=refs, metrics=plan.metrics)
        came_out = _register(registry, plan.outputs, archive, plan.paths(Side.OUTPUT), facts)
    assert came_out is not None
    return Imported(plan, went_in, came_out)


def _register(
    registry: Registry, asset: AssetName, archive: Archive, paths: frozenset[str], facts: Facts
) -> Registered | None:
    if not paths:
        return None
    with tempfile.TemporaryDirectory(prefix="ama-import-") as folder:
        return registry.register(asset, archive.extract(paths, Path(folder)), facts)


def _facts(plan: ImportPlan, **more: Any) -> Facts:
    origin = {"archive": plan.archive.name, **({"sha256": plan.digest} if plan.digest else {})}
    return Facts(message=f"imported from {plan.archive.name}", provenance={"imported_from": origin}, **more)


def _planned(rules: Sequence[Rule], archive: Archive) -> Iterator[PlannedFile]:
    for path, size_bytes in archive.sizes.items():
        yield PlannedFile(path, size_bytes, next(rule for rule in rules if rule.matches(path)))


def _metrics(archive: Archive, summaries: list[str]) -> tuple[dict[str, float], list[str]]:
    """Return the numbers of an archive's only summary, and what there is to say of the rest."""
    if len(summaries) != 1:
        return {}, [f"{len(summaries)} files are called {SUMMARY!r}; no metrics were taken"] if summaries else []
    path = summaries[0]
    if archive.sizes[path] > _MOST_SUMMARY_BYTES:
        return {}, [f"{path!r} has more than {_MOST_SUMMARY_BYTES} bytes; no metrics were taken"]
    try:
        document = parse_json(archive.read(path, _MOST_SUMMARY_BYTES), path)
        found = dict(_numbers(document, ""))
    except (InvalidInputError, RecursionError) as error:
        return {}, [f"no metrics were taken: {error}"]
    good = {name: value for name, value in found.items() if _is_label(name)}
    notes = [f"{name!r} in {path!r} cannot be the name of a metric" for name in sorted(found.keys() - good.keys())[:5]]
    if len(good) > _MOST_METRICS:
        return {}, [f"{path!r} has more than {_MOST_METRICS} numbers; no metrics were taken"]
    return good, notes


def _numbers(value: Any, name: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _numbers(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and name:
        yield name, float(value)


def _is_label(name: str) -> bool:
    try:
        check_label(name, "metric")
    except InvalidInputError:
        return False
    return True


def _name_of(path: Path) -> str:
    stem = re.sub(r"(\.tar)?\.(zip|gz|tgz|tar)$", "", path.absolute().name, flags=re.IGNORECASE)
    return re.sub(r"[^A-Za-z0-9_.-]+|^[^A-Za-z0-9_]+|\.\.+|\.+$", "_", stem) or "imported"


def named_asset(text: str, workspace: str) -> AssetName:
    """Return the asset that a name without a version means.

    Raises:
        InvalidInputError: Not a name, or one with a version.
    """
    ref = AssetRef.parse(text, workspace)
    if text not in {ref.asset.name, str(ref.asset)}:
        raise InvalidInputError(f"expected an asset's name, not {text!r}; use {ref.asset.name!r}")
    return ref.asset


def _document(registered: Registered) -> dict[str, Any]:
    return {**registered.version.to_json(), "created": registered.created}
