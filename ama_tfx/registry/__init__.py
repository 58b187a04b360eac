"""Layer 3, meaning: the verbs of the registry.

Start with `Registry`; everything it takes and gives is exported here. Each name is loaded when it is first used, so
that a command loads only what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ama_tfx.lazy_names import lazy_names

if TYPE_CHECKING:
    from ama_tfx.catalog import AliasMove, AliasRow, AliasRule, AuditEntry, AuditHead, PinRow, Registration
    from ama_tfx.registry.aliases.aliased import asset_with_alias
    from ama_tfx.registry.aliases.aliasing import Expect
    from ama_tfx.registry.comparison.results import Comparison
    from ama_tfx.registry.drafting import Drafting
    from ama_tfx.registry.handles import AssetHandle
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
    from ama_tfx.registry.opening import open_registry
    from ama_tfx.registry.registry import Registry, current_user, utc_now
    from ama_tfx.registry.repr_html import Listing
    from ama_tfx.registry.results import (
        Asset,
        Bump,
        Details,
        Downloaded,
        Facts,
        Hit,
        LogEntry,
        Pin,
        Ref,
        Registered,
        Version,
    )
    from ama_tfx.registry.search.query import Query
    from ama_tfx.registry.search.searching import Found, Match
    from ama_tfx.registry.tree import Onto
    from ama_tfx.registry.upkeep.findings import Checked, Finding, GcPlan, GcResult, LostFile, Repaired
    from ama_tfx.registry.upkeep.retention import Retention
    from ama_tfx.registry.upkeep.retired import KeptVersion, RetentionPlan, Retired, RetiredVersion
    from ama_tfx.registry.upkeep.sizing import AssetSize, Sizes
    from ama_tfx.registry.upkeep.verifying import Verified
    from ama_tfx.registry.working_copy.basing import Switched, clone, switch_asset, switch_version
    from ama_tfx.registry.working_copy.differing import Diff, FileDiff, diff_versions, diff_working_copy
    from ama_tfx.registry.working_copy.draft import Draft, DraftRef
    from ama_tfx.registry.working_copy.previewing import Preview, preview
    from ama_tfx.registry.working_copy.status import FileStatus, OnDisk, Pending, RefStatus, Status, status_of
    from ama_tfx.registry.working_copy.working_copy import WorkingCopy

__all__ = [
    "DEFAULT_WORKSPACE",
    "Alias",
    "AliasMove",
    "AliasRow",
    "AliasRule",
    "Asset",
    "AssetHandle",
    "AssetName",
    "AssetRef",
    "AssetSize",
    "AuditEntry",
    "AuditHead",
    "Bump",
    "Checked",
    "Comparison",
    "Details",
    "Diff",
    "Downloaded",
    "Draft",
    "DraftRef",
    "Drafting",
    "Expect",
    "Facts",
    "FileDiff",
    "FileEntry",
    "FileStatus",
    "Finding",
    "Found",
    "GcPlan",
    "GcResult",
    "Hit",
    "KeptVersion",
    "Listing",
    "Location",
    "LogEntry",
    "LostFile",
    "Manifest",
    "Match",
    "Newest",
    "OnDisk",
    "Onto",
    "Pending",
    "Pin",
    "PinRow",
    "Preview",
    "Query",
    "Ref",
    "RefEntry",
    "RefStatus",
    "Registered",
    "Registration",
    "Registry",
    "Repaired",
    "Retention",
    "RetentionPlan",
    "Retired",
    "RetiredVersion",
    "SemanticVersion",
    "Sizes",
    "Status",
    "Switched",
    "Verified",
    "Version",
    "WorkingCopy",
    "asset_with_alias",
    "check_label",
    "check_path",
    "check_workspace",
    "clone",
    "current_user",
    "default_registry_url",
    "diff_versions",
    "diff_working_copy",
    "is_pinned",
    "open_registry",
    "preview",
    "settable_alias",
    "status_of",
    "switch_asset",
    "switch_version",
    "utc_now",
]

_NAMES = {
    "ama_tfx.catalog": ("AliasMove", "AliasRow", "AliasRule", "AuditEntry", "AuditHead", "PinRow", "Registration"),
    "ama_tfx.registry.aliases.aliased": ("asset_with_alias",),
    "ama_tfx.registry.aliases.aliasing": ("Expect",),
    "ama_tfx.registry.working_copy.basing": ("Switched", "clone", "switch_asset", "switch_version"),
    "ama_tfx.registry.comparison.results": ("Comparison",),
    "ama_tfx.registry.working_copy.differing": ("Diff", "FileDiff", "diff_versions", "diff_working_copy"),
    "ama_tfx.registry.working_copy.draft": ("Draft", "DraftRef"),
    "ama_tfx.registry.drafting": ("Drafting",),
    "ama_tfx.registry.upkeep.findings": ("Checked", "Finding", "GcPlan", "GcResult", "LostFile", "Repaired"),
    "ama_tfx.registry.handles": ("AssetHandle",),
    "ama_tfx.registry.location": ("Location", "default_registry_url"),
    "ama_tfx.registry.manifest": ("FileEntry", "Manifest", "RefEntry"),
    "ama_tfx.registry.names": (
        "DEFAULT_WORKSPACE",
        "Alias",
        "AssetName",
        "AssetRef",
        "Newest",
        "SemanticVersion",
        "check_label",
        "check_path",
        "check_workspace",
        "is_pinned",
        "settable_alias",
    ),
    "ama_tfx.registry.opening": ("open_registry",),
    "ama_tfx.registry.working_copy.previewing": ("Preview", "preview"),
    "ama_tfx.registry.search.query": ("Query",),
    "ama_tfx.registry.registry": ("Registry", "current_user", "utc_now"),
    "ama_tfx.registry.repr_html": ("Listing",),
    "ama_tfx.registry.results": (
        "Asset",
        "Bump",
        "Details",
        "Downloaded",
        "Facts",
        "Hit",
        "LogEntry",
        "Pin",
        "Ref",
        "Registered",
        "Version",
    ),
    "ama_tfx.registry.upkeep.retention": ("Retention",),
    "ama_tfx.registry.upkeep.retired": ("KeptVersion", "RetentionPlan", "Retired", "RetiredVersion"),
    "ama_tfx.registry.search.searching": ("Found", "Match"),
    "ama_tfx.registry.upkeep.sizing": ("AssetSize", "Sizes"),
    "ama_tfx.registry.working_copy.status": ("FileStatus", "OnDisk", "Pending", "RefStatus", "Status", "status_of"),
    "ama_tfx.registry.tree": ("Onto",),
    "ama_tfx.registry.upkeep.verifying": ("Verified",),
    "ama_tfx.registry.working_copy.working_copy": ("WorkingCopy",),
}

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
