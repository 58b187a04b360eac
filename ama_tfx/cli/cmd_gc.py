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
  ama gc --keep 'last 5, best metric=auc' --asset taxi/model
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
@click.option("--keep", "rule", metavar="RULE", help="First retire what the rule does not keep of --asset.")
@click.option("--asset", "assets", metavar="ASSET", multiple=True, help="For --keep; may be given again.")
@registry_options
@shared_options
@pass_session
def command(session: Session, do: str, quarantine_days: int | None, rule: str | None, assets: tuple[str, ...]) -> None:
    """Remove bytes that no version needs.

    What goes is condemned first, and deleted by a later 'ama gc --apply' when the quarantine is over, unless somebody
    needs it again. With --keep, versions that the rule does not keep are retired first: their record and lineage stay.
    Terms: 'last N', 'best|highest|lowest [N] metric=NAME', 'tag=NAME', 'newer DAYSd'; aliases and pins always keep.
    """
    import datetime

    from ama_tfx.cli.views_upkeep import collected_report, plan_report, undone_report

    if quarantine_days is not None and do != "apply":
        raise click.UsageError("--quarantine is for --apply; leave it out")
    if bool(rule) != bool(assets):
        raise click.UsageError("--keep RULE and --asset ASSET go together; a rule is for the assets that are named")
    upkeep = session.registry().upkeep
    if do == "undo":
        back = upkeep.undo_keep_only(assets, rule) if rule else ((), ())
        session.say(undone_report(upkeep.undo_gc(), *back))
        return
    retention = upkeep.keep_only(assets, rule, dry_run=do == "plan") if rule else None
    if do == "plan":
        session.say(plan_report(upkeep.plan_gc(), retention, session.workspace))
    else:
        done = upkeep.gc(quarantine=datetime.timedelta(14 if quarantine_days is None else quarantine_days))
        session.say(collected_report(done, retention, session.workspace))
