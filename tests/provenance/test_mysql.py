"""A metadata store in MySQL: a real MariaDB, of the test's own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ama_tfx.errors import BackendError, InvalidInputError, PermissionDeniedError
from ama_tfx.provenance import open_history
from ama_tfx.testing.run_store import Made, RunStoreWriter

pytest.importorskip("ml_metadata")

START_SECONDS = 120
SETUP = """
CREATE DATABASE mlmd;
CREATE USER ann@localhost IDENTIFIED BY 'of-ann';
GRANT ALL ON mlmd.* TO ann@localhost;
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server with an empty database for ann."""
    if shutil.which("mariadbd") is None or shutil.which("mariadb-install-db") is None:
        if os.environ.get("AMA_REQUIRE_MARIADB") == "1":
            pytest.fail("AMA_REQUIRE_MARIADB=1, but there is no mariadbd on PATH; on Debian: mariadb-server")
        pytest.skip("MySQL NOT TESTED: no mariadbd on PATH; on Debian: apt-get install mariadb-server")
    folder = tmp_path_factory.mktemp("mariadb")
    user = f"--user={'root' if os.getuid() == 0 else os.environ.get('USER', '')}"
    install = ["mariadb-install-db", "--no-defaults", user, f"--datadir={folder}/data"]
    subprocess.run([*install, "--auth-root-authentication-method=normal"], check=True, capture_output=True)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number = found.getsockname()[1]
    options = [f"--datadir={folder}/data", f"--socket={folder}/s", f"--port={number}", "--bind-address=127.0.0.1"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(["mariadbd", "--no-defaults", user, *options], stdout=log, stderr=log)
    try:
        _set_up(folder, server)
        yield number
    finally:
        server.terminate()
        server.wait(60)


def _set_up(folder: Path, server: subprocess.Popen[bytes]) -> None:
    client = ["mariadb", "--no-defaults", "-S", f"{folder}/s", "-u", "root", "-e", SETUP]
    end = time.monotonic() + START_SECONDS
    while subprocess.run(client, check=False, capture_output=True).returncode:
        assert server.poll() is None and time.monotonic() < end, (folder / "log").read_text()[-2000:]  # noqa: PT018
        time.sleep(0.2)


@pytest.fixture
def writer(port: int) -> RunStoreWriter:
    from ml_metadata.proto import metadata_store_pb2

    config = metadata_store_pb2.ConnectionConfig()
    config.mysql.host, config.mysql.port, config.mysql.database = "127.0.0.1", port, "mlmd"
    config.mysql.user, config.mysql.password = "ann", "of-ann"
    return RunStoreWriter(config)


def test_a_store_in_mysql_answers_with_a_password_from_the_environment(port, writer, monkeypatch):
    data = writer.execute("first", "Gen", outputs={"examples": Made("Examples", "/it's")})
    writer.execute(
        "first",
        "Trainer",
        inputs={"examples": [data["examples"]]},
        outputs={"model": Made("Model", "/m")},
        parameters={"steps": 3},
    )
    monkeypatch.setenv("AMA_METADATA_PASSWORD", "of-ann")
    history = open_history(f"mysql://ann@127.0.0.1:{port}/mlmd")
    assert [(one.node, one.parameters) for one in history.run("first").nodes] == [
        ("Gen", {}),
        ("Trainer", {"steps": 3}),
    ]
    assert [one.artifact.uri for one in history.datasets(history.artifact("/m").id)] == ["/it's"]
    monkeypatch.setenv("TEAM_PASSWORD", "of-ann")
    other = open_history(f"mysql://ann@127.0.0.1:{port}/mlmd?password_env=TEAM_PASSWORD")
    assert [details.run.name for details in other.runs()] == ["first"]


def test_what_mysql_refuses_is_told_without_the_password(port, monkeypatch):
    with pytest.raises(InvalidInputError, match="holds a password") as caught:
        open_history(f"mysql://ann:of-ann@127.0.0.1:{port}/mlmd")
    assert "of-ann@" not in str(caught.value)
    monkeypatch.setenv("AMA_METADATA_PASSWORD", "of-ann")
    with pytest.raises(PermissionDeniedError, match="Access denied for user 'ann'@'localhost' to database 'other'"):
        open_history(f"mysql://ann@127.0.0.1:{port}/other").runs()
    monkeypatch.setenv("AMA_METADATA_PASSWORD", "of-somebody-else")
    with pytest.raises(BackendError, match="cannot read the metadata store") as wrong:
        open_history(f"mysql://ann@127.0.0.1:{port}/mlmd").runs()
    assert "of-somebody-else" not in str(wrong.value)
