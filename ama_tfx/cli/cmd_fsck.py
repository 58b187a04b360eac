"""``ama fsck``."""

from __future__ import annotations

import click

from ama_tfx.cli.percent import Percent
from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama fsck
  ama fsck --read-data=5%
  ama fsck --repair --from /backup/registry
"""
)
@click.option(
    "--read-data",
    is_flag=False,
    flag_value="100",
    metavar="[=PERCENT]",
    type=Percent(),
    help="Read every byte, or those of PERCENT of the packs, others each time; without, what describes them.",
)
@click.option("--repair", is_flag=True, help="Mend what can be mended; every byte is read for that. Deletes nothing.")
@click.option("--from", "copies", multiple=True, metavar="URL", help="Another registry that may have what is lost.")
@click.option("--rebuild-index", is_flag=True, help="First write the index of the packs anew.")
@registry_options
@shared_options
@pass_session
def command(
    session: Session, read_data: int | None, repair: bool, copies: tuple[str, ...], rebuild_index: bool
) -> None:
    """Check that everything in the registry is whole.

    The catalog against the manifests and the audit log, the index against the packs, and that all files of all
    versions are there. Names what is damaged: version, file, blob, piece and pack. Exits 5 when something is.
    """
    from ama_tfx.cli.views_upkeep import checked_report, refuse_damage, repaired_report

    if (copies and not repair) or (repair and read_data is not None):
        raise click.UsageError("--from is for --repair, and that reads every byte anyway: leave --read-data out")
    if repair:
        session.mend_marker()
    registry = session.registry()
    if rebuild_index:
        registry.upkeep.rebuild_index()
    with session.steps("checking") as on_event:
        done = registry.upkeep.repair(copies, on_event=on_event) if repair else None
        checked = done.after if done else registry.upkeep.fsck(read_percent=read_data or 0, on_event=on_event)
    session.say(repaired_report(done) if done else checked_report(checked))
    refuse_damage(checked, registry.location)
