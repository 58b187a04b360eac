import pytest
from orchestration_parts import (
    BlessModel,
    Break,
    BreakingStrategy,
    BreakOnce,
    Compare,
    Copy,
    Leave,
    NeedModel,
    TrainModel,
    Write,
    latest_blessed_model,
    latest_model,
)
from tfx.dsl.components.common.importer import Importer
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types.channel import Channel
from tfx.types.standard_artifacts import Model, String

from ama_tfx.errors import InvalidInputError, RunFailedError
from ama_tfx.orchestration import LocalRunOptions, compile_pipeline, run_local, submit


def states(report):
    return {outcome.node_id: outcome.state.value for outcome in report.outcomes}


def messages(report):
    return {outcome.node_id: outcome.message for outcome in report.outcomes}


def chain(last=Copy):
    first = Write(text="bread")
    second = last(source=first.outputs["out"])
    return [first, second, Copy(source=second.outputs["out"]).with_id("third")]


def conditional(answer, make):
    """A node that writes 'yes', and what ``make(asked)`` returns under the condition that it wrote ``answer``."""
    asked = Write(text="yes").with_id("asked")
    with Cond(asked.outputs["out"].future()[0].value == answer):
        inner = make(asked)
    return [asked, *inner]


def test_a_run_reports_every_node_as_complete(make_pipeline):
    report = run_local(make_pipeline(chain()), LocalRunOptions(run_id="monday"))
    assert (report.target, report.pipeline_name, report.run_id) == ("local", "demo", "monday")
    assert states(report) == {"Write": "complete", "Copy": "complete", "third": "complete"}
    assert all(outcome.seconds > 0 for outcome in report.outcomes)


def test_a_second_run_reports_cached_nodes(make_pipeline):
    run_local(make_pipeline(chain(), enable_cache=True))
    report = run_local(make_pipeline(chain(), enable_cache=True))
    assert states(report) == {"Write": "cached", "Copy": "cached", "third": "cached"}


def test_a_failing_node_is_named_with_its_reason_and_what_did_not_run(make_pipeline):
    with pytest.raises(RunFailedError) as caught:
        run_local(make_pipeline(chain(last=Break)), LocalRunOptions(run_id="monday"))
    assert str(caught.value) == (
        "run 'monday' of pipeline 'demo' did not do everything: 2 of 3 nodes did not succeed\n"
        "  Break: failed: ValueError: the oven is off\n"
        "  third: not run: needs 'Break', which failed"
    )
    assert isinstance(caught.value.__cause__, ValueError)


def test_without_check_the_failure_is_only_in_the_report(make_pipeline):
    report = run_local(make_pipeline(chain(last=Break)), check=False)
    assert states(report) == {"Write": "complete", "Break": "failed", "third": "not run"}
    assert not report.is_success
    assert [outcome.node_id for outcome in report.failures] == ["Break", "third"]


def test_an_independent_node_behind_a_failed_one_is_reported_as_not_run(make_pipeline):
    broken = chain(last=Break)
    alone = Write(text="x").with_id("alone")
    alone.add_upstream_node(broken[0])
    report = run_local(make_pipeline([*broken, alone]), check=False)
    assert states(report) == {"Write": "complete", "Break": "failed", "alone": "not run", "third": "not run"}
    assert messages(report)["alone"] == "the run stopped when 'Break' failed"


def test_a_component_that_exits_with_zero_fails_the_run(make_pipeline):
    with pytest.raises(RunFailedError, match="Leave: failed: SystemExit: 0"):
        run_local(make_pipeline([Leave()]))


def test_a_resolver_that_finds_nothing_fails_the_run_when_something_needed_it(make_pipeline):
    resolver = latest_model()
    report = run_local(make_pipeline([resolver, NeedModel(model=resolver.outputs["model"])]), check=False)
    assert states(report) == {"latest": "empty", "NeedModel": "failed"}
    assert messages(report)["NeedModel"].startswith("needs 'latest', which found nothing; InsufficientInputError: ")
    with pytest.raises(RunFailedError, match="NeedModel: failed: needs 'latest', which found nothing"):
        report.require_success()


def test_a_blessed_model_that_is_not_there_fails_the_run_when_something_needed_it(make_pipeline):
    resolver = latest_blessed_model()
    report = run_local(make_pipeline([resolver, NeedModel(model=resolver.outputs["model"])]), check=False)
    assert states(report) == {"baseline": "empty", "NeedModel": "failed"}


