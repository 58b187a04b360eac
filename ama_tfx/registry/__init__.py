"""Layer 3, meaning: the verbs of the registry.

Start with `Registry`; everything it takes and gives is exported here.
"""

from ama_tfx.catalog import AliasMove, AliasRow, AuditEntry, AuditHead, Registration
from ama_tfx.registry.aliasing import Expect
from ama_tfx.registry.draft import Draft, DraftRef
from ama_tfx.registry.findings import Checked, Finding, GcPlan, GcResult, LostFile, Repaired
from ama_tfx.registry.location import Location, default_registry_url
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
    is_pinned,
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
from ama_tfx.registry.working_copy import WorkingCopy, asset_with_alias

__all__ = [
    "DEFAULT_WORKSPACE",
    "Alias",
    "AliasMove",
    "AliasRow",
    "Asset",
    "AssetName",
    "AssetRef",
    "AuditEntry",
    "AuditHead",
    "Bump",
    "Checked",
    "Details",
    "Downloaded",
    "Draft",
    "DraftRef",
    "Expect",
    "Facts",
    "FileEntry",
    "Finding",
    "GcPlan",
    "GcResult",
    "Hit",
    "Location",
    "LogEntry",
    "LostFile",
    "Manifest",
    "Newest",
    "Ref",
    "RefEntry",
    "Registered",
    "Registration",
    "Registry",
    "Repaired",
    "SemanticVersion",
    "Version",
    "WorkingCopy",
    "asset_with_alias",
    "check_label",
    "check_path",
    "check_workspace",
    "current_user",
    "default_registry_url",
    "is_pinned",
    "settable_alias",
    "utc_now",
]
