"""Layer 3, meaning: the verbs of the registry.

Start with `Registry`; everything it takes and gives is exported here.
"""

from ama_tfx.catalog import AliasMove, AliasRow, AuditEntry, Registration
from ama_tfx.registry.aliasing import Expect
from ama_tfx.registry.location import Location
from ama_tfx.registry.manifest import FileEntry, Manifest, RefEntry
from ama_tfx.registry.names import (
    DEFAULT_WORKSPACE,
    Alias,
    AssetName,
    AssetRef,
    Newest,
    SemanticVersion,
    check_label,
    check_path,
    check_workspace,
    settable_alias,
)
from ama_tfx.registry.registry import Registry, current_user, utc_now
from ama_tfx.registry.results import (
    Asset,
    Bump,
    Details,
    Downloaded,
    Facts,
    Hit,
    LogEntry,
    Ref,
    Registered,
    Version,
)

__all__ = [
    "DEFAULT_WORKSPACE",
    "Alias",
    "AliasMove",
    "AliasRow",
    "Asset",
    "AssetName",
    "AssetRef",
    "AuditEntry",
    "Bump",
    "Details",
    "Downloaded",
    "Expect",
    "Facts",
    "FileEntry",
    "Hit",
    "Location",
    "LogEntry",
    "Manifest",
    "Newest",
    "Ref",
    "RefEntry",
    "Registered",
    "Registration",
    "Registry",
    "SemanticVersion",
    "Version",
    "check_label",
    "check_path",
    "check_workspace",
    "current_user",
    "settable_alias",
    "utc_now",
]
