"""What ``ama find`` and ``ama search`` say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ama_tfx.cli.report import Report, Table
from ama_tfx.cli.text import human_size, human_time, plural
from ama_tfx.errors import NotFoundError
from ama_tfx.registry import Hit, Version

if TYPE_CHECKING:
    from ama_tfx.registry import Found, Match

_SHOWN_METRICS = 4
"""How many metrics of a version a table shows; ``--json`` has them all."""


def found_report(found: Mapping[str, Sequence[Hit]], workspace: str) -> Report:
    """List where contents are.

    Args:
        found: The content as it was named -> where it is.
        workspace: Names in it are shown without it.
    """
    hits = [(content, hit) for content, of_content in found.items() for hit in of_content]
    several = len(found) > 1
    rows = tuple(
        (*((content,) if several else ()), _short(hit.version, workspace), ", ".join(hit.aliases), hit.path)
        for content, hit in hits
    )
    columns = (*(("content",) if several else ()), "version", "aliases", "path")
    return Report(
        [
            {**hit.version.to_json(), "aliases": list(hit.aliases), "path": hit.path, "content": content}
            for content, hit in hits
        ],
        tuple(f"{hit.version.reference}/{hit.path}" for _, hit in hits),
        (Table(columns, rows),) if rows else (),
    )


def check_found(found: Mapping[str, Sequence[Hit]]) -> None:
    """Raise `NotFoundError` when a content is nowhere."""
    missing = [content for content, hits in found.items() if not hits]
    if missing:
        shown = " or ".join(map(repr, missing[:3])) + (f" or {len(missing) - 3} more" if missing[3:] else "")
        raise NotFoundError(f"no version holds a file with the content of {shown}")


def search_report(found: Found, workspace: str) -> Report:
    """List the versions that were found."""
    rows = tuple(_row(match, workspace) for match in found)
    columns = ("version", "semantic", "aliases", "tags", "metrics", "size", "created", "by", "message")
    more = (f"the first {plural(len(found), 'version')}; there are more, which --limit 0 shows",) if found.more else ()
    return Report(
        [match.to_json() for match in found],
        tuple(str(match.version.reference) for match in found),
        (Table(columns, rows), *more) if rows else ("no version is like that",),
    )


def _row(match: Match, workspace: str) -> tuple[str, ...]:
    version = match.version
    return (
        _short(version, workspace),
        str(version.semantic),
        ", ".join(match.aliases),
        ", ".join(match.tags),
        _metrics(match.metrics),
        human_size(version.size_bytes),
        human_time(version.created_at),
        version.created_by,
        version.message.partition("\n")[0],
    )


def _metrics(metrics: Mapping[str, float]) -> str:
    shown = [f"{name} {value:.6g}" for name, value in list(metrics.items())[:_SHOWN_METRICS]]
    return ", ".join([*shown, *(["…"] if len(metrics) > _SHOWN_METRICS else [])])


def _short(version: Version, workspace: str) -> str:
    name = version.asset.name if version.asset.workspace == workspace else str(version.asset)
    return f"{name}:{version.number}"
