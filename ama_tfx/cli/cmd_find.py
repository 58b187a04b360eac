"""``ama find``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama find model.yml
  ama find *.h5
"""
)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option(
    "--sha256",
    metavar="HEX",
    multiple=True,
    help="The content's SHA-256, as sha256sum prints it, instead of a file; may be given again.",
)
@registry_options
@shared_options
@pass_session
def command(session: Session, files: tuple[str, ...], sha256: tuple[str, ...]) -> None:
    """Find the versions that hold a file of the same content.

    Under whatever name, and in all workspaces. Exits 0 when each content is found, 3 when one is nowhere.
    """
    from ama_tfx.cli.references import contents_to_find
    from ama_tfx.cli.views_search import check_found, found_report

    if bool(files) == bool(sha256):
        raise click.UsageError("name contents: FILE... or --sha256")
    contents = contents_to_find(files, sha256)
    registry = session.registry()
    found = {written: registry.find(content) for written, content in contents.items()}
    session.say(found_report(found, session.workspace))
    check_found(found)
