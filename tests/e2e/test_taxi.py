"""The main job on real data: a standard TFX pipeline publishes what it makes into the registry, gated and linked."""

from __future__ import annotations

import hashlib
from pathlib import Path

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


def test_every_node_of_the_first_run_did_its_work(taxi):
    assert states(taxi.first) == {
        "CsvExampleGen": "complete",
        "StatisticsGen": "complete",
        "SchemaGen": "complete",
        "ExampleValidator": "complete",
        "Transform": "complete",
        "Trainer": "complete",
        "baseline": "empty",
        "Evaluator": "complete",
        "Pusher": "complete",
        "RegisterSchema": "complete",
        "RegisterExamples": "complete",
        "RegisterTransformGraph": "complete",
        "RegisterModel": "complete",
    }


def test_examples_schema_graph_and_model_are_registered_by_their_kind(taxi):
    registry = taxi.registry
    kinds = {asset.name.name: registry.resolve(f"{asset.name.name}:1").kind for asset in registry.assets()}
    assert kinds == {
        "taxi/examples": "Examples",
        "taxi/model": "Model",
        "taxi/schema": "Schema",
        "taxi/transform_graph": "TransformGraph",
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
    assert [(gate["source"], gate["verdict"]) for gate in provenance["gates"]] == [("Evaluator", "blessed")]


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


def test_the_second_run_stored_no_byte_but_those_of_its_model(taxi):
    from tests.e2e.conftest import blobs

    second, untrained = (taxi.registry.show(f"taxi/model:{number}") for number in (2, 3))
    later = {str(d) for v in (second, untrained) for d in (v.version.digest, *(entry.digest for entry in v.files))}
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
    }
    assert [version.number for version in taxi.registry.versions("taxi/model")] == [3, 2, 1]
    runs = [entry.provenance["run_id"] for entry in taxi.registry.show("taxi/model:2").registrations]
    assert runs == [taxi.second.run_id, taxi.repeated.run_id]


def test_what_is_served_is_byte_for_byte_what_is_registered(taxi, tmp_path):
    taxi.registry.download("taxi/model:1/Format-Serving", tmp_path / "model")
    assert digests(tmp_path / "model") == digests(pushes(taxi)[0])


def test_a_model_that_evaluator_refuses_is_registered_without_the_alias_and_not_pushed(taxi):
    registry = taxi.registry
    details = registry.show("taxi/model:3")
    assert details.properties["epochs"] == 0
    assert details.aliases == ()
    refused = details.registrations[0].provenance["alias_refused"]
    assert refused["alias"] == "champion"
    assert refused["reasons"][0].startswith("Evaluator did not bless it")
    assert registry.resolve("taxi/model:champion").number < 3
    weights = {e.path: e.digest.hex for e in details.files}["Format-Serving/variables/variables.data-00000-of-00001"]
    served = [digests(push)["variables/variables.data-00000-of-00001"] for push in pushes(taxi)]
    assert weights not in served


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
