"""``ama alias move``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama alias move sequence_models:3 champion --reason 'better recall'
"""
)
@click.argument("reference", metavar="REF")
@click.argument("alias")
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the history. A protected alias needs one.")
@click.option("--dry-run", is_flag=True, help="Show the move, and make none.")
@registry_options
@shared_options
@pass_session
def command(session: Session, reference: str, alias: str, reason: str, dry_run: bool) -> None:
    """Move an alias that exists to another version.

    Like 'ama alias set', but an alias that does not exist is an error: a misspelled name makes no new one.
    """
    from ama_tfx.cli.references import version_ref
    from ama_tfx.cli.views_names import moved_report
    from ama_tfx.registry import Expect

    ref = version_ref(reference, session.workspace)
    move = session.registry().set_alias(ref, alias, expected=Expect.PRESENT, reason=reason, dry_run=dry_run)
    session.say(moved_report(ref.asset, alias, move, session.workspace, dry_run=dry_run))
