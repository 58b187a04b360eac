"""``ama fork``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama fork sequence_models:my_model my_sequence_models
"""
)
@click.argument("reference", metavar="REF")
@click.argument("name", metavar="NEW_NAME")
@click.option("--all-versions", is_flag=True, help="All versions of the asset, not one.")
@click.option("--aliases", is_flag=True, help="Set the aliases of these versions on the fork, too.")
@click.option("--reason", metavar="TEXT", default="", help="Why aliases are set; protected ones need it.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@registry_options
@shared_options
@pass_session
def command(
    session: Session, reference: str, name: str, all_versions: bool, aliases: bool, reason: str, dry_run: bool
) -> None:
    """Make a version, or all of an asset, the beginning of another asset.

    No byte is copied, and where each version comes from stays known. Into another workspace: ama://WORKSPACE/NEW_NAME.
    """
    from ama_tfx.cli.references import asset_name, version_ref
    from ama_tfx.cli.views_sharing import forked_report

    ref, asset = version_ref(reference, session.workspace), asset_name(name, session.workspace)
    forked = session.registry().sharing.fork(
        ref, asset, all_versions=all_versions, aliases=aliases, reason=reason, dry_run=dry_run
    )
    session.say(forked_report(forked, session.workspace))
