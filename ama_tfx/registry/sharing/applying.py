"""Applying a bundle: what becomes of its versions and aliases is decided, and one transaction makes it so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ama_tfx import catalog
from ama_tfx.catalog import DescriptionRow, RetirementRow, VersionRow
from ama_tfx.errors import ConflictError, IntegrityError
from ama_tfx.registry.aliases.aliasing import Actor, Expect, move_alias, refuse_twin
from ama_tfx.registry.aliases.rules import why_protected
from ama_tfx.registry.manifest import Manifest
from ama_tfx.registry.names import Alias, AssetName, AssetRef
from ama_tfx.registry.registering import take_back
from ama_tfx.registry.resolving import require_version
from ama_tfx.registry.sharing.bundle_file import BundleFile
from ama_tfx.registry.sharing.contents import BundledAlias, BundledVersion
from ama_tfx.registry.sharing.recording import Carried, record_carried, require_targets
from ama_tfx.registry.sharing.results import AliasOutcome, AliasStep, Placement
from ama_tfx.storage import Digest

if TYPE_CHECKING:
    import sqlalchemy as sa

_SEARCHED = ("pipeline", "run_id")


@dataclass(frozen=True, slots=True)
class AliasTerms:
    """What may become of aliases.

    Attributes:
        move: Whether those that point elsewhere are moved.
        reason: What a person says; protected ones are not set or moved without.
    """

    move: bool = False
    reason: str = ""


@dataclass(frozen=True)
class ApplyPlan:
    """What applying a bundle means for a registry.

    Attributes:
        placements: Its versions and where they go, each behind what it was made from.
        aliases: Its aliases and what becomes of them.
    """

    placements: tuple[Placement, ...]
    aliases: tuple[AliasStep, ...]


def plan_apply(connection: sa.Connection, bundle: BundleFile, *, workspace: str | None, terms: AliasTerms) -> ApplyPlan:
    """Decide what becomes of every version and alias of a bundle; nothing is changed.

    Args:
        connection: The transaction.
        bundle: Open.
        workspace: Where the versions go that the bundle was made of; those that they were made from keep their names,
            for the manifests name them. None for the names they have.
        terms: For aliases.

    Raises:
        NotFoundError: Something that a version was made from is neither in the bundle nor in the registry.
        IntegrityError: A version is made from one that comes later: no registry writes that.
    """
    placements: list[Placement] = []
    taken: set[AssetRef] = set()
    named = _named_by_others(bundle)
    for version in bundle.index.versions:
        manifest = bundle.manifest(version)
        for asset in _assets_of(version, bundle, workspace, named):
            placement = Placement(version, asset, _has_all(connection, asset, version))
            if not placement.is_known:
                _check_refs(connection, version, manifest, taken, bundle)
            placements.append(placement)
            taken.add(placement.reference)
    retired = _retired_in(bundle)
    steps = [
        _alias_step(connection, alias, terms, is_retired=alias.digest in retired)
        for alias in _aliases_here(bundle.index.aliases, placements)
    ]
    return ApplyPlan(tuple(placements), tuple(steps))


def record_bundle(
    connection: sa.Connection, bundle: BundleFile, plan: ApplyPlan, actor: Actor, terms: AliasTerms
) -> ApplyPlan:
    """Make everything visible, in one transaction; return what was done.

    Raises:
        NotFoundError, ConflictError: The registry changed meanwhile, and the bundle does not fit any more.
        InvalidInputError, GateError: An alias was protected meanwhile.
    """
    for asset in sorted({placement.asset for placement in plan.placements}):
        catalog.ensure_asset(connection, asset.workspace, asset.name, actor.now)
    placements = []
    for placement in plan.placements:
        version, manifest = placement.version, bundle.manifest(placement.version)
        carried = _carried(version, bundle)
        row, created = record_carried(connection, placement.asset, manifest, version.digest, carried, actor)
        if created and version.retired is not None:
            _retire(connection, placement.asset, row.id, row.number, version.retired, actor)
        if not placement.is_known and version.retired is None:  # its files are stored now
            take_back(connection, row, actor)
        placements.append(Placement(version, placement.asset, placement.is_known))
    retired, steps = _retired_in(bundle), []
    for planned in plan.aliases:
        step = _alias_step(connection, planned.alias, terms, is_retired=planned.alias.digest in retired)
        _apply_alias(connection, step, _reason(bundle, terms), actor)
        steps.append(step)
    _describe(connection, bundle, placements, actor)
    return ApplyPlan(tuple(placements), tuple(steps))


def _named_by_others(bundle: BundleFile) -> set[tuple[AssetName, Digest]]:
    return {(ref.asset, ref.digest) for version in bundle.index.versions for ref in bundle.manifest(version).refs}


def _assets_of(
    version: BundledVersion, bundle: BundleFile, workspace: str | None, named: set[tuple[AssetName, Digest]]
) -> list[AssetName]:
    if workspace is None or version.reference not in bundle.index.roots:
        return [version.asset]
    there = AssetName(workspace, version.asset.name)
    both = [version.asset, there] if (version.asset, version.digest) in named else [there]
    return list(dict.fromkeys(both))


def _check_refs(
    connection: sa.Connection, version: BundledVersion, manifest: Manifest, taken: set[AssetRef], bundle: BundleFile
) -> None:
    inside = {other.reference for other in bundle.index.versions}
    outside = []
    for ref in manifest.refs:
        reference = AssetRef(ref.asset, ref.digest)
        if reference in taken:
            continue
        if reference in inside and not _is_known(connection, ref.asset, ref.digest):
            raise IntegrityError(f"{version.reference} is made from {reference}, which comes later in the bundle")
        outside.append(ref)
    require_targets(connection, outside, str(version.reference))


def _is_known(connection: sa.Connection, asset: AssetName, digest: Digest) -> bool:
    asset_id = catalog.find_asset_id(connection, asset.workspace, asset.name)
    return asset_id is not None and catalog.find_version(connection, asset_id=asset_id, digest=digest) is not None


def _has_all(connection: sa.Connection, asset: AssetName, version: BundledVersion) -> bool:
    """Return whether an asset has a version, and its files too where the bundle has them."""
    asset_id = catalog.find_asset_id(connection, asset.workspace, asset.name)
    row = None if asset_id is None else catalog.find_version(connection, asset_id=asset_id, digest=version.digest)
    return row is not None and (version.retired is not None or catalog.retirement_of(connection, row.id) is None)


def _aliases_here(aliases: Iterable[BundledAlias], placements: Iterable[Placement]) -> Iterator[BundledAlias]:
    """Yield the aliases of a bundle in the assets that their versions go to."""
    found: dict[AssetRef, list[AssetName]] = {}
    for placement in placements:
        found.setdefault(placement.version.reference, []).append(placement.asset)
    for alias in aliases:
        for asset in found[AssetRef(alias.asset, alias.digest)]:
            yield BundledAlias(asset, alias.alias, alias.digest)


def _retired_in(bundle: BundleFile) -> set[Digest]:
    """Return the versions that a bundle brings without their files."""
    return {version.digest for version in bundle.index.versions if version.retired is not None}


def _alias_step(connection: sa.Connection, alias: BundledAlias, terms: AliasTerms, *, is_retired: bool) -> AliasStep:
    asset_id = catalog.find_asset_id(connection, alias.asset.workspace, alias.asset.name)
    found = None if asset_id is None else catalog.find_version(connection, asset_id=asset_id, digest=alias.digest)
    number = None if asset_id is None else catalog.alias_version(connection, asset_id, alias.alias)
    if number is not None and found is not None and found.number == number:
        return AliasStep(alias, AliasOutcome.THERE)
    if number is not None and not terms.move:
        return AliasStep(alias, AliasOutcome.KEPT, f"it points at version {number} here")
    if is_retired and (found is None or catalog.retirement_of(connection, found.id) is not None):
        why = "its version is retired; take it back first: `ama retire --undo`"
        return AliasStep(alias, AliasOutcome.REFUSED, why)
    if asset_id is not None and (why := _why_refused(connection, asset_id, alias, found, terms.reason) or ""):
        return AliasStep(alias, AliasOutcome.REFUSED, why)
    return AliasStep(alias, AliasOutcome.SET if number is None else AliasOutcome.MOVED)


def _why_refused(
    connection: sa.Connection, asset_id: int, alias: BundledAlias, wanted: VersionRow | None, reason: str
) -> str | None:
    """Return why an alias may not point at a version, or None; a version that is still to come has no blessing."""
    try:
        refuse_twin(connection, asset_id, Alias(alias.alias))
    except ConflictError as error:
        return str(error)
    rule = catalog.rule_of(connection, asset_id, alias.alias)
    if wanted is None and rule is not None and rule.needs_blessing:
        return f"alias {alias.alias!r} takes blessed versions only, and no gate of this registry has seen this one"
    number = wanted.number if wanted else None
    for said in ("a bundle", reason):  # first what no reason mends
        if why := why_protected(connection, asset_id, alias.alias, number, said):
            return str(why)
    return None


def _reason(bundle: BundleFile, terms: AliasTerms) -> str:
    origin = f"bundle {bundle.digest} of registry {bundle.index.registry_id}"
    return f"{terms.reason} ({origin})" if terms.reason else origin


def _apply_alias(connection: sa.Connection, step: AliasStep, reason: str, actor: Actor) -> None:
    if step.outcome not in {AliasOutcome.SET, AliasOutcome.MOVED}:
        return
    alias = step.alias
    row = require_version(connection, AssetRef(alias.asset, alias.digest))
    name = Alias(alias.alias)
    move_alias(connection, alias.asset, name, row.number, expected=Expect.ANYTHING, reason=reason, actor=actor)


def _carried(version: BundledVersion, bundle: BundleFile) -> Carried:
    """Return what a version brings along.

    What its registrations recorded stands below ``bundle``, where no gate looks for a verdict: that another registry
    says a version is blessed does not make it so here.
    """
    origin = {
        "digest": str(bundle.digest),
        "registry": bundle.index.registry_id,
        "reference": str(version.reference),
        "version": version.number,
        "semantic": str(version.semantic),
        "created_at": version.created_at.isoformat(),
        "created_by": version.created_by,
    }
    provenances: list[Mapping[str, Any]] = []
    for entry in version.registrations:
        told = {
            "registered_at": entry.registered_at.isoformat(),
            "registered_by": entry.registered_by,
            "provenance": dict(entry.provenance),
        }
        searched = {key: entry.provenance[key] for key in _SEARCHED if isinstance(entry.provenance.get(key), str)}
        provenances.append({**searched, "bundle": {**origin, "registration": told}})
    return Carried(
        version.message, version.semantic, version.tags, version.metrics, tuple(provenances) or ({"bundle": origin},)
    )


def _retire(
    connection: sa.Connection, asset: AssetName, version_id: int, number: int, reason: str, actor: Actor
) -> None:
    """Mark a version as retired that came without its bytes."""
    catalog.retire_version(connection, version_id, RetirementRow(reason, actor.now, actor.name))
    details = {"version": number, "reason": reason}
    catalog.append_audit(connection, "version.retire", str(asset), details, now=actor.now, actor=actor.name)


def _describe(connection: sa.Connection, bundle: BundleFile, placements: Iterable[Placement], actor: Actor) -> None:
    """Describe the assets that nobody has described here."""
    homes = {(placement.version.asset, placement.asset) for placement in placements}
    for origin, asset in sorted(homes):
        asset_id = catalog.find_asset_id(connection, asset.workspace, asset.name)
        assert asset_id is not None
        text = bundle.index.descriptions.get(origin)
        if text and catalog.description_of(connection, asset_id) is None:
            catalog.write_description(connection, asset_id, DescriptionRow(text, actor.now, actor.name))
            details = {"from": "", "to": text}
            catalog.append_audit(connection, "asset.describe", str(asset), details, now=actor.now, actor=actor.name)
