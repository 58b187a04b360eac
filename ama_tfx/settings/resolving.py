"""Which value of a setting counts: an option's, the environment's, a file's, or the default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ama_tfx.errors import PermissionDeniedError
from ama_tfx.settings.files import SettingsFile, user_folder
from ama_tfx.settings.table import SETTINGS, Candidate, Origin, Scope, Setting, parse_setting, setting_of


class Settings:
    """The settings that count for a process.

    Args:
        given: Key -> value of an option.
        start: The folder that the process is in; None for no project.
    """

    def __init__(self, given: Mapping[str, Any] | None = None, start: Path | None = None) -> None:
        self._given = dict(given or {})
        self.files = [
            file for file in (SettingsFile.of_project(start) if start else None, SettingsFile.of_user()) if file
        ]
        self._read: dict[SettingsFile, dict[str, str | bool]] = {}

    @classmethod
    def load(cls, given: Mapping[str, Any] | None = None) -> Settings:
        """Return those of this process, in the folder that it is in."""
        try:
            return cls(given, Path.cwd())
        except FileNotFoundError:  # the folder is gone
            return cls(given)

    def __getitem__(self, key: str) -> Candidate:
        """Return what counts for a setting.

        Raises:
            InvalidInputError: There is no such setting, or what counts is no value for it.
            PermissionDeniedError: It stands in a project's file that others may have written.
        """
        winner = next(iter(self._candidates(setting_of(key))))
        if winner.refused:
            variable = SETTINGS[key].variable
            raise PermissionDeniedError(
                f"{key} is set by a file that is not trusted: {winner.refused}; if {winner.value!r} is meant, "
                f"say so with {variable} or `ama config set {key} … --user`, or make the file yours"
            )
        return winner

    def candidates(self, key: str) -> list[Candidate]:
        """Return everything that was said of a setting, what counts most first."""
        return list(self._candidates(setting_of(key)))

    def _candidates(self, setting: Setting) -> list[Candidate]:
        found = []
        if (value := self._given.get(setting.key)) is not None:
            found.append(Candidate(setting.key, value, Origin(Scope.OPTION, f"--{setting.key}")))
        if told := _from_environment(setting):
            found.append(told)
        for file in self.files:
            values = self._values(file)
            if setting.key in values:
                why = file.why_untrusted() if file.scope is Scope.PROJECT else ""
                found.append(Candidate(setting.key, values[setting.key], Origin(file.scope, str(file.path)), why))
        return [*found, Candidate(setting.key, _default(setting), Origin(Scope.DEFAULT))]

    def _values(self, file: SettingsFile) -> dict[str, str | bool]:
        if file not in self._read:
            self._read[file] = file.read()
        return self._read[file]


def _from_environment(setting: Setting) -> Candidate | None:
    if value := os.environ.get(setting.variable):
        if setting.yes_no or setting.choices:
            value = parse_setting(setting, value, setting.variable)  # type: ignore[assignment]
        return Candidate(setting.key, value, Origin(Scope.ENVIRONMENT, setting.variable))
    if setting.key == "color":
        for variable, counts, value in _COLOR_VARIABLES:
            if os.environ.get(variable, "") not in counts:
                return Candidate("color", value, Origin(Scope.ENVIRONMENT, variable))
        if os.environ.get("CLICOLOR") == "0":
            return Candidate("color", "never", Origin(Scope.ENVIRONMENT, "CLICOLOR"))
    return None


_COLOR_VARIABLES = (
    ("NO_COLOR", {""}, "never"),
    ("FORCE_COLOR", {"", "0"}, "always"),
    ("CLICOLOR_FORCE", {"", "0"}, "always"),
)
"""Variables that many programs obey (no-color.org, force-color.org, bixense.com/clicolors): name, none, meaning."""


def _default(setting: Setting) -> str | bool | None:
    if setting.key != "registry":
        return setting.default
    home = os.environ.get("AMA_HOME")
    return str((Path(home) if home else user_folder("data")) / "registry")
