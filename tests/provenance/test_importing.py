"""A run in the registry: told once, in full, without secrets, and linked to what it registered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ama_tfx.errors import NotFoundError
from ama_tfx.provenance import import_run, record_run, redacted
from ama_tfx.provenance.importing import asset_of
from ama_tfx.registry import Facts
from ama_tfx.testing.run_store import Made


@pytest.fixture
def registered(local_registry, tmp_path):
    """Register a file as an asset and return its reference."""

    def register(name):
        file = tmp_path / f"{name}.txt"
        file.write_text(name)
        return str(local_registry.register(name, file, Facts(kind="Model")).version.reference)

    return register


def write_run(writer, reference, *, evaluation="/gone", used=None):
    data = writer.execute("first", "Gen", outputs={"examples": Made("Examples", "/e")})
    inputs = {"examples": [data["examples"]]}
    if used:
        earlier = writer.execute("before", "Old", outputs={"model": Made("Model", "/old")})
        made = Made("ama_tfx.Asset", "/o", {"reference": used})
        writer.execute("before", "RegisterOld", inputs={"artifact": [earlier["model"]]}, outputs={"asset": made})
        inputs["base_model"] = [earlier["model"]]
    model = writer.execute(
        "first",
        "Trainer",
        inputs=inputs,
        outputs={"model": Made("Model", "/m")},
        parameters={"api_key": "opens-it", "config": '{"db_password": "opens-it", "rate": 0.5}', "steps": 2**60},
    )
    writer.execute(
        "first",
        "RegisterModel",
        inputs={"artifact": [model["model"]]},
        outputs={"asset": Made("ama_tfx.Asset", "/a", {"reference": reference})},
    )
    writer.execute(
        "first",
        "Evaluator",
        inputs={"model": [model["model"]], "examples": [data["examples"]]},
        outputs={"evaluation": Made("ModelEvaluation", evaluation)},
    )
    return model


def test_a_run_becomes_a_version_linked_to_what_it_registered_and_used(writer, history, local_registry, registered):
    model, old = registered("model"), registered("old")
    write_run(writer, model, used=old)
    imported = import_run(local_registry, record_run(history, history.run("first")))
    details = local_registry.show("runs/taxi")
    assert details.version.kind == "ama_tfx.Run"
    assert [(role, str(version.reference)) for role, version in details.refs] == [("registered", model), ("used", old)]
    assert details.properties == {"pipeline": "taxi", "run": "first", "state": "complete"}
    assert details.registrations[0].provenance["run_id"] == "first"
    assert (imported.registered.created, imported.missing) == (True, ())
    graph = local_registry.lineage.graph("model", up=None, down=None)
    assert {node.version.asset.name for node in graph.nodes} == {"model", "runs/taxi"}


def test_the_document_tells_the_run_when_its_store_is_gone(writer, history, local_registry, registered):
    reference = registered("model")
    write_run(writer, reference)
    import_run(local_registry, record_run(history, history.run("first")))
    with local_registry.open("runs/taxi:1/run.json") as stream:
        document = json.load(stream)
    assert document["format"] == "ama-run/1"
    assert [(node["node"], node["state"], node["inputs"]) for node in document["nodes"]] == [
        ("Gen", "complete", {}),
        ("Trainer", "complete", {"examples": ["1"]}),
        ("RegisterModel", "complete", {"artifact": ["2"]}),
        ("Evaluator", "complete", {"examples": ["1"], "model": ["2"]}),
    ]
    assert [(one["id"], one["type"], one["uri"], one["references"]) for one in document["artifacts"]] == [
        ("1", "Examples", "/e", []),
        ("2", "Model", "/m", [reference]),
        ("3", "ama_tfx.Asset", "/a", [reference]),
        ("4", "ModelEvaluation", "/gone", []),
    ]
    assert document["nodes"][1]["parameters"] == {
        "api_key": "[redacted]",
        "config": '{"db_password": "[redacted]", "rate": 0.5}',
        "steps": str(2**60),
    }


def test_imported_again_it_is_the_same_version_whatever_ran_since(writer, history, local_registry, registered):
    reference = registered("model")
    model = write_run(writer, reference)
    first = import_run(local_registry, record_run(history, history.run("first")))
    made = Made("ama_tfx.Asset", "/b", {"reference": registered("other")})
    writer.execute("second", "RegisterAgain", inputs={"artifact": [model["model"]]}, outputs={"asset": made})
    again = import_run(local_registry, record_run(history, history.run("first")))
    assert again.registered.created is False
    assert again.registered.version == first.registered.version
    assert len(local_registry.show("runs/taxi").registrations) == 1


def test_what_the_registry_does_not_have_is_told_and_kept_in_the_document(writer, history, local_registry):
    missing = f"ama://default/model@sha256:{'0' * 64}"
    write_run(writer, missing)
    imported = import_run(local_registry, record_run(history, history.run("first")))
    assert imported.missing == (missing,)
    assert local_registry.show("runs/taxi").refs == ()
    with local_registry.open("runs/taxi:1/run.json") as stream:
        assert missing in stream.read().decode()


def test_metrics_are_noted_of_the_model_and_never_overwrite(writer, history, local_registry, registered, tmp_path):
    reference = registered("model")
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "metrics.json").write_text('{"auc": 0.9, "loss": 0.5, "": 3}')
    write_run(writer, reference, evaluation=str(tmp_path / "evaluation"))
    local_registry.notes.record_metrics(reference, {"loss": 0.1})
    record = record_run(history, history.run("first"))
    assert import_run(local_registry, record).noted == {reference: {"auc": 0.9}}
    assert local_registry.notes.metrics(reference) == {"auc": 0.9, "loss": 0.1}
    assert import_run(local_registry, record).noted == {}


def test_metrics_beside_a_baseline_are_noted_too(writer, history, local_registry, registered):
    reference = registered("model")
    folder = Path(__file__).parents[1] / "inspection" / "data" / "evaluation_with_baseline"
    write_run(writer, reference, evaluation=str(folder))
    noted = import_run(local_registry, record_run(history, history.run("first"))).noted
    assert noted == {reference: {"auc": pytest.approx(0.867831, abs=1e-6)}}


def test_importing_changes_nothing_when_the_run_is_not_there(history, local_registry):
    with pytest.raises(NotFoundError):
        record_run(history, history.run("first"))
    assert local_registry.audit.entries() == []


@pytest.mark.parametrize(
    ("pipeline", "asset"),
    [
        ("taxi", "runs/taxi"),
        ("my pipeline", "runs/my-pipeline-"),
        ("../../etc", "runs/etc-"),
        ("", "runs/unnamed-"),
        ("\x1b[31m", "runs/31m-"),
        ("CON", "runs/pipeline-"),
        ("x" * 300, "runs/xxx"),
    ],
)
def test_a_pipelines_runs_have_a_name_that_an_asset_may_have(local_registry, tmp_path, pipeline, asset):
    name = asset_of(pipeline)
    assert name.startswith(asset)
    (tmp_path / "f").write_text("x")
    assert local_registry.register(name, tmp_path / "f").version.asset.name == name
    assert (name == "runs/taxi") is (pipeline == "taxi")


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("api_key", "opens-it", "[redacted]"),
        ("GITHUB_TOKEN", "opens-it", "[redacted]"),
        ("aws_secret", {"a": 1}, "[redacted]"),
        ("password", "", ""),
        ("token_env", "AMA_TOKEN", "AMA_TOKEN"),
        ("url", "mysql://ann:opens-it@db/x", "mysql://ann:[redacted]@db/x"),
        ("config", '{"a": {"token": "opens-it"}}', '{"a": {"token": "[redacted]"}}'),
        ("config", '{"a":  1}', '{"a":  1}'),
        ("config", {"list": [{"secret": "opens-it"}]}, {"list": [{"secret": "[redacted]"}]}),
        ("broken", '{"token": "x"', '{"token": [redacted]'),
        (
            "config",
            '{"env":[{"name":"DB_PASSWORD","value":"x"}]}',
            '{"env": [{"name": "DB_PASSWORD", "value": "[redacted]"}]}',
        ),
        ("config", {"env": [{"name": "HOME", "value": "/x"}]}, {"env": [{"name": "HOME", "value": "/x"}]}),
        ("config", {"passwords": ["x"], "tokens": {"a": "x"}}, {"passwords": "[redacted]", "tokens": "[redacted]"}),
        ("config", {"headers": {"Authorization": "Bearer x"}}, {"headers": {"Authorization": "[redacted]"}}),
        ("config", ' {"password":"x"}', '{"password": "[redacted]"}'),
        ("db", "host=h user=u password=opens-it", "host=h user=u password=[redacted]"),
        ("args", '["--password=opens-it", "--n=1"]', '["--password=[redacted]", "--n=1"]'),
        ("args", ["--token", "opens-it", "--n", "1"], ["--token", "[redacted]", "--n", "1"]),
        ("args", "run --api-token opens-it --n 1", "run --api-token [redacted] --n 1"),
        ("url", "postgres://u:open/s-it@h/db", "postgres://u:[redacted]@h/db"),
        ("url", "postgres://u:op:en@s-it@h/db", "postgres://u:[redacted]@h/db"),
        ("url", "https://opens-it@github.com/o/r", "https://[redacted]@github.com/o/r"),
        ("url", "http://h:8080/models/x@v1?page=2", "http://h:8080/models/x@v1?page=2"),
        (
            "uri",
            "https://b.example.org/k?X-Amz-Signature=opens-it&v=1",
            "https://b.example.org/k?X-Amz-Signature=[redacted]&v=1",
        ),
        (
            "to",
            "https://desk.example.org/t?access_token=opens-it",
            "https://desk.example.org/t?access_token=[redacted]",
        ),
        ("pwd", "opens-it", "[redacted]"),
        ("passphrase", "opens-it", "[redacted]"),
        ("dbPasswordOld", "opens-it", "[redacted]"),
        ("max_tokens", 512, 512),
        ("tokenizer", "bert", "bert"),
        ("reason", "KeyError: 'label' of key=3", "KeyError: 'label' of key=3"),
        ("reason", "sent Authorization: Basic b3BlbnM6aXQ=", "sent Authorization: [redacted]"),
        ("reason", "sent {'password': 'opens it', 'n': 1}", "sent {'password': [redacted], 'n': 1}"),
        ("file", "A=1\nAWS_SECRET_ACCESS_KEY=opens-it\nB=2", "A=1\nAWS_SECRET_ACCESS_KEY=[redacted]\nB=2"),
        ("pem", "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----", "[redacted]"),
        ("n", 2**62, str(2**62)),
        ("n", float("nan"), "nan"),
        ("n", 0.5, 0.5),
        ("flag", True, True),
        ("none", None, None),
        ("bytes", "a\0b", "a\\0b"),
    ],
)
def test_a_document_holds_no_secret_and_no_number_that_json_changes(name, value, shown):
    assert redacted(name, value) == shown


def test_a_long_text_is_cleaned_in_no_long_time():
    for piece in ("a=", "a:", "a-", "://u:", "a", " ", "'", "?a=", "https://", "--a "):
        assert redacted("text", piece * (200_000 // len(piece)))