def test_a_resolver_without_strategy_that_finds_nothing_is_empty(make_pipeline):
    resolver = Resolver(model=Channel(type=Model)).with_id("any")
    assert states(run_local(make_pipeline([resolver]))) == {"any": "empty"}


def test_a_resolver_that_raises_fails_the_run(make_pipeline):
    resolver = Resolver(strategy_class=BreakingStrategy, model=Channel(type=Model)).with_id("shelf")
    with pytest.raises(RunFailedError, match="shelf: failed: InternalError: "):
        run_local(make_pipeline([resolver]))


@pytest.mark.parametrize("resolve", [latest_blessed_model, latest_model])
def test_an_optional_baseline_may_be_missing_in_the_first_run_and_is_found_in_the_second(make_pipeline, resolve):
    def components():
        baseline, trained = resolve(), TrainModel()
        trained.add_upstream_node(baseline)
        compared = Compare(model=trained.outputs["model"], baseline_model=baseline.outputs["model"])
        blessed = BlessModel(model=trained.outputs["model"])
        blessed.add_upstream_node(compared)
        return [baseline, trained, compared, blessed]

    first, second = run_local(make_pipeline(components())), run_local(make_pipeline(components()))
    assert list(states(first).values()) == ["empty", "complete", "complete", "complete"]
    assert list(states(second).values()) == ["complete"] * 4


def test_a_false_condition_is_a_skip_and_no_failure(make_pipeline):
    def inner(asked):
        copied = Copy(source=asked.outputs["out"]).with_id("copied")
        return [copied, Copy(source=copied.outputs["out"]).with_id("again")]

    report = run_local(make_pipeline(conditional("no", inner)))
    assert states(report) == {"asked": "complete", "copied": "skipped", "again": "skipped"}
    assert messages(report)["copied"] == "its condition is false"


def test_a_true_condition_runs_what_is_under_it(make_pipeline):
    report = run_local(make_pipeline(conditional("yes", lambda asked: [Copy(source=asked.outputs["out"])])))
    assert states(report) == {"asked": "complete", "Copy": "complete"}


@pytest.mark.parametrize("repetition", range(5))  # TFX evaluates nested conditions in the order of a hash map
def test_a_condition_that_asks_a_skipped_node_is_a_skip(make_pipeline, repetition):
    def inner(asked):
        copied = Copy(source=asked.outputs["out"]).with_id("copied")
        with Cond(copied.outputs["out"].future()[0].value == "yes"):
            return [copied, Write(text="x").with_id("nested")]

    report = run_local(make_pipeline(conditional("no", inner)))
    assert states(report) == {"asked": "complete", "copied": "skipped", "nested": "skipped"}


def test_a_node_outside_a_condition_that_needs_a_skipped_node_fails_the_run(make_pipeline):
    nodes = conditional("no", lambda asked: [Copy(source=asked.outputs["out"]).with_id("copied")])
    outside = Copy(source=nodes[1].outputs["out"]).with_id("outside")
    report = run_local(make_pipeline([*nodes, outside]), check=False)
    assert states(report) == {"asked": "complete", "copied": "skipped", "outside": "failed"}
    assert messages(report)["outside"].startswith("needs 'copied', which was skipped; InsufficientInputError: ")


def test_a_condition_on_a_node_without_output_is_no_intended_skip(make_pipeline):
    resolver = latest_model()
    with Cond(resolver.outputs["model"].future()[0].uri != "nowhere"):
        written = Write(text="x")
    report = run_local(make_pipeline([resolver, written]), check=False)
    assert states(report) == {"latest": "empty", "Write": "failed"}


def test_a_partial_run_reuses_what_is_upstream_and_leaves_out_the_rest(make_pipeline):
    run_local(make_pipeline(chain()))
    report = run_local(make_pipeline(chain()), LocalRunOptions(from_nodes=("Copy",), to_nodes=("Copy",)))
    assert states(report) == {"Write": "cached", "Copy": "complete", "third": "skipped"}
    assert messages(report)["third"] == "left out by the partial run"


def test_a_partial_run_without_an_earlier_run_fails_at_its_first_node(make_pipeline):
    report = run_local(make_pipeline(chain()), LocalRunOptions(from_nodes=("Copy",)), check=False)
    assert states(report) == {"Write": "skipped", "Copy": "failed", "third": "not run"}


