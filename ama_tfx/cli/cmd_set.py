"""``ama set``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, shared_options


@click.command(
    epilog="""
\b
Example:
  ama set --alias my_model --tag reviewed --property learning_rate=0.1
"""
)
@click.option("--alias", metavar="ALIAS", help="Alias to point at the version.")
@click.option("-m", "--message", metavar="TEXT", help="What it is, for people.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Label to find it by; may be given again.")
@click.option(
    "--property", "properties", multiple=True, metavar="KEY=VALUE", help="JSON value, else text; may be given again."
)
@click.option(
    "--metric", "metrics", multiple=True, metavar="NAME=VALUE", help="Number to compare it by; may be given again."
)
@click.option("--kind", metavar="KIND", help="What it is, for programs: Model, Examples, Schema, …")
@shared_options
@pass_session
def command(
    session: Session,
    alias: str | None,
    message: str | None,
    tags: tuple[str, ...],
    properties: tuple[str, ...],
    metrics: tuple[str, ...],
    kind: str | None,
) -> None:
    """Set the next version's alias, message, tags, properties, metrics or kind."""
    from ama_tfx.cli.properties import typed_metrics, typed_properties
    from ama_tfx.cli.views_copy import changes_report

    if alias is message is kind is None and not (tags or properties or metrics):
        raise click.UsageError("nothing to set; give --alias, --message, --tag, --property, --metric or --kind")
    working_copy = session.working_copy()
    facts, numbers = typed_properties(properties), typed_metrics(metrics)
    draft = working_copy.set(alias=alias, message=message, tags=tags, properties=facts, kind=kind, metrics=numbers)
    session.say(changes_report(draft, working_copy.changes(draft), working_copy.root))
