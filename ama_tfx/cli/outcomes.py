"""How a command ends: one table from errors to exit codes, and one way to say what went wrong."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

import click

from ama_tfx.cli.text import escape
from ama_tfx.errors import AmaError, OutOfSpaceError, QueryError, did_you_mean

EXIT_CODES = {
    "usage": 2,
    "interrupted": 130,
    "broken_pipe": 141,
}
"""The codes of what no error class stands for; an `AmaError` brings its own ``code`` and ``exit_code``."""


class Failure(NamedTuple):
    """What is told of an error, and what the process exits with; the lines of the excerpt point at it for people."""

    code: str
    message: str
    exit_code: int
    excerpt: str = ""


def failure_of(error: BaseException) -> Failure | None:
    """Return what an error means to the user, or None for one that is nobody's but ours."""
    if isinstance(error, QueryError):
        return Failure(error.code, error.message, error.exit_code, error.excerpt)
    if isinstance(error, AmaError):
        return Failure(error.code, str(error), error.exit_code)
    if isinstance(error, click.UsageError):
        return Failure("usage", _usage_message(error), EXIT_CODES["usage"])
    if isinstance(error, KeyboardInterrupt):
        return Failure("interrupted", "interrupted; nothing half-done is visible", EXIT_CODES["interrupted"])
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        message = f"cannot write the output: {error.strerror}; free some space, then try again"
        return Failure(OutOfSpaceError.code, message, OutOfSpaceError.exit_code)
    return None


def exit_after(
    run: Callable[[], object], argv: Sequence[str], *, json_wanted: Callable[[], bool] = lambda: False
) -> NoReturn:
    """Run something and exit: with 0 when it ends, with the error's code when it fails.

    Args:
        run: What to do.
        argv: The command line, for errors that come before it is parsed.
        json_wanted: Asked whether errors are to be JSON where the command line does not say so.

    Raises:
        SystemExit: Always, unless ``run`` raises what `failure_of` does not know: that is a bug, and stays one.
    """
    _prepare_streams()
    try:
        run()
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except BrokenPipeError:  # whoever read our output has seen enough
        _drop_output()
        sys.exit(EXIT_CODES["broken_pipe"])
    except (AmaError, OSError, click.UsageError, KeyboardInterrupt) as error:
        if not (failure := failure_of(error)):
            raise
        options = argv[: argv.index("--")] if "--" in argv else argv
        tell(failure, as_json="--json" in options or json_wanted(), trace="--debug" in options)
        if not isinstance(error, AmaError) and isinstance(error, OSError):
            _drop_output()
        sys.exit(failure.exit_code)
    sys.exit(0)


def tell(failure: Failure, *, as_json: bool, trace: bool) -> None:
    """Write a failure to standard error: a line for people, or one JSON document."""
    if trace:
        import traceback

        traceback.print_exc()
    if as_json:
        import json

        document = {"error": {"code": failure.code, "message": failure.message}}
        print(json.dumps(document, indent=2), file=sys.stderr)
    else:
        for line in (f"ama: error: {failure.message}", *failure.excerpt.splitlines()):
            print(escape(line), file=sys.stderr)


def _prepare_streams() -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller, as in `ama list >&-`
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
        elif hasattr(stream := getattr(sys, name), "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no failure


def _drop_output() -> None:
    """Throw away what is buffered for standard output; Python would fail to write it again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage_message(error: click.UsageError) -> str:
    command = error.ctx.command_path if error.ctx else "ama"
    if isinstance(error, click.NoSuchOption):
        known = [name for param in error.ctx.command.params for name in param.opts] if error.ctx else []
        near = did_you_mean(error.option_name, known)
        return f"no option {error.option_name!r}{near}; see `{command} --help`"
    return f"{' '.join(error.format_message().split()).rstrip('.')}; see `{command} --help`"
