"""``ama config list``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama config list --show-origin
"""
)
@click.option("--show-origin", is_flag=True, help="Also where each comes from: option, variable or file.")
@registry_options
@shared_options
@pass_session
def command(session: Session, show_origin: bool) -> None:
    """List the settings that count here.

    An option counts more than a variable of the environment, that more than the project's file, '.ama/config.toml' in
    this folder or above it, that more than the user's file, and that more than the default.
    """
    from ama_tfx.cli.views_settings import settings_report
    from ama_tfx.registry.configuring import configured

    session.say(settings_report(configured(session.settings), show_origin=show_origin))
