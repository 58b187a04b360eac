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
    this means now, also when the alias moves before the upload. It takes the place of a ref to ASSET in the same role
    that comes from the version that this working copy is based on.
    """
    from ama_tfx.cli.references import ref_target
    from ama_tfx.cli.views_copy import changes_report, ref_words
    from ama_tfx.registry.working_copy.status import ref_status

    working_copy = session.working_copy()
    registry = session.registry(workspace=session.workspace_or(working_copy.asset.workspace))
    target = ref_target(registry, reference, alias=alias, version=version)
    draft = working_copy.add_ref(registry, target, role)
    changes = working_copy.changes(draft)
    first = ref_words(ref_status(registry, draft.refs[-1], changes))
    session.say(changes_report(draft, changes, working_copy.root, first=first))
