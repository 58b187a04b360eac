"""``ama runs import``."""

from __future__ import annotations

import click

from ama_tfx.cli.history import store_option
from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama runs import latest --store metadata.db
"""
)
@click.argument("run", metavar="RUN", default="latest")
@click.option("--asset", metavar="ASSET", help="The asset that gets it as a version; runs/<pipeline> by default.")
@click.option("--dry-run", is_flag=True, help="Only show what would be registered.")
@store_option
@registry_options
@shared_options
@pass_session
def command(session: Session, run: str, asset: str | None, dry_run: bool, store: str | None) -> None:
    """Take a run into the registry, so that its lineage outlives the metadata store.

    It becomes a version of kind Run with one file, run.json, and refs to the versions that the run registered and
    used. Imported again it is the same version. Values whose names say that they are secret are left out.
    """
    from ama_tfx.cli.history import history_of
    from ama_tfx.cli.views_runs import import_plan_report, imported_report
    from ama_tfx.provenance import import_run, record_run

    history = history_of(store)
    record = record_run(history, history.run(run))
    if dry_run:
        session.say(import_plan_report(record, asset))
    else:
        session.say(imported_report(import_run(session.registry(create=True), record, asset), session.workspace))
