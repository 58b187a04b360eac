"""``ama runs metrics``."""

from __future__ import annotations

import click

from ama_tfx.cli.history import store_option
from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama runs metrics Model --store metadata.db
  ama runs metrics 12 --dataset 3
"""
)
@click.argument("artifact", metavar="ARTIFACT")
@click.option("--dataset", metavar="ARTIFACT", help="Only on this dataset, or on one that was made from it.")
@click.option("--slices", is_flag=True, help="Also the metrics of slices.")
@store_option
@registry_options
@shared_options
@pass_session
def command(session: Session, artifact: str, dataset: str | None, slices: bool, store: str | None) -> None:
    """Show which metrics a model got, and on which dataset.

    Read from the files of each of its evaluations, without TensorFlow; an evaluation whose files are gone says so.
    ARTIFACT is as in 'ama runs datasets'.
    """
    from ama_tfx.cli.history import artifact_of, history_of
    from ama_tfx.cli.views_runs import metrics_report

    history = history_of(store)
    model = artifact_of(session, history, artifact)
    data = None if dataset is None else artifact_of(session, history, dataset)
    found = history.metrics(model.id, data.id if data else None)
    session.say(metrics_report(model, data, found, slices=slices))
