"""From the results of fsck and gc to reports."""

from __future__ import annotations

from collections.abc import Sequence

from ama_tfx.cli.report import Report, Table
from ama_tfx.cli.text import human_size, human_time, plural
from ama_tfx.errors import IntegrityError
from ama_tfx.registry import (
    Checked,
    Finding,
    GcPlan,
    GcResult,
    Location,
    Repaired,
    RetentionPlan,
    Retired,
    RetiredVersion,
    Sizes,
    Verified,
    Version,
)

FIRST = 100
"""How many findings and lost files are shown; ``--json`` has all of them."""


def checked_report(checked: Checked) -> Report:
    """Say what fsck found."""
    return Report(checked.to_json(), _ids(checked), tuple(_lines(checked)))


def repaired_report(repaired: Repaired) -> Report:
    """Say what a repair mended, and what it could not."""
    before, after = repaired.before, repaired.after
    found, left = len(_damage(before)), len(_damage(after))
    lines = [f"found {plural(found, 'problem')}, {plural(left, 'problem')} left"]
    restored = len(set(before.lost) - set(after.lost))
    if restored:
        lines.append(f"{plural(restored, 'file')} can be restored again")
    if repaired.moved_packs:
        lines.append(
            f"{plural(len(repaired.moved_packs), 'damaged pack')} moved to blobs/damaged/, to be deleted by you"
        )
    return Report(repaired.to_json(), _ids(after), (*lines, *_lines(after)))


def refuse_damage(checked: Checked, registry: Location) -> None:
    """Make a command fail that has told of damage.

    Raises:
        IntegrityError: There is some.
    """
    if not checked.is_clean:
        raise IntegrityError(f"registry {str(registry)!r} is damaged; `ama fsck --repair --from COPY` may mend it")


def plan_report(plan: GcPlan, retention: RetentionPlan | None = None, workspace: str = "") -> Report:
    """Show what would go; with a retention rule, first what it would retire."""
    if retention is not None:
        report = plan_report(plan)
        blocks = (*_retention_blocks(retention, workspace, "would retire"), *report.blocks)
        ids = tuple(str(version.reference) for version in retention.retired)
        return Report({**report.document, "retention": retention.to_json()}, (*ids, *report.ids), blocks)
    document = plan.to_json()
    rows = tuple(
        (
            human_size(pack["size_bytes"]),
            "a part" if pack["rewritten"] else "all",
            human_time(at) if (at := plan.condemned_at.get(pack["pack"])) else "-",
            pack["pack"],
        )
        for pack in document["packs"]
    )
    if not rows:
        return Report(document, (), ("nothing to collect: versions need everything",))
    line = f"{human_size(plan.won_bytes)} in {plural(len(rows), 'pack')} can go; `ama gc --apply` condemns them"
    table = Table(("size", "goes", "condemned", "pack"), rows)
    return Report(document, tuple(pack["pack"] for pack in document["packs"]), (table, line))


def collected_report(result: GcResult, retention: RetentionPlan | None = None, workspace: str = "") -> Report:
    """Say what a collection did; with a retention rule, first what it retired."""
    if retention is not None:
        report = collected_report(result)
        blocks = (*_retention_blocks(retention, workspace, "retired"), *report.blocks)
        ids = tuple(str(version.reference) for version in retention.retired)
        return Report({**report.document, "retention": retention.to_json()}, (*ids, *report.ids), blocks)
    parts = (
        f"{plural(len(result.deleted), 'pack')} deleted ({human_size(result.won_bytes)})" if result.deleted else "",
        f"{plural(len(result.condemned), 'pack')} condemned: `ama gc --undo` takes that back"
        if result.condemned
        else "",
        f"{plural(len(result.rewritten), 'pack')} rewritten" if result.rewritten else "",
        f"{plural(len(result.spared), 'pack')} spared: needed again" if result.spared else "",
    )
    lines = tuple(filter(None, parts)) or ("nothing to do",)
    return Report(result.to_json(), (*result.condemned, *result.deleted), lines)


def undone_report(packs: Sequence[str], back: Sequence[Version] = (), gone: Sequence[str] = ()) -> Report:
    """Say what was taken back.

    Args:
        packs: Those that are not condemned any more.
        back: Versions that are not retired any more.
        gone: Why others stay retired.
    """
    line = f"{plural(len(packs), 'pack')} not condemned any more" if packs else "nothing was condemned"
    lines = [line, *([f"{plural(len(back), 'version')} not retired any more"] if back else []), *gone]
    document = {"spared": list(packs), "unretired": [version.to_json() for version in back], "gone": list(gone)}
    return Report(document, (*packs, *(str(version.reference) for version in back)), tuple(lines))


def retired_report(done: Retired, workspace: str, *, dry_run: bool) -> Report:
    """Say what was retired."""
    ids = tuple(str(version.reference) for version in done.versions)
    verb = "would retire" if dry_run else "retired"
    told = f"{human_size(done.freed_bytes)} of files can go; `ama gc --apply` condemns them"
    return Report(done.to_json(), ids, (*(f"{verb} {_short(v, workspace)}" for v in done.versions), told))


