"""``ama compare``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama compare sequence_models:1 sequence_models:2
  ama compare ./output sequence_models:champion --only params,metrics
"""
)
@click.argument("references", nargs=-1, required=True, metavar="REF REF...")
@click.option("--only", metavar="SECTIONS", help="Some of facts,params,metrics,files,refs,schema,tensors.")
@click.option("--all", "with_same", is_flag=True, help="Tell of what is equal too.")
@click.option("--html", "page", metavar="FILE", help="Write a page to FILE; '-' is standard output.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when they differ.")
@registry_options
@shared_options
@pass_session
def command(
    session: Session, references: tuple[str, ...], only: str | None, with_same: bool, page: str | None, exit_code: bool
) -> None:
    """Compare versions, files of them, or folders on disk.

    All are compared with the first. On disk is what begins with '.' or '/', what holds a '/' and exists, and a file of
    that name. Nothing is executed. With --quiet, only the names of the sections that differ are printed.
    """
    from ama_tfx.cli.paths import check_target
    from ama_tfx.cli.views_compare import compared_references, comparison_report, sections_of, write_page

    if page is not None:
        check_target(page)
    wanted = compared_references(references, session.workspace)
    comparison = session.registry().compare(wanted, sections=sections_of(only), with_same=with_same)
    if page is not None:
        write_page(comparison, page)
    if page != "-":
        session.say(comparison_report(comparison, page))
    if exit_code and not comparison.is_same:
        click.get_current_context().exit(1)
