"""Changing settings: one line of a settings file, with everything else in it left as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ama_tfx.errors import AmaError, InvalidInputError, NotFoundError
from ama_tfx.registry.location import Location, locked
from ama_tfx.registry.names import check_text, check_workspace
from ama_tfx.registry.working_copy.working_copy import WorkingCopy
from ama_tfx.settings import SETTINGS, Candidate, Scope, Setting, Settings, SettingsFile, parse_setting, setting_of
from ama_tfx.settings.files import FILE_NAME, PROJECT_FOLDER, line_of
from ama_tfx.storage import write_file

_HIDDEN = "(not shown)"


def configured(settings: Settings) -> list[Candidate]:
    """Return what counts for every setting, in order; what may hold a password is not shown."""
    return [_shown(settings.candidates(key)[0]) for key in SETTINGS]


def configured_one(settings: Settings, key: str) -> Candidate:
    """Return what counts for a setting, likewise.

    Raises:
        InvalidInputError: There is no such setting.
        NotFoundError: Nobody set it, and there is no default.
        PermissionDeniedError: It stands in a project's file that others may have written.
    """
    found = settings[key]
    if found.value is None:
        raise NotFoundError(f"{key} is not set; `ama config set {key} VALUE` does it")
    return _shown(found)


def set_setting(key: str, value: str, *, scope: Scope, start: Path) -> SettingsFile:
    """Write a setting into the user's or the project's file; comments and other lines stay.

    Args:
        key: Which.
        value: As typed; a registry's or cache's path may be relative to ``start``.
        scope: The user's or the project's.
        start: The folder that the process is in.

    Returns:
        The file.

    Raises:
        InvalidInputError: No such setting, no value for it, one that holds a password, or one that the project may not
            set; or the file is broken.
        NotFoundError: The project's is meant and there is no working copy.
    """
    setting = setting_of(key)
    if scope is Scope.PROJECT and not setting.by_project:
        raise InvalidInputError(f"a project cannot set {key!r}, for others may write to it; leave --project out")
    file = _file(scope, start)
    parsed = _checked(setting, parse_setting(setting, value, "not set"), start)
    shown = json.dumps(parsed, ensure_ascii=False)
    _change(file, key, f"{key} = {shown}")
    return file


def unset_setting(key: str, *, scope: Scope, start: Path) -> SettingsFile:
    """Take a setting out of the user's or the project's file.

    Raises:
        InvalidInputError: No such setting, or the file is broken.
        NotFoundError: The file does not set it.
    """
    setting_of(key)
    file = _file(scope, start)
    if key not in file.read():
        raise NotFoundError(f"{key} is not set in {str(file.path)!r}; `ama config list --show-origin` says where it is")
    _change(file, key, None)
    return file


def _file(scope: Scope, start: Path) -> SettingsFile:
    if scope is Scope.PROJECT:
        return SettingsFile(WorkingCopy.open(start).root / PROJECT_FOLDER / FILE_NAME, Scope.PROJECT)
    return SettingsFile.of_user()


def _checked(setting: Setting, value: str | bool, start: Path) -> str | bool:
    if not isinstance(value, str):
        return value
    check_text(value, setting.key, most=1000)
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise InvalidInputError(f"{setting.key} is {value!r}; expected a text without control characters")
    if setting.key == "workspace":
        check_workspace(value)
    if setting.key == "registry":
        Location.parse(value)
    is_path = setting.key in {"registry", "cache"} and ":" not in value.partition("/")[0] and value[0] not in "/~"
    return str(start / value) if is_path else value


def _change(file: SettingsFile, key: str, line: str | None) -> None:
    with locked(file.path.parent):
        before, text = file.read(), file.text()
        lines = text.splitlines()
        if key in before:
            number = line_of(key, text) - 1
            lines[number : number + 1] = [] if line is None else [line]
        elif line is not None:
            lines.append(line)
        _write(file, before, "".join(f"{kept}\n" for kept in lines), key)


def _write(file: SettingsFile, before: dict[str, str | bool], text: str, key: str) -> None:
    """Write a file, provided that only this key means something else than before."""
    by_hand = InvalidInputError(f"{str(file.path)!r} does not set {key} in a line of its own; change it by hand")
    try:
        after = file.parse(text)
    except InvalidInputError as error:
        raise by_hand from error
    if any(before.get(name) != after.get(name) for name in {*before, *after} - {key}):
        raise by_hand
    write_file(file.path, text.encode(), mode=0o600 if file.scope is Scope.USER else 0o644)


def _shown(candidate: Candidate) -> Candidate:
    if candidate.key != "registry":
        return candidate
    try:
        shown = str(Location.parse(str(candidate.value)))
    except AmaError:  # it may be a password in the wrong place
        shown = _HIDDEN
    return Candidate(candidate.key, shown, candidate.origin, candidate.refused)
