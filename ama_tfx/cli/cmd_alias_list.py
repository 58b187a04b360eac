"""``ama alias list``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama alias list sequence_models
"""
)
@click.argument("asset")
@registry_options
@shared_options
@pass_session
def command(session: Session, asset: str) -> None:
    """List an asset's aliases, and which are protected.

    Where each points, since when and by whom. An alias that is protected and points nowhere is listed too.
    """
    from ama_tfx.cli.references import asset_name
    from ama_tfx.cli.views_names import aliases_report

    name, registry = asset_name(asset, session.workspace), session.registry()
    session.say(aliases_report(name, registry.aliases(name), registry.protection.rules(name)))
