"""``ama verify``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama verify sequence_models:1
  ama verify ./copy
  ama verify ./copy sequence_models --alias my_model
"""
)
@click.argument("what", metavar="REF|PATH")
@click.argument("reference", metavar="[REF]", required=False)
@click.option("--alias", metavar="ALIAS", help="The version with this alias.")
@click.option("--version", metavar="VERSION", help="A number, MAJOR.MINOR.PIPELINE or sha256:…")
@registry_options
@shared_options
@pass_session
def command(session: Session, what: str, reference: str | None, alias: str | None, version: str | None) -> None:
    """Check that a version can be restored, or that a folder is one.

    Given a reference, every byte of the version, or of the file or folder of it, is read, from the store or from the
    URL where it is kept, and compared with its SHA-256. Given a path, which begins with '.', '~' or '/', and a
    reference, the files there are compared with the version; without a reference, the versions that are exactly this
    are looked for.
    """
    from ama_tfx.cli.paths import local_path, suggesting_path
    from ama_tfx.cli.references import content_ref
    from ama_tfx.cli.views_upkeep import identified_report, refuse_problems, verified_report

    local = local_path(what)
    if reference is not None and local is None:
        raise click.UsageError(
            f"{what!r} is no path, which begins with '.', '~' or '/'; give a REF, or a PATH and a REF"
        )
    upkeep = session.registry().upkeep
    if local is not None and reference is None:
        session.say(identified_report(upkeep.identify(local), what, session.workspace))
        return
    ref = content_ref(what if reference is None else reference, session.workspace, alias=alias, version=version)
    with suggesting_path(what):
        verified = upkeep.verify(ref) if local is None else upkeep.verify_local(local, ref)
    session.say(verified_report(verified, session.workspace))
    refuse_problems(verified)
