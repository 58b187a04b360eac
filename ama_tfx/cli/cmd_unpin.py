"""``ama unpin``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama unpin sequence_models:3
"""
)
@click.argument("reference", metavar="REF")
@registry_options
@shared_options
@pass_session
def command(session: Session, reference: str) -> None:
    """Unpin a version.

    Rules of retention may take it away again.
    """
    from ama_tfx.cli.references import version_ref
    from ama_tfx.cli.views_names import unpinned_report

    ref = version_ref(reference, session.workspace)
    session.say(unpinned_report(session.registry().notes.unpin(ref), session.workspace))
