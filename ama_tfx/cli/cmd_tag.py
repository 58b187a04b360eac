"""``ama tag``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama tag sequence_models:3 reviewed prod
  ama tag sequence_models:3 prod --remove
"""
)
@click.argument("reference", metavar="REF")
@click.argument("tags", nargs=-1, metavar="[TAG]...")
@click.option("--remove", is_flag=True, help="Take the tags off.")
@click.option("--dry-run", is_flag=True, help="With --remove: show what would be taken off, and change nothing.")
@registry_options
@shared_options
@pass_session
def command(session: Session, reference: str, tags: tuple[str, ...], remove: bool, dry_run: bool) -> None:
    """Tag a version, or take tags off it.

    Without a TAG the version's tags are listed.
    """
    from ama_tfx.cli.references import version_ref
    from ama_tfx.cli.views_names import tags_report

    if dry_run and not remove:
        raise click.UsageError("--dry-run is for --remove; leave it out")
    if remove and not tags:
        raise click.UsageError("--remove takes tags off; say which")
    ref, registry = version_ref(reference, session.workspace), session.registry()
    if remove:
        changed = registry.notes.untag(ref, *tags, dry_run=dry_run)
    else:
        changed = registry.notes.tag(ref, *tags) if tags else ()
    session.say(tags_report(registry.show(ref), changed, session.workspace, removed=remove, dry_run=dry_run))
