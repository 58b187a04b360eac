"""What runs in a task's container before the user's command: a few lines for ``/bin/sh``, and what they are given.

No ``$$`` and no ``$(NAME)`` may stand in a script: Kubernetes rewrites both in a container's command.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.secrecy import VARIABLE, secret_in_url

MARK = "ama-container-task"
"""The script's own name, ``$0``: by it the local operator knows that the word behind it is a `Wishes`."""

SCRIPT = r"""set -eu
here() {
  case $1 in
    gs://*) p=${1#gs://}; if [ -d "/gcs/${p%%/*}" ]; then p=/gcs/$p; else p=$1; fi ;;
    *) p=$1 ;;
  esac
}
for name in $2; do
  eval "value=\${$name-}"
  if [ -z "$value" ]; then
    echo "container task: the environment variable $name is not set in the container" >&2
    exit 78
  fi
done
value=
left=$3
shift 3
while [ "$left" -gt 0 ]; do
  here "${1#?}"
  case $1 in f*) p=${p%/*} ;; esac
  case $p in *://*) ;; *) mkdir -p "$p" ;; esac
  shift
  left=$((left - 1))
done
left=$#
while [ "$left" -gt 0 ]; do
  here "$1"
  shift
  set -- "$@" "$p"
  left=$((left - 1))
done
exec "$@"
"""
"""Checks that the variables are set, makes the outputs' folders, and becomes the command.

``gs://bucket/…`` becomes ``/gcs/bucket/…`` where that is mounted, as it is in every container of Vertex.
"""

_MODES = ("ro", "rw")
_LEAST_SECRET = 6
"""Characters: a shorter value stands in too many texts by chance."""


@dataclass(frozen=True)
class Wishes:
    """What a task asks of whoever starts its container; on Kubeflow the cluster's own settings count instead.

    Attributes:
        env: Names of environment variables that the container gets from the process that starts it: upper-case
            letters, digits and ``_``.
        mounts: Absolute path on this machine -> ``ro`` or ``rw``; it has the same path in the container. A path may
            begin with a variable, ``$AMA_REGISTRY``; what it means is then mounted if it is a path here.
        memory_mb: At most so much memory, in units of 2**20 bytes; None for no limit.
        cpus: At most so many processors; None for no limit.
        timeout_seconds: The container is killed then; None for no limit.
        network: ``none`` for none; empty for the engine's own default.
    """

    env: tuple[str, ...] = ()
    mounts: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int | None = None
    cpus: float | None = None
    timeout_seconds: float | None = None
    network: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.env, str):
            raise InvalidInputError(f"env is {self.env!r}; expected a list of names, [{self.env!r}]")
        for name in self.env:
            if not isinstance(name, str) or not VARIABLE.fullmatch(name):
                raise InvalidInputError(
                    f"env holds {_start_of(name)}, which is no variable's name; expected names only, ['AMA_TOKEN'], "
                    "of upper-case letters, digits and '_': what a variable holds is never recorded"
                )
        if not isinstance(self.mounts, Mapping):
            raise InvalidInputError(f"mounts is {self.mounts!r}; expected paths with their modes, {{'/data': 'ro'}}")
        for path, mode in self.mounts.items():
            if not path.startswith(("/", "$")) or mode not in _MODES:
                raise InvalidInputError(f"mount {path!r}: {mode!r}; expected an absolute path and one of {_MODES}")
        for name in ("memory_mb", "cpus", "timeout_seconds"):
            value = getattr(self, name)
            if value is not None and not _is_limit(value):
                raise InvalidInputError(f"{name} is {value!r}; expected a number above 0, or None for no limit")

    def to_text(self) -> str:
        """Return the form in which it stands in a container's command; what is not asked for is left out."""
        asked = {
            "env": list(self.env),
            "mounts": dict(self.mounts),
            "memory_mb": self.memory_mb,
            "cpus": self.cpus,
            "timeout_seconds": self.timeout_seconds,
            "network": self.network,
        }
        return json.dumps({key: value for key, value in asked.items() if value}, sort_keys=True)

    @classmethod
    def of_command(cls, command: Sequence[str]) -> Wishes:
        """Return what a container's command says; of another's command than a task's: no wishes."""
        if len(command) < 5 or command[3] != MARK:
            return cls()
        try:
            asked: dict[str, Any] = json.loads(command[4])
            return cls(**{**asked, "env": tuple(asked.get("env", ()))})
        except (ValueError, TypeError) as error:
            raise InvalidInputError(f"the command of a container task was edited: {command[4]!r}: {error}") from error


def wrapped(wishes: Wishes, outputs: Sequence[Any], command: Sequence[Any]) -> list[Any]:
    """Return the container's command.

    Args:
        wishes: See there.
        outputs: Placeholders of the outputs' URIs, each behind ``d`` (a folder) or ``f`` (a file).
        command: The user's.
    """
    head = ["/bin/sh", "-c", SCRIPT, MARK, wishes.to_text(), " ".join(wishes.env)]
    return [*head, str(len(outputs)), *outputs, *command]


def refuse_secrets(what: str, texts: Mapping[str, Any], env: Sequence[str], environment: Mapping[str, str]) -> None:
    """Make sure that nothing secret is about to be recorded: TFX keeps commands and parameters as they are.

    Args:
        what: Who is asked, for the error.
        texts: Name -> value, of everything that is recorded.
        env: Names of the variables that hold secrets.
        environment: Of this process.

    Raises:
        InvalidInputError: A text has a password or a token in a URL, or holds what one of the variables does.
    """
    hidden = {name: environment[name] for name in env if len(environment.get(name, "")) >= _LEAST_SECRET}
    for name, value in texts.items():
        text = value if isinstance(value, str) else json.dumps(value, default=str)
        if secret_in_url(text):
            raise InvalidInputError(
                f"{what}: {name} holds a URL with a password or a token, which TFX would record; leave it out "
                "and name the variable that holds it: env=['PGPASSWORD']"
            )
        for variable, secret in hidden.items():
            if secret in text:
                raise InvalidInputError(
                    f"{what}: {name} holds what the environment variable {variable} does, which TFX would record; "
                    f"let the command read ${variable} in the container"
                )


def _is_limit(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _start_of(name: object) -> str:
    """Show as much of a wrong name as gives no secret away."""
    return f"a text that begins with {name[:3]!r}" if isinstance(name, str) else f"a {type(name).__name__}"
