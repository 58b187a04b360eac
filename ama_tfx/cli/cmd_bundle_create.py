"""``ama bundle create``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama bundle create sequence_models:my_model --output model.ama
"""
)
@click.argument("references", metavar="REF...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE", required=True, help="The file to write.")
@click.option("--no-refs", is_flag=True, help="Leave out what the versions were made from.")
@click.option("--force", is_flag=True, help="Replace the file when it exists.")
@registry_options
@shared_options
@pass_session
def command(session: Session, references: tuple[str, ...], output: str, no_refs: bool, force: bool) -> None:
    """Write versions into one file, for a machine without a network.

    With all that they were made from, and their aliases, tags, metrics, messages and provenance. Made twice from the
    same state, the file is the same to the byte.
    """
    from pathlib import Path

    from ama_tfx.cli.references import version_ref
    from ama_tfx.cli.views_sharing import created_report

    refs = [version_ref(text, session.workspace) for text in references]
    registry = session.registry()
    with session.progress("bundling", sum(registry.resolve(ref).size_bytes for ref in refs)) as on_progress:
        contents = registry.sharing.create_bundle(
            refs, Path(output), with_refs=not no_refs, force=force, on_progress=on_progress
        )
    session.say(created_report(contents))
