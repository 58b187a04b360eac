"""What the options shared by all commands say, and what they open."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ama_tfx.cli.progress import progress, steps
from ama_tfx.errors import AmaError

if TYPE_CHECKING:
    from pathlib import Path

    from ama_tfx.cli.report import Report
    from ama_tfx.registry import Registry, WorkingCopy
    from ama_tfx.settings import Settings
    from ama_tfx.storage import OnProgress

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Session:
    """One run of ``ama``; the options before the command and those after it fill it in.

    What no option says is asked of the environment and of the settings files, when it is needed; the registry is
    imported then too: ``ama add --help`` needs no database.

    Attributes:
        given: Key of a setting -> value of its option.
        debug: Whether errors come with a traceback.
    """

    given: dict[str, Any] = field(default_factory=dict)
    debug: bool = False

    @functools.cached_property
    def settings(self) -> Settings:
        """The settings that count for this run, with the options read so far."""
        from ama_tfx.settings import Settings

        return Settings.load(self.given)

    @property
    def as_json(self) -> bool:
        """Whether output is JSON; that counts more than `quiet` where both are said in one place."""
        wanted, names = self.settings["json"], self.settings["quiet"]
        return bool(wanted.value) and not (names.value and names.origin.scope < wanted.origin.scope)

    @property
    def quiet(self) -> bool:
        """Whether output is names only."""
        return bool(self.settings["quiet"].value)

    @property
    def color(self) -> str:
        """When to draw and colour: ``auto``, ``always`` or ``never``."""
        return str(self.settings["color"].value)

    @property
    def registry_url(self) -> str:
        """Which registry is meant."""
        return str(self.settings["registry"].value)

    @property
    def workspace(self) -> str:
        """Where names without a workspace are looked up."""
        return str(self.settings["workspace"].value)

    def workspace_or(self, default: str) -> str:
        """Return the workspace that an option, the environment or a settings file names, or this one."""
        from ama_tfx.settings import Scope

        told = self.settings["workspace"]
        return default if told.origin.scope is Scope.DEFAULT else str(told.value)

    def fails_in_json(self) -> bool:
        """Return whether errors are to be JSON; what is wrong with the settings themselves is told in words."""
        try:
            return self.as_json
        except AmaError:
            return False

    def registry(self, *, create: bool = False, workspace: str | None = None) -> Registry:
        """Open the registry until the command ends.

        Args:
            create: Make it when there is none; only what writes to it does.
            workspace: Where names without one are looked up, when that is not what the user named.
        """
        from ama_tfx.registry import open_registry
        from ama_tfx.storage import reuse_memory

        reuse_memory()
        for key in ("cache", "cache_size"):
            if told := self.settings[key].value:
                os.environ[f"AMA_{key.upper()}"] = str(told)
        registry = open_registry(settings=self.settings, workspace=workspace, create=create)
        click.get_current_context().call_on_close(registry.close)
        return registry

    def registry_if_any(self) -> Registry | None:
        """Open the registry for what is told of the working copy without one too; None when it cannot be had now."""
        from ama_tfx.errors import BackendError, NotFoundError

        try:
            return self.registry()
        except (NotFoundError, BackendError):
            return None

    def mend_marker(self) -> None:
        """Write the marker of the registry again where it is lost or damaged: without it nothing can be opened."""
        from ama_tfx.registry import Location
        from ama_tfx.registry.marking import mend_marker

        if mend_marker(Location.parse(self.registry_url)):
            click.echo("ama: registry.json was lost or damaged; it was written again from the catalog", err=True)

    def working_copy(self) -> WorkingCopy:
        """Open the working copy that the process is in."""
        from ama_tfx.registry import WorkingCopy

        return WorkingCopy.open(here())

    def say(self, report: Report) -> None:
        """Print what a command has to say."""
        from ama_tfx.cli.report import print_report

        print_report(report, as_json=self.as_json, quiet=self.quiet, color=self.color)

    def progress(self, doing: str, total_bytes: int) -> contextlib.AbstractContextManager[OnProgress | None]:
        """Show progress, unless only names or JSON were asked for."""
        return progress(doing, total_bytes, wanted=not (self.as_json or self.quiet), color=self.color)

    def steps(self, doing: str) -> contextlib.AbstractContextManager[Callable[[str], object] | None]:
        """Show what long work is at, unless only names or JSON were asked for."""
        return steps(doing, wanted=not (self.as_json or self.quiet), color=self.color)


pass_session = click.make_pass_decorator(Session, ensure=True)


def here() -> Path:
    """Return the process's folder."""
    from pathlib import Path

    from ama_tfx.storage import os_errors

    with os_errors("find", "."):
        return Path.cwd()


def shared_options(command: F) -> F:
    """Add the options that stand before the command or after it."""
    for option in (
        _shared("debug", "--debug", help="Show a traceback with an error.", is_flag=True),
        _shared("color", "--color", help="Whether to draw and colour.", type=click.Choice(["auto", "always", "never"])),
        _shared("quiet", "-q", "--quiet", help="Print names only, one a line.", is_flag=True),
        _shared("json", "--json", help="Print JSON.", is_flag=True),
    ):
        command = option(command)
    return command


def registry_options(command: F) -> F:
    """Add the options that say which registry and workspace are meant."""
    help_text = "Registry to use: a folder, or postgresql://…  [env: AMA_REGISTRY]"
    return workspace_option(_shared("registry", "--registry", help=help_text, metavar="URL")(command))


def workspace_option(command: F) -> F:
    """Add the option that says where names without a workspace are looked up."""
    help_text = "Workspace of names that have none.  [env: AMA_WORKSPACE; default: default]"
    return _shared("workspace", "--workspace", help=help_text, metavar="NAME")(command)


def _shared(key: str, *names: str, **settings: Any) -> Callable[[F], F]:
    """Return a decorator that adds an option whose value the session remembers under a setting's key."""

    def remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        session = context.ensure_object(Session)
        if value is None or value is False:
            return
        if key == "debug":
            session.debug = True
        else:
            session.given[key] = value
            session.__dict__.pop("settings", None)

    return click.option(f"_{key}", *names, expose_value=False, callback=remember, **settings)
