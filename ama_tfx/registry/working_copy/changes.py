"""What a draft changes of the version that it is based on: only that is pending."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from ama_tfx.registry.names import AssetRef
from ama_tfx.registry.working_copy.draft import Draft, DraftRef


@dataclass(frozen=True)
class Changes:
    """What is pending.

    Attributes:
        draft: What was added, removed and set, without what comes from the base.
        base: The version, by digest, that it is based on; None for none.
        refs_out: Refs of the base that the next version does not have, replaced ones too.
        properties_out: Properties of the base that were unset.
        kind_out: The base's kind, when it was unset.
    """

    draft: Draft
    base: AssetRef | None = None
    refs_out: tuple[DraftRef, ...] = ()
    properties_out: tuple[str, ...] = ()
    kind_out: str | None = None

    def __bool__(self) -> bool:
        return bool(
            replace(self.draft, links=()) != Draft(self.draft.asset)
            or self.refs_out
            or self.properties_out
            or self.kind_out
        )

    def replaced_by(self, ref: DraftRef) -> tuple[AssetRef, ...]:
        """Return which refs of the base a ref that is pending stands in for: those of its role and asset."""
        return tuple(old.target for old in self.refs_out if _is_alike(old, ref) and old.target != ref.target)

    @property
    def refs_only_out(self) -> tuple[DraftRef, ...]:
        """Refs of the base that were taken out, and that no other one stands in for."""
        return tuple(old for old in self.refs_out if not any(_is_alike(old, ref) for ref in self.draft.refs))


def changes_between(draft: Draft, start: Draft) -> Changes:
    """Return what a draft changes.

    Args:
        draft: The draft.
        start: The one that changes nothing of its base; see `Draft.on`.
    """
    now, before = {_key(ref) for ref in draft.refs}, {_key(ref) for ref in start.refs}
    properties = {
        key: value
        for key, value in draft.properties.items()
        if key not in start.properties or start.properties[key] != value
    }
    pending = replace(
        draft,
        base=None,
        refs=tuple(ref for ref in draft.refs if _key(ref) not in before),
        properties=properties,
        kind=None if draft.kind == start.kind else draft.kind,
    )
    return Changes(
        pending,
        draft.base,
        tuple(ref for ref in start.refs if _key(ref) not in now),
        tuple(sorted(start.properties.keys() - draft.properties.keys())),
        start.kind if draft.kind is None else None,
    )


def replaced(ref: DraftRef, inherited: Collection[DraftRef]) -> set[DraftRef]:
    """Return which refs of the base a new one takes the place of: itself, or else those of its role and asset."""
    alike = {old for old in inherited if _is_alike(old, ref)}
    return {old for old in alike if old.target == ref.target} or alike


def _is_alike(one: DraftRef, other: DraftRef) -> bool:
    return (one.role, one.target.asset) == (other.role, other.target.asset)


def _key(ref: DraftRef) -> tuple[str, AssetRef]:
    return ref.role, ref.target
