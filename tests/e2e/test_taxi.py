"""The main job on real data: a standard TFX pipeline publishes what it makes into the registry, gated and linked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(1800)  # the first test waits for four runs

DATASETS = ("taxi/examples", "taxi/schema", "taxi/transform_graph")


def states(report):
    return {outcome.node_id: outcome.state.value for outcome in report.outcomes}


def digests(folder: Path) -> dict[str, str]:
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert found
    return found


def pushes(taxi) -> list[Path]:
    return sorted((taxi.home / "serving").iterdir())


def signals(taxi, number):
    """Return the outcomes of the last gate's signals in its ``number``-th decision, by check and slice."""
    folders = sorted((taxi.home / "root" / "BlessingValidator" / "verdict").iterdir(), key=lambda path: int(path.name))
    verdict = json.loads((folders[number - 1] / "verdict.json").read_text())
    return verdict, {(s["name"], s["slice"]): (s["outcome"], s["value"]) for s in verdict["signals"]}


def test_every_node_of_the_first_run_did_its_work(taxi):
    assert states(taxi.first) == {
        "Champion": "empty",
        "CsvExampleGen": "complete",
        "StatisticsGen": "complete",
        "SchemaGen": "complete",
        "ExampleValidator": "complete",
        "Transform": "complete",
        "Trainer": "complete",
        "Evaluator": "complete",
        "InfraValidator": "complete",
        "BlessingValidator": "complete",
        "RegisterSchema": "complete",
        "RegisterExamples": "complete",
        "RegisterTransformGraph": "complete",
        "RegisterModel": "complete",
        "RegisterEvaluation": "complete",
        "RegisterVerdict": "complete",
        "AssetPusher": "complete",
        "LineageLinker": "complete",
    }


def test_examples_schema_graph_and_model_are_registered_by_their_kind(taxi):
    registry = taxi.registry
    kinds = {asset.name.name: registry.resolve(f"{asset.name.name}:1").kind for asset in registry.assets()}
    assert kinds == {
        "lineage/taxi/model": "ama_tfx.Lineage",
        "taxi/evaluation": "ModelEvaluation",
        "taxi/examples": "Examples",
        "taxi/model": "Model",
        "taxi/schema": "Schema",
        "taxi/transform_graph": "TransformGraph",
        "taxi/verdict": "ama_tfx.Verdict",
    }
    assert registry.show("taxi/examples").properties["tfx.split_names"] == '["train", "eval"]'


def test_the_model_is_linked_to_what_it_was_made_from(taxi):
    for model in ("taxi/model:1", "taxi/model:2"):
        refs = {role: str(version.reference) for role, version in taxi.registry.show(model).refs}
        assert refs == {
            "schema": str(taxi.registry.resolve("taxi/schema:1").reference),
            "trained_on": str(taxi.registry.resolve("taxi/examples:1").reference),
            "transform_graph": str(taxi.registry.resolve("taxi/transform_graph:1").reference),
        }


def test_the_registration_names_run_component_and_commit(taxi):
    provenance = taxi.registry.show("taxi/model:1").registrations[0].provenance
    assert provenance["pipeline"] == "taxi"
    assert provenance["run_id"] == taxi.first.run_id
    assert provenance["component"] == "Trainer"
    assert provenance["tfx_version"] == "1.16.0"
    assert len(provenance["code"]["commit"]) == 40
    assert [(gate["source"], gate["verdict"]) for gate in provenance["gates"]] == [("BlessingValidator", "blessed")]


def test_a_changed_hyperparameter_makes_a_second_model_and_reuses_the_data(taxi):
    registry = taxi.registry
    assert registry.show("taxi/model:1").properties["learning_rate"] == 0.001
    assert registry.show("taxi/model:2").properties["learning_rate"] == 0.002
    assert registry.show("taxi/model:2").version.digest != registry.show("taxi/model:1").version.digest
    assert {asset: len(registry.versions(asset)) for asset in DATASETS} == dict.fromkeys(DATASETS, 1)
    assert {node: states(taxi.second)[node] for node in ("CsvExampleGen", "Transform")} == {
        "CsvExampleGen": "cached",
        "Transform": "cached",
    }


def test_later_runs_stored_no_byte_but_those_of_their_models_and_of_what_was_said_of_them(taxi):
    from tests.e2e.conftest import blobs

    names = [asset.name.name for asset in taxi.registry.assets()]
    versions = [v.reference for name in names for v in taxi.registry.versions(name) if v.number > 1]
    shown = [taxi.registry.show(reference) for reference in versions]
    assert {v.version.asset.name for v in shown} == {
        "lineage/taxi/model",
        "taxi/evaluation",
        "taxi/model",
        "taxi/verdict",
    }
    later = {str(d) for v in shown for d in (v.version.digest, *(entry.digest for entry in v.files))}
    new = blobs(taxi.home) - taxi.blobs_after_first
    assert new
    assert new <= later


