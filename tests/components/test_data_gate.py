"""DataGate: data that are in order pass, others stop the run, and people are told once."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ama_tfx.errors import GateError, InvalidInputError, RunFailedError
from ama_tfx.orchestration import KubeflowOptions, compile_pipeline
from tests.kubeflow_harness.runner import run_job

parts = pytest.importorskip("gate_parts")
from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner  # noqa: E402
from tfx.orchestration.local.local_dag_runner import LocalDagRunner  # noqa: E402  (TFX comes with the parts)
from tfx.orchestration.pipeline import Pipeline  # noqa: E402

from ama_tfx.components import DataGate  # noqa: E402
from ama_tfx.components.verdicts import read_verdict  # noqa: E402


def gated(source, *, train="clean", evaluated="clean", **options):
    """Data, the gate, and a component that runs only behind it."""
    data = parts.GiveData(folder=str(source), train=train, evaluated=evaluated)
    gate = DataGate(data.outputs["anomalies"], data.outputs["statistics"], **options)
    behind = parts.GiveModel(folder=str(source), name="candidate")
    behind.add_upstream_node(gate)
    return data, gate, behind


class Receiver:
    """A web server that keeps what it is sent."""

    def __init__(self, status=200):
        received = self.received = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append((dict(self.headers), body))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.url = f"http://127.0.0.1:{self.server.server_port}/tickets"

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def stopped(bench, *components):
    with pytest.raises(RunFailedError) as refused:
        bench.run(*components)
    assert bench.artifacts("ama_tfx.Verdict") == []
    assert bench.artifacts("Model") == []
    return str(refused.value)


def test_data_in_order_pass_with_a_verdict_and_are_cached(bench, gate_folder):
    rules = {"min_examples": 100, "max_missing": {"fare": 0.1}}
    assert set(bench.run(*gated(gate_folder, **rules)).values()) == {"complete"}
    (verdict,) = bench.artifacts("ama_tfx.Verdict")
    judgement = read_verdict(verdict.uri)
    assert [(s.source, s.name, s.slice, s.value, s.bound) for s in judgement.signals] == [
        ("GiveData", "anomalies", "train", 0, "no error"),
        ("GiveData", "anomalies", "eval", 0, "no error"),
        ("GiveData", "examples", "train", 100, ">= 100"),
        ("GiveData", "missing:fare", "train", 0, "<= 0.1"),
        ("GiveData", "examples", "eval", 100, ">= 100"),
        ("GiveData", "missing:fare", "eval", 0, "<= 0.1"),
    ]
    assert bench.run(*gated(gate_folder, **rules))["DataGate"] == "cached"


@pytest.mark.parametrize(
    ("data", "rules", "reason"),
    [
        ({"evaluated": "new_value"}, {}, "pay in split 'eval': Unexpected string values"),
        ({"train": "column_gone"}, {}, "fare in split 'train': Column dropped"),
        ({"train": "warned"}, {"blocking": "warning"}, "tips in split 'train'"),
        ({"evaluated": "few"}, {"min_examples": 10}, "examples of eval is 3; expected >= 10"),
        ({"train": "half_missing"}, {"max_missing": {"fare": 0.1}}, "missing:fare of train is 0.5; expected <= 0.1"),
        ({}, {"max_missing": {"tips": 0.1}}, "missing:tips of train was not measured; expected <= 0.1"),
    ],
    ids=["new value", "column gone", "warning", "too few", "half missing", "unknown feature"],
)
def test_data_that_are_not_in_order_stop_the_run_and_nothing_is_published(bench, gate_folder, data, rules, reason):
    assert reason in stopped(bench, *gated(gate_folder, **data, **rules))


def missing_signals(folder, rows, most):
    """Return what the rule says of a column whose cells are lists of values, as CsvExampleGen's are, or None."""
    import pyarrow as pa
    from tensorflow_data_validation.statistics.stats_impl import generate_statistics_in_memory
    from tfx.types import standard_artifacts

    from ama_tfx.components.anomalies import DataRules, statistics_signals

    batch = pa.RecordBatch.from_arrays([pa.array(rows, pa.list_(pa.float32()))], ["fare"])
    (folder / "Split-train").mkdir()
    (folder / "Split-train/FeatureStats.pb").write_bytes(generate_statistics_in_memory(batch).SerializeToString())
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri, statistics.split_names = str(folder), '["train"]'
    (signal,) = statistics_signals("StatisticsGen", [statistics], DataRules(max_missing={"fare": most}))
    return signal


