"""``ama runs list``."""

from __future__ import annotations

import click

from ama_tfx.cli.history import store_option
from ama_tfx.cli.session import Session, pass_session, shared_options


@click.command(
    epilog="""
\b
Example:
  ama runs list --store metadata.db --pipeline taxi
"""
)
@click.option("--pipeline", metavar="NAME", help="Only runs of this pipeline.")
@click.option("--limit", metavar="N", type=click.IntRange(0), default=20, help="At most N runs; 0 for all.")
@store_option
@shared_options
@pass_session
def command(session: Session, pipeline: str | None, limit: int, store: str | None) -> None:
    """List the runs in a metadata store of TFX.

    The newest first, with what became of their nodes, when they ran and how long. The store is only read.
    """
    from ama_tfx.cli.history import history_of
    from ama_tfx.cli.views_runs import runs_report

    found = history_of(store).runs(pipeline, most=limit + 1 if limit else None)
    session.say(runs_report(found, limit))
