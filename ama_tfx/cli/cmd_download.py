"""``ama download``."""

from __future__ import annotations

from typing import Any

import click

from ama_tfx.cli.session import Session, here, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama download sequence_models --alias my_model --refs
  ama download sequence_models:1 model.h5 --output copy
  ama download sequence_models --include '*.yml' --exclude 'logs/'
"""
)
@click.argument("reference", metavar="REF")
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option("--alias", metavar="ALIAS", help="The version with this alias.")
@click.option("--version", metavar="VERSION", help="A number, MAJOR.MINOR.PIPELINE or sha256:…")
@click.option("--refs", is_flag=True, help="Also what the version was made from, each in a folder beside it.")
@click.option("--include", multiple=True, metavar="GLOB", help="Only files that match; may be given again.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="No files that match; may be given again.")
@click.option("-o", "--output", metavar="DIR", help="Folder to write to.  [default: the last part of the asset's name]")
@registry_options
@shared_options
@pass_session
def command(
    session: Session,
    /,
    reference: str,
    paths: tuple[str, ...],
    alias: str | None,
    version: str | None,
    output: str | None,
    **chosen: Any,
) -> None:
    """Write a version, or files of it, into a folder.

    REF is 'ASSET' for the newest version, 'ASSET:ALIAS', 'ASSET:3', 'ASSET:1.4.2', 'ASSET@sha256:…', or any of these
    with 'ama://WORKSPACE/' before it; PATH is a file or a folder in it. Each folder appears verified and whole, or not
    at all; what is there already is left alone.
    """
    from ama_tfx.cli.plan_download import plan_download
    from ama_tfx.cli.references import content_ref
    from ama_tfx.cli.views import downloaded_report

    registry = session.registry()
    ref = content_ref(reference, session.workspace, alias=alias, version=version)
    steps = plan_download(registry, ref, paths, output=output, here=here(), **chosen)
    with session.progress("downloading", sum(step.size_bytes for step in steps)) as on_progress:
        results = [
            (step.role, registry.download(step.reference, step.target, manifest=step.manifest, on_progress=on_progress))
            for step in steps
        ]
    session.say(downloaded_report(results, session.workspace))
