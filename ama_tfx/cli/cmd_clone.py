"""``ama clone``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ama_tfx.cli.session import Session, here, pass_session, registry_options, shared_options

if TYPE_CHECKING:
    from ama_tfx.registry import Downloaded


@click.command(
    epilog="""
\b
Example:
  ama clone sequence_models:my_model
  ama clone ama://team/sequence_models:3 mine --refs
"""
)
@click.argument("reference", metavar="REF")
@click.argument("folder", required=False, metavar="[FOLDER]")
@click.option("--alias", metavar="ALIAS", help="The version with this alias.")
@click.option("--version", metavar="VERSION", help="A number, MAJOR.MINOR.PIPELINE or sha256:…")
@click.option("--refs", is_flag=True, help="Also what the version was made from, each in a folder beside it.")
@registry_options
@shared_options
@pass_session
def command(
    session: Session, reference: str, folder: str | None, alias: str | None, version: str | None, refs: bool
) -> None:
    """Make a folder with a version's files, to make the next version from.

    The folder, by default the last part of the asset's name, is a working copy that is based on the version: after
    'ama add' of what was changed, 'ama upload' registers the version's files with these changes.
    """
    from ama_tfx.cli.plan_download import plan_clone
    from ama_tfx.cli.references import version_ref
    from ama_tfx.cli.views import downloaded_report
    from ama_tfx.registry.working_copy.basing import clone

    registry = session.registry()
    ref = version_ref(reference, session.workspace, alias=alias, version=version)
    whole, *others = plan_clone(registry, ref, folder, refs=refs, here=here())
    with session.progress("cloning", sum(step.size_bytes for step in (whole, *others))) as on_progress:
        results: list[tuple[str | None, Downloaded]] = [
            (None, clone(registry, whole.reference, whole.target, on_progress=on_progress)[1])
        ]
        results += [(s.role, registry.download(s.reference, s.target, on_progress=on_progress)) for s in others]
    session.say(downloaded_report(results, session.workspace))
