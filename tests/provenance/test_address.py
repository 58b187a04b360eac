"""Addresses of metadata stores."""

from __future__ import annotations

import pytest

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.provenance.address import StoreAddress, StoreKind


@pytest.mark.parametrize("text", ["metadata.db", "./sub:dir/metadata.db", "/data/metadata.db", "c:strange"])
def test_what_has_no_scheme_is_a_path(text):
    assert StoreAddress.parse(text) == StoreAddress(StoreKind.SQLITE, path=text)


@pytest.mark.parametrize(
    ("text", "path"),
    [("sqlite:metadata.db", "metadata.db"), ("sqlite:/data/m.db", "/data/m.db"), ("sqlite:///data/m.db", "/data/m.db")],
)
def test_sqlite_is_told_by_a_path(text, path):
    assert StoreAddress.parse(text).path == path


def test_servers_are_told_by_host_and_database():
    assert StoreAddress.parse("grpc://meta.example.org:8888") == StoreAddress(
        StoreKind.GRPC, host="meta.example.org", port=8888
    )
    mysql = StoreAddress.parse("mysql://ann@db.example.org/mlmd")
    assert (mysql.kind, mysql.host, mysql.port, mysql.database, mysql.user) == (
        *(StoreKind.MYSQL, "db.example.org", 3306),
        *("mlmd", "ann"),
    )
    socket = StoreAddress.parse("postgresql://ann@/mlmd?host=/run/pg&password_env=MLMD_PASSWORD")
    assert (socket.host, socket.port, socket.database) == ("/run/pg", 5432, "mlmd")
    assert socket.password_variable == "MLMD_PASSWORD"
    assert str(socket) == "postgresql://ann@/run/pg:5432/mlmd"


def test_a_password_is_read_from_the_variable_that_is_named(monkeypatch):
    monkeypatch.delenv("AMA_METADATA_PASSWORD", raising=False)
    address = StoreAddress.parse("mysql://ann@db/mlmd")
    assert address.password() == ""
    monkeypatch.setenv("AMA_METADATA_PASSWORD", "opens-it")
    assert address.password() == "opens-it"
    assert "opens-it" not in f"{address!r} {address}"


@pytest.mark.parametrize(
    "text",
    ["mysql://ann:opens-it@db/mlmd", "postgresql://db/mlmd?password=opens-it", "postgres://ann:opens-it@db/mlmd"],
)
def test_an_address_with_a_password_is_refused_without_showing_it(text):
    with pytest.raises(InvalidInputError) as refused:
        StoreAddress.parse(text)
    assert "opens-it" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a\0b", "sqlite:", "sqlite://host/x", "grpc://", "grpc://host:1/db", "mysql://host", "ftp://host/x"),
        *("grpc://host:port", "grpc://host:99999", "mysql://host/db?ssl=1", "postgresql:db"),
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(InvalidInputError):
        StoreAddress.parse(text)


def test_a_scheme_that_is_nearly_right_is_told():
    with pytest.raises(InvalidInputError, match="did you mean 'postgresql'"):
        StoreAddress.parse("postgres://host/db")


def test_a_folder_is_no_store_and_the_file_in_it_is_told(tmp_path):
    (tmp_path / "metadata.db").touch()
    with pytest.raises(InvalidInputError, match=r"is a folder.*did you mean '.*metadata\.db'"):
        StoreAddress.parse(str(tmp_path)).require_file()
    with pytest.raises(NotFoundError, match="no metadata store"):
        StoreAddress.parse(str(tmp_path / "other.db")).require_file()


def test_a_name_that_no_file_can_have_is_refused():
    with pytest.raises(InvalidInputError, match="File name too long; name another path"):
        StoreAddress.parse("m" * 5000).require_file()