@pytest.mark.parametrize(
    ("rows", "most", "expected"),
    [
        ([[], [1.0]] * 50, 0.1, ("not_blessed", 0.5)),
        ([[], [1.0]] * 50, 0.5, ("blessed", 0.5)),
        ([None, [], [1.0], [1.0]] * 25, 0.4, ("not_blessed", 0.5)),
        ([[]] * 10, 0.9, ("not_blessed", 1.0)),
        ([[1.0, 2.0], [3.0]] * 50, 0.0, ("blessed", 0.0)),
        ([None, [1.0, 2.0]] * 50, 0.1, ("not_blessed", 0.5)),
    ],
    ids=["half empty", "as many as may be", "a quarter each", "all empty", "several values", "several or none"],
)
def test_an_empty_cell_is_a_missing_value(tmp_path, rows, most, expected):
    signal = missing_signals(tmp_path, rows, most)
    assert (signal.blessing.value, signal.value) == expected


def test_of_several_values_the_quantiles_tell_and_what_they_leave_open_is_unknown(tmp_path):
    rows = [[]] * 55 + [[1.0]] * 25 + [[1.0, 2.0, 3.0]] * 20
    for most, expected in ((0.1, "not_blessed"), (0.9, "blessed"), (0.55, "unknown")):
        folder = tmp_path / expected
        folder.mkdir()
        assert missing_signals(folder, rows, most).blessing.value == expected


def test_warnings_pass_unless_they_count(bench, gate_folder):
    assert bench.run(*gated(gate_folder, train="warned"))["DataGate"] == "complete"


def test_a_failed_gate_is_told_once_however_often_it_is_retried(bench, gate_folder):
    folder = bench.folder / "tickets"
    nodes = {"evaluated": "new_value", "notifier": "file", "notify_to": str(folder)}
    first = stopped(bench, *gated(gate_folder, **nodes))
    again = stopped(bench, *gated(gate_folder, **nodes))
    assert "file was notified" in first
    assert "file was notified before" in again
    (ticket,) = folder.iterdir()
    document = json.loads(ticket.read_text())
    assert document["text"].startswith("DataGate stopped a run: split 'eval' has 1 blocking anomaly")
    assert document["verdict"]["outcome"] == "not_blessed"
    assert document["key"] == ticket.stem


def test_other_faults_are_another_notification(bench, gate_folder):
    folder = bench.folder / "tickets"
    how = {"notifier": "file", "notify_to": str(folder)}
    stopped(bench, *gated(gate_folder, evaluated="new_value", **how))
    stopped(bench, *gated(gate_folder, train="column_gone", **how))
    assert len(list(folder.iterdir())) == 2


def test_a_webhook_gets_a_signed_verdict_once_and_the_secret_is_recorded_nowhere(bench, gate_folder, monkeypatch):
    monkeypatch.setenv("AMA_ALLOW_PRIVATE_URLS", "1")
    monkeypatch.setenv("DESK_SECRET", "hunter2")
    with Receiver() as desk:
        how = {"notifier": "webhook", "notify_to": desk.url, "secret_env": "DESK_SECRET"}
        told = [stopped(bench, *gated(gate_folder, evaluated="new_value", **how)) for _ in range(2)]
    ((headers, body),) = desk.received
    assert headers["X-Ama-Signature"] == "sha256=" + hmac.new(b"hunter2", body, hashlib.sha256).hexdigest()
    assert headers["Idempotency-Key"] == json.loads(body)["key"]
    assert not any("hunter2" in text for text in told)
    recorded = [path for path in bench.folder.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]
    assert recorded == []


