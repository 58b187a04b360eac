"""``ama config get``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama config get registry
"""
)
@click.argument("key")
@registry_options
@shared_options
@pass_session
def command(session: Session, key: str) -> None:
    """Print the value of a setting that counts here."""
    from ama_tfx.cli.views_settings import setting_report
    from ama_tfx.registry.configuring import configured_one

    session.say(setting_report(configured_one(session.settings, key)))
