"""``ama remove``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, here, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama remove notes.txt 'logs/*.log'
  ama remove --alias --tag reviewed
"""
)
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option(
    "--ref", "refs", multiple=True, metavar="REF", help="Take out the ref to this version, however it is named."
)
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Unset this tag; may be given again.")
@click.option("--property", "properties", multiple=True, metavar="KEY", help="Unset this property; likewise.")
@click.option("--alias", is_flag=True, help="Unset the alias.")
@click.option("-m", "--message", is_flag=True, help="Unset the message.")
@click.option("--kind", is_flag=True, help="Unset the kind.")
@click.option("--dry-run", is_flag=True, help="Show what would be taken out, and change nothing.")
@registry_options
@shared_options
@pass_session
def command(
    session: Session,
    /,
    paths: tuple[str, ...],
    refs: tuple[str, ...],
    dry_run: bool,
    **unset: bool | tuple[str, ...],
) -> None:
    """Take files out of the next version, or unset what was set.

    Files on disk stay. PATH is a file, a folder or a pattern of what is pending or in the version that this working
    copy is based on; it need not be on disk.
    """
    from ama_tfx.cli.views_copy import removed_report
    from ama_tfx.registry import AssetRef
    from ama_tfx.registry.working_copy.refs import meant_refs

    if not (paths or refs or any(unset.values())):
        raise click.UsageError("nothing to remove; give PATH, --ref, --tag, --property, --alias, --message or --kind")
    working_copy = session.working_copy()
    targets = [AssetRef.parse(ref, session.workspace_or(working_copy.asset.workspace)) for ref in refs]
    if targets:
        targets = meant_refs(working_copy.draft(), targets, session.registry_if_any())
    draft, gone = working_copy.remove(paths, folder=here(), refs=targets, dry_run=dry_run, **unset)
    session.say(removed_report(draft, working_copy.changes(draft), gone, working_copy.root, dry_run=dry_run))
