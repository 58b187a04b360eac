"""``ama audit verify``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, registry_options, shared_options


@click.command(
    epilog="""
\b
Example:
  ama audit verify
"""
)
@click.option("--head", metavar="COUNT:HASH", help="Where the log ended once, as this command printed it then.")
@registry_options
@shared_options
@pass_session
def command(session: Session, head: str | None) -> None:
    """Check that the audit log was not edited, and that the catalog is what it tells.

    Prints where the log ends. Keep that elsewhere: with --head, the next check also finds whether its end was cut off
    or written anew.
    """
    from ama_tfx.cli.views_lineage import verified_report
    from ama_tfx.registry.auditing.audit import parse_head

    expected = None if head is None else parse_head(head)
    audit = session.registry().audit
    now = audit.head()
    audit.verify(expected)
    session.say(verified_report(now, expected))
