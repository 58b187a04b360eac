"""``ama switch``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama switch nlp_embeddings
  ama switch sequence_models:my_model
"""
)
@click.argument("reference", metavar="ASSET[:VERSION]")
@click.option("--alias", metavar="ALIAS", help="The version with this alias.")
@click.option("--version", metavar="VERSION", help="A number, MAJOR.MINOR.PIPELINE or sha256:…")
@registry_options
@shared_options
@pass_session
def command(session: Session, reference: str, alias: str | None, version: str | None) -> None:
    """Work on another asset, or from another version on.

    With a version its files are written here, and the next version starts from them. No local file is lost: what would
    be overwritten and is not the same stops it, before anything is written.
    """
    from ama_tfx.cli.references import names_version, version_ref
    from ama_tfx.cli.views_copy import switched_report
    from ama_tfx.registry.working_copy.basing import switch_asset, switch_version

    working_copy = session.working_copy()
    ref = version_ref(reference, session.workspace, alias=alias, version=version)
    if alias or version or names_version(reference):
        with session.progress("writing", 0) as on_progress:
            switched = switch_version(working_copy, session.registry(), ref, on_progress=on_progress)
    else:
        switched = switch_asset(working_copy, ref.asset, session.registry)
    session.say(switched_report(switched, working_copy.changes(switched.draft), working_copy.root))