def test_an_address_that_is_a_secret_is_named_and_recorded_nowhere(bench, gate_folder, monkeypatch):
    monkeypatch.setenv("AMA_ALLOW_PRIVATE_URLS", "1")
    with Receiver() as desk:
        monkeypatch.setenv("CHAT_URL", f"{desk.url}/hunter2?token=hunter2")
        how = {"notifier": "webhook", "notify_to": "env:CHAT_URL"}
        told = stopped(bench, *gated(gate_folder, evaluated="new_value", **how))
    assert len(desk.received) == 1
    assert "hunter2" not in told
    assert not any(b"hunter2" in path.read_bytes() for path in bench.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "address", [None, "ftp://desk/hunter2", "https://ann:hunter2@desk/", "https://desk:port/hunter2"]
)
def test_an_address_from_the_environment_is_checked_and_not_shown(address, monkeypatch):
    from ama_tfx.components.notifiers import Notification, load_notifier
    from ama_tfx.components.verdicts import judge

    if address:
        monkeypatch.setenv("CHAT_URL", address)
    with pytest.raises(InvalidInputError, match="environment variable 'CHAT_URL'") as refused:
        load_notifier("webhook")(Notification(judge("gate", "/data", []), "env:CHAT_URL"))
    assert "hunter2" not in str(refused.value)


def test_a_webhook_that_fails_is_told_in_the_error_and_tried_again_by_the_retry(bench, gate_folder, monkeypatch):
    monkeypatch.setenv("AMA_ALLOW_PRIVATE_URLS", "1")
    with Receiver(status=503) as desk:
        nodes = {"evaluated": "new_value", "notifier": "webhook", "notify_to": desk.url}
        first = stopped(bench, *gated(gate_folder, **nodes))
        stopped(bench, *gated(gate_folder, **nodes))
    assert "webhook could NOT be notified" in first
    assert "answered with 503; expected 200 to 299" in first
    assert "Unexpected string values" in first
    assert len(desk.received) == 2


def test_a_webhook_on_this_machine_is_refused(bench, gate_folder, monkeypatch):
    monkeypatch.delenv("AMA_ALLOW_PRIVATE_URLS", raising=False)
    with Receiver() as desk:
        told = stopped(bench, *gated(gate_folder, evaluated="new_value", notifier="webhook", notify_to=desk.url))
    assert "is 127.0.0.1, of this machine or a private network" in told
    assert desk.received == []


def test_a_redirect_is_not_followed(monkeypatch):
    from ama_tfx.components.notifiers import Notification, load_notifier
    from ama_tfx.components.verdicts import judge
    from ama_tfx.errors import BackendError

    monkeypatch.setenv("AMA_ALLOW_PRIVATE_URLS", "1")
    with Receiver(status=307) as desk, pytest.raises(BackendError, match="answered with 307"):
        load_notifier("webhook")(Notification(judge("gate", "/data", []), desk.url))
    assert len(desk.received) == 1


def test_a_notifier_of_the_users_own_is_named_by_where_it_is(bench, gate_folder, monkeypatch):
    calls = bench.folder / "calls"
    monkeypatch.setenv("CALLS", str(calls))
    stopped(bench, *gated(gate_folder, evaluated="new_value", notifier="gate_parts:remember", notify_to="desk"))
    assert calls.read_text() == "desk DataGate\n"


