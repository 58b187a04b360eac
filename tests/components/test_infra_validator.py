"""InfraValidator in real pipelines: models are served, asked, measured and judged."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ama_tfx.errors import InvalidInputError, RunFailedError

parts = pytest.importorskip("infra_parts")
from infra_bench import Outcome, asks, docker_spec, node, run_all, short_folder  # noqa: E402
from infra_kernel import LIMITS_READING, WATCHES, needs_watching  # noqa: E402
from tfx.orchestration.local.local_dag_runner import LocalDagRunner  # noqa: E402
from tfx.proto import infra_validator_pb2 as protos  # noqa: E402
from tfx.proto import pusher_pb2  # noqa: E402
from tfx.types import standard_artifacts  # noqa: E402

from ama_tfx.components import InfraValidator, ServingBudgets, ServingLimits  # noqa: E402
from ama_tfx.components.infra_validator import kept_warm, serving  # noqa: E402
from ama_tfx.components.infra_validator.models import Client, build_calls, declared_signatures  # noqa: E402
from tests.components.conftest import Bench  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def warm():
    """TensorFlow is imported once for all servers of these tests."""
    with kept_warm():
        yield


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    parts.save_models(folder)
    return folder


FAULTS = {
    "broken-graph": ({}, "the model does not load: its SavedModel cannot be read"),
    "broken-variables": ({}, "the model does not load: "),
    "unsigned": ({}, "the model declares no signature 'serving_default'"),
    "good": ({"request_spec": asks("scores")}, "the model declares no signature 'scores'"),
    "failing": ({}, "assertion failed: [no rows today]"),
    "endless": ({"limits": ServingLimits(cpu_seconds=1)}, "of CPU time, its limit is 1 s"),
    "endless-at-load": ({"limits": ServingLimits(load_seconds=1)}, "loading it took longer than 1 s"),
    "hog": ({}, "MiB of memory, its limit is 1024 MiB"),
    "crashing": ({}, "the server died of SIGABRT"),
    "crashing-at-load": ({}, "the model does not load: the server died of SIGABRT"),
    "writing": ({}, f"the model tried to write {parts.OUTSIDE}"),
    "writing-at-load": ({}, f"the model tried to write {parts.OUTSIDE}"),
    "calling-python": ({}, "Could not find callback"),
    "connecting": ({}, "a served model may not open the network"),
    "nan": ({}, "3 of 3 answers hold NaN or infinity"),
    "reading": ({}, "/etc/shadow; Permission denied"),
    "slow": ({"budgets": ServingBudgets(latency_p99_ms=1e-6, samples=2)}, "ms for 99 of 100 answers, 1e-06 allowed"),
}


NEEDED = {**dict.fromkeys(("writing", "writing-at-load", "connecting"), WATCHES), "reading": LIMITS_READING}


@pytest.fixture(scope="module")
def judged(models, tmp_path_factory):
    """One run that judges every faulty model."""
    cases = {f"judge-{model}": (model, options) for model, (options, _) in FAULTS.items()}
    return run_all(Bench(tmp_path_factory.mktemp("faults")), models, cases)


@pytest.mark.parametrize("model", FAULTS)
def test_a_model_that_fails_is_not_blessed_and_its_reason_is_told(judged, model):
    if model in NEEDED and not NEEDED[model]:
        pytest.skip("NOT TESTED HERE: this kernel or container lets nobody watch or limit the model")
    found = judged[f"judge-{model}"]
    assert found.outcome == "not_blessed"
    assert FAULTS[model][1] in found.reasons
    assert (found.blessed, found.files) == (0, ["INFRA_NOT_BLESSED"])
    assert found.blessing.custom_properties["outcome"].string_value == "not_blessed"


@needs_watching
def test_what_a_model_tried_to_write_was_not_written(judged):
    assert judged["judge-writing"].signals["files"].blessing.value == "not_blessed"
    assert not Path(parts.OUTSIDE).exists()


def test_no_server_is_left_of_models_that_fail(judged):
    supervisor = serving._warm[""]
    pid = supervisor._process.pid
    assert len(judged) == len(FAULTS)
    assert Path(f"/proc/{pid}/task/{pid}/children").read_text() == ""
    (last,) = supervisor.folder.iterdir()
    assert list((last / "home").iterdir()) == []


def test_the_server_in_python_classifies_and_regresses(models, tmp_path):
    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = str(tmp_path), '["train"]'
    parts.write_examples(tmp_path / "Split-train", 2)
    path = models / "classic"
    with serving.borrow() as sandbox:
        calls = build_calls("m", declared_signatures(path, []), examples, protos.RequestSpec(num_examples=2))
        served = sandbox.serve(path, "m", ServingLimits())
        client = Client(served.address, "m")
        client.WaitUntilModelLoaded(time.time() + 60, 0.01)
        answers = {call.signature: [client.ask(request) for request in call.requests] for call in calls}
        client.close()
    assert answers == {
        "serving_default": [
            {"classes": ["far", "near"], "scores": [0.0, 1.0]},
            {"classes": ["far", "near"], "scores": [2.0, 0.0]},
        ],
        "regress": [{"outputs": [0.0]}, {"outputs": [3.0]}],
    }


def test_a_model_within_its_budgets_is_blessed_and_each_check_told(bench, models):
    budgets = ServingBudgets(
        latency_p50_ms=1e6, latency_p99_ms=1e6, peak_memory_mib=1e4, model_memory_mib=1e3, samples=5
    )
    cases = {
        "plain": ("good", {"budgets": budgets}),
        "alone": ("good", {"no_examples": True}),
        "unaskable": ("dense", {}),
        "askable": ("dense", {"request_spec": asks("serving_default")}),
        "no-rows": ("good", {"request_spec": protos.RequestSpec(split_name="eval")}),
        "same": (
            "good",
            {"champion": "good", "budgets": ServingBudgets(output_difference=0, changed_answers=0, samples=5)},
        ),
        "drifted": ("longer", {"champion": "good", "budgets": ServingBudgets(output_difference=0.25, samples=5)}),
        "tolerated": (
            "longer",
            {"champion": "good", "budgets": ServingBudgets(output_difference=0.75, changed_answers=0)},
        ),
        "renamed": ("renamed", {"champion": "good", "budgets": ServingBudgets(changed_answers=0.5, samples=5)}),
        "nan-allowed": ("nan", {"budgets": ServingBudgets(finite_answers=False, samples=2)}),
        "lost": ("good", {"champion": "dense", "budgets": ServingBudgets(output_difference=9, samples=2)}),
        "slower": ("slow", {"champion": "good", "budgets": ServingBudgets(latency_p50_ratio=3, samples=2)}),
        "classic": ("classic", {"champion": "classic", "budgets": ServingBudgets(changed_answers=0, samples=5)}),
        "bad-champion": ("good", {"champion": "failing", "budgets": ServingBudgets(latency_p50_ratio=100, samples=2)}),
    }
    found = run_all(bench, models, cases)
    assert {name: outcome.outcome for name, outcome in found.items()} == {
        "plain": "blessed",
        "alone": "unknown",
        "unaskable": "unknown",
        "askable": "blessed",
        "no-rows": "unknown",
        "same": "blessed",
        "drifted": "not_blessed",
        "tolerated": "blessed",
        "renamed": "not_blessed",
        "nan-allowed": "blessed",
        "lost": "not_blessed",
        "slower": "not_blessed",
        "classic": "blessed",
        "bad-champion": "unknown",
    }
    blessed = {name for name, outcome in found.items() if outcome.blessed}
    assert blessed == {"plain", "askable", "same", "tolerated", "nan-allowed", "classic"}
    plain = found["plain"]
    assert plain.files == ["INFRA_BLESSED"]
    assert {name: signal.bound for name, signal in plain.signals.items()} == {
        "load_seconds": "<= 120 s",
        "signature:serving_default": "== 3",
        **dict.fromkeys(("files", "network", "processes"), "== 0" if WATCHES else ""),
        "reading": "",
        "finite_answers": "== 0",
        "peak_memory_mib": "<= 1024",
        "model_memory_mib": "<= 1000",
        "first_answer_ms": "",
        "latency_p50_ms": "<= 1e+06",
        "latency_p99_ms": "<= 1e+06",
    }
    assert plain.blessing.custom_properties["current_model"].string_value == plain.judgement.subject
    assert plain.blessing.custom_properties["current_model_id"].int_value > 0
    unknown = found["alone"]
    assert (unknown.blessed, unknown.files) == (0, ["INFRA_NOT_BLESSED"])
    assert unknown.blessing.custom_properties["outcome"].string_value == "unknown"
    assert "nothing was asked of the model; there are no examples" in unknown.reasons
    assert "signature 'other' was not asked" in found["unaskable"].reasons
    assert "they have no feature 'kilometres'" in found["unaskable"].reasons
    assert "the examples hold no record" in found["no-rows"].reasons
    assert found["drifted"].signals["output_difference"].value == 0.5
    assert found["drifted"].signals["changed_answers"].value == 1.0
    assert found["tolerated"].signals["changed_answers"].value == 0.0
    assert found["renamed"].signals["output_difference"].value == "inf"
    lost = "the model declares no signature 'other', which the champion declares"
    assert found["lost"].signals["signature:other"].reason == lost
    assert not found["nan-allowed"].signals["finite_answers"].required
    assert found["slower"].signals["latency_p50_ratio"].value > 3
    assert "nothing to compare with: of the champion" in found["bad-champion"].reasons


def test_before_there_is_a_champion_a_model_is_judged_by_itself(bench, models):
    from tfx.dsl.components.common.resolver import Resolver
    from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
    from tfx.types import Channel

    champion = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=standard_artifacts.Model),
        model_blessing=Channel(type=standard_artifacts.ModelBlessing),
    ).with_id("champion")
    examples, model = parts.MakeExamples(rows=3), parts.TakeModel(path=str(models / "good"))
    budgets = ServingBudgets(latency_p99_ratio=0.001, output_difference=0, samples=5)
    bench.run(
        examples,
        model,
        champion,
        node(
            model.outputs["model"],
            examples.outputs["examples"],
            "gate",
            champion=champion.outputs["model"],
            budgets=budgets,
        ),
    )
    found = Outcome(bench, "gate")
    assert found.outcome == "blessed"
    assert found.signals["champion"].reason == "there is no champion yet to compare with"
    assert not found.signals["champion"].required


def test_pusher_pushes_what_was_blessed_with_the_requests_to_warm_it_up(models):
    from tfx.components import Pusher

    with short_folder() as folder:
        bench = Bench(folder)
        examples, model = parts.MakeExamples(rows=3), parts.TakeModel(path=str(models / "good"))
        gate = node(
            model.outputs["model"],
            examples.outputs["examples"],
            "gate",
            request_spec=asks("serving_default", make_warmup=True),
            validation_spec=protos.ValidationSpec(max_loading_time_seconds=50, num_tries=1),
        )
        place = pusher_pb2.PushDestination.Filesystem(base_directory=str(folder / "served"))
        pusher = Pusher(
            model_blessing=None,
            infra_blessing=gate.outputs["blessing"],
            push_destination=pusher_pb2.PushDestination(filesystem=place),
        )
        LocalDagRunner().run(bench.pipeline(examples, model, gate, pusher))
        found = Outcome(bench, "gate")
        assert found.blessed == 1
        assert found.blessing.custom_properties["has_model"].int_value == 1
        assert found.signals["load_seconds"].bound == "<= 50 s"
        (pushed,) = (folder / "served").iterdir()
        (warmup,) = pushed.glob("assets.extra/tf_serving_warmup_requests")
        assert len(list(parts.tf.data.TFRecordDataset(str(warmup)))) == 3
        assert bench.run(examples, model, gate, pusher)["gate"] == "cached"


def test_a_split_that_does_not_exist_fails_the_node_and_publishes_nothing(bench, models):
    examples, model = parts.MakeExamples(rows=1), parts.TakeModel(path=str(models / "good"))
    gate = node(
        model.outputs["model"],
        examples.outputs["examples"],
        "gate",
        request_spec=protos.RequestSpec(split_name="tset"),
    )
    with pytest.raises(RunFailedError, match="asks for split 'tset'; the examples have train, eval"):
        bench.run(examples, model, gate)
    assert bench.artifacts("InfraBlessing") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"server": "docker"}, "unknown server 'docker'; known: auto, python, tensorflow_model_server"),
        ({"budgets": ServingBudgets(latency_p50_ratio=2)}, "give champion="),
        ({"examples": None, "request_spec": protos.RequestSpec()}, "give examples= too"),
        ({"validation_spec": protos.ValidationSpec(num_tries=-1)}, "num_tries is -1; expected a number from 1 on"),
        ({"validation_spec": protos.ValidationSpec(max_loading_time_seconds=-5)}, "max_loading_time_seconds is -5"),
        ({"request_spec": protos.RequestSpec(num_examples=-1)}, "num_examples is -1; expected a number from 1 on"),
        ({"serving_spec": "no tags"}, "no tags and no digests nothing would be validated"),
        ({"serving_spec": "tagged"}, "makes no requests without request_spec"),
        (
            {"serving_spec": "tagged", "limits": ServingLimits(), "request_spec": protos.RequestSpec()},
            "limits: on 'local_docker' TFX's executor does the work",
        ),
    ],
)
def test_arguments_that_can_never_work_are_refused_when_the_pipeline_is_composed(arguments, message):
    examples, model = parts.MakeExamples(rows=1), parts.TakeModel(path="")
    tags = {"no tags": [], "tagged": ["latest"]}.get(arguments.get("serving_spec"))
    if tags is not None:
        arguments = {**arguments, "serving_spec": docker_spec(tags)}
    given = {"examples": examples.outputs["examples"], **arguments}
    with pytest.raises(InvalidInputError, match=message.replace("(", r"\(")):
        InfraValidator(model.outputs["model"], **given)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ServingLimits(memory_mib=0),
        lambda: ServingLimits(cpu_seconds=-1),
        lambda: ServingLimits(unwatched=1),
        lambda: ServingBudgets(finite_answers=None),
        lambda: ServingBudgets(latency_p50_ms="3"),
        lambda: ServingBudgets(latency_p50_ms=float("nan")),
        lambda: ServingBudgets(changed_answers=1.5),
        lambda: ServingBudgets(samples=0),
    ],
)
def test_limits_and_budgets_refuse_what_is_no_bound(make):
    with pytest.raises(InvalidInputError):
        make()
