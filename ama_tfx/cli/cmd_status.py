"""``ama status``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama status
  ama status --short --ignored
"""
)
@click.option("-s", "--short", is_flag=True, help="Two letters and a path a line, as git.")
@click.option("--ignored", is_flag=True, help="Also what .amaignore leaves out.")
@registry_options
@shared_options
@pass_session
def command(session: Session, short: bool, ignored: bool) -> None:
    """Show what is pending, and what an upload would do.

    Files are compared with the version that this working copy is based on; 'ama switch' and 'ama clone' say which.
    """
    from ama_tfx.cli.views_copy import status_report
    from ama_tfx.registry.working_copy.status import status_of

    working_copy = session.working_copy()
    status = status_of(working_copy, session.registry_if_any())
    session.say(status_report(status, short=short, with_ignored=ignored))