def retired_list_report(retired: Sequence[RetiredVersion], workspace: str) -> Report:
    """List what is retired."""
    rows = tuple((_short(r.version, workspace), human_time(r.retired_at), r.retired_by, r.reason) for r in retired)
    return Report(
        [each.to_json() for each in retired],
        tuple(str(each.version.reference) for each in retired),
        (Table(("version", "retired", "by", "reason"), rows) if rows else "nothing is retired",),
    )


def unretired_report(version: Version | None, reference: str, workspace: str) -> Report:
    """Say that a version was taken back."""
    if version is None:
        return Report({"unretired": None}, (), (f"{reference} is not retired",))
    line = f"took back {_short(version, workspace)}: its files are kept again"
    return Report({"unretired": version.to_json()}, (str(version.reference),), (line,))


def verified_report(verified: Verified, workspace: str) -> Report:
    """Say whether a version is whole, or a folder one."""
    elsewhere = f" ({verified.elsewhere_count} kept elsewhere)" if verified.elsewhere_count else ""
    size = f"{plural(verified.file_count, 'file')}{elsewhere}, {human_size(verified.size_bytes)}"
    verdict = "whole" if verified.is_whole else plural(len(verified.problems), "problem")
    told = _first([f"{path}: {what}" for path, what in verified.problems])
    line = f"{_short(verified.version, workspace)}: {size}: {verdict}"
    return Report(verified.to_json(), tuple(path for path, _ in verified.problems), (*told, line))


def identified_report(versions: Sequence[Version], path: str, workspace: str) -> Report:
    """Say which versions a folder is."""
    return Report(
        [version.to_json() for version in versions],
        tuple(str(version.reference) for version in versions),
        tuple(f"{path} is {_short(version, workspace)} ({version.reference})" for version in versions),
    )


def refuse_problems(verified: Verified) -> None:
    """Make a command fail that has told of problems.

    Raises:
        IntegrityError: There are some.
    """
    if not verified.is_whole:
        name = f"{verified.version.asset.name}:{verified.version.number}"
        raise IntegrityError(
            f"this is not {name} as it was registered; `ama fsck` tells what the registry lost, if any"
        )


def sizes_report(sizes: Sizes, workspace: str) -> Report:
    """Show how large assets are."""
    with_stored = any(asset.stored_bytes is not None for asset in sizes.assets)
    columns = ("asset", "versions", "files", "size", "unique", "own", *(("stored",) if with_stored else ()))
    rows = tuple(
        (
            asset.asset.name if asset.asset.workspace == workspace else str(asset.asset),
            str(asset.version_count),
            str(asset.file_count),
            human_size(asset.size_bytes),
            human_size(asset.unique_bytes),
            human_size(asset.own_bytes),
            *((human_size(asset.stored_bytes or 0),) if with_stored else ()),
        )
        for asset in sizes.assets
    )
    ratio = f", {sizes.size_bytes / sizes.store_bytes:.1f} times smaller" if sizes.store_bytes else ""
    total = (
        f"all assets: {human_size(sizes.size_bytes)}, {human_size(sizes.unique_bytes)} with each content once; "
        f"{human_size(sizes.store_bytes)} in the store{ratio}"
    )
    return Report(
        sizes.to_json(), tuple(row[0] for row in rows), (Table(columns, rows) if rows else "no assets", total)
    )


def _retention_blocks(plan: RetentionPlan, workspace: str, verb: str) -> list[str | Table]:
    rows = [(_short(version, workspace), verb, "-") for version in plan.retired]
    rows += [(_short(kept.version, workspace), "keeps", ", ".join(dict.fromkeys(kept.reasons))) for kept in plan.kept]
    line = f"{verb} {plural(len(plan.retired), 'version')}: {human_size(plan.freed_bytes)} of files"
    return [Table(("version", "rule", "why"), tuple(rows[:FIRST])), line]


def _short(version: Version, workspace: str) -> str:
    name = version.asset.name if version.asset.workspace == workspace else str(version.asset)
    return f"{name}:{version.number}"


def _damage(checked: Checked) -> list[Finding]:
    return [finding for finding in checked.findings if not finding.is_note]


def _ids(checked: Checked) -> tuple[str, ...]:
    return tuple(dict.fromkeys(finding.subject for finding in _damage(checked)))


def _lines(checked: Checked) -> list[str]:
    damage = _damage(checked)
    told = [f"{'note' if finding.is_note else finding.problem}: {finding.detail}" for finding in checked.findings]
    lost = [str(file) for file in checked.lost]
    read = "every byte read" if checked.read_percent == 100 else f"{checked.read_percent} % of the packs read"
    counts = (
        f"{plural(checked.version_count, 'version')}, {plural(checked.file_count, 'file')}, "
        f"{plural(checked.blob_count, 'blob')} in {plural(checked.pack_count, 'pack')}; {read}"
    )
    verdict = "clean" if checked.is_clean else f"{plural(len(damage), 'problem')}, {plural(len(lost), 'file')} lost"
    return [*_first(told), *_first(lost), f"{verdict}: {counts}"]


def _first(lines: list[str]) -> list[str]:
    more = len(lines) - FIRST
    return lines if more <= 0 else [*lines[:FIRST], f"… and {more} more; --json lists them"]
