"""``ama show``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama show sequence_models --alias my_model
"""
)
@click.argument("reference", metavar="REF")
@click.option("--alias", metavar="ALIAS", help="The version with this alias.")
@click.option("--version", metavar="VERSION", help="A number, MAJOR.MINOR.PIPELINE or sha256:…")
@click.option("--all", "all_files", is_flag=True, help="List all files, not the first 20.")
@registry_options
@shared_options
@pass_session
def command(session: Session, reference: str, alias: str | None, version: str | None, all_files: bool) -> None:
    """Show everything known of a version.

    Its files, aliases, tags and properties, what it was made from and what from it, and which runs registered it.
    """
    from ama_tfx.cli.references import version_ref
    from ama_tfx.cli.views import details_report

    ref = version_ref(reference, session.workspace, alias=alias, version=version)
    session.say(details_report(session.registry().show(ref), session.workspace, all_files=all_files))
