"""From bundles, forks and imports to reports."""

from __future__ import annotations

from collections.abc import Sequence

from ama_tfx.cli.report import Facts, Report, Table
from ama_tfx.cli.text import human_size, human_time, plural
from ama_tfx.registry import AssetName, Registered
from ama_tfx.registry.sharing import (
    AliasOutcome,
    AliasStep,
    Applied,
    BundleContents,
    Exported,
    Forked,
    Imported,
    ImportPlan,
    Side,
    WorkspaceSummary,
)

_WORDS = {
    AliasOutcome.SET: ("set", "would be set"),
    AliasOutcome.MOVED: ("moved", "would be moved"),
    AliasOutcome.THERE: ("there already", "there already"),
    AliasOutcome.KEPT: ("kept", "would be kept"),
    AliasOutcome.REFUSED: ("refused", "would be refused"),
}


def created_report(contents: BundleContents) -> Report:
    """Say what was written."""
    lines = (
        f"wrote {contents.path}: {plural(len(contents.index.versions), 'version')}, "
        f"{plural(contents.blob_count, 'file')}, {human_size(contents.size_bytes)}",
        f"bundle {contents.digest}",
    )
    return Report(contents.to_json(), (str(contents.digest),), lines)


def exported_report(exported: Exported) -> Report:
    """Say what was written."""
    lines = (
        f"wrote {exported.path}: {plural(exported.file_count, 'file')}, {human_size(exported.size_bytes)}",
        *(f"from {source}" for source in exported.sources),
    )
    return Report(exported.to_json(), (str(exported.path),), lines)


def contents_report(contents: BundleContents) -> Report:
    """Show what is in a bundle."""
    index = contents.index
    named: dict[tuple[AssetName, str], list[str]] = {}
    for alias in index.aliases:
        named.setdefault((alias.asset, alias.digest.hex), []).append(alias.alias)
    rows = tuple(
        (
            f"{version.asset}:{version.number}",
            str(version.semantic),
            ", ".join(named.get((version.asset, version.digest.hex), ())),
            "asked for" if version.reference in index.roots else "made from",
            "no bytes: retired" if version.retired is not None else "",
            version.message,
        )
        for version in index.versions
    )
    checked = "every byte read" if contents.is_verified else "bytes of files not read: --read-data does"
    facts = Facts(
        (
            ("bundle", str(contents.digest)),
            ("registry", index.registry_id),
            ("files", f"{contents.blob_count}, {human_size(contents.blob_bytes)}"),
            ("checked", checked),
        )
    )
    table = Table(("version", "semantic", "aliases", "why", "state", "message"), rows, "versions")
    return Report(contents.to_json(), tuple(str(version.reference) for version in index.versions), (facts, table))


def applied_report(applied: Applied, workspace: str) -> Report:
    """Say what applying a bundle did, or would do."""
    new = [placement for placement in applied.placements if not placement.is_known]
    known = len(applied.placements) - len(new)
    verb = ("applied" if new else "nothing new in") if applied.is_done else "would apply"
    lines = [f"{verb} bundle {applied.digest}: {plural(len(new), 'new version')}, {known} there already"]
    lines += [f"new: {placement.reference}" for placement in new]
    lines += [_alias_line(step, workspace, is_done=applied.is_done) for step in applied.aliases]
    ids = tuple(str(placement.reference) for placement in applied.placements)
    return Report(applied.to_json(), ids, tuple(lines))


def forked_report(forked: Forked, workspace: str) -> Report:
    """Say what a fork did, or would do."""
    verb = "forked" if forked.is_done else "would fork"
    lines = []
    for old, new in forked.versions:
        source = f"{_name(old.asset, workspace)}:{old.number}"
        target = f"{_name(forked.asset, workspace)}:{new.number}" if forked.is_done else _name(forked.asset, workspace)
        lines.append(f"{verb} {source} into {target}")
    if forked.is_done and not forked.new_count:
        lines = [f"nothing new: {_name(forked.asset, workspace)} has what was asked for"]
    lines += [f"alias {alias} set" for alias in forked.aliases]
    lines += [f"alias {alias} not set: {why}" for alias, why in forked.aliases_refused.items()]
    ids = tuple(str(new.reference) for _, new in forked.versions)
    return Report(forked.to_json(), ids, tuple(lines))


def workspaces_report(workspaces: Sequence[WorkspaceSummary]) -> Report:
    """List workspaces."""
    rows = tuple((each.name, str(each.asset_count), str(each.version_count)) for each in workspaces)
    return Report(
        [each.to_json() for each in workspaces],
        tuple(each.name for each in workspaces),
        (Table(("workspace", "assets", "versions"), rows) if rows else "no workspaces",),
    )


def import_plan_report(plan: ImportPlan, workspace: str) -> Report:
    """Show what an import would make."""
    names = {Side.INPUT: _name(plan.inputs, workspace), Side.OUTPUT: _name(plan.outputs, workspace)}
    rows = tuple((names[file.rule.side], human_size(file.size_bytes), file.path, file.rule.glob) for file in plan.files)
    ids = tuple(str(asset) for asset in ([plan.inputs] if plan.paths(Side.INPUT) else []) + [plan.outputs])
    lines = [f"metrics: {', '.join(plan.metrics)}"] if plan.metrics else []
    return Report(
        plan.to_json(), ids, (Table(("asset", "size", "path", "because of"), rows), *lines, *map(_note, plan.notes))
    )


def imported_report(imported: Imported, workspace: str) -> Report:
    """Say what an import made."""
    both = [(name, made) for name, made in (("inputs", imported.inputs), ("outputs", imported.outputs)) if made]
    lines = [_import_line(name, made, workspace) for name, made in both]
    ids = tuple(str(made.version.reference) for _, made in both)
    return Report(imported.to_json(), ids, (*lines, *map(_note, imported.plan.notes)))


def _import_line(name: str, made: Registered, workspace: str) -> str:
    version = made.version
    verb = "imported" if made.created else "already there:"
    size = f"{plural(version.file_count, 'file')}, {human_size(version.size_bytes)}"
    return (
        f"{verb} {_name(version.asset, workspace)}:{version.number} ({name}, {human_time(version.created_at)}): {size}"
    )


def _alias_line(step: AliasStep, workspace: str, *, is_done: bool) -> str:
    words = _WORDS[step.outcome][0 if is_done else 1]
    return f"alias {_name(step.alias.asset, workspace)}:{step.alias.alias} {words}{f': {step.why}' if step.why else ''}"


def _note(note: str) -> str:
    return f"note: {note}"


def _name(asset: AssetName, workspace: str) -> str:
    return asset.name if asset.workspace == workspace else str(asset)
