"""``ama alias set``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama alias set sequence_models:3 champion
  ama alias set sequence_models:3 champion --expect 2 --reason 'better recall'
"""
)
@click.argument("reference", metavar="REF")
@click.argument("alias")
@click.option(
    "--expect", metavar="N|absent", help="Version that the alias has to be at now, or 'absent'; else exit with 4."
)
@click.option("--reason", default="", metavar="TEXT", help="Why; kept in the history. A protected alias needs one.")
@click.option("--dry-run", is_flag=True, help="Show the move, and make none.")
@registry_options
@shared_options
@pass_session
def command(session: Session, reference: str, alias: str, expect: str | None, reason: str, dry_run: bool) -> None:
    """Point an alias at a version.

    The alias is made when there is none, and moved when it points elsewhere. With --expect it is moved only from there:
    of many who do that at once, one wins.
    """
    from ama_tfx.cli.references import expected_place, version_ref
    from ama_tfx.cli.views_names import moved_report

    ref, expected = version_ref(reference, session.workspace), expected_place(expect)
    move = session.registry().set_alias(ref, alias, expected=expected, reason=reason, dry_run=dry_run)
    session.say(moved_report(ref.asset, alias, move, session.workspace, dry_run=dry_run))
