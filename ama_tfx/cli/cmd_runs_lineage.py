"""``ama runs lineage``."""

from __future__ import annotations

import click

from ama_tfx.cli.history import store_option
from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama runs lineage Model --store metadata.db
  ama runs lineage 12 --up 3 --dot
"""
)
@click.argument("artifact", metavar="ARTIFACT")
@click.option("--up", metavar="N", type=click.IntRange(0), help="Go back N executions.")
@click.option("--down", metavar="N", type=click.IntRange(0), help="Go on N executions.")
@click.option("--cached", is_flag=True, help="Also executions that took from the cache what another one made.")
@click.option("--dot", is_flag=True, help="Print a graph for Graphviz.")
@store_option
@registry_options
@shared_options
@pass_session
def command(
    session: Session, artifact: str, up: int | None, down: int | None, cached: bool, dot: bool, store: str | None
) -> None:
    """Show what an artifact was made from, and what was made from it.

    All of both, through all runs, unless --up or --down is given: then as many executions in that direction, and none
    in the other. ARTIFACT is as in 'ama runs datasets'.
    """
    from ama_tfx.cli.history import artifact_of, history_of
    from ama_tfx.cli.views_runs import drawn_history, history_report

    history = history_of(store)
    root = artifact_of(session, history, artifact)
    if up is not None or down is not None:
        up, down = up or 0, down or 0
    graph = history.lineage(root.id, up=up, down=down, with_cached=cached)
    session.say(drawn_history(graph, root) if dot else history_report(graph, root))
