"""A real PostgreSQL server for tests, where its programs are installed."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg

_USER = "ama"
PASSWORD = "password-of-the-test-server"  # noqa: S105 - opens nothing: the server trusts whoever reaches its socket
"""Stands in every URL, and so may be searched for in whatever must not hold a password."""

# A natural language's order of letters, as servers of teams have it, shows what holds in the C locale only.
_ENGLISH = ("--locale-provider=icu", "--icu-locale=en-US")


def find_postgresql() -> Path | None:
    """Return the folder of ``initdb`` and ``pg_ctl``: on PATH, else Debian's newest; or None."""
    on_path = shutil.which("initdb")
    if on_path and shutil.which("pg_ctl"):
        return Path(on_path).resolve().parent
    found = [program.parent for program in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(found, key=lambda folder: float(folder.parent.name)) if found else None


class PostgresqlServer:
    """A server in a temporary folder, on a Unix socket in it, without durability: it is as quick as it is short-lived.

    PostgreSQL refuses to run as root; started by root it runs as ``postgres``, else as ``nobody``.

    Args:
        programs: From `find_postgresql`.
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._numbers = itertools.count(1)
        self.folder = Path(tempfile.mkdtemp(prefix="ama-pg-"))  # short: a socket's path has at most 107 bytes
        self._as_user: dict[str, Any] = {}
        if os.getuid() == 0:
            user = _unprivileged_user()
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self._make_cluster()
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = f"-F -k {self.folder} -c listen_addresses=''"
        self._run("pg_ctl", "-D", self._data, "-w", "-l", self.folder / "log", "-o", options, "start")

    def stop(self) -> None:
        """Stop the server at once, like a lost machine."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")

    def close(self) -> None:
        """Stop the server and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder)

    def create_database(self) -> str:
        """Make an empty database and return its name."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, database: str) -> str:
        """Return a database's address, with a password in it."""
        return f"postgresql://{_USER}:{PASSWORD}@/{database}?host={self.folder}"

    def execute(self, statements: str, database: str = "postgres") -> None:
        """Run SQL as the server's superuser."""
        with psycopg.connect(host=str(self.folder), user=_USER, dbname=database, autocommit=True) as connection:
            connection.execute(statements.encode())

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _make_cluster(self) -> None:
        options = ("-D", self._data, "-U", _USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        try:
            self._run("initdb", *options, *_ENGLISH)
        except subprocess.CalledProcessError:  # PostgreSQL before 15, or built without ICU
            shutil.rmtree(self._data, ignore_errors=True)
            self._run("initdb", *options)

    def _run(self, program: str, *arguments: str | Path) -> None:
        # Not into a pipe: the server that pg_ctl starts would hold it open.
        with tempfile.TemporaryFile() as output:
            command = [str(self._programs / program), *map(str, arguments)]
            subprocess.run(command, stdout=output, stderr=output, cwd=self.folder, check=True, **self._as_user)


def _unprivileged_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
