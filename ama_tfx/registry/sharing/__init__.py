"""Sharing assets: bundles for machines without a network, forks, and archives of others."""

from ama_tfx.registry.sharing.contents import BundledAlias, BundledVersion, BundleIndex
from ama_tfx.registry.sharing.exporting import Exported, export_folder, manifest_digest
from ama_tfx.registry.sharing.facet import Sharing, inspect_bundle
from ama_tfx.registry.sharing.importing import (
    RULES,
    Imported,
    ImportPlan,
    PlannedFile,
    Rule,
    Side,
    import_planned,
    plan_import,
)
from ama_tfx.registry.sharing.rehearsing import apply_bundle
from ama_tfx.registry.sharing.results import (
    AliasOutcome,
    AliasStep,
    Applied,
    BundleContents,
    Forked,
    Placement,
    WorkspaceSummary,
)

__all__ = [
    "RULES",
    "AliasOutcome",
    "AliasStep",
    "Applied",
    "BundleContents",
    "BundleIndex",
    "BundledAlias",
    "BundledVersion",
    "Exported",
    "Forked",
    "ImportPlan",
    "Imported",
    "Placement",
    "PlannedFile",
    "Rule",
    "Sharing",
    "Side",
    "WorkspaceSummary",
    "apply_bundle",
    "export_folder",
    "import_planned",
    "inspect_bundle",
    "manifest_digest",
    "plan_import",
]
