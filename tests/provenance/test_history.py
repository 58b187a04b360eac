"""What a store answers: runs, datasets, metrics, artifacts; written as TFX writes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ama_tfx.errors import ConflictError, InvalidInputError, NotFoundError
from ama_tfx.provenance import RunState, open_history
from ama_tfx.provenance import history as history_module
from ama_tfx.testing.run_store import Made, write_example

RESOLVER = "tfx.dsl.components.common.resolver.Resolver"
ASSET = "ama_tfx.Asset"
REFERENCE = f"ama://default/model@sha256:{'0' * 64}"


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    pytest.importorskip("ml_metadata")
    return open_history(str(write_example(tmp_path_factory.mktemp("example"))))


def test_runs_are_told_newest_first_with_what_became_of_them(example):
    assert [(one.run.name, one.pipeline, one.state) for one in example.runs()] == [
        ("2026-05-03T06:00:00", "taxi", RunState.COMPLETE),
        ("2026-05-02T06:00:00", "taxi", RunState.FAILED),
        ("2026-05-01T06:00:00", "taxi", RunState.COMPLETE),
    ]


def test_runs_can_be_limited_and_asked_by_pipeline(writer, history):
    for number in range(5):
        writer.execute(f"run-{number}", "Trainer", pipeline="odd" if number % 2 else "even")
    assert [one.run.name for one in history.runs("even")] == ["run-4", "run-2", "run-0"]
    assert [one.run.name for one in history.runs("even", most=2)] == ["run-4", "run-2"]
    assert [one.run.name for one in history.runs(most=1)] == ["run-4"]
    assert history.runs("none") == []


def test_an_empty_store_has_no_runs_and_says_so(history):
    assert history.runs() == []
    with pytest.raises(NotFoundError, match="holds no run"):
        history.run()
    with pytest.raises(NotFoundError, match="no artifact and no type 'Model'"):
        history.artifact("Model")


def test_a_run_tells_where_and_why_it_failed_and_what_it_took_from_the_cache(example):
    details = example.run("2026-05-02")
    first, trainer = details.nodes
    assert (first.node, first.state) == ("CsvExampleGen", RunState.CACHED)
    assert first.cached_from.run.name == "2026-05-01T06:00:00"
    assert (trainer.state, trainer.reason) == (RunState.FAILED, "ValueError: the loss is NaN")
    assert [(event.key, details.artifacts[event.artifact_id].type) for event in trainer.inputs] == [
        ("base_model", "Model"),
        ("examples", "Examples"),
    ]
    assert details.failures == (trainer,)


def test_a_run_is_named_by_its_name_or_the_beginning_of_it(example):
    assert example.run("2026-05-01").run.name == "2026-05-01T06:00:00"
    assert example.run("latest").run == example.run().run == example.run("2026-05-03T06:00:00").run
    with pytest.raises(ConflictError, match="3 runs begin with '2026'"):
        example.run("2026")
    with pytest.raises(NotFoundError, match="did you mean '2026-05-03T06:00:00'"):
        example.run("2026-05-03T06:00:01")
    with pytest.raises(InvalidInputError):
        example.run("")


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("COMPLETE", RunState.COMPLETE),
        ("CACHED", RunState.CACHED),
        ("FAILED", RunState.FAILED),
        ("CANCELED", RunState.FAILED),
        ("RUNNING", RunState.UNFINISHED),
        ("NEW", RunState.UNFINISHED),
    ],
)
def test_the_state_of_a_node_is_that_of_its_execution(writer, history, state, told):
    writer.execute("first", "Trainer", outputs={"model": Made("Model", "/m")}, state=state)
    (node,) = history.run().nodes
    assert node.state is told
    assert bool(node.reason) is (told is RunState.FAILED)
    assert (node.seconds is None) is (told is RunState.UNFINISHED)
    assert history.run().state is (RunState.COMPLETE if told is RunState.CACHED else told)


def test_a_resolver_that_found_nothing_does_not_fail_a_run(writer, history):
    nothing = "Traceback (most recent call last):\n  File 'x'\ntfx.InputResolutionError: The strategy X returned None."
    writer.execute("first", "model_resolver", component=RESOLVER, state="FAILED", result=nothing)
    writer.execute("first", "blessed_resolver", component=RESOLVER)
    writer.execute("first", "broken_resolver", component=RESOLVER, state="FAILED", result="the disk is full")
    assert [node.state for node in history.run().nodes] == [RunState.EMPTY, RunState.EMPTY, RunState.FAILED]


def test_a_node_that_was_tried_again_counts_as_it_ended(writer, history):
    writer.execute("first", "Trainer", state="FAILED")
    writer.execute("first", "Trainer")
    details = history.run()
    assert [node.state for node in details.nodes] == [RunState.FAILED, RunState.COMPLETE]
    assert (details.state, details.failures) == (RunState.COMPLETE, ())


def test_what_tfx_notes_for_itself_is_no_parameter(writer, history):
    writer.execute("first", "Trainer", parameters={"steps": 3, "rate": 0.5, "__external__": "x"}, result="fine")
    assert history.run().nodes[0].parameters == {"rate": 0.5, "steps": 3}


def test_a_run_of_hundreds_of_executions_is_whole(writer, history):
    for number in range(230):
        writer.execute("first", f"node-{number}")
    assert [node.node for node in history.run().nodes] == [f"node-{number}" for number in range(230)]


def test_the_datasets_of_a_model_are_those_of_the_models_before_it_too(example):
    model = example.artifact("Model")
    found = example.datasets(model.id)
    assert [(one.steps, one.span, one.version, one.splits) for one in found] == [
        (1, 2, 1, ("train", "eval")),
        (2, 1, 1, ("train", "eval")),
    ]
    assert {one.taken_by for one in found} == {("Trainer.examples",)}
    assert {one.trained_on for one in found} == {("train",)}


def test_transformed_examples_are_a_dataset_made_from_another(writer, history):
    raw = writer.execute("first", "Gen", outputs={"examples": Made("Examples", "/raw")})
    done = writer.execute(
        "first",
        "Transform",
        inputs={"examples": [raw["examples"]]},
        outputs={"transformed": Made("Examples", "/t"), "graph": Made("TransformGraph", "/g")},
    )
    other = writer.execute("first", "Rows", outputs={"rows": Made("team.Rows", "/rows")})
    model = writer.execute(
        "first",
        "Trainer",
        inputs={"examples": [done["transformed"]], "graph": [done["graph"]], "extra": [other["rows"]]},
        outputs={"model": Made("Model", "/m")},
    )
    found = history.datasets(model["model"])
    assert [(one.artifact.uri, one.steps, one.is_source) for one in found] == [("/t", 1, False), ("/raw", 2, True)]
    assert found[1].taken_by == ("Transform.examples",)
    with_rows = history.datasets(model["model"], types=["team.Rows"])
    assert [one.artifact.uri for one in with_rows] == ["/t", "/rows", "/raw"]
    assert [one.artifact.uri for one in history.datasets(done["transformed"])] == ["/raw"]


def test_metrics_are_those_of_a_model_on_a_dataset(example):
    model, first = example.artifact("Model"), example.artifact("1")
    (evaluation,) = example.metrics(model.id)
    assert evaluation.metrics == {"auc": 0.93, "loss": 0.25}
    assert evaluation.evaluation.splits == ("eval",)
    assert evaluation.evaluation.execution.run.name == "2026-05-03T06:00:00"
    assert example.metrics(model.id, evaluation.evaluation.datasets[0].id) == [evaluation]
    assert example.metrics(model.id, first.id) == []


def evaluate(writer, model, examples, uri, key="model"):
    inputs = {key: [model["model"]], "examples": [examples]}
    made = writer.execute("first", "Evaluator", inputs=inputs, outputs={"evaluation": Made("ModelEvaluation", uri)})
    return made["evaluation"]


def test_an_evaluation_as_the_baseline_of_another_model_is_not_the_models_own(writer, history):
    model = writer.execute("first", "Trainer", outputs={"model": Made("Model", "/m")})
    data = writer.execute("first", "Gen", outputs={"examples": Made("Examples", "/e")})["examples"]
    evaluate(writer, model, data, "/as-baseline", key="baseline_model")
    own = evaluate(writer, model, data, "/gone")
    (found,) = history.metrics(model["model"])
    assert found.evaluation.artifact.id == own
    assert found.metrics == {}
    assert found.problems == ("no file or folder '/gone'",)


def test_an_evaluation_on_what_a_dataset_became_counts(writer, history):
    raw = writer.execute("first", "Gen", outputs={"examples": Made("Examples", "/raw")})["examples"]
    made = writer.execute("first", "T", inputs={"raw": [raw]}, outputs={"examples": Made("Examples", "/t")})
    model = writer.execute("first", "Trainer", outputs={"model": Made("Model", "/m")})
    found = evaluate(writer, model, made["examples"], "gs://bucket/evaluation")
    (measured,) = history.metrics(model["model"], raw)
    assert measured.evaluation.artifact.id == found
    assert measured.problems == ("'gs://bucket/evaluation' is not on this machine",)


@pytest.mark.parametrize(
    ("uri", "problem"),
    [("", "the evaluation has no URI"), ("file://[x/evaluation", "'file://[x/evaluation' is no URI: Invalid IPv6 URL")],
)
def test_an_evaluation_that_lies_nowhere_has_no_metrics(writer, history, tmp_path, monkeypatch, uri, problem):
    monkeypatch.chdir(tmp_path)
    Path("metrics.json").write_text('{"auc": 0.9}')
    data = writer.execute("first", "Gen", outputs={"examples": Made("Examples", "/e")})["examples"]
    model = writer.execute("first", "Trainer", outputs={"model": Made("Model", "/m")})
    evaluate(writer, model, data, uri)
    (found,) = history.metrics(model["model"])
    assert (found.metrics, found.problems) == ({}, (problem,))


def test_an_artifact_is_found_by_id_uri_reference_or_type(writer, history):
    model = writer.execute("first", "Trainer", outputs={"model": Made("Model", "/m'; DROP TABLE Artifact; --")})[
        "model"
    ]
    register(writer, "first", model)
    newer = writer.execute("second", "Trainer", outputs={"model": Made("Model", "/new")})["model"]
    assert history.artifact("Model").id == newer
    assert history.artifact("/m'; DROP TABLE Artifact; --").id == model
    assert history.artifact(str(model)).id == history.artifact(REFERENCE).id == model
    for text in ("99", "9" * 5000, "/nowhere", f"ama://default/model@sha256:{'1' * 64}"):
        with pytest.raises(NotFoundError, match="no artifact"):
            history.artifact(text)
    with pytest.raises(NotFoundError, match="did you mean 'Model'"):
        history.artifact("Modle")


def register(writer, run, artifact, reference=REFERENCE):
    made = Made(ASSET, "/asset", {"reference": reference})
    return writer.execute(run, "RegisterModel", inputs={"artifact": [artifact]}, outputs={"asset": made})["asset"]


def test_an_artifact_has_the_references_it_was_registered_under_by_then(writer, history):
    model = writer.execute("first", "Trainer", outputs={"model": Made("Model", "/m")})["model"]
    asset = register(writer, "first", model)
    then = history.run("first").nodes[-1].started_at
    assert history.references([model, asset]) == {model: (REFERENCE,), asset: (REFERENCE,)}
    assert history.references([model], until=then) == {model: (REFERENCE,)}
    assert history.references([model], until=history.run("first").nodes[0].started_at.replace(year=2000)) == {}


def test_names_that_would_move_a_cursor_are_only_data(writer, history):
    strange = "\x1b[31m'\"\\;\u202e\n日本"
    writer.execute(strange, strange, pipeline=strange, outputs={strange: Made("Model", f"/{strange}")})
    details = history.run(strange)
    assert (details.run.name, details.pipeline, details.nodes[0].node) == (strange, strange, strange)
    assert history.artifact(f"/{strange}").uri == f"/{strange}"


def test_many_runs_read_at_once_are_the_same_as_few_read_one_by_one(writer, history, monkeypatch):
    for number in range(7):
        made = writer.execute(f"run-{number}", "Gen", outputs={"examples": Made("Examples", f"/{number}")})
        writer.execute(f"run-{number}", "Trainer", inputs={"examples": [made["examples"]]}, state="FAILED")
    one_by_one = history.runs()
    monkeypatch.setattr(history_module, "MANY_RUNS", 3)
    assert history.runs() == one_by_one
    assert [len(one.nodes) for one in one_by_one] == [2] * 7


def test_metrics_of_tfma_are_read_with_their_slices(writer, history):
    folder = str(Path(__file__).parents[1] / "inspection" / "data" / "evaluation")
    model = writer.execute("first", "Trainer", outputs={"model": Made("Model", "/m")})
    data = writer.execute("first", "Gen", outputs={"examples": Made("Examples", "/e")})["examples"]
    evaluate(writer, model, data, folder)
    evaluate(writer, model, data, f"file://{folder}")
    by_uri, by_path = history.metrics(model["model"])
    assert by_uri.metrics == by_path.metrics
    assert by_path.problems == ()
    assert by_path.overall
    assert by_path.overall.items() < by_path.metrics.items()
    assert all("[" in name for name in by_path.metrics.keys() - by_path.overall.keys())


WITH_BASELINE = Path(__file__).parents[1] / "inspection" / "data" / "evaluation_with_baseline"


def trained_and_data(writer):
    model = writer.execute("first", "Trainer", outputs={"model": Made("Model", "/m")})
    return model, writer.execute("first", "Gen", outputs={"examples": Made("Examples", "/e")})["examples"]


def test_metrics_beside_a_baseline_are_the_models_own(writer, history):
    model, data = trained_and_data(writer)
    evaluate(writer, model, data, str(WITH_BASELINE))
    (found,) = history.metrics(model["model"])
    assert found.overall == {"auc": pytest.approx(0.867831, abs=1e-6)}
    assert found.metrics == {
        "auc": pytest.approx(0.867831, abs=1e-6),
        "auc[size=large]": pytest.approx(0.862399, abs=1e-6),
        "auc[size=small]": pytest.approx(0.440698, abs=1e-6),
    }


@pytest.mark.parametrize(
    ("specs", "own"),
    [
        (
            [{"name": "new"}, {"name": "old", "isBaseline": True}],
            {"auc": 0.9, "auc[hour=3, 4]": 0.8, "loss[baseline]": 0.1},
        ),
        (
            [{"name": "new"}],
            {"auc": 0.9, "auc[hour=3, 4]": 0.8, "auc[old]": 0.7, "auc[diff]": 0.2, "loss[baseline]": 0.1},
        ),
        ([], {"auc[new]": 0.9, "auc[new, hour=3, 4]": 0.8, "auc[old]": 0.7}),
    ],
)
def test_which_metrics_are_the_models_own_is_what_tfmas_configuration_says(writer, history, tmp_path, specs, own):
    model, data = trained_and_data(writer)
    told = {"auc[new]": 0.9, "auc[new, hour=3, 4]": 0.8, "auc[old]": 0.7, "auc[diff]": 0.2, "loss[baseline]": 0.1}
    (tmp_path / "metrics.json").write_text(json.dumps(told))
    (tmp_path / "eval_config.json").write_text(json.dumps({"evalConfig": {"modelSpecs": specs}}))
    evaluate(writer, model, data, str(tmp_path))
    (found,) = history.metrics(model["model"])
    assert found.metrics == own


def test_what_a_node_took_under_two_names_it_took_as_both(writer, history):
    model, data = trained_and_data(writer)
    outputs = {"evaluation": Made("ModelEvaluation", str(WITH_BASELINE))}
    inputs = {"examples": [data], "model": [model["model"]], "baseline_model": [model["model"]]}
    evaluator = writer.execute("first", "Evaluator", inputs=inputs, outputs=outputs)
    assert [(event.key, event.artifact_id) for event in history.run("first").nodes[-1].inputs] == [
        ("baseline_model", model["model"]),
        ("examples", data),
        ("model", model["model"]),
    ]
    assert [one.evaluation.artifact.id for one in history.metrics(model["model"])] == [evaluator["evaluation"]]


def test_what_a_resolver_chose_is_told_and_is_nothing_that_it_made(writer, history):
    model, _ = trained_and_data(writer)
    resolver = writer.execute("second", "Champion", component=RESOLVER)
    event = writer.protos.Event(type=writer.protos.Event.INTERNAL_OUTPUT)
    event.execution_id, event.artifact_id = resolver.execution, model["model"]
    event.path.steps.add().key = "model"
    writer.store.put_events([event])
    details = history.run("second")
    (node,) = details.nodes
    assert [(event.key, event.artifact_id) for event in node.chosen] == [("model", model["model"])]
    assert (node.outputs, node.state) == ((), RunState.COMPLETE)
    assert details.artifacts[model["model"]].uri == "/m"
    assert history.lineage(model["model"]).maker(model["model"]).node == "Trainer"


def import_copy(writer, run, reference=REFERENCE):
    made = Made("Model", f"/imported/{run}", custom={"reference": reference})
    return writer.execute(run, "AssetImporter", outputs={"result": made})


def test_an_imported_model_was_made_from_what_the_registered_one_was(writer, history):
    data = writer.execute("first", "Gen", outputs={"examples": Made("Examples", "/e")})["examples"]
    model = writer.execute("first", "Trainer", inputs={"examples": [data]}, outputs={"model": Made("Model", "/m")})
    register(writer, "first", model["model"])
    copy = import_copy(writer, "second")
    register(writer, "second", copy["result"])
    assert [(one.artifact.uri, one.steps) for one in history.datasets(copy["result"])] == [("/e", 2)]
    newer = writer.execute(
        "second", "Trainer", inputs={"base": [copy["result"]]}, outputs={"model": Made("Model", "/n")}
    )
    assert [(one.artifact.uri, one.steps) for one in history.datasets(newer["model"])] == [("/e", 3)]
    stranger = import_copy(writer, "third", f"ama://default/model@sha256:{'2' * 64}")
    assert history.datasets(stranger["result"]) == []
    assert history.artifact(f"ama://default/model@sha256:{'2' * 64}").id == stranger["result"]


def test_the_evaluations_of_a_registered_model_and_of_its_copies_are_of_one_model(writer, history):
    model, data = trained_and_data(writer)
    register(writer, "first", model["model"])
    copy = {"model": import_copy(writer, "second")["result"]}
    other = {"model": import_copy(writer, "third", f"ama://default/model@sha256:{'2' * 64}")["result"]}
    own = evaluate(writer, model, data, "/a")
    of_copy = evaluate(writer, copy, data, "/b")
    of_other = evaluate(writer, other, data, "/c")
    evaluate(writer, copy, data, "/as-baseline", key="baseline_model")

    def found(artifact):
        return {one.evaluation.artifact.id for one in history.metrics(artifact)}

    assert found(model["model"]) == found(copy["model"]) == found(history.artifact(REFERENCE).id) == {own, of_copy}
    assert found(other["model"]) == {of_other}


def test_a_selected_model_was_not_made_from_what_its_evaluation_compared_with(writer, history):
    def trained(node, uri):
        data = writer.execute("first", f"{node}Gen", outputs={"examples": Made("Examples", f"{uri}/data")})
        inputs = {"examples": [data["examples"]]}
        return data["examples"], writer.execute("first", node, inputs=inputs, outputs={"model": Made("Model", uri)})

    (_, champion), (data, candidate) = trained("Old", "/champion"), trained("New", "/candidate")
    inputs = {"model": [candidate["model"]], "baseline_model": [champion["model"]], "examples": [data]}
    made = {"evaluation": Made("ModelEvaluation", "/v"), "blessing": Made("ModelBlessing", "/b")}
    evaluation = writer.execute("first", "Evaluator", inputs=inputs, outputs=made)
    inputs = {"model_1": [candidate["model"]], "evaluation_1": [evaluation["evaluation"]]}
    made = {"model": Made("Model", "/selected"), "verdict": Made("ama_tfx.Verdict", "/verdict")}
    selected = writer.execute("first", "ModelSelector", inputs=inputs, outputs=made)
    assert [one.artifact.uri for one in history.datasets(selected["model"])] == ["/candidate/data"]
    assert {one.artifact.uri for one in history.datasets(evaluation["blessing"])} == {
        "/candidate/data",
        "/champion/data",
    }
