"""``ama bundle inspect``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, shared_options


@click.command(
    epilog="""
\b
Example:
  ama bundle inspect model.ama
"""
)
@click.argument("path", metavar="FILE")
@click.option("--read-data", is_flag=True, help="Read the bytes of all files too.")
@shared_options
@pass_session
def command(session: Session, path: str, read_data: bool) -> None:
    """Show what is in a bundle, and check it.

    No registry is needed. Whatever a bundle of this release would not hold is refused.
    """
    from pathlib import Path

    from ama_tfx.cli.views_sharing import contents_report
    from ama_tfx.registry.sharing import inspect_bundle

    file = Path(path)
    size_bytes = file.stat().st_size if file.is_file() else 0
    with session.progress("reading", size_bytes) as on_progress:
        contents = inspect_bundle(file, read_data=read_data, on_progress=on_progress)
    session.say(contents_report(contents))
