"""``ama runs``: what a metadata store of TFX knows, and how it is taken into the registry."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ml_metadata")
from ama_tfx.testing.run_store import Made, RunStoreWriter, write_example


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The example's metadata store, which the environment names."""
    file = write_example(tmp_path / "example")
    monkeypatch.setenv("AMA_METADATA", str(file))
    return file


def test_the_runs_are_listed(ama, store):
    lines = ama("runs", "list").out.splitlines()
    assert lines[0].split() == ["RUN", "PIPELINE", "STATE", "NODES", "STARTED", "TOOK"]
    assert [line.split()[:3] for line in lines[1:]] == [
        ["2026-05-03T06:00:00", "taxi", "complete"],
        ["2026-05-02T06:00:00", "taxi", "failed"],
        ["2026-05-01T06:00:00", "taxi", "complete"],
    ]
    assert ama("runs", "list", "--limit", "1").out.splitlines()[-1] == "there are more, which --limit 0 shows"
    assert ama("runs", "list", "--limit", "0", "-q").out.split() == [line.split()[0] for line in lines[1:]]
    assert ama("runs", "list", "--pipeline", "other").out == "no runs\n"


def test_the_list_is_json(ama, store, normal):
    first = ama("runs", "list", "--json").document[1]
    assert first.pop("seconds") >= 0
    assert normal(first) == {
        "run": "2026-05-02T06:00:00",
        "pipeline": "taxi",
        "state": "failed",
        "started_at": "TIME",
        "ended_at": "TIME",
        "nodes": {"CsvExampleGen": "cached", "Trainer": "failed"},
    }


def test_a_run_is_shown_with_its_failure_and_without_secrets(ama, store):
    shown = ama("runs", "show", "2026-05-02").out
    assert "Trainer failed: ValueError: the loss is NaN\n" in shown
    assert "CsvExampleGen was cached from execution 1 of run 2026-05-01T06:00:00\n" in shown
    latest = ama("runs", "show")
    assert ["Trainer", "api_key", "[redacted]"] in [line.split() for line in latest.out.splitlines()]
    document = ama("runs", "show", "--json").document
    assert document["nodes"][1]["parameters"]["api_key"] == "[redacted]"
    assert document["nodes"][1]["inputs"] == {"base_model": ["2"], "examples": ["4"]}
    assert "not for others" not in latest.out + json.dumps(document)


def test_an_evaluation_of_slices_alone_says_so(ama, tmp_path):
    writer = RunStoreWriter(tmp_path / "slices.db")
    (tmp_path / "metrics.json").write_text('{"auc[hour=3]": 0.5}')
    model = writer.execute("first", "Trainer", outputs={"model": Made("Model", "/m")})["model"]
    made = Made("ModelEvaluation", str(tmp_path))
    writer.execute("first", "Evaluator", inputs={"model": [model]}, outputs={"evaluation": made})
    url = ("--store", str(tmp_path / "slices.db"))
    assert (
        "no metrics of all of the data; --slices shows those of slices\n" in ama("runs", "metrics", "Model", *url).out
    )
    assert "auc[hour=3]  0.5" in ama("runs", "metrics", "Model", "--slices", *url).out


def test_what_a_resolver_chose_is_shown(ama, tmp_path):
    writer = RunStoreWriter(tmp_path / "chosen.db")
    model = writer.execute("first", "Trainer", outputs={"model": Made("Model", "/m")})["model"]
    resolver = writer.execute("second", "Champion", component="tfx.dsl.components.common.resolver.Resolver").execution
    event = writer.protos.Event(type=writer.protos.Event.INTERNAL_OUTPUT, execution_id=resolver, artifact_id=model)
    event.path.steps.add().key = "model"
    writer.store.put_events([event])
    store = str(tmp_path / "chosen.db")
    assert f"chose model={model}" in ama("runs", "show", "--store", store).out
    (node,) = ama("runs", "show", "--store", store, "--json").document["nodes"]
    assert (node["chosen"], node["outputs"]) == ({"model": [str(model)]}, {})


def test_the_datasets_of_a_model_are_listed(ama, store):
    assert ama("runs", "datasets", "Model", "-q").out == "4\n1\n"
    document = ama("runs", "datasets", "5", "--json").document
    assert [(one["id"], one["span"], one["steps"], one["trained_on"]) for one in document["datasets"]] == [
        ("4", 2, 1, ["train"]),
        ("1", 1, 2, ["train"]),
    ]
    assert ama("runs", "datasets", "1").out == "Examples 1 was made from no dataset that the store knows\n"


def test_the_metrics_of_a_model_are_shown(ama, store):
    lines = ama("runs", "metrics", "Model", "--dataset", "4").out.splitlines()
    assert lines[0].startswith("evaluation 6 on Examples 4 (eval), ")
    assert [line.split() for line in lines[1:]] == [["METRIC", "VALUE"], ["auc", "0.93"], ["loss", "0.25"]]
    assert ama("runs", "metrics", "Model", "--dataset", "1").out == "Model 5 was not evaluated on Examples 1\n"
    assert ama("runs", "metrics", "2", "--json").document["evaluations"][0]["metrics"] == {"auc": 0.91, "loss": 0.25}


