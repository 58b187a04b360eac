"""``ama config set``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, here, pass_session, shared_options


@click.command(
    epilog="""
\b
Example:
  ama config set workspace team
  ama config set registry /data/registry --project
"""
)
@click.argument("key")
@click.argument("value")
@click.option("--user", "scope", flag_value="user", default=True, help="In the user's file; so it is by default.")
@click.option("--project", "scope", flag_value="project", help="In the file of the working copy, '.ama/config.toml'.")
@shared_options
@pass_session
def command(session: Session, key: str, value: str, scope: str) -> None:
    """Write a setting into the user's file or the project's.

    Comments and other lines of the file stay as they are. A value that holds a password is refused.
    """
    from ama_tfx.cli.views_settings import changed_report
    from ama_tfx.registry.configuring import set_setting
    from ama_tfx.settings import Scope

    file = set_setting(key, value, scope=Scope[scope.upper()], start=here())
    session.say(changed_report(key, file, value))
