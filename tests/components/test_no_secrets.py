"""No component takes a secret as a parameter, and none takes one from the environment into what is compiled.

TFX records execution properties in ML Metadata, and compiled pipelines are kept, reviewed and sent around.
"""

from __future__ import annotations

import inspect
import json
import traceback

import pytest

from ama_tfx.errors import AmaError, InvalidInputError
from ama_tfx.orchestration import KubeflowOptions, compile_pipeline

parts = pytest.importorskip("secret_parts")
from tfx.dsl.component.experimental.placeholders import ConcatPlaceholder  # noqa: E402

import ama_tfx.components as suite  # noqa: E402  (TFX is imported once, with the parts)

SECRET = "hunter2-s3cret"
URL = f"postgresql://ann:{SECRET}@db.example.org/ama?blobs=/blobs"
NO_COMPONENTS = {
    *("Archive", "Asset", "Lineage", "Verdict"),  # artifact types
    *("BlessingPolicy", "ServingBudgets", "ServingLimits"),  # values
    *("AliasStrategy", "BestAssetStrategy"),  # of Resolver, which TFX makes when a pipeline runs: tested below
}


def container_task(**given):
    task = suite.AmaContainerTask(
        **{"name": "Task", "image": "i:1", "command": ["true"], "parameters": {"text": str}, **given}
    )
    return task(text="words")


def examples_of():
    """Return a way to make each component, which takes changes of its arguments, and what they are made from."""
    made = parts.Everything()
    out = made.outputs
    data = suite.AssetRegistrar(out["examples"], "data").with_id("RegisterData")
    asset = suite.AssetRegistrar(out["model"], "model").with_id("RegisterAsset")
    version = asset.outputs["asset"]
    makers = {
        "AmaContainerTask": (container_task, {}),
        "AssetImporter": (suite.AssetImporter, {"asset": "base:champion", "artifact_type": parts.Model}),
        "AssetPusher": (
            suite.AssetPusher,
            {"model": out["model"], "push_destination": "/serving", "model_blessing": out["blessing"]},
        ),
        "AssetRegistrar": (suite.AssetRegistrar, {"artifact": out["model"], "asset": "model"}),
        "BlessingValidator": (suite.BlessingValidator, {"model": out["model"], "evaluation": out["evaluation"]}),
        "ContainerCheck": (suite.ContainerCheck, {"model": out["model"], "image": "i:1", "command": ["check"]}),
        "ContainerExport": (suite.ContainerExport, {"source": version, "image": "ama:1"}),
        "DataGate": (suite.DataGate, {"anomalies": out["anomalies"]}),
        "InfraValidator": (suite.InfraValidator, {"model": out["model"]}),
        "LineageLinker": (suite.LineageLinker, {"model": version, "examples": data.outputs["asset"]}),
        "ModelSelector": (
            suite.ModelSelector,
            {
                "models": [out["model"], out["other_model"]],
                "evaluations": [out["evaluation"], out["other_evaluation"]],
                "metric": "auc",
            },
        ),
    }
    return [made, data, asset], makers


def test_every_component_of_the_suite_is_in_these_tests():
    assert set(examples_of()[1]) == set(suite.__all__) - NO_COMPONENTS
    assert len(examples_of()[1]) >= 11


WITH_REGISTRY = [n for n, (make, _) in examples_of()[1].items() if "registry" in inspect.signature(make).parameters]


