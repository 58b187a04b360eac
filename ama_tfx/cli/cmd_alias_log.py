"""``ama alias log``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama alias log sequence_models champion
"""
)
@click.argument("asset")
@click.argument("alias", required=False, metavar="[ALIAS]")
@registry_options
@shared_options
@pass_session
def command(session: Session, asset: str, alias: str | None) -> None:
    """Show the moves of an asset's aliases.

    Of all, or of one; the newest first: when, by whom, from where to where, and why. A removed alias keeps its history.
    """
    from ama_tfx.cli.references import asset_name
    from ama_tfx.cli.views_names import moves_report

    name = asset_name(asset, session.workspace)
    session.say(moves_report(name, session.registry().alias_moves(name, alias)))
