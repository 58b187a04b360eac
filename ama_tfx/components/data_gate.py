"""DataGate: stops a run whose data are not in order, and tells people once."""

import json
import posixpath
from collections.abc import Mapping

from tfx import types
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types import standard_artifacts

from ama_tfx.components.anomalies import DataRules, anomaly_signals, parse_severity, statistics_signals
from ama_tfx.components.notifiers import Notification, load_notifier
from ama_tfx.components.notifiers.webhook import check_address
from ama_tfx.components.producers import producer_of
from ama_tfx.components.types import Verdict
from ama_tfx.components.verdicts import Blessing, Judgement, judge, write_verdict
from ama_tfx.errors import AmaError, GateError, InvalidInputError
from ama_tfx.registry.secrecy import VARIABLE

NOTIFIED = ".notified"
"""Folder of the component's outputs in which it marks what it told, so that a retry does not tell it again."""


@component
def CheckData(  # noqa: N802 - TFX names function components like classes
    anomalies: InputArtifact[standard_artifacts.ExampleAnomalies],
    verdict: OutputArtifact[Verdict],
    statistics: InputArtifact[standard_artifacts.ExampleStatistics] = None,
    blocking: Parameter[str] = "error",
    min_examples: Parameter[int] = 0,
    max_missing: Parameter[str] = "{}",
    producers: Parameter[str] = "{}",
    notifier: Parameter[str] = "",
    notify_to: Parameter[str] = "",
    secret_env: Parameter[str] = "",
):
    """Judge data; `DataGate` composes it.

    Raises:
        GateError: The data are not in order, or it cannot be told.
    """
    rules = DataRules(int(min_examples), json.loads(max_missing))
    severity = parse_severity(blocking)
    named = {"anomalies": "ExampleValidator", "statistics": "StatisticsGen", **json.loads(producers)}
    signals = [
        *anomaly_signals(named["anomalies"], [anomalies], blocking=severity),
        *statistics_signals(named["statistics"], [statistics] if statistics else None, rules),
    ]
    judgement = judge("DataGate", anomalies.uri, signals)
    if judgement.blessing is not Blessing.BLESSED:
        told = _tell(judgement, verdict.uri, (notifier, notify_to, secret_env))
        raise GateError(f"the data are not in order: {'; '.join(judgement.reasons)}{told}")
    write_verdict(verdict, judgement)


def DataGate(  # noqa: N802 - it is used like a component's class
    anomalies: types.BaseChannel,
    statistics: types.BaseChannel | None = None,
    *,
    blocking: str = "error",
    min_examples: int = 0,
    max_missing: Mapping[str, float] | None = None,
    notifier: str | None = None,
    notify_to: str = "",
    secret_env: str = "",
):
    """Stops the run when the data are not in order, with the reasons, and one notification.

    What is behind it in the pipeline runs only when it passes: give it to those nodes with ``add_upstream_node``, or
    connect its verdict. When it stops a run nothing is published; the verdict is in the error and in the notification.
    It is told once: a retry, and a later run that reads the same anomalies, stop without telling again.

    Example::

        gate = DataGate(
            example_validator.outputs["anomalies"],
            statistics_gen.outputs["statistics"],
            min_examples=1000,
            max_missing={"fare": 0.1},
            notifier="webhook",
            notify_to="https://desk.example.org/tickets",
            secret_env="DESK_SECRET",
        )
        trainer.add_upstream_node(gate)

    Args:
        anomalies: ExampleValidator's.
        statistics: StatisticsGen's; needed for ``min_examples`` and ``max_missing``.
        blocking: From which severity on an anomaly stops the run: ``error`` or ``warning``.
        min_examples: How many examples each split has to have.
        max_missing: Feature -> the largest share of examples without a value of it, 0 to 1; an empty cell of a CSV file
            is none.
        notifier: ``file``, ``webhook`` or ``package.module:function`` of your own, which gets a `Notification`.
        notify_to: A folder for ``file``, a URL for ``webhook``, without anything secret, since TFX records
            it; where the URL itself is one, ``env:NAME`` of the environment variable that holds it.
        secret_env: Name of the environment variable that holds the secret with which ``webhook`` signs.

    Outputs:
        verdict: `ama_tfx.Verdict` of data that passed.

    Raises:
        InvalidInputError: A parameter that can never work, when the pipeline is composed.
    """
    rules = DataRules(min_examples, max_missing or {})
    if rules.asks and statistics is None:
        raise InvalidInputError("min_examples and max_missing speak of statistics; pass StatisticsGen's outputs")
    parse_severity(blocking)
    _check_notifier(notifier, notify_to, secret_env)
    given = {"anomalies": anomalies, **({"statistics": statistics} if statistics is not None else {})}
    node = CheckData(
        **given,
        producers=json.dumps({key: producer_of(channel) or key for key, channel in given.items()}, sort_keys=True),
        blocking=blocking,
        min_examples=min_examples,
        max_missing=json.dumps(dict(rules.max_missing), sort_keys=True),
        notifier=notifier or "",
        notify_to=notify_to,
        secret_env=secret_env,
    )
    return node.with_id("DataGate")


def _check_notifier(notifier: str | None, notify_to: str, secret_env: str) -> None:
    if notifier is None:
        if notify_to or secret_env:
            raise InvalidInputError("there is an address or a secret and no notifier; pass notifier='webhook', say")
        return
    load_notifier(notifier)
    if notifier in {"file", "webhook"} and not notify_to:
        raise InvalidInputError(f"notifier {notifier!r} has no address; pass notify_to=…")
    if notifier == "webhook":
        check_address(notify_to)
    if secret_env and not VARIABLE.fullmatch(secret_env):
        raise InvalidInputError(
            "secret_env is not the name of an environment variable, upper-case letters, digits and '_'; pass the name, "
            "as 'DESK_SECRET', never the secret"
        )


def _tell(judgement: Judgement, output_uri: str, how: tuple[str, str, str]) -> str:
    """Notify once; return what became of it, for the error."""
    notifier, to, secret_env = how
    if not notifier:
        return ""
    notification = Notification(judgement, to, secret_env)
    marker = posixpath.join(posixpath.dirname(output_uri.rstrip("/")), NOTIFIED, notification.key)
    if fileio.exists(marker):
        return f"; {notifier} was notified before"
    try:
        load_notifier(notifier)(notification)
    except AmaError as error:
        return f"; {notifier} could NOT be notified: {error}"
    fileio.makedirs(posixpath.dirname(marker))
    with fileio.open(marker, "w") as stream:
        stream.write(notifier)
    return f"; {notifier} was notified"
