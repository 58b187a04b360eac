"""How ``ama`` finds a command, lists all of them and ends; the tables themselves are in ``app.py``."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import click

from ama_tfx.cli.outcomes import EXIT_CODES, exit_after
from ama_tfx.cli.session import Session
from ama_tfx.errors import did_you_mean

COMPLETION = "_AMA_COMPLETE"


class Entry(NamedTuple):
    """Where a command is, and what the list of commands says of it."""

    module: str
    help: str


class Root(click.Group):
    """``ama`` itself: finds commands in its table and turns every end into an exit code.

    Args:
        entries: Name, of one or two words, -> where the command is.
        synonyms: Another name -> the name in the table.
        groups: Heading -> names, in the order of the help; a name that is in no group is listed last.
        settings: Those of `click.Group`.
    """

    def __init__(
        self,
        *,
        entries: Mapping[str, Entry],
        synonyms: Mapping[str, str],
        groups: Mapping[str, Sequence[str]],
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.entries, self.synonyms, self.groups = entries, synonyms, groups

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return what may stand behind ``ama``: names of one word, and the first of two."""
        return self._first_words()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command and return it; the first of two words stands for a list of the second ones."""
        name = self.synonyms.get(cmd_name, cmd_name)
        if name not in self.entries:
            return self._family(cmd_name)
        command = importlib.import_module(self.entries[name].module).command
        assert isinstance(command, click.Command)
        if ctx.resilient_parsing:
            from ama_tfx.cli.completing import teach

            teach(command, self._second_words(cmd_name))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that arguments begin with; ``add ref`` is one of two words."""
        for words in (2, 1):
            name = " ".join(args[:words])
            name = self.synonyms.get(name, name)
            if len(args) >= words and name in self.entries:
                command = self.get_command(ctx, name)
                assert command is not None
                if not ctx.resilient_parsing:
                    _check_choices(click.Context(command, parent=ctx, info_name=name), args[words:])
                return name, command, args[words:]
        if (family := self._family(args[0])) and (len(args) == 1 or args[1].startswith("-")):
            return args[0], family, args[1:]
        raise click.UsageError(self._unknown(args, is_family=family is not None), ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, group by group."""
        grouped = {name for names in self.groups.values() for name in names}
        others = [name for name in self.entries if name not in grouped]
        width = max(map(len, self.entries))
        for heading, names in {**self.groups, "Others": others}.items():
            rows = [(name.ljust(width), self.entries[name].help) for name in names if name in self.entries]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example, and the other names of commands."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Other names"):
            known = [(f"{other} ", name) for other, name in self.synonyms.items() if name in self.entries]
            formatter.write_dl([(other, f"is {name}") for other, name in known])

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> NoReturn:
        """Run a command line and exit."""
        argv = list(sys.argv[1:] if args is None else args)
        if instruction := os.environ.get(COMPLETION):
            from ama_tfx.cli.completing import complete

            sys.exit(complete(self, instruction))
        session = Session()

        def run() -> None:
            with self.make_context("ama", argv.copy(), obj=session) as context:
                self.invoke(context)

        exit_after(run, argv, json_wanted=session.fails_in_json)

    def _first_words(self) -> list[str]:
        return list(dict.fromkeys(name.partition(" ")[0] for name in self.entries))

    def _second_words(self, first: str) -> dict[str, str]:
        """Return what may stand behind a word -> what it does."""
        names = {name: self.entries[name].help for name in self.entries}
        names |= {other: names[name] for other, name in self.synonyms.items() if name in names}
        return {name.partition(" ")[2]: said for name, said in names.items() if name.startswith(f"{first} ")}

    def _family(self, first: str) -> click.Command | None:
        words = self._second_words(first)
        return _Family(first, words) if words and first not in self.entries else None

    def _unknown(self, args: Sequence[str], *, is_family: bool) -> str:
        known = [*self.entries, *(other for other, name in self.synonyms.items() if name in self.entries)]
        two = " ".join(args[:2])
        if is_family:
            words = self._second_words(args[0])
            hint = did_you_mean(args[1], words) or f"; known: {', '.join(words)}"
            return f"no command {two!r}{hint}"
        hint = did_you_mean(two, [name for name in known if " " in name]) if args[1:] else ""
        hint = hint or did_you_mean(args[0], dict.fromkeys((*self._first_words(), *known)))
        return f"no command {args[0]!r}" + (hint or f"; known: {', '.join(self._first_words())}")


def _check_choices(context: click.Context, args: Sequence[str]) -> None:
    """Refuse two flags that say different things of one parameter: click would take the last.

    Raises:
        click.UsageError: Such flags.
    """
    try:
        _, _, given = context.command.make_parser(context).parse_args(list(args))
    except click.BadOptionUsage as error:
        error.ctx = error.ctx or context
        raise
    except click.UsageError:  # said better when the command is run
        return
    flags: dict[str | None, dict[str, None]] = {}
    for parameter in given:
        flags.setdefault(parameter.name, {})[parameter.opts[-1]] = None
    for names in flags.values():
        if len(names) > 1:
            raise click.UsageError(f"{' and '.join(names)} do not go together; use one of them", context)


class _Family(click.Group):
    """Commands whose names begin with one word; by itself the word is a question, answered with the list of them."""

    def __init__(self, first: str, words: Mapping[str, str]) -> None:
        super().__init__(name=first, callback=self._show, invoke_without_command=True, add_help_option=True)
        self.help = f"Commands that begin with '{first}'."
        self._words = words

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the second words."""
        return list(self._words)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return what completion shows of a second word; running one is the root's work."""
        return click.Command(cmd_name, help=self._words.get(cmd_name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(f"{self.name} {word}", said) for word, said in self._words.items()])

    @staticmethod
    def _show() -> None:
        context = click.get_current_context()
        click.echo(context.get_help(), err=True)
        context.exit(EXIT_CODES["usage"])
