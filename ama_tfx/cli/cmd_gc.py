"""``ama gc``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama gc
  ama gc --apply
  ama gc --undo
"""
)
@click.option("--plan", "do", flag_value="plan", default=True, help="Only show what would go; so it is by default.")
@click.option("--apply", "do", flag_value="apply", help="Condemn it, and delete what was condemned long enough ago.")
@click.option("--undo", "do", flag_value="undo", help="Take back what is condemned and not deleted yet.")
@click.option(
    "--quarantine",
    "quarantine_days",
    metavar="DAYS",
    type=click.IntRange(0, 3650),
    help="With --apply: how long what is condemned stays.  [default: 14]",
)
@registry_options
@shared_options
@pass_session
def command(session: Session, do: str, quarantine_days: int | None) -> None:
    """Remove bytes that no version needs.

    Such are left by uploads that were interrupted. What goes is condemned first, and deleted by a later 'ama gc
    --apply' when the quarantine is over, unless somebody needs it again. Others may upload and download meanwhile.
    """
    import datetime

    from ama_tfx.cli.views_upkeep import collected_report, plan_report, undone_report

    if quarantine_days is not None and do != "apply":
        raise click.UsageError("--quarantine is for --apply; leave it out")
    registry = session.registry()
    if do == "undo":
        session.say(undone_report(registry.upkeep.undo_gc()))
    elif do == "plan":
        session.say(plan_report(registry.upkeep.plan_gc()))
    elif quarantine_days is None:
        session.say(collected_report(registry.upkeep.gc()))
    else:
        session.say(collected_report(registry.upkeep.gc(quarantine=datetime.timedelta(days=quarantine_days))))
