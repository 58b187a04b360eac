"""What InfraValidator does, without TFX: serve the model, ask it, measure, compare, judge."""

import math
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ama_tfx.components.infra_validator.checks import Checks
from ama_tfx.components.infra_validator.masking import masked
from ama_tfx.components.infra_validator.observations import Observation
from ama_tfx.components.infra_validator.observing import Plan, observe
from ama_tfx.components.infra_validator.serving import borrow
from ama_tfx.components.infra_validator.settings import ServingBudgets
from ama_tfx.components.verdicts import Judgement, Signal, judge
from ama_tfx.errors import BackendError

PROGRAM = "tensorflow_model_server"
SERVERS = ("auto", "python", PROGRAM)
_VERSION_SECONDS = 60


@dataclass(frozen=True)
class Request:
    """One validation.

    Attributes:
        gate: Id of the component.
        subject: URI of the model.
        model: Its SavedModel, a local folder.
        plan: How it is served and asked.
        budgets: How good it has to be.
        champion: SavedModel to compare with; None when there is none.
        server: One of `SERVERS`.
        python: Of the sandbox; empty for this one.
        modules: That the server in Python imports, for the operations that they register.
    """

    gate: str
    subject: str
    model: Path
    plan: Plan
    budgets: ServingBudgets
    champion: Path | None = None
    server: str = "auto"
    python: str = ""
    modules: tuple[str, ...] = ()


def validate(request: Request) -> Judgement:
    """Serve and judge a model, and its champion before it, each in a process of its own."""
    checks = Checks(request.gate, request.plan.limits, request.budgets)
    try:
        plan = replace(request.plan, program=_program(request.server))
        signals = _signals(request, replace(plan, samples=request.budgets.samples), checks)
    except BackendError as error:
        signals = [checks.unknown("server", f"could not decide: {error}")]
    told = [replace(signal, reason=masked(signal.reason)) for signal in signals]
    return judge(request.gate, request.subject, told)


def _signals(request: Request, plan: Plan, checks: Checks) -> list[Signal]:
    signals = []
    with borrow(request.python) as sandbox:
        sandbox.load_modules(() if plan.program else request.modules)
        champion = observe(sandbox, plan, request.champion, lambda _: True) if request.champion else None
        seen = observe(sandbox, plan, request.model, speed_test(request.budgets, champion))
    signals += checks.of(plan.calls, seen)
    if champion:
        signals += checks.against(seen, champion)
    elif request.budgets.needs_champion:
        signals.append(checks.unknown("champion", "there is no champion yet to compare with", required=False))
    return signals


def speed_test(budgets: ServingBudgets, champion: Observation | None) -> Callable[[Observation], bool]:
    """Return whether answers are within the budgets; if not, a busy machine may be why, and they are timed again."""
    bounds = []
    for percent, absolute, ratio in (
        (50, budgets.latency_p50_ms, budgets.latency_p50_ratio),
        (99, budgets.latency_p99_ms, budgets.latency_p99_ratio),
    ):
        relative = champion.latency_ms(percent) * ratio if champion and ratio is not None else math.nan
        bounds.append((percent, math.inf if absolute is None else absolute, relative))
    # Not "<= relative": with nothing to compare it is not a number.
    return lambda seen: not any(
        seen.latency_ms(percent) > absolute or seen.latency_ms(percent) > relative
        for percent, absolute, relative in bounds
    )


def _program(server: str) -> str:
    """Return the path of TensorFlow Serving's program, or nothing for the server in Python.

    Raises:
        BackendError: It is asked for and not there, or does not run.
    """
    found = shutil.which(PROGRAM) if server != "python" else None
    if found is None and server == PROGRAM:
        raise BackendError(f"there is no {PROGRAM} on PATH; install TensorFlow Serving, or use server='auto'")
    if found is None:
        return ""
    try:
        subprocess.run([found, "--version"], check=True, capture_output=True, timeout=_VERSION_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise BackendError(f"{found!r} does not run: {error}") from error
    return found
