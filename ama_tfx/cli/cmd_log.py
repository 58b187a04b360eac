"""``ama log``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama log sequence_models
  ama log --audit
"""
)
@click.argument("asset", required=False)
@click.option("--audit", is_flag=True, help="The audit log: of the asset, or of the whole registry.")
@registry_options
@shared_options
@pass_session
def command(session: Session, asset: str | None, audit: bool) -> None:
    """Show an asset's history: versions and moves of aliases.

    The newest first. The audit log, of every change by whomever, begins with the oldest.
    """
    from ama_tfx.cli.references import asset_name
    from ama_tfx.cli.views import log_report
    from ama_tfx.cli.views_lineage import audit_report

    name = None if asset is None else asset_name(asset, session.workspace)
    if audit:
        registry = session.registry()
        if name is not None:
            registry.versions(name)  # that there is no such asset is not an empty log
        session.say(audit_report(registry.audit.entries(name)))
    elif name is None:
        raise click.MissingParameter(param_type="argument", param_hint="'ASSET'", ctx=click.get_current_context())
    else:
        session.say(log_report(name, session.registry().log(name)))
