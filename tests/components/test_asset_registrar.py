"""AssetRegistrar in real pipelines: TFX resolves, caches, executes and publishes."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ama_tfx.errors import InvalidInputError, RunFailedError

parts = pytest.importorskip("registrar_parts")
from ama_tfx.components import Asset, AssetRegistrar  # noqa: E402  (TFX is imported once, with the parts)


def registrar(bench, channel, asset, node_id, **options):
    return AssetRegistrar(channel, asset, registry=bench.url, **options).with_id(node_id)


def model_pipeline(bench, *, text="weights", blessed=1, infra=None, alias="champion"):
    examples, model = parts.MakeExamples(text="rows"), parts.MakeModel(text=text)
    gate = parts.Bless(model=model.outputs["model"], blessed=blessed)
    gates = [gate]
    options = {"blessing": gate.outputs["blessing"]}
    if infra is not None:
        gates.append(parts.BlessInfra(model=model.outputs["model"], blessed=infra))
        options["infra_blessing"] = gates[1].outputs["blessing"]
    data = registrar(bench, examples.outputs["examples"], "examples", "RegisterExamples")
    registered = registrar(
        bench,
        model.outputs["model"],
        "model",
        "RegisterModel",
        alias=alias,
        refs={"trained_on": data.outputs["asset"]},
        **options,
    )
    return examples, model, *gates, data, registered


def test_what_tfx_wrote_becomes_a_version_with_its_kind_and_properties(bench):
    examples = parts.MakeExamples(text="rows")
    bench.run(
        examples,
        registrar(
            bench,
            examples.outputs["examples"],
            "team/examples",
            "Register",
            message="first rows",
            tags=["small"],
            properties={"rows": 1},
        ),
    )
    details = bench.registry.show("team/examples:1")
    assert details.version.kind == "Examples"
    assert details.version.message == "first rows"
    assert details.tags == ("small",)
    assert details.properties == {"rows": 1, "tfx.split_names": '["train", "eval"]'}
    assert [(entry.path, entry.digest.hex) for entry in details.files] == [
        ("Split-eval/data_tfrecord-00000-of-00001.gz", hashlib.sha256(b"ROWS").hexdigest()),
        ("Split-train/data_tfrecord-00000-of-00001.gz", hashlib.sha256(b"rows").hexdigest()),
    ]


def test_the_output_artifact_carries_the_version_and_its_manifest(bench):
    bench.run(*model_pipeline(bench))
    version = bench.registry.resolve("model:champion")
    by_asset = {found.properties["asset"].string_value: found for found in bench.artifacts("ama_tfx.Asset")}
    assert sorted(by_asset) == ["default/examples", "default/model"]
    artifact = by_asset["default/model"]
    assert artifact.properties["version"].int_value == 1
    assert artifact.properties["semantic"].string_value == "1.0.0"
    assert artifact.properties["size_bytes"].int_value == len("weights")
    assert artifact.properties["reference"].string_value == f"ama://default/model@{version.digest}"
    assert artifact.custom_properties["alias"].string_value == "champion"
    manifest = Path(artifact.uri, "manifest.json").read_bytes()
    assert artifact.properties["digest"].string_value == "sha256:" + hashlib.sha256(manifest).hexdigest()
    assert json.loads(manifest)["directories"] == ["Format-Serving/assets"]


def test_a_registered_model_is_linked_to_what_it_was_trained_on(bench):
    bench.run(*model_pipeline(bench))
    details = bench.registry.show("model")
    assert [(role, str(version.reference)) for role, version in details.refs] == [
        ("trained_on", str(bench.registry.resolve("examples").reference))
    ]


def test_the_registration_records_where_the_artifact_came_from(bench, tmp_path):
    code = tmp_path / "code"
    git = ["git", "-C", str(code), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "init", "-q", "-b", "trunk", str(code)], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    model = parts.MakeModel(text="weights")
    bench.run(model, registrar(bench, model.outputs["model"], "model", "RegisterModel", code_folder=code))
    (registration,) = bench.registry.show("model").registrations
    found = dict(registration.provenance)
    assert found.pop("run_id").startswith("20")
    assert found.pop("artifact_properties")["tfx_version"] == "1.16.0"
    assert found.pop("artifact_uri").startswith(str(tmp_path / "root" / "MakeModel"))
    assert found == {
        "pipeline": "workbench",
        "component": "MakeModel",
        "registrar": "RegisterModel",
        "artifact_id": "1",
        "input_artifact_ids": {"artifact": ["1"]},
        "tfx_version": "1.16.0",
        "code": {"commit": commit, "branch": "trunk", "dirty": False},
    }


def test_custom_types_and_value_artifacts_are_registered_too(bench):
    report, text = parts.MakeReport(), parts.MakeText()
    bench.run(
        report,
        text,
        registrar(bench, report.outputs["report"], "report", "RegisterReport"),
        registrar(bench, text.outputs["text"], "text", "RegisterText"),
    )
    assert bench.registry.show("report").properties == {"tfx.rows": 3}
    assert bench.registry.show("report").version.kind == "registrar_parts.Report"
    assert [entry.path for entry in bench.registry.show("text").files] == ["value"]


def test_a_repeated_run_is_cached_and_registers_once(bench):
    bench.run(*model_pipeline(bench))
    states = bench.run(*model_pipeline(bench))
    assert set(states.values()) == {"cached"}
    assert len(bench.registry.versions("model")) == 1
    assert len(bench.registry.show("model").registrations) == 1


def test_without_the_cache_the_same_content_is_the_same_version_and_both_runs_are_remembered(bench):
    bench.run(*model_pipeline(bench), cache=False)
    bench.run(*model_pipeline(bench), cache=False)
    (version,) = bench.registry.versions("model")
    assert version.number == 1
    runs = [entry.provenance["run_id"] for entry in bench.registry.show("model").registrations]
    assert len(set(runs)) == 2


def test_a_result_cached_from_a_registry_that_is_gone_is_not_reused(bench):
    bench.run(*model_pipeline(bench))
    shutil.rmtree(bench.url)
    states = bench.run(*model_pipeline(bench))
    assert states["MakeModel"] == "cached"
    assert states["RegisterModel"] == "complete"
    assert bench.registry.resolve("model:champion").number == 1


def test_new_content_is_a_new_version_and_unchanged_data_stay_theirs(bench):
    bench.run(*model_pipeline(bench, text="weights"))
    bench.run(*model_pipeline(bench, text="better weights"))
    assert [version.number for version in bench.registry.versions("model")] == [2, 1]
    assert [version.number for version in bench.registry.versions("examples")] == [1]
    assert bench.registry.resolve("model:champion").number == 2


@pytest.mark.parametrize(
    ("blessed", "infra", "reasons"),
    [
        (0, None, ["Bless did not bless it"]),
        (-1, None, ["Bless decided nothing"]),
        (1, 0, ["BlessInfra did not bless it"]),
        (0, 0, ["Bless did not bless it", "BlessInfra did not bless it"]),
    ],
    ids=["refused", "undecided", "infra refused", "both refused"],
)
def test_a_model_that_a_gate_did_not_bless_is_registered_without_the_alias(bench, blessed, infra, reasons):
    bench.run(*model_pipeline(bench, text="good"))
    bench.run(*model_pipeline(bench, text="bad", blessed=blessed, infra=infra))
    registry = bench.registry
    assert registry.resolve("model:champion").number == 1
    details = registry.show("model:2")
    assert details.aliases == ()
    refused = details.registrations[0].provenance["alias_refused"]
    assert refused["alias"] == "champion"
    assert len(refused["reasons"]) == len(reasons)
    assert all(found.startswith(said) for found, said in zip(refused["reasons"], reasons, strict=True))
    artifact = max(bench.artifacts("ama_tfx.Asset"), key=lambda found: found.id)
    assert artifact.custom_properties["alias_refused"].string_value.startswith(reasons[0])


def test_a_model_that_every_gate_blessed_gets_the_alias(bench):
    bench.run(*model_pipeline(bench, blessed=1, infra=1))
    assert bench.registry.show("model").aliases == ("champion",)
    gates = bench.registry.show("model").registrations[0].provenance["gates"]
    assert [(gate["source"], gate["verdict"]) for gate in gates] == [("Bless", "blessed"), ("BlessInfra", "blessed")]


def test_a_registration_that_fails_publishes_nothing_and_its_retry_registers_once(bench):
    Path(bench.url).mkdir()
    stranger = Path(bench.url, "thesis.txt")
    stranger.write_text("not a registry")
    with pytest.raises(RunFailedError, match=r"RegisterExamples[\s\S]*thesis\.txt"):
        bench.run(*model_pipeline(bench))
    assert stranger.read_text() == "not a registry"
    stranger.unlink()
    bench.run(*model_pipeline(bench))
    assert len(bench.registry.versions("model")) == 1
    assert len(bench.artifacts("ama_tfx.Asset")) == 2


def test_an_artifact_without_files_fails_the_run_and_registers_nothing(bench):
    nothing = parts.MakeNothing()
    with pytest.raises(RunFailedError, match="nothing to store"):
        bench.run(nothing, registrar(bench, nothing.outputs["report"], "report", "Register"))
    assert bench.registry.assets() == []


def test_a_registrar_behind_a_failed_component_registers_nothing(bench):
    model = parts.MakeModel(text="weights")
    failing = parts.Fail(model=model.outputs["model"])
    late = registrar(bench, model.outputs["model"], "model", "RegisterModel")
    late.add_upstream_node(failing)
    with pytest.raises(RunFailedError, match="the trainer diverged"):
        bench.run(model, failing, late)
    assert not Path(bench.url).exists()


def test_an_output_that_cannot_be_written_fails_the_node_and_registers_nothing(bench):
    import tensorflow as tf

    with pytest.raises(tf.errors.OpError, match="not a directory"):
        execute(bench, output_uri="/dev/null/asset")
    assert bench.registry.assets() == []


def test_properties_that_json_cannot_carry_are_kept_as_text(bench):
    from ama_tfx.components.asset_registrar.work import recordable

    assert recordable({"rows": 3, "span": 2**60, "score": float("nan"), "a name": 1}) == {
        "tfx.rows": 3,
        "tfx.span": str(2**60),
        "tfx.score": "nan",
    }


def test_a_version_lost_with_an_older_copy_of_the_registry_is_registered_again(bench):
    bench.run(*model_pipeline(bench, text="first"))
    shutil.copytree(bench.url, bench.folder / "backup")
    bench.run(*model_pipeline(bench, text="second"))
    shutil.rmtree(bench.url)
    shutil.copytree(bench.folder / "backup", bench.url)
    states = bench.run(*model_pipeline(bench, text="second"))
    assert (states["MakeModel"], states["RegisterModel"]) == ("cached", "complete")
    assert bench.registry.resolve("model:champion").number == 2


def test_going_back_to_an_earlier_model_leaves_the_alias_and_says_so(bench):
    for text in ("first", "second"):
        bench.run(*model_pipeline(bench, text=text))
    states = bench.run(*model_pipeline(bench, text="first"))
    assert (states["MakeModel"], states["RegisterModel"]) == ("cached", "complete")
    assert bench.registry.resolve("model:champion").number == 2
    newest = max(bench.artifacts("ama_tfx.Asset"), key=lambda artifact: artifact.id)
    assert newest.properties["version"].int_value == 1
    assert "champion" in newest.custom_properties["alias_refused"].string_value


def execute(bench, *, output_uri):
    """Run the executor by itself on a model with one file."""
    from tfx.types import standard_artifacts

    from ama_tfx.components.asset_registrar.executor import Executor

    model, output = standard_artifacts.Model(), Asset()
    model.uri, output.uri = str(bench.folder / "model"), output_uri
    Path(model.uri).mkdir()
    Path(model.uri, "saved_model.pb").write_text("weights")
    parameters = {"asset_name": "model", "registry": bench.url, "code": "null", "tags": "[]", "properties": "{}"}
    inputs, outputs = {"artifact": [model]}, {"asset": [output]}
    Executor().Do(inputs, outputs, {**parameters, "pinned_refs": "{}", "producers": "{}"})


def test_an_artifact_in_an_object_store_is_registered_like_a_local_one(bench):
    from tfx.dsl.io import fileio
    from tfx.types import standard_artifacts

    from ama_tfx.components.asset_registrar.executor import Executor

    model = standard_artifacts.Model()
    model.uri = "ram://bucket/model"
    fileio.makedirs("ram://bucket/model/variables")
    with fileio.open("ram://bucket/model/variables/data", "wb") as stream:
        stream.write(b"remote")
    output = Asset()
    output.uri = str(bench.folder / "asset")
    parameters = {"asset_name": "model", "registry": bench.url, "code": "null"}
    Executor().Do(
        {"artifact": [model]},
        {"asset": [output]},
        {**parameters, "tags": "[]", "properties": "{}", "pinned_refs": "{}", "producers": "{}"},
    )
    assert [entry.path for entry in bench.registry.show("model").files] == ["variables/data"]
    assert output.reference == str(bench.registry.resolve("model").reference)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"asset": "../model"}, r"not a valid asset name: '\.\./model'"),
        ({"asset": "model\n"}, "not a valid asset name"),
        ({"asset": "model:3"}, "asset 'model:3' names a version; expected the asset alone: 'model'"),
        ({"message": "half a \ud800 pair"}, "holds a NUL or half of a surrogate pair"),
        ({"properties": {"auc": float("nan")}}, "cannot be written as JSON"),
        ({"properties": {"rows": 2**60}}, "cannot be written as JSON"),
        ({"alias": "1"}, "not an alias: '1'"),
        ({"alias": "latest"}, "alias 'latest' is reserved"),
        ({"tags": "nightly"}, r"tags must be a list of labels.*\['nightly'\]"),
        ({"properties": {"tfx.span": 1}}, "'tfx.' is kept for the artifact's own"),
        ({"refs": {"base": "model:champion"}}, "'model:champion' may move"),
        ({"registry": "mysql://host/db"}, "unknown kind of registry 'mysql'"),
        ({"registry": "postgresql://ama@host/db"}, "names no folder for the blobs"),
    ],
)
def test_a_parameter_that_can_never_work_is_refused_when_the_pipeline_is_composed(options, message):
    model = parts.MakeModel(text="weights")
    chosen = {"asset": "model", **options}
    with pytest.raises(InvalidInputError, match=message):
        AssetRegistrar(model.outputs["model"], **chosen)


def test_a_password_is_refused_because_tfx_would_record_it():
    model = parts.MakeModel(text="weights")
    url = "postgresql://ama:hunter2@localhost/ama?blobs=/blobs"
    with pytest.raises(InvalidInputError, match="set PGPASSWORD") as refused:
        AssetRegistrar(model.outputs["model"], "model", registry=url)
    assert "hunter2" not in str(refused.value)


def test_a_ref_by_digest_may_be_given_as_text(bench):
    model = parts.MakeModel(text="base")
    bench.run(model, registrar(bench, model.outputs["model"], "base", "RegisterBase"))
    base = str(bench.registry.resolve("base").reference)
    tuned = parts.MakeModel(text="tuned")
    bench.run(tuned, registrar(bench, tuned.outputs["model"], "tuned", "RegisterTuned", refs={"base_model": base}))
    assert [(role, str(found.reference)) for role, found in bench.registry.show("tuned").refs] == [("base_model", base)]


def test_without_a_registry_parameter_the_environment_of_the_executor_names_it(bench, monkeypatch):
    monkeypatch.setenv("AMA_REGISTRY", bench.url)
    model = parts.MakeModel(text="weights")
    bench.run(model, AssetRegistrar(model.outputs["model"], "model"))
    assert [asset.name.name for asset in bench.registry.assets()] == ["model"]
