"""``ama retire``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama retire sequence_models:1 --reason 'trained on the wrong split'
  ama retire --list
  ama retire --undo sequence_models:1
"""
)
@click.argument("reference", metavar="[REF]", required=False)
@click.option("--reason", metavar="TEXT", help="Why, for whoever looks for the files.")
@click.option("--list", "do", flag_value="list", help="List what is retired.")
@click.option("--undo", "do", flag_value="undo", help="Take the version back, if its files are still there.")
@click.option("--dry-run", is_flag=True, help="Change nothing, only tell.")
@registry_options
@shared_options
@pass_session
def command(session: Session, reference: str | None, reason: str | None, do: str | None, dry_run: bool) -> None:
    """Keep a version's record and let its files go.

    What it was, what it was made from and what was made from it stay known for ever. Its files go with 'ama gc
    --apply', after its quarantine, unless another version has them too. A version with an alias or a pin, or one that a
    version is made from that stays, is not retired. 'ama gc --keep RULE' retires by a rule.
    """
    from ama_tfx.cli.references import version_ref
    from ama_tfx.cli.views_upkeep import retired_list_report, retired_report, unretired_report

    if (reference is None) != (do == "list") or ((reason is not None or dry_run) and do is not None):
        raise click.UsageError("use `ama retire REF --reason TEXT [--dry-run]`, `--undo REF` or `--list`")
    upkeep = session.registry().upkeep
    if reference is None:
        session.say(retired_list_report(upkeep.retired(), session.workspace))
        return
    ref = version_ref(reference, session.workspace)
    if do == "undo":
        session.say(unretired_report(upkeep.unretire(ref), reference, session.workspace))
    else:
        session.say(
            retired_report(upkeep.retire(ref, reason or "", dry_run=dry_run), session.workspace, dry_run=dry_run)
        )
