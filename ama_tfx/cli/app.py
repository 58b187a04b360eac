"""The root of the command line: the table of commands, and how they are found, listed and run."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import click
from click.shell_completion import shell_complete

import ama_tfx
from ama_tfx.cli.outcomes import EXIT_CODES, exit_after
from ama_tfx.cli.session import Session, registry_options, shared_options
from ama_tfx.errors import did_you_mean


class Entry(NamedTuple):
    """Where a command is, and what the list of commands says of it."""

    module: str
    help: str


COMMANDS = {
    "init": Entry("ama_tfx.cli.cmd_init", "Start or go on with an asset's next version in this folder."),
    "add": Entry("ama_tfx.cli.cmd_add", "Add files and folders to the next version."),
    "add ref": Entry("ama_tfx.cli.cmd_add_ref", "Record what the next version is made from."),
    "set": Entry("ama_tfx.cli.cmd_set", "Set the next version's alias, message, tags, properties or kind."),
    "upload": Entry("ama_tfx.cli.cmd_upload", "Register what was added as a version."),
    "download": Entry("ama_tfx.cli.cmd_download", "Write a version, or files of it, into a folder."),
    "find": Entry("ama_tfx.cli.cmd_find", "Find the versions that hold a file of the same content."),
    "show": Entry("ama_tfx.cli.cmd_show", "Show everything known of a version."),
    "list": Entry("ama_tfx.cli.cmd_list", "List assets, or the versions of one."),
    "log": Entry("ama_tfx.cli.cmd_log", "Show an asset's history: versions and moves of aliases."),
    "fsck": Entry("ama_tfx.cli.cmd_fsck", "Check that everything in the registry is whole."),
    "gc": Entry("ama_tfx.cli.cmd_gc", "Remove bytes that no version needs."),
}
"""Name -> where it is. Strings, so that listing the commands imports none of them."""

_COMPLETION = "_AMA_COMPLETE"


class Root(click.Group):
    """``ama`` itself: finds commands in `COMMANDS` and turns every end into an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return what may stand behind ``ama``."""
        return [name for name in COMMANDS if " " not in name]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command and return it."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name].module).command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that arguments begin with; ``add ref`` is one of two words."""
        for words in (2, 1):
            name = " ".join(args[:words])
            if len(args) >= words and (command := self.get_command(ctx, name)):
                return name, command, args[words:]
        known = self.list_commands(ctx)
        hint = did_you_mean(args[0], known) or f"; known: {', '.join(known)}"
        raise click.UsageError(f"no command {args[0]!r}{hint}", ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> NoReturn:
        """Run a command line and exit."""
        argv = list(sys.argv[1:] if args is None else args)
        if instruction := os.environ.get(_COMPLETION):
            sys.exit(shell_complete(self, {}, "ama", _COMPLETION, instruction))
        session = Session(workspace_name=os.environ.get("AMA_WORKSPACE") or None)

        def run() -> None:
            with self.make_context("ama", argv.copy(), obj=session) as context:
                self.invoke(context)

        exit_after(run, argv)


@click.command(
    cls=Root,
    invoke_without_command=True,
    epilog="""
\b
Example:
  ama init sequence_models
  ama add model.h5 summary_dict.json
  ama set --alias my_model
  ama upload
  ama download sequence_models --alias my_model --output copy
""",
)
@click.version_option(ama_tfx.__version__, prog_name="ama", message="%(prog)s %(version)s")
@registry_options
@shared_options
@click.pass_context
def root(context: click.Context) -> None:
    """Keep models, data and configurations as versioned assets, and find them again.

    Options stand before the command or after it. The registry is the one that --registry or AMA_REGISTRY names,
    else the folder 'registry' in AMA_HOME, else the one in the user's data folder.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(EXIT_CODES["usage"])


def main() -> NoReturn:
    """Run the ``ama`` command on the process's arguments and exit."""
    root.main()
