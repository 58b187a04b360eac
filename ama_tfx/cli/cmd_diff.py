"""``ama diff``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, here, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama diff
  ama diff sequence_models:1 sequence_models:2 --stat
  ama diff training.yml sequence_models:my_model
"""
)
@click.argument("arguments", nargs=-1, metavar="[PATH...] [REF [REF]]")
@click.option("--stat", is_flag=True, help="How many lines or bytes of each file, instead of the lines.")
@click.option("--name-only", is_flag=True, help="Only the names of files that differ.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 when there is a difference.")
@registry_options
@shared_options
@pass_session
@click.pass_context
def command(
    context: click.Context, session: Session, arguments: tuple[str, ...], stat: bool, name_only: bool, exit_code: bool
) -> None:
    """Show what differs, file by file and line by line.

    Without REF, between the files here and the version that this working copy is based on; with one, between that
    version and the files here; with two, between two versions. A REF has ':' or '@' in it, as in 'model:latest'.
    """
    from ama_tfx.cli.diff_arguments import find_diff
    from ama_tfx.cli.views_copy import diff_report

    diff = find_diff(session.registry(), session.working_copy, session.workspace, arguments, here())
    session.say(diff_report(diff, stat=stat, name_only=name_only))
    context.exit(1 if exit_code and not diff.is_same else 0)
