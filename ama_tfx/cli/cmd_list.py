"""``ama list``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama list
  ama list sequence_models
"""
)
@click.argument("asset", required=False, metavar="[ASSET]")
@click.option("--all", "all_workspaces", is_flag=True, help="The assets of all workspaces.")
@registry_options
@shared_options
@pass_session
def command(session: Session, asset: str | None, all_workspaces: bool) -> None:
    """List assets, or the versions of one.

    Assets by name, of one workspace unless --all is given; versions the newest first.
    """
    from ama_tfx.cli.references import asset_name
    from ama_tfx.cli.views import assets_report, versions_report

    if asset is None:
        assets = session.registry().assets(None if all_workspaces else session.workspace)
        session.say(assets_report(assets, session.workspace))
        return
    if all_workspaces:
        raise click.UsageError("--all lists assets; leave it out to list the versions of one")
    name, registry = asset_name(asset, session.workspace), session.registry()
    versions, aliases = registry.versions(name), registry.aliases(name)
    retired = {one.version.number for one in registry.upkeep.retired() if one.version.asset == name}
    session.say(versions_report(versions, aliases, retired, session.workspace))
