"""``ama alias unprotect``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama alias unprotect sequence_models champion --reason 'the model is retired'
"""
)
@click.argument("asset")
@click.argument("alias")
@click.option("--reason", required=True, metavar="TEXT", help="Why; kept in the audit log.")
@registry_options
@shared_options
@pass_session
def command(session: Session, asset: str, alias: str, reason: str) -> None:
    """Protect an alias no more.

    The reason is kept in the audit log.
    """
    from ama_tfx.cli.references import asset_name
    from ama_tfx.cli.views_names import protected_report

    name = asset_name(asset, session.workspace)
    session.say(
        protected_report(name, session.registry().protection.unprotect(name, alias, reason), is_protected=False)
    )
