"""``ama metrics``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama metrics sequence_models:3 eval.auc=0.93 eval.loss=0.21
  ama metrics sequence_models:3
"""
)
@click.argument("reference", metavar="REF")
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")
@registry_options
@shared_options
@pass_session
def command(session: Session, reference: str, values: tuple[str, ...]) -> None:
    """Record metrics of a version, or show them.

    The newest value of a name counts; the audit log keeps those before. Metrics are no part of a version's identity.
    """
    from ama_tfx.cli.properties import typed_metrics
    from ama_tfx.cli.references import version_ref
    from ama_tfx.cli.views_names import metrics_report

    ref, metrics = version_ref(reference, session.workspace), typed_metrics(values)
    registry = session.registry()
    changed = registry.notes.record_metrics(ref, metrics) if metrics else {}
    session.say(metrics_report(registry.show(ref), changed, session.workspace))
