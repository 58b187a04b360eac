"""Layer 7a, front end: the ``ama`` command.

Each command is one file, ``cmd_*.py``, that parses, calls the registry and hands the result to be printed. `COMMANDS`
in ``app.py`` is the table of them; nothing is imported for a command but its own file.
"""

from ama_tfx.cli.app import COMMANDS, main

__all__ = ["COMMANDS", "main"]
