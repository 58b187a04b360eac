import pytest

from ama_tfx.errors import BackendError, InvalidInputError, NotFoundError, PermissionDeniedError
from ama_tfx.orchestration import CompiledPipeline, read_compiled
from ama_tfx.orchestration.compiled import without_passwords

HELLO = CompiledPipeline(target="local", pipeline_name="demo", content=b"hello")


def names(folder):
    return [entry.name for entry in folder.iterdir()]


def test_the_digest_is_that_of_the_content():
    assert str(HELLO.digest) == "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def test_write_makes_folders_replaces_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "new" / "pipeline.pb"
    assert HELLO.write(path) == path
    CompiledPipeline("local", "demo", b"bye").write(path)
    assert path.read_bytes() == b"bye"
    assert names(path.parent) == ["pipeline.pb"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "pipeline.pb"
    path.mkdir()
    (path / "kept").touch()
    with pytest.raises((BackendError, PermissionDeniedError)):
        HELLO.write(path)
    assert names(tmp_path) == ["pipeline.pb"]
    assert names(path) == ["kept"]


def test_the_content_is_not_printed():
    assert repr(HELLO) == "CompiledPipeline(target='local', pipeline_name='demo')"


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="missing.pb"):
        read_compiled(tmp_path / "missing.pb", "local")


@pytest.mark.parametrize("target", ["local", "kubeflow", "vertex"])
@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\xff\x00garbage", b"[1]", b'{"pipelineSpec": 3}', b'{"pipelineSpec": {}}', b"null"]
)
def test_what_no_target_compiled_is_refused(tmp_path, target, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(InvalidInputError):
        read_compiled(tmp_path / "file", target)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://ann:s3cr3t@host/db",
        "postgres://ann:p:s3cr3t@host/db",
        "postgres://ann:p#s3cr3t@host/db",
        "postgres://ann:p/s3cr3t@host/db",
        "postgres://:s3cr3t@host/db",
        "https://ghp_s3cr3t@github.com/x",
        "https://s3cr3t-0123456789@github.com/x",
    ],
)
@pytest.mark.parametrize("around", ['{"url": "%s"}', "\x0a\x20%s\x12\x04"], ids=["json", "protobuf"])
def test_a_secret_in_a_url_is_refused_and_not_shown(url, around):
    with pytest.raises(InvalidInputError, match="a URL with a password") as caught:
        without_passwords(CompiledPipeline("local", "demo", (around % url).encode()))
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "http://host:8080/models/x@v1",
        '{"a": "http://host:8080", "b": "x@y"}',
        '"curl http://host:8080\\nme@host"',
        "docker://busybox:1.36@sha256:" + 64 * "0",
        "https://ann@host/x",
        "ama://default/taxi/model:champion@x",
        "x" * 200_000 + "://" * 1000 + "u:" * 10_000,
    ],
)
def test_what_is_no_secret_is_left_alone(text):
    compiled = CompiledPipeline("local", "demo", text.encode())
    assert without_passwords(compiled) is compiled
