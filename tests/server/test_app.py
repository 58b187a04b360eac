"""The REST API gives what the registry's methods give."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from ama_tfx.registry import AssetRef, Facts, Ref, Registry
from ama_tfx.server import create_app


@pytest.fixture
def registry(tmp_path):
    (tmp_path / "schema.txt").write_text("columns")
    (tmp_path / "model.bin").write_text("weights")
    registry = Registry(tmp_path / "registry", create=True, actor="ada")
    registry.register("schema", tmp_path / "schema.txt")
    facts = Facts(kind="Model", refs=(Ref(AssetRef.parse("schema"), "schema"),))
    registry.register("model", tmp_path / "model.bin", facts, alias="champion")
    return registry


@pytest.fixture
def client(registry):
    with TestClient(create_app(registry), base_url="http://127.0.0.1") as client:
        yield client


def test_assets_are_listed(client):
    assert client.get("/v1/assets").json() == [
        {"asset": "model", "workspace": "default", "versions": 1},
        {"asset": "schema", "workspace": "default", "versions": 1},
    ]


def test_a_version_is_shown_as_ama_show_prints_it(client, registry):
    shown = client.get("/v1/version", params={"reference": "model:champion"}).json()
    assert shown == registry.show("model:champion").to_json()
    assert shown["refs"][0]["role"] == "schema"
    assert shown["aliases"] == ["champion"]


def test_the_versions_of_an_asset_are_listed(client):
    (version,) = client.get("/v1/versions", params={"asset": "model"}).json()
    assert (version["version"], version["created_by"], version["kind"]) == (1, "ada", "Model")


@pytest.mark.parametrize(
    ("reference", "status", "code"),
    [("modl", 404, "not_found"), ("model:9", 404, "not_found"), ("../etc", 400, "invalid_input")],
)
def test_an_error_is_a_status_and_a_stable_code(client, reference, status, code):
    answer = client.get("/v1/version", params={"reference": reference})
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_changed(client, registry, method):
    before = registry.audit.entries()
    assert getattr(client, method)("/v1/assets").status_code == 405
    assert registry.audit.entries() == before