def test_the_lineage_of_an_artifact_is_a_table_json_or_a_drawing(ama, store, golden, tmp_path):
    rows = [line.split() for line in ama("runs", "lineage", "Model").out.splitlines()]
    assert [row[:4] for row in rows[1:-1]] == [
        ["-2", "1", "Examples", "CsvExampleGen"],
        ["-1", "2", "Model", "Trainer"],
        ["-1", "4", "Examples", "CsvExampleGen"],
        ["0", "5", "Model", "Trainer"],
        ["+1", "6", "ModelEvaluation", "Evaluator"],
    ]
    assert ama("runs", "lineage", "5", "--up", "1", "-q").out.split() == ["2", "4", "5"]
    cached = ama("runs", "lineage", "1", "--cached", "--json").document
    states = {one["id"]: one["state"] for one in cached["executions"]}
    less = {one["id"] for one in ama("runs", "lineage", "1", "--json").document["executions"]}
    assert {one for one, state in states.items() if state == "cached"} == states.keys() - less == {"4"}
    golden("runs_lineage.dot", ama("runs", "lineage", "Model", "--dot").out.replace(str(tmp_path), "TMP"))


def registering_run(tmp_path, ama, upload):
    """Register a model, and write a run that says it did so."""
    upload("model", "m.h5", alias="champion")
    reference = ama("show", "model", "--json").document["reference"]
    file = tmp_path / "registering.db"
    writer = RunStoreWriter(file)
    data = writer.execute("first", "Gen", outputs={"examples": Made("Examples", "/e")})
    model = writer.execute(
        "first", "Trainer", inputs={"examples": [data["examples"]]}, outputs={"model": Made("Model", "/m")}
    )
    asset = Made("ama_tfx.Asset", "/a", {"reference": reference})
    writer.execute("first", "RegisterModel", inputs={"artifact": [model["model"]]}, outputs={"asset": asset})
    return file, reference


def test_a_registered_version_is_named_by_its_alias(ama, upload, tmp_path):
    file, _ = registering_run(tmp_path, ama, upload)
    assert ama("runs", "datasets", "ama://default/model:champion", "--store", str(file), "-q").out == "1\n"
    for short in ("model", "model:champion", "model:1"):
        assert ama("runs", "datasets", short, "--store", str(file), "-q").out == "1\n"
    for typo in ("model:champoin", "modle"):
        assert (
            f"no artifact {'' if ':' in typo else 'and no type '}{typo!r}"
            in ama("runs", "datasets", typo, "--store", str(file), code=3).err
        )
    upload("other", "o.txt")
    assert "no run in the metadata store" in ama("runs", "metrics", "other:1", "--store", str(file), code=3).err
    error = ama("runs", "datasets", "ama://default/other", "--store", str(file), code=3).err
    assert "no run in the metadata store registered 'ama://default/other@sha256:" in error


def test_an_imported_run_answers_without_its_store(ama, upload, tmp_path):
    file, reference = registering_run(tmp_path, ama, upload)
    plan = ama("runs", "import", "--dry-run", "--store", str(file), "--json").document
    assert plan["refs"] == [{"role": "registered", "reference": reference}]
    assert ama("show", "runs/taxi", code=3)
    done = ama("runs", "import", "first", "--store", f"sqlite:{file}")
    assert done.out.startswith("the run is now runs/taxi:1\n")
    assert ama("runs", "import", "first", "--store", str(file)).out.startswith("the run was already runs/taxi:1\n")
    file.unlink()
    assert "registered: runs/taxi:1" in ama("lineage", "model").out
    shown = ama("show", "runs/taxi", "--json").document
    assert (shown["kind"], shown["properties"]["run"], shown["version"]) == ("ama_tfx.Run", "first", 1)
    assert ama("search", "property.run:first", "-q").out.split() == [shown["reference"]]


def test_a_run_can_be_imported_under_another_name(ama, store):
    assert ama("runs", "import", "--asset", "history/taxi").out.startswith("the run is now history/taxi:1\n")


@pytest.mark.parametrize(
    "verb", [["list"], ["show"], ["datasets", "Model"], ["metrics", "1"], ["lineage", "1"], ["import"]]
)
def test_every_verb_says_when_no_store_is_named_or_there(ama, verb, tmp_path, home):
    assert "no metadata store is named; use --store URL or AMA_METADATA" in ama("runs", *verb, code=2).err
    missing = str(tmp_path / "metadata.db")
    error = ama("runs", *verb, "--store", missing, code=3).err
    assert error == f"ama: error: no metadata store {missing!r}; name the file that the pipeline writes to\n"
    assert not home.exists()
    assert not Path(missing).exists()


def test_what_is_not_in_the_store_is_said(ama, store):
    assert ama("runs", "show", "2020", code=3).err.startswith("ama: error: no run '2020'")
    assert "did you mean 'Model'" in ama("runs", "lineage", "Modle", code=3).err
    assert ama("runs", "show", "2026", code=4).err.startswith("ama: error: 3 runs begin with '2026': ")


def test_names_cannot_move_the_cursor(ama, tmp_path):
    strange = "a\x1b[2J\u202eb"
    writer = RunStoreWriter(tmp_path / "strange.db")
    writer.execute(
        strange,
        strange,
        pipeline=strange,
        outputs={strange: Made("Model", f"/{strange}")},
        parameters={strange: strange},
    )
    url = ["--store", str(tmp_path / "strange.db")]
    for verb in (["list"], ["show"], ["lineage", "Model"], ["lineage", "Model", "--dot"], ["import", "--dry-run"]):
        for form in ([], ["-q"], ["--json"]):
            out = ama("runs", *verb, *url, *form).out
            assert out
            assert not set(out) & {"\x1b", "\u202e"}, verb


def test_only_ml_metadata_is_loaded(store):
    code = f"""
import sys
from ama_tfx.cli.app import root
try:
    root.main(["runs", "lineage", "Model", "--store", {str(store)!r}])
except SystemExit as end:
    assert not end.code
assert "ml_metadata" in sys.modules
assert not {{"tensorflow", "tfx", "apache_beam", "keras"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
