"""``ama log``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama log sequence_models
"""
)
@click.argument("asset")
@registry_options
@shared_options
@pass_session
def command(session: Session, asset: str) -> None:
    """Show an asset's history: versions and moves of aliases.

    The newest first.
    """
    from ama_tfx.cli.references import asset_name
    from ama_tfx.cli.views import log_report

    name = asset_name(asset, session.workspace)
    session.say(log_report(name, session.registry().log(name)))
