"""``ama workspaces``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama workspaces
"""
)
@registry_options
@shared_options
@pass_session
def command(session: Session) -> None:
    """List the registry's workspaces.

    By name, each with how many assets and versions it has.
    """
    from ama_tfx.cli.views_sharing import workspaces_report

    session.say(workspaces_report(session.registry().sharing.workspaces()))
