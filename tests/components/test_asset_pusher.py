"""AssetPusher in real pipelines: gates, then the push, then the alias."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path

import pytest

from ama_tfx.errors import InvalidInputError, RunFailedError
from ama_tfx.orchestration import KubeflowOptions, compile_pipeline
from tests.kubeflow_harness.runner import run_job

parts = pytest.importorskip("registrar_parts")
from ama_tfx.components import AssetPusher, AssetRegistrar  # noqa: E402  (TFX is imported once, with the parts)


def push_pipeline(bench, *, text="weights", blessed=1, infra=None, registered_text=None, code=None, **options):
    """Make, judge, register and push a model; the registry is told of another one where that is asked for."""
    model = parts.MakeModel(text=text)
    gate = parts.Bless(model=model.outputs["model"], blessed=blessed)
    other = parts.MakeModel(text=registered_text).with_id("Other") if registered_text else model
    asset = AssetRegistrar(other.outputs["model"], "model", registry=bench.url, code_folder=code).with_id("Register")
    gates = {"model_blessing": gate.outputs["blessing"]}
    components = [model, gate, *([other] if other is not model else []), asset]
    if infra is not None:
        components.append(parts.BlessInfra(model=model.outputs["model"], blessed=infra))
        gates["infra_blessing"] = components[-1].outputs["blessing"]
    chosen = {"asset": asset.outputs["asset"], "alias": "production", "registry": bench.url, **gates, **options}
    return *components, AssetPusher(model.outputs["model"], serving(bench), **chosen)


def serving(bench):
    return bench.folder / "serving"


def served(bench):
    """Return the text of the graph in each version, in order."""
    if not serving(bench).exists():
        return []
    return [(version / "saved_model.pb").read_text() for version in sorted(serving(bench).iterdir())]


def newest_push(bench):
    return max(bench.artifacts("PushedModel"), key=lambda found: found.id)


def told(bench):
    properties = newest_push(bench).custom_properties
    known = ("pushed", "pushed_version", "pushed_destination", "alias", "reference", "refused")
    values = {key: properties[key] for key in known if key in properties}
    return {key: value.int_value if key == "pushed" else value.string_value for key, value in values.items()}


def production(bench):
    (version,) = [row.version for row in bench.registry.aliases("model") if row.name == "production"] or [None]
    return version


def test_a_blessed_model_is_pushed_and_then_gets_its_alias(bench):
    bench.run(*push_pipeline(bench, infra=1))
    (version,) = serving(bench).iterdir()
    assert served(bench) == ["weights"]
    assert told(bench) == {
        "pushed": 1,
        "pushed_version": version.name,
        "pushed_destination": str(version),
        "alias": "production",
        "reference": str(bench.registry.resolve("model:1").reference),
    }
    assert production(bench) == 1
    assert json.loads((version / "ama_push.json").read_text())["asset"] == told(bench)["reference"]
    assert Path(newest_push(bench).uri, "saved_model.pb").read_text() == "weights", "as with TFX's Pusher"
    (move,) = bench.registry.alias_moves("model", "production")
    assert move.reason == f"pushed to {version}"


def test_it_runs_under_tfxs_own_runner(bench):
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    LocalDagRunner().run(bench.pipeline(*push_pipeline(bench)))
    assert (served(bench), production(bench)) == (["weights"], 1)


@pytest.mark.parametrize(
    ("blessed", "infra", "reason"),
    [
        (0, None, "Bless did not bless it"),
        (-1, None, "Bless decided nothing: it has no thresholds"),
        (1, 0, "BlessInfra did not bless it"),
    ],
    ids=["refused", "undecided", "infra refused"],
)
def test_a_model_that_a_gate_did_not_bless_is_not_pushed_and_the_output_says_why(bench, blessed, infra, reason):
    states = bench.run(*push_pipeline(bench, blessed=blessed, infra=infra))
    assert states["AssetPusher"] == "complete"
    assert told(bench)["pushed"] == 0
    assert reason in told(bench)["refused"]
    assert (served(bench), production(bench)) == ([], None)


def test_where_a_push_is_required_a_refusal_fails_the_run(bench):
    with pytest.raises(RunFailedError, match="AssetPusher: failed: GateError: the model is not pushed: Bless did not"):
        bench.run(*push_pipeline(bench, blessed=0, require=True))
    assert bench.artifacts("PushedModel") == []
    assert served(bench) == []


def test_a_repeated_run_is_cached_and_a_push_that_is_gone_is_made_again(bench):
    bench.run(*push_pipeline(bench))
    assert set(bench.run(*push_pipeline(bench)).values()) == {"cached"}
    shutil.rmtree(serving(bench))
    assert bench.run(*push_pipeline(bench))["AssetPusher"] == "complete"
    assert served(bench) == ["weights"]


def test_without_the_cache_the_same_model_is_pushed_once(bench):
    for _ in range(2):
        bench.run(*push_pipeline(bench), cache=False)
    assert served(bench) == ["weights"]
    assert told(bench)["pushed"] == 1


def test_a_rollback_by_hand_is_not_undone_by_a_repeated_run(bench):
    for text in ("first", "second"):
        bench.run(*push_pipeline(bench, text=text))
    assert (served(bench), production(bench)) == (["first", "second"], 2)
    bench.registry.set_alias("model:1", "production", reason="second is slow")
    assert bench.run(*push_pipeline(bench, text="second"))["AssetPusher"] == "complete", "not from the cache"
    assert production(bench) == 1
    assert told(bench)["pushed"] == 0
    assert "'production' was at version 2 before and moved on to version 1" in told(bench)["refused"]


def test_what_a_protected_alias_refuses_is_not_pushed(bench):
    bench.run(*push_pipeline(bench, blessed=0))
    bench.registry.protection.protect("model", "production", needs_blessing=True)
    bench.run(*push_pipeline(bench, blessed=1))
    assert "alias 'production' takes blessed versions only" in told(bench)["refused"]
    assert served(bench) == []


def test_a_model_that_is_not_the_registered_one_is_not_pushed(bench):
    with pytest.raises(RunFailedError, match="the model to push is not the content of 'ama://default/model@sha256:"):
        bench.run(*push_pipeline(bench, text="mine", registered_text="yours"))
    assert (served(bench), production(bench)) == ([], None)


def test_an_alias_that_is_moved_during_the_push_fails_the_run_and_stays(bench):
    from ama_tfx.components.asset_pusher.promoting import plan_promotion, promote
    from ama_tfx.errors import ConflictError

    for text in ("first", "second", "third"):
        bench.run(*push_pipeline(bench, text=text, blessed=0))
    reference = bench.registry.resolve("model:3").reference
    planned = plan_promotion(bench.registry, reference, "production")
    bench.registry.set_alias("model:2", "production")
    with pytest.raises(ConflictError, match="'/srv/3' is pushed, but its alias was moved by somebody else"):
        promote(bench.registry, planned, "/srv/3")
    assert production(bench) == 2


def test_a_run_that_died_between_push_and_promotion_is_finished_by_the_next(bench, monkeypatch):
    from ama_tfx.components.asset_pusher import executor

    def dies(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(executor, "promote", dies)
        with pytest.raises(RunFailedError, match="AssetPusher: failed: OSError"):
            bench.run(*push_pipeline(bench))
    assert (served(bench), production(bench)) == (["weights"], None)
    assert bench.artifacts("PushedModel") == []
    bench.run(*push_pipeline(bench))
    assert (served(bench), production(bench)) == (["weights"], 1)


def test_without_an_asset_it_is_a_pusher_that_verifies(bench):
    states = bench.run(*push_pipeline(bench, asset=None, alias=None))
    assert states["AssetPusher"] == "complete"
    assert served(bench) == ["weights"]
    assert set(told(bench)) == {"pushed", "pushed_version", "pushed_destination"}


def execute(bench, base, **inputs):
    """Run the executor by itself on a blessed model; return its output."""
    from tfx.types import standard_artifacts

    from ama_tfx.components.asset_pusher.executor import Executor

    model, blessing, output = (
        getattr(standard_artifacts, name)() for name in ("Model", "ModelBlessing", "PushedModel")
    )
    model.uri, output.uri = str(bench.folder / "model"), str(bench.folder / "pushed")
    saved = Path(model.uri, "Format-Serving", "saved_model.pb")
    saved.parent.mkdir(parents=True, exist_ok=True)
    saved.write_text("graph")
    blessing.set_int_custom_property("blessed", 1)
    parameters = {
        "push_destination": json.dumps({"filesystem": {"base_directory": base}}),
        "producers": '{"model_blessing": "Evaluator"}',
        "require": 0,
    }
    Executor().Do({"model": [model], "model_blessing": [blessing], **inputs}, {"pushed_model": [output]}, parameters)
    return output


def test_an_object_store_is_pushed_to_with_the_marker_last_and_once(bench):
    from tfx.dsl.io import fileio

    outputs = [execute(bench, "ram://serving/taxi") for _ in range(2)]
    first, second = (output.get_string_custom_property("pushed_destination") for output in outputs)
    assert first == second
    assert sorted(fileio.listdir(first)) == ["ama_push.json", "saved_model.pb"]
    with fileio.open(f"{first}/saved_model.pb", "rb") as stream:
        assert stream.read() == b"graph"


def test_a_version_in_an_object_store_that_somebody_changed_is_not_taken_for_the_model(bench):
    from tfx.dsl.io import fileio

    served = [execute(bench, "ram://serving/changed").get_string_custom_property("pushed_destination")]
    with fileio.open(f"{served[0]}/saved_model.pb", "wb") as stream:
        stream.write(b"edited")
    served.append(execute(bench, "ram://serving/changed").get_string_custom_property("pushed_destination"))
    fileio.remove(f"{served[1]}/saved_model.pb")
    served.append(execute(bench, "ram://serving/changed").get_string_custom_property("pushed_destination"))
    assert len(set(served)) == 3


def test_in_an_object_store_too_the_marker_names_the_asset_version_that_was_pushed_last(bench):
    from tfx.dsl.io import fileio

    from ama_tfx.components.asset_pusher.remote import push_remote

    model = bench.folder / "plain"
    model.mkdir()
    (model / "saved_model.pb").write_text("graph")
    now = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)
    pushes = [
        push_remote(model, "ram://serving/named", now, reference) for reference in ("ama://d/a", "ama://d/b", None)
    ]
    assert [each.changed for each in pushes] == [True, False, False]
    with fileio.open(f"{pushes[0].destination}/ama_push.json", "rb") as stream:
        assert json.loads(stream.read())["asset"] == "ama://d/b"


@pytest.mark.parametrize("place", ["Format-Serving/assets", "Format-Serving/secret.txt", "other"])
def test_a_link_in_a_model_is_refused_where_a_copy_of_it_without_links_would_be_pushed(bench, place):
    from tfx.types import standard_artifacts

    infra = standard_artifacts.InfraBlessing()
    infra.uri = str(bench.folder / "infra")
    (Path(infra.uri) / "stamped_model").mkdir(parents=True)
    (Path(infra.uri) / "stamped_model" / "saved_model.pb").write_text("graph")
    infra.set_int_custom_property("has_model", 1)
    link = bench.folder / "model" / place
    link.parent.mkdir(parents=True)
    link.symlink_to("/etc/passwd" if place.endswith("txt") else "/etc")
    with pytest.raises(InvalidInputError, match="is a link; expected a model of regular files"):
        execute(bench, str(serving(bench)), infra_blessing=[infra])
    assert not serving(bench).exists()


def test_a_model_with_warm_up_requests_is_what_is_pushed(bench):
    from tfx.types import standard_artifacts

    infra = standard_artifacts.InfraBlessing()
    infra.uri = str(bench.folder / "infra")
    stamped = Path(infra.uri, "stamped_model")
    (stamped / "assets.extra").mkdir(parents=True)
    (stamped / "saved_model.pb").write_text("graph")
    (stamped / "assets.extra" / "tf_serving_warmup_requests").write_text("requests")
    infra.set_int_custom_property("has_model", 1)
    output = execute(bench, str(serving(bench)), infra_blessing=[infra])
    version = Path(output.get_string_custom_property("pushed_destination"))
    assert (version / "assets.extra" / "tf_serving_warmup_requests").read_text() == "requests"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "no gate is connected.*pass model_blessing or infra_blessing"),
        ({"gate": True, "alias": "production"}, "alias 'production' of what"),
        ({"gate": True, "alias": "latest"}, "alias 'latest' is reserved"),
        ({"gate": True, "push_destination": ""}, "cannot be pushed to; expected a folder"),
        ({"gate": True, "registry": "postgresql://a:hunter2@h/d?blobs=/b"}, "holds a password"),
    ],
)
def test_a_parameter_that_can_never_work_is_refused_when_the_pipeline_is_composed(options, message):
    model = parts.MakeModel(text="weights")
    gate = parts.Bless(model=model.outputs["model"], blessed=1)
    chosen = {"push_destination": "/srv", **options}
    if chosen.pop("gate", False):
        chosen["model_blessing"] = gate.outputs["blessing"]
    with pytest.raises(InvalidInputError, match=message):
        AssetPusher(model.outputs["model"], **chosen)


def compile_job(bench, **options):
    from tfx.orchestration.pipeline import Pipeline

    components = push_pipeline(bench, infra=1, code=bench.folder, **options)
    pipeline = Pipeline("demo", "gs://nowhere", components=list(components))
    return compile_pipeline(pipeline, "kubeflow", KubeflowOptions(image="trips:1")).content


def test_the_compiled_component_is_the_reviewed_one(bench, golden):
    spec = json.loads(compile_job(bench))["pipelineSpec"]
    document = {
        "component": spec["components"]["AssetPusher"],
        "task": spec["root"]["dag"]["tasks"]["AssetPusher"],
        "executor": spec["deploymentSpec"]["executors"]["AssetPusher_executor"],
    }
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    golden("asset_pusher_kubeflow.json", text.replace(str(bench.folder), "/bench"))


@pytest.mark.parametrize(("blessed", "expected"), [(1, ["weights"]), (0, [])], ids=["blessed", "refused"])
def test_it_pushes_and_promotes_in_the_container_entry_point(bench, blessed, expected):
    results = run_job(compile_job(bench, blessed=blessed), bench.folder / "job")
    assert results["AssetPusher"].state == "SUCCEEDED", results["AssetPusher"].log
    assert (served(bench), production(bench)) == (expected, 1 if blessed else None)
    assert results["AssetPusher"].artifacts["pushed_model"]["metadata"]["pushed"] == blessed
