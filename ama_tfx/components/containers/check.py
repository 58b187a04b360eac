"""ContainerCheck: an image of the user's judges a model; its exit code and its JSON become a verdict."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx.dsl.component.experimental.placeholders import ConcatPlaceholder, InputUriPlaceholder, OutputUriPlaceholder
from tfx.dsl.components.base.base_component import BaseComponent

from ama_tfx.components.containers.check_script import SCRIPT
from ama_tfx.components.containers.task import AmaContainerTask
from ama_tfx.components.types import Verdict
from ama_tfx.errors import InvalidInputError

MODEL = InputUriPlaceholder("model")
"""Where the model is, for the command of a `ContainerCheck`."""

_GATE = re.compile(r"[A-Za-z0-9_.-]{1,100}")


def ContainerCheck(  # noqa: N802 - called like a component's class
    model: types.BaseChannel,
    image: str,
    command: Sequence[Any],
    *,
    gate: str = "ContainerCheck",
    timeout_seconds: int = 600,
    exit_code_is_enough: bool = False,
    parameters: Mapping[str, Any] | None = None,
    **wishes: Any,
) -> BaseComponent:
    """Return a component that runs a command of an image against a model and writes a verdict.

    The image needs ``/bin/sh`` and ``mkdir``, and ``sleep`` for the time limit; no Python. The command finds the
    model's folder in the variable ``AMA_MODEL``, or where it has the placeholder `MODEL`; it writes a JSON document to
    the file that ``AMA_RESULT`` names, or prints it as its last line; of both, both count. ASCII, at most 16 KiB: one
    object, or ``{"signals": [objects]}``. Of an object these keys count, and others are passed over::

        {"outcome": "blessed" | "not_blessed" | "unknown", "name": "auc", "value": 0.93, "bound": ">= 0.9",
         "reason": "AUC on the holdout is 0.93", "slice": "", "required": true}

    ========================================  ============
    what happened                             verdict
    ========================================  ============
    exit code 0, and every required object    blessed
    says ``blessed``
    exit code 1 to 124, or an object says     not blessed
    ``not_blessed``
    exit code 125 or more: it could not be    unknown
    run, or was killed
    not done in ``timeout_seconds``           unknown
    no JSON, or none that can be read         unknown
    ========================================  ============

    The component succeeds whatever the verdict; it fails when no verdict can be written. A container cannot set
    properties, so those of the artifact are empty: `ama_tfx.components.verdicts.read_verdict` reads the document in
    it, as the suite's other gates do. What the command printed is beside it in ``stdout.txt``.

    Args:
        model: A channel of any type; it holds one artifact when the component runs.
        image: The image.
        command: The program and its arguments; no shell reads them.
        gate: Who judges, as the verdict says; letters, digits, ``_``, ``.`` and ``-``.
        timeout_seconds: For the command; whole seconds.
        exit_code_is_enough: Whether exit code 0 blesses when no ``{`` was printed; what has one and cannot be read is
            unknown.
        parameters: Name -> value, for placeholders in the command.
        wishes: As of `AmaContainerTask`.

    Outputs:
        verdict: `ama_tfx.Verdict`.

    Raises:
        InvalidInputError: What can never work, or would record a secret.
    """
    _check(model, gate, timeout_seconds)
    given = dict(parameters or {})
    task = AmaContainerTask(
        name="ContainerCheck",
        image=image,
        inputs={"model": model.type},
        outputs={"verdict": Verdict},
        parameters={name: type(value) for name, value in given.items()},
        command=[
            *("/bin/sh", "-c", SCRIPT, "ama-container-check", gate),
            *(ConcatPlaceholder(["uri:", MODEL]), MODEL, OutputUriPlaceholder("verdict")),
            *(str(timeout_seconds), "blessed" if exit_code_is_enough else "unknown"),
            *_list(command),
        ],
        **wishes,
    )
    return task(model=model, **given)


def _check(model: Any, gate: str, timeout_seconds: int) -> None:
    if not isinstance(model, types.BaseChannel):
        raise InvalidInputError(
            f"model is a {type(model).__name__}, not a channel; expected a component's output, trainer.outputs['model']"
        )
    if not _GATE.fullmatch(gate):
        raise InvalidInputError(f"gate {gate!r}: expected letters, digits, '_', '.' and '-', as in 'fairness_check'")
    if isinstance(timeout_seconds, bool) or not isinstance(timeout_seconds, int) or timeout_seconds < 1:
        raise InvalidInputError(f"timeout_seconds is {timeout_seconds!r}; expected a whole number from 1 on")


def _list(command: Sequence[Any]) -> Sequence[Any]:
    if isinstance(command, str) or not command:
        raise InvalidInputError(f"command {command!r}: expected a list, ['check-model', '--strict']")
    return command
