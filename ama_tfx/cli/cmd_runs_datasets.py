"""``ama runs datasets``."""

from __future__ import annotations

import click

from ama_tfx.cli.history import store_option
from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama runs datasets Model --store metadata.db
  ama runs datasets taxi_model:champion
"""
)
@click.argument("artifact", metavar="ARTIFACT")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="This type is of datasets too; may be repeated.")
@store_option
@registry_options
@shared_options
@pass_session
def command(session: Session, artifact: str, types: tuple[str, ...], store: str | None) -> None:
    """Show which datasets a model was made from.

    However many runs and nodes lie between. ARTIFACT is an id or a URI in the metadata store, the name of a type for
    the newest artifact of it, or a version in the registry, as other commands take it.
    """
    from ama_tfx.cli.history import artifact_of, history_of
    from ama_tfx.cli.views_runs import datasets_report

    history = history_of(store)
    found = artifact_of(session, history, artifact)
    session.say(datasets_report(found, history.datasets(found.id, types=types)))
