"""``ama add``."""

from __future__ import annotations

from typing import Any

import click

from ama_tfx.cli.session import Session, here, pass_session, shared_options


@click.command(
    epilog="""
\b
Example:
  ama add model.h5 summary_dict.json
  ama add 'checkpoints/*.h5' assets
  ama add --external https://host/corpus.tar --as data/corpus.tar

A file called 'ref' is './ref': 'ama add ref' is the command that adds a ref.
"""
)
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("-f", "--force", is_flag=True, help="Also what .amaignore leaves out.")
@click.option("--external", metavar="URL", help="Content that stays at this URL, instead of PATHs.")
@click.option("--sha256", metavar="HEX", help="Its SHA-256; with --size it is not read now.")
@click.option("--size", "size_bytes", type=int, metavar="N", help="Its size in bytes.")
@click.option("--as", "path", metavar="PATH", help="Its path in the asset.  [default: the last name in the URL]")
@shared_options
@pass_session
def command(session: Session, /, paths: tuple[str, ...], force: bool, external: str | None, **known: Any) -> None:
    """Add files and folders to the next version.

    They are read when they are uploaded. A folder stands for the files in it now; '.ama', '.git' and what '.amaignore'
    says stay out. Commas between paths are allowed, and patterns that the shell left alone are expanded.
    """
    from ama_tfx.cli.paths import named_and_found
    from ama_tfx.cli.views_copy import changes_report
    from ama_tfx.registry.fetching import external_entry

    if bool(paths) == bool(external) or (paths and any(value is not None for value in known.values())):
        raise click.UsageError("give PATHs, or --external URL with --sha256, --size and --as")
    working_copy = session.working_copy()
    if external:
        draft = working_copy.add_external(external_entry(external, **known))
    else:
        named, found = named_and_found(paths, here())
        draft = working_copy.add(named, found=found, force=force)
    session.say(changes_report(draft, working_copy.changes(draft), working_copy.root))
