"""Files of settings: found, read, and not trusted where others may have written them."""

from __future__ import annotations

import os
import re
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from ama_tfx.errors import BackendError, InvalidInputError, PermissionDeniedError
from ama_tfx.settings.table import SETTINGS, Scope, expected, known_settings, parse_setting

PROJECT_FOLDER = ".ama"
FILE_NAME = "config.toml"
MAX_FILE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A file of settings.

    Attributes:
        path: Where it is.
        scope: The project's, or the user's.
    """

    path: Path
    scope: Scope

    @classmethod
    def of_user(cls) -> SettingsFile:
        """Return the user's, there or not."""
        home = os.environ.get("AMA_HOME")
        return cls((Path(home) if home else user_folder("config")) / FILE_NAME, Scope.USER)

    @classmethod
    def of_project(cls, start: Path) -> SettingsFile | None:
        """Return the one of the nearest folder, from ``start`` upwards, that has one; the user's is none."""
        user = cls.of_user().path
        for folder in (start, *start.parents):
            path = folder / PROJECT_FOLDER / FILE_NAME
            if path != user and os.path.lexists(path):
                return cls(path, Scope.PROJECT)
        return None

    def read(self) -> dict[str, str | bool]:
        """Return what it sets; nothing when it is not there.

        Raises:
            InvalidInputError: It is broken, or sets what may not be set; the message names file and line.
        """
        return self.parse(self.text())

    def parse(self, text: str) -> dict[str, str | bool]:
        """Return what a text sets, as if it stood in the file; see `read`."""
        document = _parse(text, self.path)
        return {key: self._value(key, value, text) for key, value in document.items()}

    def text(self) -> str:
        """Return what stands in it; nothing when it is not there."""
        try:
            with open(self.path, "rb", opener=_opener) as stream:
                if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                    raise InvalidInputError(f"{str(self.path)!r} is no regular file; put a settings file in its place")
                content = stream.read(MAX_FILE_BYTES + 1)
            if len(content) > MAX_FILE_BYTES:
                raise InvalidInputError(
                    f"{str(self.path)!r} has more than {MAX_FILE_BYTES} bytes; it is no settings file"
                )
            return content.decode()
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except UnicodeDecodeError as error:
            raise InvalidInputError(f"{str(self.path)!r} is not in UTF-8; write it again") from error
        except PermissionError as error:
            raise PermissionDeniedError(f"cannot read {str(self.path)!r}: {error.strerror}") from error
        except OSError as error:
            raise BackendError(f"cannot read {str(self.path)!r}: {error.strerror}") from error

    def why_untrusted(self) -> str:
        """Return why others may have written a project's file, or an empty text."""
        for path in (self.path.parent, self.path):
            status = path.lstat()
            if status.st_uid not in {os.geteuid(), 0}:
                return f"{str(path)!r} belongs to user {status.st_uid}, not to you"
            if status.st_mode & stat.S_IWOTH and not stat.S_ISLNK(status.st_mode):
                return f"everybody may write to {str(path)!r}"
        return ""

    def _value(self, key: str, value: object, text: str) -> str | bool:
        where = f"{str(self.path)!r}, line {line_of(key, text)}"
        setting = SETTINGS.get(key)
        if setting is None:
            raise InvalidInputError(f"{where}: no setting {key!r}{known_settings(key)}")
        if self.scope is Scope.PROJECT and not setting.by_project:
            raise InvalidInputError(f"{where}: a project cannot set {key!r}; use `ama config set {key} … --user`")
        if not isinstance(value, str | bool):
            raise InvalidInputError(f"{where}: {key} is {value!r}; expected {expected(setting)}")
        parsed = parse_setting(setting, value, where)
        return self._from_here(parsed) if key in {"registry", "cache"} and isinstance(parsed, str) else parsed

    def _from_here(self, path: str) -> str:
        """Return a path that is relative to the project, or to the user's file, as an absolute one."""
        if ":" in path.partition("/")[0] or path.startswith(("/", "~")):
            return path
        folder = self.path.parent.parent if self.scope is Scope.PROJECT else self.path.parent
        return str(folder / path)


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # what is a fifo does not wait for a writer


def user_folder(kind: str) -> Path:
    """Return the user's folder for settings (``config``) or for data (XDG)."""
    import platformdirs  # 20 ms; the help needs none of it

    return platformdirs.user_config_path("ama") if kind == "config" else platformdirs.user_data_path("ama")


def _parse(text: str, path: Path) -> dict[str, object]:
    if not text:
        return {}
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f'{str(path)!r} is not TOML: {error}; write it as in: workspace = "team"') from error


def line_of(key: str, text: str) -> int:
    """Return the number, from 1, of the line that sets a key; 1 where none is found."""
    lines = text.splitlines()
    pattern = re.compile(rf"""\s*(\[+\s*)?["']?{re.escape(key)}["']?\s*[=.\]]""")
    return next((number for number, line in enumerate(lines, 1) if pattern.match(line)), 1)
