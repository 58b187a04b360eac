"""What a served model may use, and how good it has to be: parameters of InfraValidator, as JSON."""

import dataclasses
import json
import math
from dataclasses import dataclass

from ama_tfx.errors import InvalidInputError


class _Settings:
    """A frozen dataclass of numbers that travels as JSON."""

    def to_json(self) -> str:
        """Return the settings as text, the same each time."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str):
        """Read what `to_json` wrote.

        Raises:
            InvalidInputError: It is something else.
        """
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise InvalidInputError(f"no {cls.__name__} in {text!r}: {error}") from error

    def _check(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None and field.default is None:
                continue
            if isinstance(field.default, bool):
                if not isinstance(value, bool):
                    raise InvalidInputError(f"{type(self).__name__}.{field.name} must be True or False, got {value!r}")
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise InvalidInputError(f"{type(self).__name__}.{field.name} must be a number, got {value!r}")
            if isinstance(field.default, int) and not isinstance(value, int):
                raise InvalidInputError(f"{type(self).__name__}.{field.name} must be a whole number, got {value!r}")
            if value < 0 or (value == 0 and field.default is not None):
                raise InvalidInputError(f"{type(self).__name__}.{field.name} must be more than 0, got {value!r}")


@dataclass(frozen=True)
class ServingLimits(_Settings):
    """What the process that serves a model may use before it is ended; a model that needs more is not blessed.

    Attributes:
        memory_mib: Resident memory of the whole server, of which TensorFlow alone takes about 300 MiB.
        cpu_seconds: CPU time of all its threads together.
        load_seconds: To load; `ValidationSpec.max_loading_time_seconds` takes its place when given.
        answer_seconds: To answer one request.
        total_seconds: For everything that is done with one model.
        unwatched: Whether a model may be blessed where nobody can watch what it does: on machines whose kernel, or
            whose containers, have no seccomp notification. It could write, connect and start programs unseen.
    """

    memory_mib: int = 4096
    cpu_seconds: int = 600
    load_seconds: float = 120.0
    answer_seconds: float = 30.0
    total_seconds: float = 900.0
    unwatched: bool = False

    def __post_init__(self):
        self._check()


@dataclass(frozen=True)
class ServingBudgets(_Settings):
    """What a served model must keep to be blessed; None is not asked. Ratios and differences are to the champion.

    Attributes:
        latency_p50_ms: Half of the answers come within so many milliseconds, measured at the client.
        latency_p99_ms: 99 of 100 answers do.
        peak_memory_mib: The server's resident memory at its highest.
        model_memory_mib: What loading the model and answering took on top of the server's own memory; all of the
            server's own memory when it is ``tensorflow_model_server``, which does not tell them apart.
        latency_p50_ratio: At most so many times the champion's.
        latency_p99_ratio: The same of the slowest hundredth.
        model_memory_ratio: At most so many times the champion's ``model_memory_mib``.
        output_difference: No number in an answer differs by more from the champion's answer to the same request.
        changed_answers: At most this share of the requests (0 to 1) gets another answer than the champion gives; a
            number that differs by at most ``output_difference`` (0 when it is None) is not another answer.
        samples: How many answers are timed, in at most a minute; the first to each request is not among them.
        finite_answers: No number in an answer is NaN or infinite; False for models that may answer so.
    """

    latency_p50_ms: float | None = None
    latency_p99_ms: float | None = None
    peak_memory_mib: float | None = None
    model_memory_mib: float | None = None
    latency_p50_ratio: float | None = None
    latency_p99_ratio: float | None = None
    model_memory_ratio: float | None = None
    output_difference: float | None = None
    changed_answers: float | None = None
    samples: int = 100
    finite_answers: bool = True

    def __post_init__(self):
        self._check()
        if self.changed_answers is not None and self.changed_answers > 1:
            raise InvalidInputError(f"ServingBudgets.changed_answers is a share, 0 to 1; got {self.changed_answers!r}")

    @property
    def needs_champion(self) -> bool:
        """Whether something is compared with a champion."""
        relative = (self.latency_p50_ratio, self.latency_p99_ratio, self.model_memory_ratio)
        return self.compares_outputs or any(bound is not None for bound in relative)

    @property
    def compares_outputs(self) -> bool:
        """Whether answers are compared with a champion's."""
        return self.output_difference is not None or self.changed_answers is not None