def test_a_repeated_run_registers_once(taxi):
    # Its baseline is now the model itself, so Evaluator and what follows run again, and find the same version.
    registering = {node: state for node, state in states(taxi.repeated).items() if node.startswith("Register")}
    assert registering == {
        "RegisterSchema": "cached",
        "RegisterExamples": "cached",
        "RegisterTransformGraph": "cached",
        "RegisterModel": "complete",
        "RegisterEvaluation": "complete",
        "RegisterVerdict": "complete",
    }
    assert [version.number for version in taxi.registry.versions("taxi/model")] == [3, 2, 1]
    runs = [entry.provenance["run_id"] for entry in taxi.registry.show("taxi/model:2").registrations]
    assert runs == [taxi.second.run_id, taxi.repeated.run_id]


def test_what_is_served_is_byte_for_byte_what_is_registered(taxi, tmp_path):
    taxi.registry.download("taxi/model:1/Format-Serving", tmp_path / "model")
    served = digests(pushes(taxi)[0])
    marker = json.loads((pushes(taxi)[0] / "ama_push.json").read_text())
    assert served.pop("ama_push.json")
    assert digests(tmp_path / "model") == served
    assert marker["asset"] == str(taxi.registry.resolve("taxi/model:1").reference)


def test_a_model_that_has_learned_nothing_is_refused_with_reasons_and_the_champion_stays(taxi):
    registry = taxi.registry
    details = registry.show("taxi/model:3")
    assert details.properties["shuffled_labels"] is True
    assert details.aliases == ()
    assert registry.resolve("taxi/model:champion").number == 2
    verdict, found = signals(taxi, 3)
    assert verdict["outcome"] == "not_blessed"
    assert found["auc", ""][0] == "not_blessed"
    assert found["auc", ""][1] < 0.6
    assert found["auc_change", ""][0] == "not_blessed"
    assert found["auc", "payment_type=Credit Card"][0] == "not_blessed"
    assert found["InfraValidator", ""][0] == "blessed"  # it can be served; it is only wrong
    assert [reason for reason in verdict["reasons"] if reason.startswith("auc is 0.")] != []
    weights = {e.path: e.digest.hex for e in details.files}["Format-Serving/variables/variables.data-00000-of-00001"]
    served = [digests(push)["variables/variables.data-00000-of-00001"] for push in pushes(taxi)]
    assert len(served) == 2
    assert weights not in served


def test_a_good_model_is_blessed_by_every_signal_that_is_required(taxi):
    verdict, found = signals(taxi, 1)
    assert verdict["outcome"] == "blessed"
    required = [s for s in verdict["signals"] if s["required"]]
    assert {s["outcome"] for s in required} == {"blessed"}
    assert {s["source"] for s in required} == {"Evaluator", "InfraValidator", "registry"}
    assert found["auc", ""][1] > 0.935
    assert found["latency_p99_ms", ""][0] == "blessed"


def test_the_champion_is_who_was_pushed_last(taxi):
    moves = [(move.from_version, move.to_version) for move in taxi.registry.alias_moves("taxi/model")]
    assert moves == [(1, 2), (None, 1)]
    reasons = [move.reason for move in taxi.registry.alias_moves("taxi/model")]
    assert reasons == [f"pushed to {push}" for push in reversed(pushes(taxi))]


def test_the_lineage_of_the_model_is_linked_and_drawn(taxi):
    graph = taxi.registry.lineage.graph("taxi/model:1")
    edges = {(edge.made.asset.name, edge.role, edge.made_from.asset.name) for edge in graph.edges}
    assert {
        ("taxi/model", "trained_on", "taxi/examples"),
        ("taxi/model", "schema", "taxi/schema"),
        ("taxi/evaluation", "evaluated_by", "taxi/model"),
    } <= edges
    (picture, *_) = sorted((taxi.home / "root" / "LineageLinker" / "lineage").glob("*/lineage.svg"))
    assert picture.read_text().count("evaluated_by") >= 1


def test_the_champion_answers_raw_trips_after_a_download(taxi, tmp_path):
    import tensorflow as tf

    taxi.registry.download("taxi/model:champion/Format-Serving", tmp_path / "model")
    predict = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    trip = tf.train.Example()
    trip.features.feature["fare"].float_list.value.append(12.0)
    trip.features.feature["trip_miles"].float_list.value.append(3.0)
    trip.features.feature["payment_type"].bytes_list.value.append(b"Credit Card")
    cash = tf.train.Example()
    cash.CopyFrom(trip)
    cash.features.feature["payment_type"].bytes_list.value[0] = b"Cash"
    outputs = predict(tf.constant([trip.SerializeToString(), cash.SerializeToString()]))
    credit_tip, cash_tip = next(iter(outputs.values())).numpy()[:, 0]
    assert 0.2 < credit_tip <= 1.0
    assert 0.0 <= cash_tip < 0.1  # tips paid in cash are not in the data


def test_nothing_secret_is_recorded_and_the_audit_chain_holds(taxi, monkeypatch):
    metadata = (taxi.home / "metadata.db").read_bytes()
    assert b"password" not in metadata.lower()
    assert taxi.registry.audit.verify() >= 7
