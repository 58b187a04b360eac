"""``ama lineage``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama lineage sequence_models:my_model
  ama lineage nlp_embeddings --down 2
"""
)
@click.argument("reference", metavar="REF")
@click.option("--alias", metavar="ALIAS", help="The version with this alias.")
@click.option("--version", metavar="VERSION", help="A number, MAJOR.MINOR.PIPELINE or sha256:…")
@click.option("--up", metavar="N", type=click.IntRange(0), help="Follow N refs to what it was made from.")
@click.option("--down", metavar="N", type=click.IntRange(0), help="Follow N refs to what was made from it.")
@click.option("--dot", "form", flag_value="dot", help="Print a graph for Graphviz.")
@click.option("--mermaid", "form", flag_value="mermaid", help="Print a flowchart for Mermaid.")
@click.option("--svg", "form", flag_value="svg", help="Print a picture.")
@registry_options
@shared_options
@pass_session
def command(
    session: Session,
    reference: str,
    alias: str | None,
    version: str | None,
    up: int | None,
    down: int | None,
    form: str | None,
) -> None:
    """Show what a version was made from, and what was made from it.

    All of both, as a tree, unless --up or --down is given: then as many refs in that direction, and none in the other.
    """
    from ama_tfx.cli.references import version_ref
    from ama_tfx.cli.views_lineage import drawn_report, lineage_report

    ref = version_ref(reference, session.workspace, alias=alias, version=version)
    if up is not None or down is not None:
        up, down = up or 0, down or 0
    lineage = session.registry().lineage.graph(ref, up=up, down=down)
    if form is None:
        session.say(lineage_report(lineage, session.workspace))
    else:
        draw = {"dot": lineage.to_dot, "mermaid": lineage.to_mermaid, "svg": lineage.to_svg}
        session.say(drawn_report(lineage, draw[form]()))