def test_a_notifier_that_raises_does_not_hide_the_reasons(bench, gate_folder):
    told = stopped(bench, *gated(gate_folder, evaluated="new_value", notifier="gate_parts:forget", notify_to="desk"))
    assert "Unexpected string values" in told
    assert "notifier 'gate_parts:forget' failed: the desk is closed" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"notifier": "webhok", "notify_to": "x"}, "unknown notifier 'webhok'; known: file, webhook.*did you mean"),
        ({"notifier": "webhook"}, "'webhook' has no address"),
        ({"notifier": "webhook", "notify_to": "file:///tmp/x"}, "a webhook has the scheme 'file'"),
        ({"notifier": "webhook", "notify_to": "https://desk/x?token=hunter2"}, "may be a secret"),
        ({"notifier": "webhook", "notify_to": "https://ann:hunter2@desk/x"}, "no user and no password"),
        ({"notifier": "webhook", "notify_to": "env:"}, "expected env: and the name of a variable"),
        ({"notify_to": "https://desk/x"}, "no notifier"),
        ({"notifier": "file", "notify_to": "x", "secret_env": "hunter2-hunter2"}, "pass the name, as 'DESK_SECRET'"),
        ({"notifier": "nowhere.at_all:notify"}, "cannot be imported"),
        ({"blocking": "all"}, "unknown severity 'all'"),
        ({"min_examples": -1}, "min_examples is -1"),
        ({"max_missing": {"fare": 2}}, "max_missing of 'fare' is 2; expected a share from 0 to 1"),
    ],
)
def test_a_parameter_that_can_never_work_is_refused_when_the_pipeline_is_composed(options, message):
    from ama_tfx.errors import UserCodeError

    data = parts.GiveData(folder="f", train="t", evaluated="e")
    with pytest.raises((InvalidInputError, UserCodeError), match=message) as refused:
        DataGate(data.outputs["anomalies"], data.outputs["statistics"], **options)
    assert "hunter2" not in str(refused.value)


def test_rules_for_statistics_need_statistics():
    data = parts.GiveData(folder="f", train="t", evaluated="e")
    with pytest.raises(InvalidInputError, match="pass StatisticsGen's outputs"):
        DataGate(data.outputs["anomalies"], min_examples=1)


@pytest.mark.parametrize("runner", [LocalDagRunner, BeamDagRunner])
def test_it_runs_under_the_runners_of_tfx(bench, gate_folder, runner):
    runner().run(bench.pipeline(*gated(gate_folder)))
    assert len(bench.artifacts("Model")) == 1
    # Beam wraps what a stage raises in an error of its own.
    with pytest.raises((GateError, RuntimeError), match="the data are not in order: split 'eval'"):
        runner().run(bench.pipeline(*gated(gate_folder, evaluated="new_value")))


def compile_job(source, **options):
    rules = {"min_examples": 10, "max_missing": {"fare": 0.1}}
    pipeline = Pipeline("demo", "gs://nowhere", components=list(gated(source, **rules, **options)))
    return compile_pipeline(pipeline, "kubeflow", KubeflowOptions(image="trips:1"))


def test_the_compiled_component_is_the_reviewed_one(golden):
    how = {"notifier": "webhook", "notify_to": "https://desk.example.org/tickets", "secret_env": "DESK_SECRET"}
    spec = json.loads(compile_job("evidence", **how).content)["pipelineSpec"]
    document = {
        "component": spec["components"]["DataGate"],
        "task": spec["root"]["dag"]["tasks"]["DataGate"],
        "executor": spec["deploymentSpec"]["executors"]["DataGate_executor"],
    }
    golden("data_gate_kubeflow.json", json.dumps(document, indent=1, sort_keys=True) + "\n")


def test_in_the_container_entry_point_it_passes_or_stops(bench, gate_folder):
    tickets = bench.folder / "tickets"
    how = {"notifier": "file", "notify_to": str(tickets)}
    good = run_job(compile_job(gate_folder, **how).content, bench.folder / "good")
    assert good["GiveModel"].state == "SUCCEEDED"
    assert good["DataGate"].artifacts["verdict"]["metadata"]["outcome"] == "blessed"
    bad = run_job(compile_job(gate_folder, train="half_missing", **how).content, bench.folder / "bad")
    assert (bad["DataGate"].state, bad["GiveModel"].state) == ("FAILED", "SKIPPED")
    assert "missing:fare of train is 0.5; expected <= 0.1" in bad["DataGate"].log
    (ticket,) = tickets.iterdir()
    assert "missing:fare" in Path(ticket).read_text()