@pytest.mark.parametrize("name", sorted(WITH_REGISTRY))
def test_a_registry_with_a_password_is_refused_and_not_shown(name):
    make, given = examples_of()[1][name]
    with pytest.raises(InvalidInputError, match="password") as caught:
        make(**given, registry=URL)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("AmaContainerTask", {"command": ["fetch", URL]}),
        ("AmaContainerTask", {"command": ["fetch", "--token", SECRET], "env": ["AMA_TEST_TOKEN"]}),
        ("AmaContainerTask", {"env": [f"AMA_TEST_TOKEN={SECRET}"]}),
        ("AmaContainerTask", {"env": [SECRET]}),
        ("AmaContainerTask", {"env": [SECRET.replace("-", "_")]}),
        ("DataGate", {"notifier": "webhook", "notify_to": "https://d.org/", "secret_env": SECRET.replace("-", "_")}),
        ("DataGate", {"notifier": "webhook", "notify_to": f"env:{SECRET.replace('-', '_')}"}),
        ("AmaContainerTask", {"image": f"https://ann:{SECRET}@registry.example/i:1"}),
        ("AmaContainerTask", {"parameters": {"text": str, "k": dict}, "defaults": {"k": {"u": URL}}}),
        ("AssetPusher", {"push_destination": f"s3://key:{SECRET}@bucket/models"}),
        ("AmaContainerTask", {"command": ["x", ConcatPlaceholder(["Bearer ", SECRET])], "env": ["AMA_TEST_TOKEN"]}),
        (
            "AmaContainerTask",
            {"command": ["x", ConcatPlaceholder([SECRET[:5], SECRET[5:]])], "env": ["AMA_TEST_TOKEN"]},
        ),
        ("AmaContainerTask", {"command": ["git", "clone", f"https://{SECRET}-0123@github.com/o/r"]}),
        ("ContainerCheck", {"command": ["check", URL]}),
        ("ContainerCheck", {"parameters": {"token": SECRET}, "env": ["AMA_TEST_TOKEN"]}),
        ("ContainerCheck", {"env": [f"X={SECRET}"]}),
        ("ContainerExport", {"env": [f"PGPASSWORD={SECRET}"]}),
        ("ContainerExport", {"ama": ["ama", "--registry", URL]}),
        ("DataGate", {"notifier": "webhook", "notify_to": f"https://ann:{SECRET}@desk.example.org/"}),
        ("DataGate", {"notifier": "webhook", "notify_to": "https://desk.example.org/", "secret_env": SECRET}),
        ("LineageLinker", {"metadata": f"mysql://ann:{SECRET}@db.example.org/mlmd"}),
        ("LineageLinker", {"metadata": f"postgresql://ann:{SECRET}@db.example.org/mlmd"}),
    ],
)
def test_a_secret_elsewhere_is_refused_and_not_shown(name, change, monkeypatch):
    monkeypatch.setenv("AMA_TEST_TOKEN", SECRET)
    make, given = examples_of()[1][name]
    with pytest.raises(InvalidInputError) as caught:
        make(**{**given, **change})
    assert SECRET not in str(caught.value)
    assert SECRET.replace("-", "_") not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "argument"), [("AssetImporter", "asset"), ("AssetRegistrar", "asset"), ("BlessingValidator", "champion")]
)
def test_a_reference_has_no_place_for_a_password(name, argument):
    make, given = examples_of()[1][name]
    with pytest.raises(InvalidInputError, match="no asset in"):
        make(**{**given, argument: f"ama://ann:{SECRET}@host/model:champion"})


def test_a_secret_in_a_parameter_of_a_task_is_refused_too(monkeypatch):
    monkeypatch.setenv("AMA_TEST_TOKEN", SECRET)
    task = suite.AmaContainerTask("Task", "i:1", ["true"], parameters={"text": str}, env=["AMA_TEST_TOKEN"])
    with pytest.raises(InvalidInputError, match="holds what the environment variable AMA_TEST_TOKEN does") as caught:
        task(text=f"token={SECRET}")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("strategy", ["AliasStrategy", "BestAssetStrategy"])
def test_a_strategy_refuses_a_registry_with_a_password(strategy):
    given = {"asset": "model:champion"} if strategy == "AliasStrategy" else {"asset": "model", "metric": "auc"}
    with pytest.raises(Exception, match="password") as caught:
        getattr(suite, strategy)(**given, registry=URL)
    assert SECRET not in str(caught.value)
    assert isinstance(caught.value.__cause__, AmaError)


def pipeline_of(folder, *components):
    from tfx.orchestration.metadata import sqlite_metadata_connection_config
    from tfx.orchestration.pipeline import Pipeline

    return Pipeline(
        "all-of-them",
        str(folder / "root"),
        components=list(components),
        metadata_connection_config=sqlite_metadata_connection_config(str(folder / "metadata.db")),
    )


