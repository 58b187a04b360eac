"""What the options shared by all commands say, and what they open."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ama_tfx.cli.progress import progress, steps
from ama_tfx.cli.report import Report, print_report

if TYPE_CHECKING:
    from ama_tfx.registry import Registry, WorkingCopy
    from ama_tfx.storage import OnProgress

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Session:
    """One run of ``ama``; the options before the command and those after it fill it in.

    The registry is imported when it is needed: ``ama add --help`` needs no database.

    Attributes:
        registry_url: None for the default.
        workspace_name: None for the default.
        as_json: Whether output is JSON.
        quiet: Whether output is names only.
        debug: Whether errors come with a traceback.
    """

    registry_url: str | None = None
    workspace_name: str | None = None
    as_json: bool = False
    quiet: bool = False
    debug: bool = False

    @property
    def workspace(self) -> str:
        """Where names without a workspace are looked up."""
        from ama_tfx.registry import DEFAULT_WORKSPACE

        return self.workspace_or(DEFAULT_WORKSPACE)

    def workspace_or(self, default: str) -> str:
        """Return the workspace that the user named, or this one."""
        return default if self.workspace_name is None else self.workspace_name

    def registry(self, *, create: bool = False, workspace: str | None = None) -> Registry:
        """Open the registry until the command ends.

        Args:
            create: Make it when there is none; only what writes to it does.
            workspace: Where names without one are looked up, when that is not what the user named.
        """
        from ama_tfx.registry import Registry, default_registry_url
        from ama_tfx.storage import reuse_memory

        reuse_memory()
        url = default_registry_url() if self.registry_url is None else self.registry_url
        registry = Registry(url, workspace=self.workspace if workspace is None else workspace, create=create)
        click.get_current_context().call_on_close(registry.close)
        return registry

    def mend_marker(self) -> None:
        """Write the marker of the registry again where it is lost or damaged: without it nothing can be opened."""
        from ama_tfx.registry import Location, default_registry_url
        from ama_tfx.registry.marking import mend_marker

        url = default_registry_url() if self.registry_url is None else self.registry_url
        if mend_marker(Location.parse(url)):
            click.echo("ama: registry.json was lost or damaged; it was written again from the catalog", err=True)

    def working_copy(self) -> WorkingCopy:
        """Open the working copy that the process is in."""
        from ama_tfx.registry import WorkingCopy

        return WorkingCopy.open(here())

    def say(self, report: Report) -> None:
        """Print what a command has to say."""
        print_report(report, as_json=self.as_json, quiet=self.quiet)

    def progress(self, doing: str, total_bytes: int) -> contextlib.AbstractContextManager[OnProgress | None]:
        """Show progress, unless only names or JSON were asked for."""
        return progress(doing, total_bytes, wanted=not (self.as_json or self.quiet))

    def steps(self, doing: str) -> contextlib.AbstractContextManager[Callable[[str], object] | None]:
        """Show what long work is at, unless only names or JSON were asked for."""
        return steps(doing, wanted=not (self.as_json or self.quiet))


pass_session = click.make_pass_decorator(Session, ensure=True)


def here() -> Path:
    """Return the process's folder."""
    from ama_tfx.storage import os_errors

    with os_errors("find", "."):
        return Path.cwd()


def shared_options(command: F) -> F:
    """Add the options that stand before the command or after it."""
    for option in (
        _shared("--debug", "debug", "Show a traceback with an error.", is_flag=True),
        _shared("-q", "--quiet", "quiet", "Print names only, one a line.", is_flag=True),
        _shared("--json", "as_json", "Print JSON.", is_flag=True),
    ):
        command = option(command)
    return command


def registry_options(command: F) -> F:
    """Add the options that say which registry and workspace are meant."""
    command = _shared(
        "--registry", "registry_url", "Registry to use: a folder, or postgresql://…  [env: AMA_REGISTRY]", metavar="URL"
    )(command)
    return workspace_option(command)


def workspace_option(command: F) -> F:
    """Add the option that says where names without a workspace are looked up."""
    help_text = "Workspace of names that have none.  [env: AMA_WORKSPACE; default: default]"
    return _shared("--workspace", "workspace_name", help_text, metavar="NAME")(command)


def _shared(*names_and_help: str, **settings: Any) -> Callable[[F], F]:
    *names, help_text = names_and_help

    def remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value is not None and value is not False:
            setattr(context.ensure_object(Session), str(parameter.name), value)

    return click.option(*names, help=help_text, expose_value=False, callback=remember, **settings)
