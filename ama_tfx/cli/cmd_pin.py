"""``ama pin``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama pin sequence_models:3 --reason 'in the paper'
  ama pin
"""
)
@click.argument("reference", required=False, metavar="[REF]")
@click.option("--reason", default="", metavar="TEXT", help="Why.")
@registry_options
@shared_options
@pass_session
def command(session: Session, reference: str | None, reason: str) -> None:
    """Pin a version against retention, or list what is pinned.

    No rule of retention takes a pinned version away. Without a REF all pinned versions are listed.
    """
    from ama_tfx.cli.references import version_ref
    from ama_tfx.cli.views_names import pinned_report, pins_report

    if reference is None and reason:
        raise click.UsageError("--reason is for a version that is to be pinned; say which")
    if reference is None:
        session.say(pins_report(session.registry().notes.pins(), session.workspace))
        return
    ref = version_ref(reference, session.workspace)
    session.say(pinned_report(session.registry().notes.pin(ref, reason), session.workspace))
