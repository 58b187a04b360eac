"""An address may be logged, recorded and printed: what could be a secret in it is refused, and not shown."""

import traceback

import pytest

from ama_tfx.errors import InvalidInputError
from ama_tfx.registry import Location

SECRET = "hunter2"


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://ann@h/db?sslpassword={SECRET}&blobs=/b",
        f"postgresql://ann@h/db?password={SECRET}&blobs=/b",
        f"postgresql://ann@h/db?Password={SECRET}&blobs=/b",
        f"postgresql://ann@h/db?options=-c%20key%3D{SECRET}&blobs=/b",
        f"postgresql://ann@h/db?{SECRET}=1&blobs=/b",
        f"postgresql://ann@h/db?sslmode=require&bogus={SECRET}&blobs=/b",
        f"postgresql:/ann:{SECRET}@h/db?blobs=/b",
        f"postgresql:ann:{SECRET}@h/db",
        f"ann:{SECRET}@h/db",
        f"//ann:{SECRET}@h/db",
        f"host=h user=ann password={SECRET}",
        f"user ann password={SECRET}",
        f"password={SECRET}://h",
        f"PGPASSWORD={SECRET} postgresql://h/db",
        f"file:{SECRET}",
        f"C:\\{SECRET}",
        f"://{SECRET}",
        f"x:{SECRET}\0",
    ],
)
def test_what_may_hold_a_secret_is_refused_and_not_shown(address):
    with pytest.raises(InvalidInputError, match=r"not a registry|a database URL (has|holds)") as caught:
        Location.parse(address)
    lines = "".join(traceback.format_exception_only(caught.value)), str(caught.value.__cause__), repr(caught.value)
    assert not [line for line in lines if SECRET in line]


def test_options_that_hold_no_secret_are_taken():
    location = Location.parse(
        "postgresql://ann@/db?host=/run/pg&port=5433&sslmode=verify-full&sslrootcert=/ca.pem&sslcert=/c.pem&sslkey=/k.pem"
        "&connect_timeout=5&application_name=ama&target_session_attrs=read-write&passfile=/home/ann/.pgpass&blobs=/b"
    )
    assert location.database.query["sslmode"] == "verify-full"
    assert len(location.database.query) == 10


@pytest.mark.parametrize("name", ["./a:b", "./a=b", "./C:", "folder/a:b=c", "/a:b", "../x=1"])
def test_a_folder_of_an_odd_name_is_given_with_a_slash(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Location.parse(name).folder == tmp_path / name


def test_the_error_says_how_to_name_such_a_folder():
    with pytest.raises(InvalidInputError, match=r"or \./name for a folder$"):
        Location.parse("a:b")
