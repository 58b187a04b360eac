"""``ama bundle apply``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama bundle apply model.ama
"""
)
@click.argument("path", metavar="FILE")
@click.option("--to", metavar="WORKSPACE", help="Put the versions that the bundle was made of into this workspace.")
@click.option("--move-aliases", is_flag=True, help="Move aliases that point elsewhere, too.")
@click.option("--reason", metavar="TEXT", default="", help="Why aliases are set; protected ones need it.")
@click.option("--dry-run", is_flag=True, help="Check everything, and only show what would be done.")
@registry_options
@shared_options
@pass_session
def command(session: Session, path: str, to: str | None, move_aliases: bool, reason: str, dry_run: bool) -> None:
    """Take the versions of a bundle into the registry.

    All of them or none. Everything is checked first; what is there already stays as it is, and aliases are set where
    there are none of their names. The registry is made when there is none; a bundle that fails leaves none behind.
    """
    from pathlib import Path

    from ama_tfx.cli.views_sharing import applied_report
    from ama_tfx.registry.sharing import apply_bundle, inspect_bundle

    file = Path(path)
    size_bytes = inspect_bundle(file).blob_bytes
    with session.progress("applying", size_bytes) as on_progress:
        applied = apply_bundle(
            lambda create: session.registry(create=create),
            file,
            workspace=to,
            move_aliases=move_aliases,
            reason=reason,
            dry_run=dry_run,
            on_progress=on_progress,
        )
    session.say(applied_report(applied, session.workspace))
