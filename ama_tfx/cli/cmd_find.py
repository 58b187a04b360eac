"""``ama find``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama find model.yml
"""
)
@click.argument("file", required=False, metavar="[FILE]")
@click.option("--sha256", metavar="HEX", help="The content's SHA-256, as sha256sum prints it, instead of a file.")
@registry_options
@shared_options
@pass_session
def command(session: Session, file: str | None, sha256: str | None) -> None:
    """Find the versions that hold a file of the same content.

    Under whatever name, and in all workspaces. Exits 3 when there is none.
    """
    from ama_tfx.cli.references import content_to_find
    from ama_tfx.cli.views import found_report
    from ama_tfx.errors import NotFoundError

    if (file is None) == (sha256 is None):
        raise click.UsageError("name one content: FILE or --sha256")
    hits = session.registry().find(content_to_find(file, sha256))
    session.say(found_report(hits, session.workspace))
    if not hits:
        raise NotFoundError(f"no version holds a file with the content of {file or sha256!r}")
