"""Where a metadata store is: one text, parsed once; a password is named, never held."""

from __future__ import annotations

import enum
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from ama_tfx.errors import InvalidInputError, NotFoundError, did_you_mean
from ama_tfx.storage import os_errors

__all__ = ["StoreAddress", "StoreKind"]

PASSWORD_VARIABLE = "AMA_METADATA_PASSWORD"  # noqa: S105 - a name, not a password
EXPECTED = "expected a file of SQLite, mysql://user@host/database, postgresql://user@host/database or grpc://host:port"


class StoreKind(enum.Enum):
    """Which of ML Metadata's connections."""

    SQLITE = "sqlite"
    MYSQL = "mysql"
    POSTGRESQL = "postgresql"
    GRPC = "grpc"


_PORTS = {StoreKind.MYSQL: 3306, StoreKind.POSTGRESQL: 5432, StoreKind.GRPC: 8080}
_OPTIONS = {
    StoreKind.MYSQL: {"password_env", "socket"},
    StoreKind.POSTGRESQL: {"password_env", "host"},
    StoreKind.GRPC: set[str](),
}


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where a metadata store is.

    Attributes:
        kind: Which connection.
        path: Of the file; SQLite only.
        host: Name or address; for a database, also the folder of its Unix socket.
        port: Of the host.
        database: Its name.
        user: Who connects; empty to let the database's client decide.
        password_variable: Name of the variable that holds the password; a variable that is not set means none.
    """

    kind: StoreKind
    path: str = ""
    host: str = ""
    port: int = 0
    database: str = ""
    user: str = ""
    password_variable: str = PASSWORD_VARIABLE

    @classmethod
    def parse(cls, text: str) -> StoreAddress:
        """Read an address.

        Args:
            text: ``sqlite:PATH``, a path, ``mysql://user@host:port/database[?socket=PATH]``,
                ``postgresql://user@host:port/database[?host=FOLDER]``, both with ``password_env=NAME``, or
                ``grpc://host:port``.

        Raises:
            InvalidInputError: It is none of these, or holds a password.
        """
        scheme, colon, rest = text.partition(":")
        if not text or "\0" in text:
            raise InvalidInputError(f"not a metadata store: {text!r}; {EXPECTED}")
        if not colon or "/" in scheme or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+]+", scheme):
            return cls(StoreKind.SQLITE, path=text)
        if scheme == "sqlite":
            return cls(StoreKind.SQLITE, path=_path(rest, text))
        known = {kind.value: kind for kind in StoreKind}
        if scheme not in known or not rest.startswith("//"):
            hint = did_you_mean(scheme, known)
            raise InvalidInputError(f"not a metadata store: {_without_password(text)!r}{hint}; {EXPECTED}")
        return _server(known[scheme], text)

    def __str__(self) -> str:
        if self.kind is StoreKind.SQLITE:
            return self.path
        user = f"{self.user}@" if self.user else ""
        return f"{self.kind.value}://{user}{self.host}:{self.port}" + (f"/{self.database}" if self.database else "")

    def password(self) -> str:
        """Return the password, from the environment; empty for none."""
        return os.environ.get(self.password_variable, "")

    def require_file(self) -> None:
        """Check that the file is there; ML Metadata would say less.

        Raises:
            NotFoundError: It is not.
            InvalidInputError: It is a folder, or no path of a file.
            PermissionDeniedError: A folder on the way may not be searched.
        """
        path = Path(self.path)
        with os_errors("read", path):
            is_folder, is_file = path.is_dir(), path.is_file()
        if is_folder:
            inside = sorted(str(path / one.name) for one in path.glob("*.db"))
            hint = f"; did you mean {inside[0]!r}?" if inside else "; name the file in it"
            raise InvalidInputError(f"{self.path!r} is a folder, not a metadata store{hint}")
        if not is_file:
            raise NotFoundError(f"no metadata store {self.path!r}; name the file that the pipeline writes to")


def _path(rest: str, text: str) -> str:
    path = rest[2:] if rest.startswith("///") else rest
    if not path or path.startswith("//"):
        raise InvalidInputError(f"not a metadata store: {text!r}; expected sqlite:PATH or sqlite:///PATH")
    return path


def _server(kind: StoreKind, text: str) -> StoreAddress:
    shown = _without_password(text)
    try:
        parts = urlsplit(text)
        port = parts.port or _PORTS[kind]
        options = {key: values[-1] for key, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
    except ValueError as error:
        raise InvalidInputError(f"not a metadata store: {shown!r}: {error}; {EXPECTED}") from None
    if parts.password is not None or "password" in options:
        raise InvalidInputError(
            f"{shown!r} holds a password; keep it in the variable {PASSWORD_VARIABLE}, or in another that "
            "password_env=NAME names"
        )
    _check_options(kind, options, shown)
    host = options.get("host") or options.get("socket") or unquote(parts.hostname or "")
    database = unquote(parts.path.lstrip("/"))
    if not host or bool(database) is (kind is StoreKind.GRPC):
        raise InvalidInputError(f"not a metadata store: {shown!r}; {EXPECTED}")
    return StoreAddress(
        kind,
        host=host,
        port=port,
        database=database,
        user=unquote(parts.username or ""),
        password_variable=options.get("password_env", PASSWORD_VARIABLE),
    )


def _check_options(kind: StoreKind, options: Collection[str], shown: str) -> None:
    for name in options:
        if name not in _OPTIONS[kind]:
            known = ", ".join(sorted(_OPTIONS[kind])) or "none"
            raise InvalidInputError(f"{shown!r}: unknown option {name!r}; known: {known}")


def _without_password(text: str) -> str:
    """Return an address as an error may show it."""
    hidden = re.sub(r"(://[^:/@]*):[^@]*@", r"\1:…@", text)
    return re.sub(r"(?i)(passw(or)?d=)[^&]*", r"\1…", hidden)
