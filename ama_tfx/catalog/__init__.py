"""Layer 2, records: what the registry knows, in SQL.

Functions take a connection of a transaction that the caller opened on a `Database`; none opens or commits one itself.
Names and values come in checked: what they mean is the layer above's business. What is sorted by a name is sorted here:
the databases' own orders of letters differ.
"""

from ama_tfx.catalog.aliases import (
    alias_version,
    alias_versions,
    aliases_of,
    aliases_with_file,
    all_moves,
    assets_with_alias,
    moves_of,
    point_alias,
)
from ama_tfx.catalog.assets import asset_names, ensure_asset, find_asset, find_asset_id, list_assets, lock_asset
from ama_tfx.catalog.audit import append_audit, audit_entries, audit_head, iterate_audit, verify_audit
from ama_tfx.catalog.database import Database, postgresql_engine, sqlite_engine
from ama_tfx.catalog.records import (
    AliasMove,
    AliasRow,
    AssetRow,
    AuditEntry,
    AuditHead,
    FileRow,
    NewVersion,
    Registration,
    VersionRow,
)
from ama_tfx.catalog.versions import (
    add_registration,
    add_tags,
    files_of,
    find_files,
    find_version,
    insert_version,
    list_versions,
    newest_version,
    properties_of,
    referrers_of,
    refs_of,
    registrations_of,
    tags_of,
    version_digests,
    versions_with_digest,
)

__all__ = [
    "AliasMove",
    "AliasRow",
    "AssetRow",
    "AuditEntry",
    "AuditHead",
    "Database",
    "FileRow",
    "NewVersion",
    "Registration",
    "VersionRow",
    "add_registration",
    "add_tags",
    "alias_version",
    "alias_versions",
    "aliases_of",
    "aliases_with_file",
    "all_moves",
    "append_audit",
    "asset_names",
    "assets_with_alias",
    "audit_entries",
    "audit_head",
    "ensure_asset",
    "files_of",
    "find_asset",
    "find_asset_id",
    "find_files",
    "find_version",
    "insert_version",
    "iterate_audit",
    "list_assets",
    "list_versions",
    "lock_asset",
    "moves_of",
    "newest_version",
    "point_alias",
    "postgresql_engine",
    "properties_of",
    "referrers_of",
    "refs_of",
    "registrations_of",
    "sqlite_engine",
    "tags_of",
    "verify_audit",
    "version_digests",
    "versions_with_digest",
]
