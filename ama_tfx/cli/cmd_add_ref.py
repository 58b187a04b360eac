"""``ama add ref``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama add ref --alias my_training_inputs
  ama add ref nlp_embeddings:3 --role schema
"""
)
@click.argument("reference", required=False, metavar="[ASSET]")
@click.option("--alias", metavar="ALIAS", help="The version with this alias, of ASSET or of the one asset that has it.")
@click.option("--version", metavar="VERSION", help="A number, MAJOR.MINOR.PIPELINE or sha256:…")
@click.option("--role", default="input", show_default=True, metavar="ROLE", help="What it was used as.")
@registry_options
@shared_options
@pass_session
def command(session: Session, reference: str | None, alias: str | None, version: str | None, role: str) -> None:
    """Record what the next version is made from.

    ASSET may say the version too: 'nlp_embeddings:3', 'ama://team/nlp_embeddings:champion'. The ref is the version that
    this means now, also when the alias moves before the upload.
    """
    from ama_tfx.cli.references import ref_target
    from ama_tfx.cli.views import draft_report, ref_line

    working_copy = session.working_copy()
    registry = session.registry(workspace=session.workspace_or(working_copy.asset.workspace))
    target = ref_target(registry, reference, alias=alias, version=version)
    draft = working_copy.add_ref(registry, target, role)
    session.say(draft_report(draft, working_copy.root, first=ref_line(draft.refs[-1])))