@pytest.mark.parametrize("target", ["local", "kubeflow"])
def test_a_password_in_a_parameter_of_somebody_else_s_is_refused_when_the_pipeline_is_compiled(target, tmp_path):
    from tfx.components import Pusher
    from tfx.proto.pusher_pb2 import PushDestination

    made = parts.Everything()
    bucket = PushDestination.Filesystem(base_directory=f"s3://key:{SECRET}@bucket/models")
    pushed = Pusher(
        model=made.outputs["model"],
        model_blessing=made.outputs["blessing"],
        push_destination=PushDestination(filesystem=bucket),
    )
    options = KubeflowOptions(image="trips:1") if target == "kubeflow" else None
    with pytest.raises(InvalidInputError, match="a URL with a password, 's3://key' and on") as caught:
        compile_pipeline(pipeline_of(tmp_path, made, pushed), target, options)
    assert SECRET not in str(caught.value)


def test_a_password_in_the_configuration_of_a_resolver_is_refused_when_the_pipeline_is_compiled(tmp_path):
    from tfx.dsl.components.common.resolver import Resolver
    from tfx.types.channel import Channel

    config = {"asset": "model:champion", "registry": URL}
    found = Resolver(strategy_class=suite.AliasStrategy, config=config, model=Channel(type=parts.Model))
    with pytest.raises(InvalidInputError, match="a URL with a password, 'postgresql://ann' and on"):
        compile_pipeline(pipeline_of(tmp_path, found.with_id("Champion")), "local")


SECRETS = {
    "PGPASSWORD": "pg-s3cret-value",
    "AMA_REGISTRY": URL,
    "AMA_TEST_TOKEN": "task-s3cret-value",
    "DESK_SECRET": "desk-s3cret-value",
    "DESK_URL": "https://desk.example.org/hook/url-s3cret-value",
}


@pytest.mark.parametrize("target", ["local", "kubeflow"])
def test_a_pipeline_of_all_of_them_compiles_without_any_secret_of_the_environment(target, monkeypatch, tmp_path):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    before, makers = examples_of()
    named = {
        "AmaContainerTask": {"env": ["AMA_TEST_TOKEN", "PGPASSWORD"]},
        "ContainerCheck": {"env": ["AMA_TEST_TOKEN"]},
        "ContainerExport": {"env": ["PGPASSWORD"]},
        "DataGate": {"notifier": "webhook", "notify_to": "env:DESK_URL", "secret_env": "DESK_SECRET"},
    }
    components = [make(**given, **named.get(name, {})).with_id(name) for name, (make, given) in makers.items()]
    pipeline = pipeline_of(tmp_path, *before, *components)
    options = KubeflowOptions(image="trips:1") if target == "kubeflow" else None
    content = compile_pipeline(pipeline, target, options).content.decode("utf-8", "replace")
    assert [name for name in makers if name not in content] == []
    assert [name for name in ("AMA_TEST_TOKEN", "DESK_SECRET", "DESK_URL", "PGPASSWORD") if name not in content] == []
    for value in [*SECRETS.values(), SECRET, "s3cret"]:
        assert value not in content
        assert json.dumps(value)[1:-1] not in content


@pytest.mark.parametrize("address", ["http://{}/s3cr3t-path\n", "http://{}/s3cr3t path", "http://{}/s3cr3t\x7f"])
def test_an_address_from_the_environment_with_blanks_is_used_or_not_shown(address, monkeypatch):
    from ama_tfx.components.notifiers import Notification, load_notifier
    from ama_tfx.components.verdicts import judge

    monkeypatch.setenv("AMA_ALLOW_PRIVATE_URLS", "1")
    monkeypatch.setenv("HOOK", address.format("127.0.0.1:9"))
    with pytest.raises(AmaError, match="host '127.0.0.1' cannot be reached: (Connection refused|InvalidURL)") as caught:
        load_notifier("webhook")(Notification(judge("gate", "/data", []), "env:HOOK"))
    assert "s3cr3t" not in "".join(traceback.format_exception(caught.value))
