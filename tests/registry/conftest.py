import pytest


@pytest.fixture
def write(tmp_path):
    """A function that writes files below a new folder and returns it: write("name", {"path": b"content"})."""

    def write_files(name, files):
        folder = tmp_path / "content" / name
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return folder

    return write_files


@pytest.fixture
def hello(write):
    """A folder with one file in it, `hello.txt`."""
    return write("hello", {"hello.txt": b"hello"})
