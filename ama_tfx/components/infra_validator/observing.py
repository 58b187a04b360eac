"""Serving one model and asking it; what it does wrong becomes part of the observation, and is never raised."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ama_tfx.components.infra_validator.masking import masked
from ama_tfx.components.infra_validator.observations import LOADS, Answer, Call, Client, Observation
from ama_tfx.components.infra_validator.serving import Sandbox, Served
from ama_tfx.components.infra_validator.settings import ServingLimits
from ama_tfx.errors import BackendError

_POLL_SECONDS = 0.02
_SETTLE_SECONDS = 2.0
_TIMING_SECONDS = 60  # a slow model is timed on fewer answers
_LONGEST_REASON = 600  # ML Metadata on PostgreSQL keeps about 2,700 bytes of all reasons together
_HUNG_UP = {"UNAVAILABLE", "UNKNOWN", "CANCELLED", "INTERNAL"}  # what gRPC makes of a server that is gone
_OUT_OF_MEMORY = "OOM when allocating"

Connect = Callable[[str], Client]


@dataclass(frozen=True)
class Plan:
    """How models are served and asked.

    Attributes:
        name: What requests call the model.
        calls: What to ask it.
        connect: Makes a client of an address.
        limits: What it may use.
        program: Path of a ``tensorflow_model_server``; empty for the server in Python.
        samples: How many answers to time.
        tries: How often to begin again when the server was lost without a cause, and to time again.
    """

    name: str
    calls: tuple[Call, ...]
    connect: Connect
    limits: ServingLimits
    program: str = ""
    samples: int = 100
    tries: int = 5


def observe(sandbox: Sandbox, plan: Plan, model: Path, is_fast: Callable[[Observation], bool]) -> Observation:
    """Serve a model, ask it, and time its answers until they are fast enough or the tries are used up.

    Only a server that something else killed is started again: whatever the model did, it would do again.
    """
    for _ in range(plan.tries):
        seen = _observe_once(sandbox, plan, model, is_fast)
        if not seen.undecided or seen.served is None:
            return seen
    return seen


def _observe_once(sandbox: Sandbox, plan: Plan, model: Path, is_fast: Callable[[Observation], bool]) -> Observation:
    seen, before = Observation(), _snapshot([model])
    try:
        served = sandbox.serve(model, plan.name, plan.limits, plan.program)
        client = plan.connect(served.address)
        with contextlib.closing(client):
            _Session(sandbox, plan, client, seen).run(is_fast)
        seen.served = sandbox.stop()
        if served.unwatched:
            seen.changed_files = _changed(before, _snapshot([model, Path(served.folder, "home")]))
    except BackendError as error:
        seen.undecided = str(error)
    return seen


class _Session:
    """Loading, asking and timing one server."""

    def __init__(self, sandbox: Sandbox, plan: Plan, client: Client, seen: Observation) -> None:
        self.sandbox, self.plan, self.client, self.seen = sandbox, plan, client, seen

    def run(self, is_fast: Callable[[Observation], bool]) -> None:
        if not self._load():
            return
        for call in self.plan.calls:
            if call.requests and not self._ask(call):
                return
        for _ in range(self.plan.tries):
            if self.seen.failures or not self._time() or is_fast(self.seen):
                return

    def _load(self) -> bool:
        began = time.monotonic()
        served = self.sandbox.within(self.plan.limits.load_seconds, "loading it")
        while served.alive:
            # A connection that is refused once is tried again after a second only, then after longer.
            listens = Path(served.address.removeprefix("unix:")).exists()
            status, error = self.client.status() if listens else ("NOT_READY", "")
            if status == "READY":
                self.seen.load_seconds = time.monotonic() - began
                return True
            if status == "UNAVAILABLE":
                return self._fail(LOADS, error or "the server does not say why")
            time.sleep(_POLL_SECONDS)
            served = self.sandbox.state()
        return self._fail(LOADS, "")

    def _ask(self, call: Call) -> bool:
        """Ask all requests of a signature; return whether the server can be asked more."""
        answers: list[Answer] = []
        for request in call.requests:
            self._within(call.signature)
            began = time.perf_counter()
            try:
                answers.append(self.client.ask(request))
            except ConnectionError as error:
                self._fail(call.signature, str(error))
                return self.sandbox.state().alive
            if len(answers) == 1:
                self.seen.first_ms = max(self.seen.first_ms, (time.perf_counter() - began) * 1000)
        self.seen.answers[call.signature] = answers
        return True

    def _time(self) -> bool:
        """Time as many answers as are asked for, going round through all requests."""
        requests = [(call.signature, request) for call in self.plan.calls for request in call.requests]
        times: list[float] = []
        self.seen.rounds.append(times)
        last = time.monotonic() + _TIMING_SECONDS
        for number in range(self.plan.samples if requests else 0):
            signature, request = requests[number % len(requests)]
            self._within(signature)
            if times and time.monotonic() > last:
                break
            began = time.perf_counter()
            try:
                self.client.send(request)
            except ConnectionError as error:
                return self._fail(signature, str(error))
            times.append((time.perf_counter() - began) * 1000)
        return True

    def _within(self, signature: str) -> None:
        self.sandbox.within(self.plan.limits.answer_seconds, f"an answer of signature {signature!r}")

    def _fail(self, what: str, told: str) -> bool:
        """Note why something failed: what the supervisor knows of a server's end, or else what the server said."""
        served = self._settled(told)
        # Masked before it is cut: half a secret is not found.
        told = masked(" ".join(masked(told).split()))[:_LONGEST_REASON]
        if served.alive:
            memory = f"out of its {self.plan.limits.memory_mib} MiB of memory: " if _OUT_OF_MEMORY in told else ""
            self.seen.failures[what] = memory + told
        elif served.kind:
            self.seen.failures[what] = served.cause
        elif served.exit["signal"] == signal.SIGKILL:
            self.seen.undecided = "something outside killed the server; is the machine short of memory?"
            self.seen.served = served
        else:
            self.seen.failures[what] = f"{_end(served)}{_last_words(served.log)}"
        return False

    def _settled(self, told: str) -> Served:
        """Return the state once it is clear whether a server that hung up still runs."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        served = self.sandbox.state()
        hung_up = told.partition(":")[0] in _HUNG_UP
        while served.alive and hung_up and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
            served = self.sandbox.state()
        return served


def _end(served: Served) -> str:
    number = served.exit["signal"]
    if number:
        return f"the server died of {signal.Signals(number).name}"
    return f"the server ended with code {served.exit['code']}"


def _last_words(log: str) -> str:
    lines = [line for line in log.splitlines() if line.strip()]
    return f": {masked(' '.join(' '.join(lines[-6:]).split()))[-_LONGEST_REASON:]}" if lines else ""


Snapshot = dict[str, tuple[int, int]]


def _snapshot(places: Sequence[Path]) -> Snapshot:
    found: Snapshot = {}
    for place in places:
        for folder, _, files in os.walk(place):
            for path in (Path(folder, name) for name in files):
                with contextlib.suppress(FileNotFoundError):
                    status = path.lstat()
                    found[str(path)] = (status.st_size, status.st_mtime_ns)
    return found


def _changed(before: Snapshot, after: Snapshot) -> list[str]:
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
