"""``ama alias protect``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama alias protect sequence_models champion --needs-blessing
"""
)
@click.argument("asset")
@click.argument("alias")
@click.option("--needs-blessing", is_flag=True, help="Only versions that every gate blessed may get it.")
@registry_options
@shared_options
@pass_session
def command(session: Session, asset: str, alias: str, needs_blessing: bool) -> None:
    """Protect an alias: moving it needs a reason.

    So does removing it. With --needs-blessing it also takes blessed versions only: those that every gate of their
    newest registration with gates blessed. The alias need not exist yet.
    """
    from ama_tfx.cli.references import asset_name
    from ama_tfx.cli.views_names import protected_report

    name = asset_name(asset, session.workspace)
    rule = session.registry().protection.protect(name, alias, needs_blessing=needs_blessing)
    session.say(protected_report(name, rule, is_protected=True))
