"""``ama impact``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama impact nlp_embeddings:my_training_inputs
"""
)
@click.argument("reference", metavar="REF")
@click.option("--alias", metavar="ALIAS", help="The version with this alias.")
@click.option("--version", metavar="VERSION", help="A number, MAJOR.MINOR.PIPELINE or sha256:…")
@registry_options
@shared_options
@pass_session
def command(session: Session, reference: str, alias: str | None, version: str | None) -> None:
    """Show everything that was made from a version, and which aliases point at it.

    Directly or not: what to look at again when the version turns out to be wrong.
    """
    from ama_tfx.cli.references import version_ref
    from ama_tfx.cli.views_lineage import impact_report

    ref = version_ref(reference, session.workspace, alias=alias, version=version)
    session.say(impact_report(session.registry().lineage.impact(ref), session.workspace))
