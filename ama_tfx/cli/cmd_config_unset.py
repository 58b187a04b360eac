"""``ama config unset``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, here, pass_session, shared_options


@click.command(
    epilog="""
\b
Example:
  ama config unset workspace
"""
)
@click.argument("key")
@click.option("--user", "scope", flag_value="user", default=True, help="From the user's file; so it is by default.")
@click.option("--project", "scope", flag_value="project", help="From the file of the working copy.")
@shared_options
@pass_session
def command(session: Session, key: str, scope: str) -> None:
    """Take a setting out of the user's file or the project's."""
    from ama_tfx.cli.views_settings import changed_report
    from ama_tfx.registry.configuring import unset_setting
    from ama_tfx.settings import Scope

    file = unset_setting(key, scope=Scope[scope.upper()], start=here())
    session.say(changed_report(key, file, None))
