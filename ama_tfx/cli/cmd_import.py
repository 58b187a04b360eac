"""``ama import``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama import sequence_models.zip --dry-run
  ama import sequence_models.zip
"""
)
@click.argument("archive", metavar="ARCHIVE")
@click.option("--name", metavar="NAME", help="The asset of what came out.  [default: the archive's name]")
@click.option("--inputs", metavar="GLOB", multiple=True, help="Files that went in; can be given several times.")
@click.option("--outputs", metavar="GLOB", multiple=True, help="Files that came out; can be given several times.")
@click.option("--most-bytes", metavar="N", type=click.IntRange(1), help="How much the archive may unpack to.")
@click.option("--dry-run", is_flag=True, help="Only show what would be made.")
@registry_options
@shared_options
@pass_session
def command(
    session: Session,
    archive: str,
    name: str | None,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    most_bytes: int | None,
    dry_run: bool,
) -> None:
    """Make linked assets of a model's archive.

    A zip, a tar, a tar.gz or a folder. Files are told apart by their names: what went into the training becomes the
    asset NAME_inputs, what came out of it the asset NAME, which refers to the other one.
    """
    from pathlib import Path

    from ama_tfx.cli.views_sharing import import_plan_report, imported_report
    from ama_tfx.registry.sharing import import_planned, plan_import

    globs = (inputs, outputs)
    plan = plan_import(Path(archive), session.workspace, name, globs, most_bytes)
    if dry_run:
        session.say(import_plan_report(plan, session.workspace))
    else:
        session.say(imported_report(import_planned(session.registry(create=True), plan), session.workspace))
