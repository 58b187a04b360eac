"""Layer 7a, front end: the ``ama`` command.

Each command is one file, ``cmd_*.py``, that parses, calls the registry and hands the result to be printed. `COMMANDS`
in ``app.py`` is the table of them; nothing is imported for a command but its own file.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, NoReturn

from ama_tfx.lazy_names import lazy_names

if TYPE_CHECKING:
    from ama_tfx.cli.app import COMMANDS

__all__ = ["COMMANDS", "main"]


def main() -> NoReturn:
    """Run the ``ama`` command on the process's arguments and exit."""
    # Imports make many objects and no garbage: looking for some among them takes a sixth of the start.
    gc.set_threshold(100_000)
    from ama_tfx.cli.app import root

    root.main()


__getattr__, __dir__ = lazy_names(__name__, {"ama_tfx.cli.app": ("COMMANDS",)})
