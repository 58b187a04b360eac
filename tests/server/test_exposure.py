"""Attack class E: the server tells nobody what it should not, whoever asks and however."""

import pytest
from fastapi.testclient import TestClient

from ama_tfx.registry import Registry
from ama_tfx.server import create_app
from ama_tfx.testing.damage import recipe_payloads


@pytest.fixture
def registry(tmp_path):
    (tmp_path / "model.bin").write_text("weights")
    registry = Registry(tmp_path / "registry", create=True, actor="ada")
    registry.register("model", tmp_path / "model.bin")
    yield registry
    registry.close()


@pytest.fixture
def client(registry):
    with TestClient(create_app(registry), base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "169.254.169.254"])
def test_a_name_that_was_bound_to_the_loopback_address_is_not_answered(client, host):
    answer = client.get("/v1/assets", headers={"Host": host})
    assert answer.status_code == 400
    assert "model" not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:8000"])
def test_the_loopback_names_are_answered(client, host):
    assert client.get("/v1/assets", headers={"Host": host}).status_code == 200


def test_another_host_is_answered_when_it_is_allowed(registry):
    app = create_app(registry, allowed_hosts=["registry.example"])
    with TestClient(app, base_url="http://registry.example") as client:
        assert client.get("/v1/assets").status_code == 200
        assert client.get("/v1/assets", headers={"Host": "localhost"}).status_code == 400


def test_a_trailing_slash_is_not_redirected(client):
    assert client.get("/v1/assets/", follow_redirects=False).status_code == 404


@pytest.mark.parametrize("path", ["/v1/assets", "/v1/version?reference=none", "/nowhere", "/v1/versions"])
def test_every_answer_forbids_guessing_its_type(client, path):
    assert client.get(path).headers["X-Content-Type-Options"] == "nosniff"


def test_a_failure_of_the_server_tells_no_path_of_it(client, registry, tmp_path):
    digest = registry.resolve("model").digest
    (payload,) = recipe_payloads(tmp_path / "registry" / "blobs", digest)
    payload.pack.unlink()
    answer = client.get("/v1/version", params={"reference": "model:1"})
    assert answer.status_code == 500
    assert answer.json() == {
        "error": {"code": "integrity", "message": "the server cannot answer this; its operator can see why"}
    }


def test_a_path_that_a_version_does_not_have_is_not_found(client):
    answer = client.get("/v1/version", params={"reference": "model:1/no/such"})
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
    assert client.get("/v1/version", params={"reference": "model:1/model.bin"}).status_code == 200
