"""``ama export``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama export sequence_models:my_model --output sequence_models.zip
"""
)
@click.argument("source", metavar="REF")
@click.option("-o", "--output", metavar="FILE", required=True, help="The zip to write.")
@click.option("--no-inputs", is_flag=True, help="Leave out what went into it.")
@click.option("--manifest", is_flag=True, help="REF is a file: the manifest of the version.")
@click.option("--folder", is_flag=True, help="REF is a folder: its files, whatever a registry has.")
@click.option("--force", is_flag=True, help="Replace the file when it exists.")
@registry_options
@shared_options
@pass_session
def command(session: Session, /, source: str, output: str, **how: bool) -> None:
    """Write a version, and what went into it, as a zip.

    The files have their own paths; those of the versions it refers to in the role 'input' stand beside them, as in the
    archives that 'ama import' reads: importing the zip gives both assets back. Made twice, it is the same to the byte.
    """
    from pathlib import Path

    from ama_tfx.cli.references import version_ref
    from ama_tfx.cli.views_sharing import exported_report
    from ama_tfx.errors import InvalidInputError
    from ama_tfx.registry.sharing import export_folder, manifest_digest

    if how["manifest"] and how["folder"]:
        raise InvalidInputError(f"{source!r} cannot be both a manifest and a folder; use one of --manifest, --folder")
    if how["folder"]:
        session.say(exported_report(export_folder(Path(source), Path(output), force=how["force"])))
        return
    version = manifest_digest(Path(source)) if how["manifest"] else version_ref(source, session.workspace)
    exported = session.registry().sharing.export_zip(
        version, Path(output), with_inputs=not how["no_inputs"], force=how["force"]
    )
    session.say(exported_report(exported))
