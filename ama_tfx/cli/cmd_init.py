"""``ama init``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, here, pass_session, shared_options, workspace_option


@click.command(
    epilog="""
\b
Example:
  ama init sequence_models
"""
)
@click.argument("asset")
@click.option("--clear", is_flag=True, help="Forget what is pending of this asset.")
@workspace_option
@shared_options
@pass_session
def command(session: Session, asset: str, clear: bool) -> None:
    """Start or go on with an asset's next version in this folder.

    The folder becomes a working copy: '.ama' in it holds what is pending. Naming another asset later goes on with that
    one; what is pending of the first stays.
    """
    from ama_tfx.cli.references import asset_name
    from ama_tfx.cli.views import draft_report
    from ama_tfx.registry import WorkingCopy

    name = asset_name(asset, session.workspace)
    working_copy = WorkingCopy.init(here(), name, clear=clear)
    first = f"working on {name} in {working_copy.root}"
    session.say(draft_report(working_copy.draft(), working_copy.root, first=first))
