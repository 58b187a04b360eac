"""Pipelines of InfraValidators, and what stands in for the servers that cannot be had here."""

from __future__ import annotations

import contextlib
import http.server
import json
import socketserver
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import infra_parts as parts
from infra_kernel import WATCHES
from tfx.proto import infra_validator_pb2 as protos

from ama_tfx.components import InfraValidator, ServingBudgets, ServingLimits
from ama_tfx.components.verdicts import read_verdict

QUICK = ServingBudgets(samples=5)
SMALL = ServingLimits(memory_mib=1024, cpu_seconds=60, unwatched=not WATCHES)


class Outcome:
    """What one InfraValidator said."""

    def __init__(self, bench, gate):
        (verdict,) = [a for a in bench.artifacts("ama_tfx.Verdict") if a.properties["gate"].string_value == gate]
        (self.blessing,) = [a for a in bench.artifacts("InfraBlessing") if f"/{gate}/" in a.uri]
        self.judgement = read_verdict(verdict.uri)
        self.outcome = verdict.properties["outcome"].string_value
        self.reasons = verdict.properties["reasons"].string_value
        self.signals = {found.name: found for found in self.judgement.signals}

    @property
    def blessed(self):
        return self.blessing.custom_properties["blessed"].int_value

    @property
    def files(self):
        return sorted(path.name for path in Path(self.blessing.uri).iterdir())


def node(channel, examples, name, **options):
    given = {"limits": SMALL, "budgets": QUICK, "server": "python", **options}
    return InfraValidator(channel, examples, **given).with_id(name)


def run_all(bench, models, cases):
    """Judge the models that cases name, each by its own node of one pipeline: name -> (model, options)."""
    examples = parts.MakeExamples(rows=3)
    wanted = {model for model, _ in cases.values()} | {options.get("champion") for _, options in cases.values()} - {
        None
    }
    taken = {model: parts.TakeModel(path=str(models / model)).with_id(f"take-{model}") for model in wanted}
    gates = []
    for name, (model, options) in cases.items():
        given = {key: value for key, value in options.items() if key not in {"champion", "no_examples"}}
        if "champion" in options:
            given["champion"] = taken[options["champion"]].outputs["model"]
        rows = None if "no_examples" in options else examples.outputs["examples"]
        gates.append(node(taken[model].outputs["model"], rows, name, **given))
    states = bench.run(examples, *taken.values(), *gates)
    assert set(states.values()) == {"complete"}, states
    return {name: Outcome(bench, name) for name in cases}


def asks(*signatures, **options):
    serving_request = protos.TensorFlowServingRequestSpec(signature_names=signatures)
    return protos.RequestSpec(tensorflow_serving=serving_request, num_examples=3, **options)


def judge_one(bench, models, **options):
    return run_all(bench, models, {"gate": ("good", options)})["gate"]


@contextlib.contextmanager
def short_folder():
    """A folder whose path leaves room for a socket's address."""
    with tempfile.TemporaryDirectory(prefix="iv-", dir="/tmp") as folder:
        yield Path(folder)


def docker_spec(tags, **options):
    return protos.ServingSpec(
        tensorflow_serving=protos.TensorFlowServing(tags=tags), local_docker=protos.LocalDockerConfig(**options)
    )


STAND_IN = """\
    #!{python}
    # Answers as TensorFlow Serving does, with bytes made beforehand; does not need TensorFlow.
    import os, signal, sys, threading
    if "--version" in sys.argv:
        sys.exit({version_code})
    {first}
    from concurrent.futures import ThreadPoolExecutor
    import grpc
    options = dict(argument[2:].split("=", 1) for argument in sys.argv[1:])
    assert os.path.isfile(os.path.join(options["model_base_path"], "1", "saved_model.pb")), options
    assert (options["port"], options["rest_api_port"]) == ("0", "0")
    answers = {{"GetModelStatus": bytes.fromhex("0a040801101e"), "Predict": bytes.fromhex("{answer}")}}
    class Answers(grpc.GenericRpcHandler):
        def service(self, call):
            answer = answers[call.method.rpartition("/")[2]]
            return grpc.unary_unary_rpc_method_handler(lambda request, context: answer)
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([Answers()])
    assert server.add_insecure_port("unix:" + options["grpc_socket_path"])
    server.start()
    server.wait_for_termination()
"""


WITHOUT_SECCOMP = """\
    #!{python}
    # Forbids itself to install filters, as the sandbox of some containers does; then becomes Python.
    import ctypes, os, sys
    sys.path.insert(0, {package!r})
    from sandbox import seccomp, system_calls
    number = system_calls.this_machine().numbers["seccomp"]
    refuse = seccomp._do(seccomp._RETURN, seccomp._ERRNO | 1)
    code = [seccomp._do(seccomp._LOAD, 0), *seccomp._when(number, refuse), seccomp._do(seccomp._RETURN, seccomp._ALLOW)]
    buffer = ctypes.create_string_buffer(b"".join(code))
    program = seccomp._Program(len(code), ctypes.addressof(buffer))
    assert seccomp._libc.prctl(38, 1, 0, 0, 0) == 0
    assert seccomp._libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
"""


class DockerDaemon(http.server.BaseHTTPRequestHandler):
    """As much of Docker's API as TFX's runner uses; its only container is a server of the test's own process."""

    port = 0

    def do_GET(self):  # noqa: N802
        path = self.path.partition("?")[0]
        if path.endswith("/version"):
            return self._say({"ApiVersion": "1.41"})
        if path.endswith("/json"):
            ports = {"8500/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(self.port)}]}
            running = {"Status": "running", "Running": True}
            return self._say({"Id": "c" * 64, "State": running, "NetworkSettings": {"Ports": ports}})
        return self._say("OK")

    def do_POST(self):  # noqa: N802
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._say({"Id": "c" * 64, "Warnings": []}, 201 if self.path.endswith("/create") else 200)

    def _say(self, answer, code=200):
        body = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "a socket"

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def docker_daemon(answer):
    """The address of a Docker daemon whose containers answer every Predict so; nothing makes them fail it."""
    status = bytes.fromhex("0a040801101e")

    class Answers(grpc.GenericRpcHandler):
        def service(self, call):
            told = status if call.method.endswith("GetModelStatus") else answer
            return told and grpc.unary_unary_rpc_method_handler(lambda request, context: told)

    served = grpc.server(ThreadPoolExecutor(2), handlers=[Answers()])
    DockerDaemon.port = served.add_insecure_port("localhost:0")
    served.start()
    with short_folder() as folder, socketserver.UnixStreamServer(str(folder / "d.sock"), DockerDaemon) as daemon:
        threading.Thread(target=daemon.serve_forever, daemon=True).start()
        yield f"unix://{folder / 'd.sock'}"
        daemon.shutdown()
    served.stop(0).wait()
