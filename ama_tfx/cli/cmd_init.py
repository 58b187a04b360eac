"""``ama init``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, here, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama init sequence_models
"""
)
@click.argument("asset")
@click.option("--clear", is_flag=True, help="Forget what is pending of this asset too.")
@registry_options
@shared_options
@pass_session
def command(session: Session, asset: str, clear: bool) -> None:
    """Start or go on with an asset's next version in this folder.

    The folder becomes a working copy: '.ama' in it holds what is pending. Naming another asset later goes on with that
    one; what is pending of the first stays. Where nothing is pending of the asset its next version begins empty, also
    when it has versions; 'ama switch' begins from one of them.
    """
    from ama_tfx.cli.references import asset_name
    from ama_tfx.cli.views_copy import begun_report
    from ama_tfx.registry.working_copy.begin import begin

    name = asset_name(asset, session.workspace)
    session.say(begun_report(begin(here(), name, session.registry_if_any(), clear=clear)))
