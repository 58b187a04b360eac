"""``ama du``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama du
  ama du --dedup sequence_models
"""
)
@click.argument("assets", metavar="[ASSET]...", nargs=-1)
@click.option("--dedup", is_flag=True, help="Also show what the pieces of an asset's files take in the store.")
@registry_options
@shared_options
@pass_session
def command(session: Session, assets: tuple[str, ...], dedup: bool) -> None:
    """Show how large assets are, and what sharing saves.

    'size' is the sum of all files of all versions, 'unique' the same with each content once, 'own' what no other asset
    has: what goes when the asset's versions are retired. 'stored' is the size of the compressed pieces that the files
    are made of; pieces that assets share count for each of them.
    """
    from ama_tfx.cli.views_upkeep import sizes_report

    session.say(sizes_report(session.registry().upkeep.du(assets, with_stored=dedup), session.workspace))
