"""``ama inspect``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama inspect sequence_models:champion
  ama inspect sequence_models/model.h5 --json
  ama inspect ./downloaded_model --strict
"""
)
@click.argument("target", metavar="REF[/PATH]|FILE|FOLDER")
@click.option("--alias", metavar="ALIAS", help="The version with this alias.")
@click.option("--version", metavar="VERSION", help="A number, MAJOR.MINOR.PIPELINE or sha256:…")
@click.option("--all", "show_all", is_flag=True, help="List all of each table, not the first 20.")
@click.option("--strict", is_flag=True, help="Exit 10 when there is a danger or a problem.")
@registry_options
@shared_options
@pass_session
def command(
    session: Session, target: str, alias: str | None, version: str | None, show_all: bool, strict: bool
) -> None:
    """Show what files contain, without executing anything.

    Parameters, metrics, schemas, signatures, tensors and records, and first of all what can run code when it is loaded
    and what is damaged. On disk is what begins with '.' or '/', what holds a '/' and exists, and a file of that name.
    """
    from ama_tfx.cli.paths import suggesting_path
    from ama_tfx.cli.references import content_ref
    from ama_tfx.cli.views_inspect import inspected_report, path_on_disk, refuse_dangers
    from ama_tfx.inspection import inspect_files, local_files

    path = path_on_disk(target) if alias is None and version is None else None
    if path is not None:
        inspected = inspect_files(local_files(path))
    else:
        ref = content_ref(target, session.workspace, alias=alias, version=version)
        with suggesting_path(target):
            inspected = session.registry().inspect(ref)
    session.say(inspected_report(inspected, show_all=show_all))
    if strict:
        refuse_dangers(inspected, target)
