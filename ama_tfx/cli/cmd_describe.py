"""``ama describe``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama describe sequence_models 'Tags sentences; trained weekly'
  ama describe sequence_models
"""
)
@click.argument("asset")
@click.argument("text", required=False, metavar="[TEXT]")
@registry_options
@shared_options
@pass_session
def command(session: Session, asset: str, text: str | None) -> None:
    """Say what an asset is, or show what was said.

    The text is shown by 'ama list' and found by 'ama search'. An empty TEXT takes the description away.
    """
    from ama_tfx.cli.references import asset_name
    from ama_tfx.cli.views_names import description_report

    name, registry = asset_name(asset, session.workspace), session.registry()
    if text is not None:
        registry.notes.describe(name, text)
    session.say(description_report(name, registry.notes.description(name)))
