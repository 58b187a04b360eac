"""``ama search``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama search 'metric.auc>0.9 tag:prod created>2026-01-01'
  ama search 'name:taxi* -tag:trial' --sort 'metric.auc desc' --latest
""",
)
@click.argument("query", nargs=-1, metavar="[QUERY]...")
@click.option("--sort", metavar="KEY", help="Sort by this key first: created, name, 'metric.auc desc', -size …")
@click.option("--latest", is_flag=True, help="Only the newest match of each asset.")
@click.option("--limit", type=int, default=100, show_default=True, metavar="N", help="At most how many; 0 for all.")
@click.option("--all-workspaces", is_flag=True, help="Search all workspaces, not only one.")
@registry_options
@shared_options
@pass_session
def command(
    session: Session, query: tuple[str, ...], sort: str | None, latest: bool, limit: int, all_workspaces: bool
) -> None:
    """Find versions by name, tag, metric, property, time, run or words.

    Conditions stand side by side and all have to be met; OR, NOT and parentheses put them together otherwise. Quote the
    query for the shell. The newest come first. Finding nothing is no error.
    """
    from ama_tfx.cli.text import escape
    from ama_tfx.cli.views_search import search_report
    from ama_tfx.registry.search.hints import search_hints

    registry, text = session.registry(), " ".join(query)
    found = registry.search(
        text,
        sort=sort,
        latest=latest,
        limit=limit or None,
        workspace="*" if all_workspaces else None,
    )
    session.say(search_report(found, session.workspace))
    for hint in () if found.matches else search_hints(registry, text):
        click.echo(f"ama: note: {escape(hint)}", err=True)
