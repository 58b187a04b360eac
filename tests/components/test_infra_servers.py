"""The servers of InfraValidator: TensorFlow Serving, other Pythons, TFX platforms; that nothing of them is left."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import textwrap
import time
from pathlib import Path

import pytest

from ama_tfx.errors import BackendError

parts = pytest.importorskip("infra_parts")
from infra_bench import (  # noqa: E402
    SMALL,
    STAND_IN,
    WITHOUT_SECCOMP,
    DockerDaemon,
    asks,
    docker_daemon,
    docker_spec,
    judge_one,
    run_all,
    short_folder,
)
from tensorflow_serving.apis import predict_pb2  # noqa: E402
from tfx.proto import infra_validator_pb2 as protos  # noqa: E402

from ama_tfx.components.infra_validator import ServingLimits, serving  # noqa: E402
from ama_tfx.components.infra_validator.models import Client  # noqa: E402
from ama_tfx.components.infra_validator.observations import Call  # noqa: E402
from ama_tfx.components.infra_validator.observing import Plan, observe  # noqa: E402


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    parts.save_models(folder, "good")
    parts.break_models(folder)
    return folder


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def command_line(process):
    with contextlib.suppress(OSError):
        return (process / "cmdline").read_bytes()
    return b""


def wait_until_gone(*pids):
    deadline = time.monotonic() + 60
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still running: {[pid for pid in pids if is_running(pid)]}"
        time.sleep(0.02)


@pytest.fixture
def put_on_path(tmp_path, monkeypatch):
    """A function that puts a stand-in for TensorFlow Serving's program on PATH."""
    answer = predict_pb2.PredictResponse()
    answer.outputs["length"].CopyFrom(parts.tf.make_tensor_proto([7.0]))

    def put(first="", version_code=0):
        folder = tmp_path / "bin"
        folder.mkdir()
        program = folder / "tensorflow_model_server"
        text = STAND_IN.format(
            python=sys.executable, first=first, version_code=version_code, answer=answer.SerializeToString().hex()
        )
        program.write_text(textwrap.dedent(text))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return str(program)

    return put


def test_tensorflow_serving_is_used_when_it_is_on_path(bench, models, put_on_path):
    put_on_path()
    found = judge_one(bench, models, server="auto")
    assert found.reasons == ""
    assert found.outcome == "blessed"
    assert found.signals["model_memory_mib"].value < 100  # Python with grpc, not TensorFlow


