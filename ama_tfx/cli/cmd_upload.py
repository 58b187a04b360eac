"""``ama upload``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama upload -m "Trained on the November data"
"""
)
@click.option("-m", "--message", metavar="TEXT", help="What it is, for people.")
@click.option(
    "--bump",
    type=click.Choice(["auto", "major", "minor", "pipeline"]),
    default="auto",
    help="What of MAJOR.MINOR.PIPELINE to raise; auto decides.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be registered, and register nothing.")
@registry_options
@shared_options
@pass_session
def command(session: Session, message: str | None, bump: str, dry_run: bool) -> None:
    """Register what was added as a version.

    The registry is made when there is none. The same content with the same facts is the same version, however often it
    is uploaded. When something is wrong nothing is registered, and all of it is pending still. Whether MAJOR, MINOR or
    PIPELINE rises is decided from schemas, targets, signatures and metrics, and said with the reasons. The next version
    is based on this one then.
    """
    from ama_tfx.cli.views import bump_of
    from ama_tfx.cli.views_copy import preview_report, upload_report
    from ama_tfx.cli.warning import warn
    from ama_tfx.registry.working_copy.previewing import preview
    from ama_tfx.registry.working_copy.refs import base_of_upload

    working_copy = session.working_copy()
    size_bytes = working_copy.pending().size_bytes
    if dry_run:
        previewed = preview(working_copy, session.registry_if_any(), message=message)
        session.say(preview_report(previewed, session.workspace))
        warn(previewed.base.warning if previewed.base else None)
        return
    registry = session.registry(create=True)
    with session.progress("uploading", size_bytes) as on_progress:
        registered, draft = working_copy.upload(registry, message=message, bump=bump_of(bump), on_progress=on_progress)
    base = base_of_upload(registry, registered, draft)
    session.say(upload_report(registered, draft, base, session.workspace))
    warn(base.warning if base else None)
