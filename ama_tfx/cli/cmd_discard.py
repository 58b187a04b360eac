"""``ama discard``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, shared_options


@click.command(
    epilog="""
\b
Example:
  ama discard --dry-run
"""
)
@click.option("--dry-run", is_flag=True, help="Show what would be forgotten, and forget nothing.")
@shared_options
@pass_session
def command(session: Session, dry_run: bool) -> None:
    """Forget what is pending of the current asset.

    Files on disk stay, and so do the drafts of other assets and the version that this working copy is based on.
    """
    from ama_tfx.cli.views_copy import discarded_report

    working_copy = session.working_copy()
    draft = working_copy.discard(dry_run=dry_run)
    session.say(discarded_report(draft, working_copy.changes(draft), working_copy.root, dry_run=dry_run))