def test_a_partial_run_of_an_unknown_node_is_refused(make_pipeline):
    with pytest.raises(
        InvalidInputError, match=r"unknown node 'Coppy'; known: Write, Copy, third; did you mean 'Copy'"
    ):
        run_local(make_pipeline(chain()), LocalRunOptions(from_nodes=("Coppy",)))


def test_a_run_with_the_id_of_a_failed_run_resumes_it(make_pipeline, tmp_path):
    def components():
        first = Write(text="x")
        second = BreakOnce(marker=str(tmp_path / "marker"))
        second.add_upstream_node(first)
        return [first, second, Copy(source=second.outputs["out"])]

    def run():
        return states(run_local(make_pipeline(components()), LocalRunOptions(run_id="one"), check=False))

    assert run() == {"Write": "complete", "BreakOnce": "failed", "Copy": "not run"}
    assert run() == {"Write": "complete", "BreakOnce": "complete", "Copy": "complete"}


def test_an_importer_is_complete_then_cached(make_pipeline, tmp_path):
    def components():
        return [Importer(source_uri=str(tmp_path / "x"), artifact_type=String).with_id("imported")]

    assert states(run_local(make_pipeline(components()))) == {"imported": "complete"}
    assert states(run_local(make_pipeline(components()))) == {"imported": "cached"}


def test_two_pipelines_in_one_store_do_not_mix(make_pipeline):
    run_local(make_pipeline(chain(), pipeline_name="other"), LocalRunOptions(run_id="same"))
    report = run_local(make_pipeline(chain(last=Break)), LocalRunOptions(run_id="same"), check=False)
    assert states(report) == {"Write": "complete", "Break": "failed", "third": "not run"}


def test_progress_is_told_at_the_start_and_the_end_of_each_node(make_pipeline):
    told, ticks = [], iter(range(100))
    options = LocalRunOptions(on_progress=lambda progress: told.append(str(progress)), clock=lambda: next(ticks))
    run_local(make_pipeline(chain(last=Break)), options, check=False)
    assert told == [
        "[1/3] Write ...",
        "[1/3] Write ... complete 1.0 s",
        "[2/3] Break ...",
        "[2/3] Break ... failed 1.0 s",
    ]


def parametrised(default):
    return [Write(text=RuntimeParameter(name="title", ptype=str, default=default))]


def test_a_runtime_parameter_takes_its_value_or_its_default(make_pipeline):
    assert run_local(make_pipeline(parametrised("bread"))).is_success
    assert run_local(make_pipeline(parametrised(None)), LocalRunOptions(parameters={"title": "cake"})).is_success


@pytest.mark.parametrize(
    ("default", "parameters", "message"),
    [
        (None, {}, r"parameters without value: \['title'\]"),
        (
            "bread",
            {"titel": "cake"},
            r"unknown parameter 'titel'; known: \['pipeline-root', 'title'\]; did you mean 'title'",
        ),
        ("bread", {"title": 3}, "does not match"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_runs(make_pipeline, default, parameters, message):
    compiled = compile_pipeline(make_pipeline(parametrised(default)))
    with pytest.raises(InvalidInputError, match=message):
        submit(compiled, LocalRunOptions(parameters=parameters))


def test_an_unreadable_metadata_store_is_never_a_success(make_pipeline, tmp_path, monkeypatch):
    monkeypatch.setattr("tfx.orchestration.metadata.time.sleep", lambda _: None)  # TFX opens ten times, up to 1 s apart
    compiled = compile_pipeline(make_pipeline(chain()))
    (tmp_path / "metadata.db").write_bytes(b"no database at all " * 100)
    report = submit(compiled, check=False)
    assert states(report) == {"Write": "failed", "Copy": "not run", "third": "not run"}
    assert messages(report)["Write"].startswith("RuntimeError: ")


def test_a_store_that_disappears_after_the_last_node_leaves_its_outcome_unknown(make_pipeline, tmp_path, monkeypatch):
    monkeypatch.setattr("tfx.orchestration.metadata.time.sleep", lambda _: None)

    def destroy(progress):
        if progress.outcome and progress.position == progress.total:
            (tmp_path / "metadata.db").write_bytes(b"no database at all " * 100)

    report = run_local(make_pipeline(chain()), LocalRunOptions(on_progress=destroy), check=False)
    assert states(report) == {"Write": "unknown", "Copy": "unknown", "third": "unknown"}
    assert messages(report)["Write"].startswith("ML Metadata says nothing: RuntimeError: ")
