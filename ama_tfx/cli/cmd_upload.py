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
@registry_options
@shared_options
@pass_session
def command(session: Session, message: str | None) -> None:
    """Register what was added as a version.

    The registry is made when there is none. The same content with the same facts is the same version, however often it
    is uploaded. When something is wrong nothing is registered, and all of it is pending still.
    """
    from ama_tfx.cli.views import uploaded_report

    working_copy = session.working_copy()
    size_bytes = working_copy.pending().size_bytes
    with session.progress("uploading", size_bytes) as on_progress:
        registered, draft = working_copy.upload(session.registry(create=True), message=message, on_progress=on_progress)
    session.say(uploaded_report(registered, draft, session.workspace))
