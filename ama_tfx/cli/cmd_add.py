"""``ama add``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, here, pass_session, shared_options


@click.command(
    epilog="""
\b
Example:
  ama add model.h5 summary_dict.json
  ama add 'checkpoints/*.h5' assets

A file called 'ref' is './ref': 'ama add ref' is the command that adds a ref.
"""
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@shared_options
@pass_session
def command(session: Session, paths: tuple[str, ...]) -> None:
    """Add files and folders to the next version.

    They are read when they are uploaded. A folder stands for the files in it now, '.ama' and '.git' left out. Commas
    between paths are allowed, and patterns that the shell left alone are expanded.
    """
    from ama_tfx.cli.paths import typed_paths
    from ama_tfx.cli.views import draft_report

    working_copy = session.working_copy()
    draft = working_copy.add(typed_paths(paths, here()))
    session.say(draft_report(draft, working_copy.root))
