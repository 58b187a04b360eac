"""From settings to reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ama_tfx.cli.report import Report, Table
from ama_tfx.settings import Candidate, SettingsFile


def settings_report(found: Sequence[Candidate], *, show_origin: bool) -> Report:
    """List settings."""
    rows = tuple(
        (candidate.key, _text(candidate), *((_origin(candidate),) if show_origin else ())) for candidate in found
    )
    columns = ("setting", "value", "origin") if show_origin else ("setting", "value")
    return Report(
        [_document(candidate) for candidate in found],
        tuple(candidate.key for candidate in found),
        (Table(columns, rows),),
    )


def setting_report(found: Candidate) -> Report:
    """Tell one setting."""
    return Report(_document(found), (_text(found),), (_text(found),))


def changed_report(key: str, file: SettingsFile, value: str | None) -> Report:
    """Say what became of a setting."""
    said = f"{key} is {value} in {file.path}" if value is not None else f"{key} is no longer set in {file.path}"
    return Report({"key": key, "file": str(file.path), "scope": file.scope.name.lower()}, (str(file.path),), (said,))


def _document(found: Candidate) -> dict[str, Any]:
    origin = {"scope": found.origin.scope.name.lower(), "where": found.origin.where}
    return {"key": found.key, "value": found.value, "origin": origin, "refused": found.refused or None}


def _text(found: Candidate) -> str:
    if found.value is None:
        return "-"
    return str(found.value).lower() if isinstance(found.value, bool) else str(found.value)


def _origin(found: Candidate) -> str:
    return f"{found.origin} (refused: {found.refused})" if found.refused else str(found.origin)
