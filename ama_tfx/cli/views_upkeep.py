"""From the results of fsck and gc to reports."""

from __future__ import annotations

from collections.abc import Sequence

from ama_tfx.cli.report import Report, Table
from ama_tfx.cli.text import human_size, human_time, plural
from ama_tfx.errors import IntegrityError
from ama_tfx.registry import Checked, Finding, GcPlan, GcResult, Location, Repaired

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


def plan_report(plan: GcPlan) -> Report:
    """Show what would go."""
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


def collected_report(result: GcResult) -> Report:
    """Say what a collection did."""
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


def undone_report(packs: Sequence[str]) -> Report:
    """Say what was taken back."""
    line = f"{plural(len(packs), 'pack')} not condemned any more" if packs else "nothing was condemned"
    return Report({"spared": list(packs)}, tuple(packs), (line,))


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
