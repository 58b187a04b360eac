"""Layer 2, records: what the registry knows, in SQL.

Functions take a connection of a transaction that the caller opened on a `Database`; none opens or commits one itself.
Names and values come in checked: what they mean is the layer above's business. What is sorted by a name is sorted here:
the databases' own orders of letters differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ama_tfx.lazy_names import lazy_names

if TYPE_CHECKING:
    from ama_tfx.catalog.aliases import (
        alias_versions,
        all_moves,
        assets_with_alias,
        moves_of,
        point_alias,
    )
    from ama_tfx.catalog.assets import ensure_asset, find_asset, list_assets, lock_asset
    from ama_tfx.catalog.audit import append_audit, audit_entries, audit_head, iterate_audit, verify_audit
    from ama_tfx.catalog.checking import (
        PAGE,
        alias_authors,
        count_of_files,
        damage_of,
        digests_after,
        missing_guards,
        needed_of,
        sizes_of,
        version_authors,
        version_provenances,
        version_tags,
        versions_after,
        wrong_runs,
    )
    from ama_tfx.catalog.collections import begin_collection, collection_number
    from ama_tfx.catalog.database import Database
    from ama_tfx.catalog.engines import postgresql_engine, sqlite_engine
    from ama_tfx.catalog.finding import aliases_with_file, find_files
    from ama_tfx.catalog.names import alias_version, aliases_of, asset_names, find_asset_id
    from ama_tfx.catalog.notes import (
        asset_descriptions,
        description_of,
        list_pins,
        metrics_of,
        pin_of,
        remove_tags,
        version_metrics,
        version_pins,
        write_description,
        write_metrics,
        write_pin,
    )
    from ama_tfx.catalog.records import (
        AliasMove,
        AliasRow,
        AliasRule,
        AssetRow,
        AuditEntry,
        AuditHead,
        DescriptionRow,
        FileRow,
        NewVersion,
        PinRow,
        Registration,
        RetirementRow,
        SizeRow,
        VersionRow,
    )
    from ama_tfx.catalog.retiring import (
        freed_bytes,
        kept_versions,
        list_retired,
        marks_of,
        measured,
        retire_version,
        retirement_of,
        tagged,
        unretire_version,
        uses_among,
        version_retirements,
    )
    from ama_tfx.catalog.rules import all_rules, remove_rule, rule_of, rules_of, write_rule
    from ama_tfx.catalog.sizes import asset_sizes, contents_by_asset
    from ama_tfx.catalog.version_rows import find_version, list_versions, newest_version
    from ama_tfx.catalog.versions import (
        add_registration,
        add_tags,
        files_of,
        insert_version,
        properties_of,
        referrers_of,
        refs_of,
        registrations_of,
        tags_of,
        version_digests,
        versions_with_digest,
    )

__all__ = [
    "PAGE",
    "AliasMove",
    "AliasRow",
    "AliasRule",
    "AssetRow",
    "AuditEntry",
    "AuditHead",
    "Database",
    "DescriptionRow",
    "FileRow",
    "NewVersion",
    "PinRow",
    "Registration",
    "RetirementRow",
    "SizeRow",
    "VersionRow",
    "add_registration",
    "add_tags",
    "alias_authors",
    "alias_version",
    "alias_versions",
    "aliases_of",
    "aliases_with_file",
    "all_moves",
    "all_rules",
    "append_audit",
    "asset_descriptions",
    "asset_names",
    "asset_sizes",
    "assets_with_alias",
    "audit_entries",
    "audit_head",
    "begin_collection",
    "collection_number",
    "contents_by_asset",
    "count_of_files",
    "damage_of",
    "description_of",
    "digests_after",
    "ensure_asset",
    "files_of",
    "find_asset",
    "find_asset_id",
    "find_files",
    "find_version",
    "freed_bytes",
    "insert_version",
    "iterate_audit",
    "kept_versions",
    "list_assets",
    "list_pins",
    "list_retired",
    "list_versions",
    "lock_asset",
    "marks_of",
    "measured",
    "metrics_of",
    "missing_guards",
    "moves_of",
    "needed_of",
    "newest_version",
    "pin_of",
    "point_alias",
    "postgresql_engine",
    "properties_of",
    "referrers_of",
    "refs_of",
    "registrations_of",
    "remove_rule",
    "remove_tags",
    "retire_version",
    "retirement_of",
    "rule_of",
    "rules_of",
    "sizes_of",
    "sqlite_engine",
    "tagged",
    "tags_of",
    "unretire_version",
    "uses_among",
    "verify_audit",
    "version_authors",
    "version_digests",
    "version_metrics",
    "version_pins",
    "version_provenances",
    "version_retirements",
    "version_tags",
    "versions_after",
    "versions_with_digest",
    "write_description",
    "write_metrics",
    "write_pin",
    "write_rule",
    "wrong_runs",
]

_NAMES = {
    "ama_tfx.catalog.aliases": ("alias_versions", "all_moves", "assets_with_alias", "moves_of", "point_alias"),
    "ama_tfx.catalog.assets": ("ensure_asset", "find_asset", "list_assets", "lock_asset"),
    "ama_tfx.catalog.audit": ("append_audit", "audit_entries", "audit_head", "iterate_audit", "verify_audit"),
    "ama_tfx.catalog.checking": (
        *("PAGE", "alias_authors", "count_of_files", "damage_of", "digests_after", "missing_guards"),
        *("needed_of", "sizes_of", "version_authors", "version_provenances", "version_tags"),
        *("versions_after", "wrong_runs"),
    ),
    "ama_tfx.catalog.collections": ("begin_collection", "collection_number"),
    "ama_tfx.catalog.database": ("Database",),
    "ama_tfx.catalog.engines": ("postgresql_engine", "sqlite_engine"),
    "ama_tfx.catalog.finding": ("aliases_with_file", "find_files"),
    "ama_tfx.catalog.names": ("alias_version", "aliases_of", "asset_names", "find_asset_id"),
    "ama_tfx.catalog.notes": (
        *("asset_descriptions", "description_of", "list_pins", "metrics_of", "pin_of", "remove_tags"),
        *("version_metrics", "version_pins", "write_description", "write_metrics", "write_pin"),
    ),
    "ama_tfx.catalog.records": (
        *("AliasMove", "AliasRow", "AliasRule", "AssetRow", "AuditEntry", "AuditHead", "DescriptionRow"),
        *("FileRow", "NewVersion", "PinRow", "Registration", "RetirementRow", "SizeRow", "VersionRow"),
    ),
    "ama_tfx.catalog.retiring": (
        *("freed_bytes", "kept_versions", "list_retired", "marks_of", "measured", "retire_version"),
        *("retirement_of", "tagged", "unretire_version", "uses_among", "version_retirements"),
    ),
    "ama_tfx.catalog.rules": ("all_rules", "remove_rule", "rule_of", "rules_of", "write_rule"),
    "ama_tfx.catalog.sizes": ("asset_sizes", "contents_by_asset"),
    "ama_tfx.catalog.version_rows": ("find_version", "list_versions", "newest_version"),
    "ama_tfx.catalog.versions": (
        *("add_registration", "add_tags", "files_of", "insert_version", "properties_of", "referrers_of"),
        *("refs_of", "registrations_of", "tags_of", "version_digests", "versions_with_digest"),
    ),
}

__getattr__, __dir__ = lazy_names(__name__, _NAMES)
