"""Settings: what ``ama`` and the Python API mean when nothing else is said, and where each comes from.

An option counts more than the environment, that more than the project's file (``.ama/config.toml`` in this folder or
above it), that more than the user's (``config.toml`` in ``AMA_HOME`` or in the user's configuration folder). This layer
is below the registry and light: the command line asks it before anything else is imported.
"""

from ama_tfx.settings.files import SettingsFile
from ama_tfx.settings.resolving import Settings
from ama_tfx.settings.table import SETTINGS, Candidate, Origin, Scope, Setting, parse_setting, setting_of

__all__ = [
    "SETTINGS",
    "Candidate",
    "Origin",
    "Scope",
    "Setting",
    "Settings",
    "SettingsFile",
    "parse_setting",
    "setting_of",
]
