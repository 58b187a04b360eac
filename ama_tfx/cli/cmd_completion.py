"""``ama completion``."""

from __future__ import annotations

import click

from ama_tfx.cli.session import Session, pass_session, shared_options


@click.command(
    epilog="""
\b
Example:
  ama completion bash >> ~/.bashrc
  ama completion zsh > "${fpath[1]}/_ama"
  ama completion fish > ~/.config/fish/completions/ama.fish
"""
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@shared_options
@pass_session
def command(session: Session, shell: str) -> None:
    """Print the script that lets a shell complete commands, options and names.

    With it the shell also completes assets, aliases, versions and paths in them, as the registry has them.
    """
    from ama_tfx.cli.completing import script
    from ama_tfx.cli.report import Report

    lines = tuple(script(shell).splitlines())
    session.say(Report({"shell": shell, "script": "\n".join(lines) + "\n"}, lines, lines))
