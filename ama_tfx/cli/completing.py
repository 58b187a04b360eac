"""Shell completion: what the shells ask of ``ama``, and which values a parameter may have, told by its name.

The shells run ``ama`` with ``_AMA_COMPLETE`` set, for each press of a key: so whatever goes wrong is no completion and
never a message, and a registry is asked for a few names only.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Mapping

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
    shell_complete,
)

SHELLS = ("bash", "zsh", "fish")
VARIABLE = "_AMA_COMPLETE"

Values = Callable[[click.Context, str], list[CompletionItem]]

# click's own script lets bash split words at ':', '=' and '@', of which references are full.
_BASH = """\
%(complete_func)s() {
    local line=${COMP_LINE:0:COMP_POINT} word kept type value files=
    word=${line##*[[:space:]]}
    kept=${word%%"${word##*["$COMP_WORDBREAKS"]}"}
    COMPREPLY=()
    while IFS=',' read -r type value; do
        case $type in
            dir) compopt -o dirnames 2>/dev/null ;;
            file) files=yes ;;
            plain) COMPREPLY+=("${value#"$kept"}") ;;
            more) compopt -o nospace 2>/dev/null; COMPREPLY+=("${value#"$kept"}") ;;
        esac
    done < <(COMP_WORDS="$line" COMP_CWORD="" %(complete_var)s=bash_complete "$1" 2>/dev/null)
    if [[ $files && ${#COMPREPLY[@]} == 0 ]]; then
        compopt -o default 2>/dev/null
    elif [[ $files ]]; then
        while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -f -- "$word")
    fi
}

complete -o nosort -F %(complete_func)s %(prog_name)s 2>/dev/null || complete -F %(complete_func)s %(prog_name)s
"""


class Bash(BashComplete):
    """Completion for bash, of words that bash itself would split."""

    source_template = _BASH

    @staticmethod
    def _check_version() -> None:
        """Leave the version to the script, which works in old ones too."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor's, and that one."""
        if os.environ.get("COMP_CWORD"):
            return super().get_completion_args()
        words = click.parser.split_arg_string(line := os.environ["COMP_WORDS"])
        return (words[1:], "") if line[-1:].isspace() else (words[1:-1], words[-1])


def complete(root: click.Command, instruction: str) -> int:
    """Answer a shell; see `click.shell_completion.shell_complete`."""
    add_completion_class(Bash)
    if instruction.endswith("_source"):
        return shell_complete(root, {}, "ama", VARIABLE, instruction)
    os.environ.setdefault("PGCONNECT_TIMEOUT", "2")
    try:
        return shell_complete(root, {}, "ama", VARIABLE, instruction)
    except Exception:  # noqa: BLE001 - somebody is typing: nothing is worth a traceback between two keys
        return 0
    finally:
        sys.stdout.flush()


def script(shell: str) -> str:
    """Return the script that a shell reads for the completion of ``ama``."""
    add_completion_class(Bash)
    known = get_completion_class(shell)
    assert known is not None
    return known(click.Command("ama"), {}, "ama", VARIABLE).source()


def teach(command: click.Command, second_words: Mapping[str, str]) -> None:
    """Let a command's parameters complete themselves.

    Args:
        command: Which.
        second_words: What may stand behind its name to make another command's, as ``ref`` in ``add ref``.
    """
    first, names = True, {str(parameter.name) for parameter in command.params}
    for parameter in command.params:
        values = _values_of(parameter, names)
        if isinstance(parameter, click.Argument) and first:
            values, first = _with_words(values, second_words), False
        if values:
            parameter.shell_complete = values  # type: ignore[method-assign,assignment]


def _values_of(parameter: click.Parameter, names: Collection[str]) -> Values | None:
    if isinstance(parameter.type, click.Choice) or getattr(parameter, "is_flag", False):
        return None
    if parameter.name == "paths" and "reference" in names:
        return _from_registry("paths")
    return _BY_NAME.get(str(parameter.name)) or _BY_METAVAR.get((parameter.metavar or "").strip("[]."))


def _with_words(values: Values | None, second_words: Mapping[str, str]) -> Values | None:
    if not second_words:
        return values

    def complete_words(context: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [CompletionItem(word, help=said) for word, said in second_words.items() if word.startswith(incomplete)]
        return found + (values(context, incomplete) if values else [])

    return complete_words


def _from_registry(what: str) -> Values:
    def ask(context: click.Context, incomplete: str) -> list[CompletionItem]:
        from ama_tfx.cli.session import Session
        from ama_tfx.registry import open_registry
        from ama_tfx.registry.suggesting import suggest
        from ama_tfx.settings import Settings

        asset = context.params.get("reference") or context.params.get("asset") or next(iter(context.args), None)
        given = context.ensure_object(Session).given
        registry = open_registry(settings=Settings.load(given))
        try:
            words = suggest(registry, what, incomplete, asset=asset if isinstance(asset, str) else None)
        finally:
            registry.close()
        return [CompletionItem(word, type="more" if word.endswith((":", "/")) else "plain") for word in words]

    return ask


def _files(_: click.Context, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="file")]


def _folders(_: click.Context, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(incomplete, type="dir")]


def _settings(_: click.Context, incomplete: str) -> list[CompletionItem]:
    from ama_tfx.settings import SETTINGS

    return [CompletionItem(key, help=told.help) for key, told in SETTINGS.items() if key.startswith(incomplete)]


def _both(one: Values, other: Values) -> Values:
    return lambda context, incomplete: one(context, incomplete) + other(context, incomplete)


_REFERENCES, _WORKSPACES = _from_registry("references"), _from_registry("workspaces")
_BY_NAME: Mapping[str, Values] = {
    **dict.fromkeys(("reference", "references"), _REFERENCES),
    **dict.fromkeys(("arguments", "target", "what"), _both(_REFERENCES, _files)),
    **dict.fromkeys(("asset", "assets"), _from_registry("assets")),
    "alias": _from_registry("aliases"),
    **dict.fromkeys(("_workspace", "to"), _WORKSPACES),
    "_registry": _folders,
    "key": _settings,
}
"""Name of a parameter -> what it may be."""

_BY_METAVAR: Mapping[str, Values] = {
    "REF": _REFERENCES,
    **dict.fromkeys(("ARCHIVE", "FILE", "PATH"), _files),
    **dict.fromkeys(("DIR", "FOLDER"), _folders),
}
"""The word that the help has for a value, of a parameter whose name says nothing -> what it may be."""