def test_without_tensorflow_serving_asking_for_it_is_unknown(bench, models, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    found = judge_one(bench, models, server="tensorflow_model_server")
    assert (found.outcome, found.blessed) == ("unknown", 0)
    assert "could not decide: there is no tensorflow_model_server on PATH" in found.reasons


def test_tensorflow_serving_that_does_not_run_is_unknown(bench, models, put_on_path):
    put_on_path(version_code=127)
    found = judge_one(bench, models, server="auto")
    assert (found.outcome, found.blessed) == ("unknown", 0)
    assert "does not run" in found.reasons


def test_a_server_that_something_outside_kills_is_tried_again_and_then_unknown(bench, models, put_on_path):
    put_on_path(first="os.kill(os.getpid(), signal.SIGKILL)")
    found = judge_one(bench, models, server="auto", validation_spec=protos.ValidationSpec(num_tries=2))
    assert (found.outcome, found.blessed) == ("unknown", 0)
    assert "something outside killed the server" in found.reasons


@pytest.mark.parametrize(
    ("first", "tries", "starts", "rounds"),
    [("", 3, 1, 3), ("os.kill(os.getpid(), signal.SIGKILL)", 3, 3, 0), ("os.abort()", 3, 1, 0)],
)
def test_only_timing_and_servers_killed_from_outside_are_tried_again(models, put_on_path, first, tries, starts, rounds):
    request = predict_pb2.PredictRequest(model_spec={"name": "m"})
    plan = Plan(
        name="m",
        calls=(Call("serving_default", (request,)),),
        connect=lambda address: Client(address, "m"),
        limits=SMALL,
        program=put_on_path(first),
        samples=2,
        tries=tries,
    )
    with serving.Sandbox() as sandbox:
        seen = observe(sandbox, plan, models / "good", lambda _: False)
    assert Path(seen.served.folder).name == str(starts)  # they are numbered
    assert [len(times) for times in seen.rounds] == [2] * rounds


def test_a_program_that_ends_by_itself_is_told_with_its_last_words(bench, models, put_on_path):
    put_on_path(first="sys.exit('1 servable(s) did not become available')")
    found = judge_one(bench, models, server="auto")
    assert found.outcome == "not_blessed"
    assert "the server ended with code 1: 1 servable(s) did not become available" in found.reasons


def test_modules_are_imported_by_the_server_and_one_that_is_missing_is_unknown(bench, models):
    found = judge_one(bench, models, modules=["json", "no_such_operations"])
    assert (found.outcome, found.blessed) == ("unknown", 0)
    assert "No module named 'no_such_operations'" in found.reasons


@pytest.mark.parametrize("python", ["/nowhere/python", "/bin/false"])
def test_a_python_that_starts_no_server_is_unknown(bench, models, python):
    found = judge_one(bench, models, python=python)
    assert (found.outcome, found.blessed) == ("unknown", 0)
    assert "could not decide" in found.reasons
    assert python in found.reasons


def test_another_python_serves_and_nothing_of_it_is_left(models, monkeypatch):
    with short_folder() as folder:
        python = folder / "python"
        seen = folder / "pid"
        python.write_text(f'#!/bin/sh\necho $$ > {seen}\nexec {sys.executable} "$@"\n')
        python.chmod(0o755)
        (folder / "tmp").mkdir()
        monkeypatch.setenv("TMPDIR", str(folder / "tmp"))
        monkeypatch.setenv("SECRET_TOKEN", "hunter2")
        with serving.Sandbox(str(python)) as sandbox:
            supervisor = int(seen.read_text())
            assert sandbox.folder.parent == folder / "tmp"
            served = sandbox.serve(models / "good", "m", SMALL)
            assert b"hunter2" not in Path(f"/proc/{served.pid}/environ").read_bytes()
            assert is_running(served.pid)
            assert os.getpgid(served.pid) == served.pid
        assert not is_running(supervisor)
        assert not is_running(served.pid)
        assert list((folder / "tmp").iterdir()) == []


def test_a_killed_executor_leaves_no_process_and_no_folder(models, put_on_path):
    program = put_on_path()
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        with contextlib.suppress(BaseException):
            sandbox = serving.Sandbox()
            served = sandbox.serve(models / "good", "m", SMALL, program)
            os.write(writer, f"{sandbox._process.pid} {served.pid} {sandbox.folder}".encode())
            time.sleep(600)
        os._exit(1)
    os.close(writer)
    supervisor, server, folder = os.read(reader, 1000).decode().split()
    assert is_running(supervisor)
    assert is_running(server)
    assert Path(folder).is_dir()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(reader)
    wait_until_gone(supervisor, server)
    assert not Path(folder).exists()


def test_a_killed_supervisor_takes_its_server_with_it(models, put_on_path):
    with serving.Sandbox() as sandbox:
        served = sandbox.serve(models / "good", "m", SMALL, put_on_path())
        os.kill(sandbox._process.pid, signal.SIGKILL)
        wait_until_gone(served.pid)
        with pytest.raises(BackendError):
            sandbox.state()
        folder = sandbox.folder
    assert not folder.exists()


def test_a_stopped_supervisor_makes_nobody_wait_and_leaves_nothing(models, put_on_path, monkeypatch):
    monkeypatch.setattr(serving, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(serving, "_END_SECONDS", 0.2)
    sandbox = serving.Sandbox()
    served = sandbox.serve(models / "good", "m", SMALL, put_on_path())
    os.kill(sandbox._process.pid, signal.SIGSTOP)
    with pytest.raises(BackendError, match="timed out"):
        sandbox.state()
    sandbox.close()
    wait_until_gone(served.pid, sandbox._process.pid)
    assert not sandbox.folder.exists()


@pytest.fixture
def python_without_seccomp(tmp_path):
    program = tmp_path / "python"
    program.write_text(
        textwrap.dedent(WITHOUT_SECCOMP.format(python=sys.executable, package=str(Path(serving.__file__).parent)))
    )
    program.chmod(0o755)
    return str(program)


def test_where_the_kernel_allows_no_filter_the_verdict_says_that_nothing_was_watched(
    bench, models, put_on_path, python_without_seccomp
):
    put_on_path(first="open('left-behind', 'w').close(); os.system('setsid sleep 987654321 &')")
    found = judge_one(bench, models, server="auto", python=python_without_seccomp)
    assert found.signals["network"].blessing.value == "unknown"
    assert found.signals["network"].required
    assert "was not watched: the kernel does not let it be watched" in found.signals["network"].reason
    assert found.outcome == "not_blessed"
    assert "left-behind" in found.reasons
    assert not [pid for pid in Path("/proc").glob("[0-9]*") if b"987654321" in command_line(pid)]


@pytest.mark.parametrize(("unwatched", "outcome"), [(False, "unknown"), (True, "blessed")])
def test_a_model_that_nobody_can_watch_is_blessed_only_where_that_is_agreed_to(
    bench, models, put_on_path, python_without_seccomp, unwatched, outcome
):
    put_on_path()
    limits = ServingLimits(memory_mib=1024, unwatched=unwatched)
    found = judge_one(bench, models, server="auto", python=python_without_seccomp, limits=limits)
    assert found.outcome == outcome
    assert ("ServingLimits(unwatched=True) does without" in found.reasons) is not unwatched


def test_a_secret_of_the_executor_is_not_told_by_what_a_server_says(bench, models, put_on_path, monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "hunter2 of the executor")
    monkeypatch.setenv("REGISTRY_URL", "postgresql://user:open-sesame@db/x")
    put_on_path(first="sys.exit('found hunter2 of\\n the executor, user:open-sesame@db, and /usr/bin')")
    reasons = judge_one(bench, models, server="auto").reasons
    assert "found ***, user:***@db, and /usr/bin" in reasons


def test_an_answer_that_says_it_is_larger_than_it_is_is_not_made():
    bomb = predict_pb2.PredictResponse()
    bomb.outputs["y"].dtype = 1
    bomb.outputs["y"].tensor_shape.dim.add(size=1 << 26)
    bomb.outputs["y"].float_val.append(1)
    with docker_daemon(bomb.SerializeToString()):
        client = Client(f"localhost:{DockerDaemon.port}", "m")
        with pytest.raises(ConnectionError, match="it holds 67108864 values"):
            client.ask(predict_pb2.PredictRequest())
        client.close()


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [(b"\x12\x00", "blessed", ""), (None, "not_blessed", "TFX did not bless it on local_docker")],
)
def test_on_a_platform_tfx_s_executor_judges_and_leaves_signals_alone(bench, models, answer, outcome, reason):
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with docker_daemon(answer) as address:
        found = judge_one(
            bench,
            models,
            serving_spec=docker_spec(["latest"], client_base_url=address),
            request_spec=asks("serving_default"),
            validation_spec=protos.ValidationSpec(num_tries=1),
            limits=None,
            budgets=None,
            server="auto",
        )
    assert signal.signal(signal.SIGTERM, before) is signal.SIG_DFL
    assert found.outcome == outcome
    assert reason in found.reasons
    assert found.blessed == (outcome == "blessed")
    assert found.files == ["INFRA_BLESSED" if found.blessed else "INFRA_NOT_BLESSED"]


def test_a_platform_that_cannot_be_reached_is_unknown_and_a_broken_model_is_not_blessed(bench, models, monkeypatch):
    nowhere = docker_spec(["latest"], client_base_url="unix:///nowhere/docker.sock")
    options = {
        "serving_spec": nowhere,
        "request_spec": asks("serving_default"),
        "limits": None,
        "budgets": None,
        "server": "auto",
    }
    monkeypatch.setenv("KUBECONFIG", "/nowhere/config")
    kubernetes = protos.ServingSpec(
        tensorflow_serving=protos.TensorFlowServing(tags=["latest"]), kubernetes=protos.KubernetesConfig()
    )
    found = run_all(
        bench,
        models,
        {
            "good": ("good", options),
            "kubernetes": ("good", {**options, "serving_spec": kubernetes}),
            "broken": ("broken-graph", options),
            "missing": ("good", {**options, "request_spec": asks("scores")}),
        },
    )
    assert {name: outcome.outcome for name, outcome in found.items()} == {
        "good": "unknown",
        "kubernetes": "unknown",
        "broken": "not_blessed",
        "missing": "not_blessed",
    }
    assert {outcome.blessed for outcome in found.values()} == {0}
    assert "local_docker cannot be reached" in found["good"].reasons
    assert "kubernetes cannot be reached" in found["kubernetes"].reasons
