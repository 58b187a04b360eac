"""``ama runs show``."""

from __future__ import annotations

import click

from ama_tfx.cli.history import store_option
from ama_tfx.cli.session import Session, pass_session, shared_options


@click.command(
    epilog="""
\b
Example:
  ama runs show latest --store metadata.db
"""
)
@click.argument("run", metavar="RUN", default="latest")
@store_option
@shared_options
@pass_session
def command(session: Session, run: str, store: str | None) -> None:
    """Show what ran in a run: when, how long, with which parameters, cached or not, failed where and why.

    RUN is a run's name, the beginning of one, or 'latest'. Values whose names say that they are secret are not shown.
    """
    from ama_tfx.cli.history import history_of
    from ama_tfx.cli.views_runs import run_report

    session.say(run_report(history_of(store).run(run)))
