"""The course notes' components, run as TFX runs them: the examples' own pipelines, all in one process."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))  # TFX imports components by module path

pytest.importorskip("course_notes.hello")
from course_notes.records import value_of  # noqa: E402
from course_notes.sampling import resample  # noqa: E402

from ama_tfx.errors import RunFailedError  # noqa: E402  (TFX is imported once, with the components)
from ama_tfx.orchestration import run_local  # noqa: E402
from ama_tfx.testing.container_engine import REQUIRE, container_engine, why_no_engine  # noqa: E402


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


three_styles, sampling, ticketing = map(example, ("10_three_styles", "11_sampling", "12_anomaly_ticket"))


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(f"root/{pattern}")
    return found


def records_of(folder: Path) -> list[bytes]:
    import tensorflow as tf

    return list(tf.data.TFRecordDataset(list(map(str, folder.iterdir())), "GZIP").as_numpy_iterator())


@pytest.fixture(scope="module")
def image():
    with container_engine() as engine, pytest.MonkeyPatch.context() as patch:
        if engine is None:
            if os.environ.get(REQUIRE) == "1":
                pytest.fail(f"{REQUIRE}=1, but {why_no_engine()}")
            pytest.skip(f"FilterWithGrep NOT TESTED: {why_no_engine()}")
        for name, value in engine.environment.items():
            patch.setenv(name, value)
        name = engine.build({})
        yield name
        engine.remove_image(name)


def test_three_styles_work_together(tmp_path, image):
    report = three_styles.three_styles(tmp_path, image)
    assert {outcome.node_id: outcome.state.value for outcome in report.outcomes} == dict.fromkeys(
        ["TumourExamples", "HelloComponent", "TrainOnIris", "MyValidationComponent", "Text", "FilterWithGrep"],
        "complete",
    )
    assert only(tmp_path, "FilterWithGrep/filtered_text/*/data").read_text() == "a model\nanother model\n"
    source, copy = only(tmp_path, "TumourExamples/examples/*"), only(tmp_path, "HelloComponent/output_data/*")
    for split in ("Split-train", "Split-eval"):
        assert records_of(copy / split) == records_of(source / split) != []
    assert float(only(tmp_path, "MyValidationComponent/accuracy/*/value").read_text()) > 90
    assert only(tmp_path, "MyValidationComponent/blessing/*/BLESSED").exists()


def test_a_model_below_the_threshold_is_not_blessed(tmp_path):
    from course_notes.validation import MyValidationComponent, TrainOnIris
    from tfx.orchestration.metadata import sqlite_metadata_connection_config
    from tfx.orchestration.pipeline import Pipeline

    model = TrainOnIris()
    check = MyValidationComponent(model=model.outputs["model"], accuracy_threshold=101)
    connection = sqlite_metadata_connection_config(str(tmp_path / "metadata.db"))
    run_local(
        Pipeline("strict", str(tmp_path / "root"), components=[model, check], metadata_connection_config=connection)
    )
    assert list(only(tmp_path, "MyValidationComponent/blessing/*").iterdir()) == []


def classes(folder: Path) -> dict[float, int]:
    labels = [value_of(record, "label") for record in records_of(folder)]
    return {label: labels.count(label) for label in sorted(set(labels))}


def test_sampling_balances_training_data_and_leaves_evaluation_data_alone(tmp_path):
    sampling.sampling(tmp_path)
    source = only(tmp_path, "TumourExamples/examples/*")
    assert classes(source / "Split-train") == {0.0: 172, 1.0: 283}
    assert classes(only(tmp_path, "Down/sampled/*/Split-train")) == {0.0: 172, 1.0: 172}
    assert classes(only(tmp_path, "Up/sampled/*/Split-train")) == {0.0: 283, 1.0: 283}
    assert json.loads(only(tmp_path, "Up/counts/*/value").read_text()) == {"0": 283, "1": 283}
    for direction in ("Down", "Up"):
        evaluated = only(tmp_path, f"{direction}/sampled/*/Split-eval")
        assert records_of(evaluated) == records_of(source / "Split-eval")


def test_a_sample_is_drawn_without_repeats_downwards_and_keeps_everything_upwards():
    labels = [0.0] * 3 + [1.0] * 10
    down, up = resample(labels, "down", seed=1), resample(labels, "up", seed=1)
    assert (len(down), len(set(down)), down == resample(labels, "down", seed=1)) == (6, 6, True)
    assert (len(up), set(up)) == (20, set(range(13)))
    with pytest.raises(ValueError, match="direction is 'sideways'"):
        resample(labels, "sideways", seed=1)


def test_each_problem_is_one_ticket_however_often_the_pipeline_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("HELP_DESK_TOKEN", "token-of-the-test")
    with ticketing.help_desk("token-of-the-test") as desk:
        ticketing.anomaly_ticket(tmp_path, desk.url, broken_rows=3)
        ticketing.anomaly_ticket(tmp_path, desk.url, broken_rows=3, cache=False)
        (ticket,) = desk.tickets.values()
    assert ticket["title"] == "mean_radius in split eval: Outside the confidence interval"
    assert ticket["description"].startswith("3 of 114 values lie outside [")
    assert "token-of-the-test" not in (tmp_path / "metadata.db").read_bytes().decode("latin-1")


def test_good_data_opens_no_ticket(tmp_path, monkeypatch):
    monkeypatch.setenv("HELP_DESK_TOKEN", "token-of-the-test")
    with ticketing.help_desk("token-of-the-test") as desk:
        ticketing.anomaly_ticket(tmp_path, desk.url, broken_rows=0)
        assert desk.tickets == {}
    assert only(tmp_path, "OpenTickets/receipt/*/value").read_text() == "[]"


def test_a_help_desk_that_refuses_and_a_token_that_is_missing_fail_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("HELP_DESK_TOKEN", "another")
    with ticketing.help_desk("token-of-the-test") as desk:
        with pytest.raises(RunFailedError, match="401"):
            ticketing.anomaly_ticket(tmp_path, desk.url, broken_rows=1)
        monkeypatch.delenv("HELP_DESK_TOKEN")
        with pytest.raises(
            RunFailedError, match="'HELP_DESK_TOKEN', which is to hold the help desk's token, is not set"
        ):
            ticketing.anomaly_ticket(tmp_path, desk.url, broken_rows=1)
