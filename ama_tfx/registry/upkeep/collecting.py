"""gc: which blobs versions need, and what goes; `publishing` is how registrations take turns with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ama_tfx import catalog
from ama_tfx.catalog import Database
from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.upkeep.checking import needed_blobs
from ama_tfx.registry.upkeep.findings import GcPlan, GcResult
from ama_tfx.storage import PackStore
from ama_tfx.storage.packs.collecting import collect, plan_collection
from ama_tfx.storage.packs.condemning import markers
from ama_tfx.storage.packs.digests import DigestSet

QUARANTINE = timedelta(days=14)
"""How long what nobody needs stays before it is deleted: as git's gc."""


def plan_gc(database: Database, store: PackStore) -> GcPlan:
    """Decide what a collection would do; nothing is changed.

    Raises:
        IntegrityError: Something needed is missing or damaged: repair the registry first.
    """
    plan = plan_collection(store, needed_blobs(database))
    return GcPlan(plan, {marker.pack: marker.condemned_at for marker in markers(store.objects)})


def apply_gc(
    database: Database, store: PackStore, plan: GcPlan | None, now: datetime, quarantine: timedelta
) -> GcResult:
    """Carry out a plan as far as it is still right, or one that is made now.

    The collection begins with its number (`catalog.begin_collection`): versions that were registered before are among
    those to keep, and whoever registers one from then on makes sure of its blobs once more.

    Raises:
        InvalidInputError: A negative quarantine.
        ConflictError: Another collection runs on this machine.
        IntegrityError: Something needed is missing or damaged: repair the registry first.
    """
    if quarantine < timedelta(0):
        raise InvalidInputError(f"a quarantine cannot be negative: {quarantine}")
    with database.write() as connection:
        catalog.begin_collection(connection)
    keep = DigestSet.of(needed_blobs(database))
    if plan is None:
        decided = plan_collection(store, keep)
    else:
        decided = replace(plan.decided, keep=keep.with_keys(plan.decided.keep.keys()))
    done = collect(store, decided, now, quarantine)
    return GcResult(done.condemned, done.spared, done.deleted, done.rewritten, done.won_bytes)
