"""``ama alias remove``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama alias remove sequence_models canary --reason 'rolled back'
"""
)
@click.argument("asset")
@click.argument("alias")
@click.option(
    "--expect", metavar="N|absent", help="Version that the alias has to be at now, or 'absent'; else exit with 4."
)
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the history. A protected alias needs one.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and remove nothing.")
@registry_options
@shared_options
@pass_session
def command(session: Session, asset: str, alias: str, expect: str | None, reason: str, dry_run: bool) -> None:
    """Remove an alias of an asset.

    The version stays, and so does the history of the alias.
    """
    from ama_tfx.cli.references import asset_name, expected_place
    from ama_tfx.cli.views_names import moved_report

    name, expected = asset_name(asset, session.workspace), expected_place(expect)
    move = session.registry().remove_alias(name, alias, expected=expected, reason=reason, dry_run=dry_run)
    session.say(moved_report(name, alias, move, session.workspace, dry_run=dry_run))
