"""Container components in real pipelines: containers start, artifacts are mounted, TFX publishes what came out."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import zipfile
from pathlib import Path

import pytest

from ama_tfx.components.verdicts import Blessing, read_verdict
from ama_tfx.errors import BackendError, InvalidInputError, RunFailedError
from ama_tfx.orchestration import KubeflowOptions, compile_pipeline, containers
from ama_tfx.orchestration.containers import containers_in_tfx_runners
from ama_tfx.orchestration.engines import find_engine
from ama_tfx.testing.container_engine import REQUIRE, container_engine, why_no_engine
from tests.kubeflow_harness.runner import run_job

parts = pytest.importorskip("container_parts")
from ama_tfx.components import (  # noqa: E402  (TFX is imported once)
    AssetRegistrar,
    BlessingValidator,
    ContainerCheck,
    ContainerExport,
)
from ama_tfx.components.containers import MODEL, Wishes  # noqa: E402


@pytest.fixture(scope="module")
def engine():
    with container_engine() as found, pytest.MonkeyPatch.context() as patch:
        if found is None:
            if os.environ.get(REQUIRE) == "1":
                pytest.fail(f"{REQUIRE}=1, but {why_no_engine()}")
            pytest.skip(f"CONTAINERS NOT TESTED: {why_no_engine()}")
        for name, value in found.environment.items():
            patch.setenv(name, value)
        yield found


@pytest.fixture(scope="module")
def busybox(engine):
    name = engine.build({}, ('ENTRYPOINT ["/bin/false"]', "USER 65534"))
    yield name
    engine.remove_image(name)


@pytest.fixture(scope="module")
def python_image(engine):
    name = engine.build_python()
    yield name
    engine.remove_image(name)


def run(bench, *components, cache=True):
    return bench.run(*components, cache=cache)


def uri_of(bench, type_name):
    return Path(bench.artifacts(type_name)[-1].uri)


TOLD = """\
3
0.5
true
{"a": "x y", "b": [1]}
["p", "q"]
it's $HOME
--count=3
"""


def tell(image, **given):
    model = parts.MakeModel()
    return model, parts.tell_task(image)(model=model.outputs["model"], count=3, rate=0.5, **given)


def test_parameters_of_every_type_arrive_as_text_and_outputs_are_published(bench, engine, busybox):
    model, told = tell(busybox)
    read = parts.ReadLines(lines=told.outputs["lines"])
    assert run(bench, model, told, read) == {"MakeModel": "complete", "Tell": "complete", "ReadLines": "complete"}
    assert (uri_of(bench, "TransformCache") / "lines").read_text() == TOLD
    assert [Path(artifact.uri).read_text() for artifact in bench.artifacts("String")] == ["weights", TOLD]
    assert engine.containers() == []


def test_an_unchanged_container_is_cached_and_another_command_is_not(bench, busybox):
    def states(script):
        model = parts.MakeModel()
        return run(bench, model, parts.shell_task(busybox, script)(model=model.outputs["model"]))

    assert states('echo a >"$2/x"')["Shell"] == "complete"
    assert states('echo a >"$2/x"')["Shell"] == "cached"
    assert states('echo b >"$2/x"')["Shell"] == "complete"


def test_two_components_of_one_task_have_outputs_of_their_own(bench, busybox):
    model = parts.MakeModel()
    task = parts.shell_task(busybox, 'echo a >"$2/x"')
    first = task(model=model.outputs["model"]).with_id("First")
    second = task(model=model.outputs["model"]).with_id("Second")
    assert first.outputs["lines"] is not second.outputs["lines"]
    run(bench, model, first, second)
    assert len(bench.artifacts("TransformCache")) == 2


def failure(bench, image, script, **wishes):
    model = parts.MakeModel()
    with pytest.raises(RunFailedError) as caught:
        run(bench, model, parts.shell_task(image, script, **wishes)(model=model.outputs["model"]))
    return str(caught.value)


def test_a_failure_tells_its_exit_code_and_last_lines_publishes_nothing_and_leaves_nothing(bench, engine, busybox):
    told = failure(bench, busybox, 'echo half >"$2/x"; echo "no space for trees" >&2; exit 7')
    assert "ended with exit code 7" in told
    assert "no space for trees" in told
    assert [a for a in bench.artifacts("TransformCache") if a.State.Name(a.state) == "LIVE"] == []
    assert engine.containers() == []


def test_inputs_cannot_be_written(bench, busybox):
    assert "ead-only" in failure(bench, busybox, 'echo x >"$1/model.h5"')


def test_a_container_that_takes_too_long_is_killed(bench, engine, busybox):
    assert "took longer than 0.5 s" in failure(bench, busybox, "sleep 600", timeout_seconds=0.5)
    assert engine.containers() == []


def test_a_variable_goes_by_name_and_what_it_holds_is_masked_in_the_log(bench, busybox, monkeypatch):
    monkeypatch.setenv("AMA_TEST_TOKEN", "s3cret-of-the-test")
    told = failure(bench, busybox, 'echo "token $AMA_TEST_TOKEN"; exit 1', env=["AMA_TEST_TOKEN"])
    assert "token ***" in told
    assert "s3cret-of-the-test" not in told
    monkeypatch.delenv("AMA_TEST_TOKEN")
    assert "['AMA_TEST_TOKEN'], which are not set here" in failure(bench, busybox, "true", env=["AMA_TEST_TOKEN"])


def test_a_missing_image_is_named(bench, busybox):
    assert "there is no image 'localhost/ama-no-such-image:1'" in failure(
        bench, "localhost/ama-no-such-image:1", "true"
    )


def test_a_mount_has_the_same_path_in_the_container(bench, busybox, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "rows").write_text("4 rows")
    model = parts.MakeModel()
    task = parts.shell_task(busybox, f'cat {data}/rows >"$2/lines"', mounts={str(data): "ro"}, memory_mb=64, cpus=0.5)
    run(bench, model, task(model=model.outputs["model"]))
    assert (uri_of(bench, "TransformCache") / "lines").read_text() == "4 rows"


@pytest.mark.parametrize("name", ["LocalDagRunner", "BeamDagRunner"])
def test_tfx_own_runners_run_it_within_the_block(bench, engine, busybox, name):
    from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    runner = {"LocalDagRunner": LocalDagRunner, "BeamDagRunner": BeamDagRunner}[name]()
    with containers_in_tfx_runners():
        runner.run(bench.pipeline(*tell(busybox)))
    assert (uri_of(bench, "TransformCache") / "lines").read_text() == TOLD
    assert engine.containers() == []


def test_each_line_of_a_secret_is_masked():
    pem = "-----BEGIN KEY-----\nMIIsecretline1\r\nMIIsecretline2\nx=\n-----END KEY-----\n"
    assert containers._masked("dump: MIIsecretline1", (pem,)) == "dump: ***"
    assert (
        containers._masked("a\nMIIsecretline2\nx=\nlong-and-more", (pem, "long", "long-and-more")) == "a\n***\nx=\n***"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_is_told_to_end_removes_its_container(engine, busybox, number):
    def hold_a_container():
        with engine.client() as client:
            container = client.containers.create(busybox, entrypoint=["sleep", "600"], network_mode="host")
            with containers._removed_in_the_end(container):
                containers._run(container, Wishes(), "image", ())

    before = signal.signal(number, signal.SIG_DFL)
    child = multiprocessing.get_context("fork").Process(target=hold_a_container)
    child.start()
    signal.signal(number, before)
    with engine.client() as client:
        # Running, for then it is started within the block; it is listed a moment before it is known to be made.
        while not {container.name for container in client.containers.list()} & set(engine.containers()):
            assert child.is_alive()
    os.kill(child.pid, number)
    child.join()
    assert child.exitcode == 128 + number
    assert engine.containers() == []


def test_what_a_killed_process_left_is_removed_by_the_next_run(bench, engine, busybox):
    from ama_tfx.orchestration import engines

    place = engines.this_process().rpartition("/")[0]
    with engine.client() as client:
        left = client.containers.create(
            busybox, entrypoint=["sleep", "600"], network_mode="host", labels={engines.LABEL: f"{place}/999999999 1"}
        )
        ours = client.containers.create(
            busybox, entrypoint=["true"], network_mode="host", labels={engines.LABEL: engines.this_process()}
        )
        elsewhere = client.containers.create(
            busybox, entrypoint=["true"], network_mode="host", labels={engines.LABEL: "another:[1]/999999999 1"}
        )
        engines.remove_leftovers(client)
        assert set(engine.containers()) == {ours.name, elsewhere.name}
        assert left.name not in {ours.name, elsewhere.name}
        ours.remove()
        elsewhere.remove()


def test_without_an_engine_the_error_says_how_to_start_one(monkeypatch, tmp_path):
    nowhere = f"unix://{tmp_path}/no.sock"
    with pytest.raises(BackendError, match=r"DOCKER_HOST='unix://.*no.sock' does not answer; start one: 'systemctl"):
        find_engine({"DOCKER_HOST": nowhere})


# ContainerExport


def registered(bench):
    inputs, model = parts.MakeInputs(), parts.MakeModel()
    data = AssetRegistrar(inputs.outputs["model"], "seq_inputs", registry=bench.url).with_id("RegisterInputs")
    version = AssetRegistrar(
        model.outputs["model"], "seq", registry=bench.url, refs={"input": data.outputs["asset"]}
    ).with_id("RegisterModel")
    return inputs, model, data, version


def test_a_registered_version_comes_out_as_the_zip_that_ama_import_reads(bench, engine, python_image, tmp_path):
    from ama_tfx import Registry

    *before, version = registered(bench)
    export = ContainerExport(version.outputs["asset"], python_image, registry=bench.url, filename="seq.zip")
    assert run(bench, *before, version, export)["ContainerExport"] == "complete"
    archive = uri_of(bench, "ama_tfx.Archive") / "seq.zip"
    with zipfile.ZipFile(archive) as opened:
        found = {name: opened.read(name) for name in opened.namelist()}
    assert found == {"model.h5": b"weights", "training.yml": b"learning_rate: 0.1\n"}
    other = Registry(tmp_path / "other", create=True)
    other.sharing.import_archive(archive)
    assert [asset.name.name for asset in other.assets()] == ["seq", "seq_inputs"]
    assert other.show("seq").files == bench.registry.show("seq").files
    assert other.show("seq_inputs").files == bench.registry.show("seq_inputs").files
    assert engine.containers() == []


# ContainerCheck


def verdicts_of(bench, image, **checks):
    """Run one pipeline in which a model gets several checks; return the verdict of each."""
    model = parts.MakeModel()
    nodes = []
    for gate, (script, options) in checks.items():
        command = ["sh", "-c", script, "check", MODEL]
        nodes.append(ContainerCheck(model.outputs["model"], image, command, gate=gate, **options).with_id(gate))
    assert set(run(bench, model, *nodes).values()) == {"complete"}
    found = [read_verdict(artifact.uri) for artifact in bench.artifacts("ama_tfx.Verdict")]
    return {verdict.gate: verdict for verdict in found}


def test_a_check_in_an_image_without_python_becomes_a_verdict(bench, engine, busybox):
    script = """grep -q weights "$1"/model.h5 && cmp -s "$1"/model.h5 "$AMA_MODEL"/model.h5 &&
        echo measuring && echo '{"outcome": "blessed", "name": "auc", "value": 0.93, "bound": ">= 0.9"}'"""
    found = verdicts_of(bench, busybox, fair=(script, {}))["fair"]
    assert found.blessing is Blessing.BLESSED
    assert found.subject == str(uri_of(bench, "Model"))
    assert [(s.name, s.value, s.bound) for s in found.signals] == [("exit_code", 0, "== 0"), ("auc", 0.93, ">= 0.9")]
    assert (uri_of(bench, "ama_tfx.Verdict") / "verdict.md").read_text().startswith("# fair: blessed\n")
    assert engine.containers() == []


def test_a_check_that_fails_hangs_or_babbles_does_not_bless(bench, busybox):
    found = verdicts_of(
        bench,
        busybox,
        failing=("exit 3", {}),
        garbage=("""echo '{"outcome": "bless'""", {}),
        silent=("echo fine", {}),
        hanging=("sleep 600", {"timeout_seconds": 1}),
        trusted=("echo fine", {"exit_code_is_enough": True}),
    )
    assert {gate: (verdict.blessing.value, verdict.reasons) for gate, verdict in found.items()} == {
        "failing": ("not_blessed", ("the image ended with exit code 3",)),
        "garbage": (
            "unknown",
            ("what it wrote cannot be read: a value in it is not understood",),
        ),
        "silent": ("unknown", ("it wrote no JSON",)),
        "hanging": ("unknown", ("no answer within 1 s",)),
        "trusted": ("blessed", ()),
    }


def test_a_later_gate_reads_what_a_container_said(bench, busybox):
    model = parts.MakeModel()
    nodes = [model]
    for name, said in (("Yes", '{"outcome": "blessed"}'), ("No", '{"outcome": "not_blessed"}')):
        command = ["sh", "-c", f"echo '{said}'"]
        check = ContainerCheck(model.outputs["model"], busybox, command).with_id(f"Check{name}")
        verdicts = {"fair": check.outputs["verdict"]}
        gate = BlessingValidator(model.outputs["model"], verdicts=verdicts, registry=bench.url).with_id(name)
        nodes += [check, gate]
    run(bench, *nodes)
    blessings = {Path(found.uri).parts[-3]: found for found in bench.artifacts("ModelBlessing")}
    assert {name: found.custom_properties["blessed"].int_value for name, found in blessings.items()} == {
        "Yes": 1,
        "No": 0,
    }


# Kubeflow


def job(bench, busybox, python_image):
    from tfx.orchestration.pipeline import Pipeline

    model = parts.MakeModel()
    told = parts.tell_task(busybox)(model=model.outputs["model"], count=3, rate=0.5)
    read = parts.ReadLines(lines=told.outputs["lines"])
    script = """echo '{"outcome": "not_blessed", "reason": "too small"}'"""
    check = ContainerCheck(model.outputs["model"], busybox, ["sh", "-c", script])
    export = ContainerExport(model.outputs["model"], python_image)
    pipeline = Pipeline("demo", "gs://nowhere", components=[model, told, read, check, export])
    return compile_pipeline(pipeline, "kubeflow", KubeflowOptions(image="trips:1"))


def test_the_compiled_containers_are_the_reviewed_ones(bench, golden):
    spec = json.loads(job(bench, "busybox:1", "ama:1").content)["pipelineSpec"]
    executors = spec["deploymentSpec"]["executors"]
    ours = ("Tell", "ContainerCheck", "ContainerExport")
    document = {
        "components": {name: value for name, value in spec["components"].items() if name in ours},
        "executors": {name: executors[f"{name}_executor"] for name in ours},
        "tasks": {name: spec["root"]["dag"]["tasks"][name] for name in ours},
    }
    assert len(document["components"]) == 3
    golden("containers_kubeflow.json", json.dumps(document, indent=1, sort_keys=True) + "\n")


def test_the_compiled_job_runs_its_containers_with_the_cluster_s_commands(bench, engine, busybox, python_image):
    image = engine.build({}, ('ENTRYPOINT ["/bin/false"]',))
    results = run_job(job(bench, image, python_image).content, bench.folder / "job", engine=engine)
    assert {
        name: (r.state, r.log[-500:] if r.state == "FAILED" else "") for name, r in results.items()
    } == dict.fromkeys(["MakeModel", "Tell", "ReadLines", "ContainerCheck", "ContainerExport"], ("SUCCEEDED", ""))
    assert Path(results["ReadLines"].artifacts["text"]["uri"]).read_text() == TOLD
    found = read_verdict(results["ContainerCheck"].artifacts["verdict"]["uri"])
    assert (found.blessing, found.reasons) == (Blessing.NOT_BLESSED, ("too small",))
    with zipfile.ZipFile(Path(results["ContainerExport"].artifacts["archive"]["uri"], "export.zip")) as opened:
        assert opened.read("model.h5") == b"weights"
    engine.remove_image(image)


# What can never work is refused when the pipeline is composed


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"command": "echo hi"}, r"expected a list, \['sh', '-c'"),
        ({"command": ["echo", 3]}, "the command holds 3; expected texts and placeholders"),
        ({"command": ["echo", parts.InputUriPlaceholder("modle")]}, "names the input 'modle'.*did you mean 'model'"),
        ({"command": ["echo", parts.InputValuePlaceholder("size")]}, "names the parameter 'size'"),
        ({"image": ""}, "expected an image's name"),
        ({"name": "no name"}, "expected the name of a class"),
        ({"parameters": {"k": bytes}}, "parameter 'k' is <class 'bytes'>; expected one of"),
        ({"defaults": {"k": 1}}, "a default for 'k', which is none of"),
        ({"outputs": {"model": parts.Model}}, "stands for two of them"),
        ({"env": ["TOKEN=abc"]}, "a text that begins with 'TOK', which is no variable's name"),
        ({"mounts": {"data": "ro"}}, "mount 'data': 'ro'; expected an absolute path"),
        ({"memory_mb": 0}, "memory_mb is 0; expected a number above 0"),
        ({"memory_mb": "512"}, "memory_mb is '512'; expected a number above 0"),
        ({"cpus": float("inf")}, "cpus is inf; expected a number above 0"),
        ({"timeout_seconds": True}, "timeout_seconds is True; expected a number above 0"),
        ({"mounts": ["/data"]}, r"mounts is \['/data'\]; expected paths with their modes"),
        ({"env": 5}, "env is 5; expected a list of names"),
        ({"memroy_mb": 5}, "no argument 'memroy_mb'.*did you mean 'memory_mb'"),
        ({"command": ["fetch", "https://ann:hunter2@example.org/x"]}, "a URL with a password"),
    ],
)
def test_what_can_never_work_is_refused(change, told):
    asked = {"name": "Task", "image": "i:1", "command": ["true"], "inputs": {"model": parts.Model}, **change}
    with pytest.raises(InvalidInputError, match=told) as caught:
        parts.AmaContainerTask(**asked)
    assert "hunter2" not in str(caught.value)


def test_wrong_arguments_of_a_component_are_refused():
    model = parts.MakeModel()
    task = parts.tell_task("i:1")
    with pytest.raises(InvalidInputError, match=r"Tell lacks the arguments \['count', 'rate'\]"):
        task(model=model.outputs["model"])
    with pytest.raises(InvalidInputError, match="parameter 'count' is '3'; expected int"):
        task(model=model.outputs["model"], count="3", rate=1)
    with pytest.raises(InvalidInputError, match="no argument 'cuont'.*did you mean 'count'"):
        task(model=model.outputs["model"], cuont=3, rate=1)


@pytest.mark.parametrize(
    "options", [{"gate": "no gate"}, {"timeout_seconds": 0}, {"timeout_seconds": True}, {"command": "x"}]
)
def test_a_check_that_can_never_work_is_refused(options):
    model = parts.MakeModel()
    with pytest.raises(InvalidInputError, match="expected"):
        ContainerCheck(**{"model": model.outputs["model"], "image": "i:1", "command": ["x"], **options})


@pytest.mark.parametrize(
    "options", [{"filename": "folder/export.zip"}, {"ama": "ama"}, {"env": "PGPASSWORD"}, {"mounts": ["/registry"]}]
)
def test_an_export_that_can_never_work_is_refused(options):
    with pytest.raises(InvalidInputError, match="expected"):
        ContainerExport(parts.MakeModel().outputs["model"], "i:1", **options)


def test_nothing_that_kubernetes_rewrites_stands_in_a_script():
    from ama_tfx.components.containers import check_script, wrapping

    for script in (wrapping.SCRIPT, check_script.SCRIPT):
        assert "$$" not in script
        assert "{{$" not in script
        assert "$(left)" not in script
