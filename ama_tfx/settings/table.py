"""The table of settings: what may be set, how each value is checked, and who may say it."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from ama_tfx.errors import InvalidInputError, did_you_mean

_YES, _NO = ("1", "on", "true", "yes"), ("0", "false", "no", "off")
_PASSWORD = re.compile(r"://[^:/]*:[^@]*@|passw(or)?d\s*=", re.IGNORECASE)


class Scope(enum.IntEnum):
    """Who said it; the lowest number wins."""

    OPTION = 0
    ENVIRONMENT = 1
    PROJECT = 2
    USER = 3
    DEFAULT = 4


@dataclass(frozen=True, slots=True)
class Setting:
    """What may be set.

    Attributes:
        key: Its name in files.
        variable: Its variable of the environment.
        help: What it does, as a sentence.
        choices: What it may be; none for any text, ``yes_no`` for true and false.
        yes_no: Whether it is true or false.
        default: What it is when nobody says anything.
        by_project: Whether a project's file may set it: others may have written that.
    """

    key: str
    variable: str
    help: str
    choices: tuple[str, ...] = ()
    yes_no: bool = False
    default: str | bool | None = None
    by_project: bool = True


SETTINGS = {
    setting.key: setting
    for setting in (
        Setting("registry", "AMA_REGISTRY", "Registry to use: a folder, or postgresql://…"),
        Setting("workspace", "AMA_WORKSPACE", "Workspace of names that have none.", default="default"),
        Setting("actor", "AMA_ACTOR", "Who is recorded as acting.", by_project=False),
        Setting("json", "AMA_JSON", "Print JSON.", yes_no=True, default=False),
        Setting("quiet", "AMA_QUIET", "Print names only, one a line.", yes_no=True, default=False),
        Setting("color", "AMA_COLOR", "When to draw and colour.", ("auto", "always", "never"), default="auto"),
        Setting("cache", "AMA_CACHE", "Folder where blobs of buckets are cached.", by_project=False),
        Setting("cache_size", "AMA_CACHE_SIZE", "How much of them, as in 50GB.", by_project=False),
    )
}
"""Key -> what it is."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value comes from: who said it, and the variable or file it stands in."""

    scope: Scope
    where: str = ""

    def __str__(self) -> str:
        return f"{self.scope.name.lower()} {self.where}".rstrip()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that somebody gave a setting.

    Attributes:
        key: The setting's.
        value: Text, or true or false; None where nobody says anything and there is no default.
        origin: Where it comes from.
        refused: Why it does not count; empty when it does.
    """

    key: str
    value: str | bool | None
    origin: Origin
    refused: str = ""


def setting_of(key: str) -> Setting:
    """Return a setting by its key.

    Raises:
        InvalidInputError: There is none.
    """
    if key not in SETTINGS:
        raise InvalidInputError(f"no setting {key!r}{known_settings(key)}")
    return SETTINGS[key]


def parse_setting(setting: Setting, value: str | bool, where: str) -> str | bool:
    """Return a value after checking it.

    Args:
        setting: What is set.
        value: As it stands in a file or a variable.
        where: Which, for errors.

    Raises:
        InvalidInputError: Not a value for it, or one that holds a password.
    """
    if setting.yes_no:
        if isinstance(value, str) and value.lower() in (*_YES, *_NO):
            return value.lower() in _YES
        if isinstance(value, bool):
            return value
    elif isinstance(value, str) and value and (not setting.choices or value in setting.choices):
        if _PASSWORD.search(value):
            raise InvalidInputError(
                f"{where}: {setting.key} holds a password, which no settings file may; leave it out, and keep it in "
                f"PostgreSQL's password file (PGPASSFILE) or in {setting.variable}"
            )
        return value
    raise InvalidInputError(f"{where}: {setting.key} is {value!r}; expected {expected(setting)}")


def known_settings(key: str) -> str:
    """Return what an error says behind a key that is not known."""
    return did_you_mean(key, SETTINGS) or f"; known: {', '.join(SETTINGS)}"


def expected(setting: Setting) -> str:
    """Return what a setting may be, in words."""
    if setting.yes_no:
        return "true or false"
    return " or ".join(setting.choices) if setting.choices else "a text"
