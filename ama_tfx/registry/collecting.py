"""gc: which blobs versions need, and the turns that collections and registrations take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.catalog import Database
from ama_tfx.errors import ConflictError, ContentChangedError, InvalidInputError
from ama_tfx.registry.checking import needed_blobs
from ama_tfx.registry.findings import GcPlan, GcResult
from ama_tfx.registry.registering import Stored
from ama_tfx.storage import PackStore
from ama_tfx.storage.packs.collecting import collect, plan_collection
from ama_tfx.storage.packs.condemning import markers
from ama_tfx.storage.packs.digests import DigestSet

T = TypeVar("T")

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


def publish(
    database: Database, stored: Stored, store_again: Callable[[], Stored], record: Callable[[sa.Connection], T]
) -> T:
    """Run the transaction that refers to stored bytes, at a moment at which gc leaves them alone.

    Args:
        database: Of the catalog.
        stored: The bytes; perhaps of a while ago.
        store_again: Stores them once more, when gc took them away meanwhile; that is done once.
        record: The transaction.

    Raises:
        ConflictError: gc took them away twice: its quarantine is shorter than an upload.
        ContentChangedError: They were stored once more, and are others now.
    """
    secured, stored_again = stored, False
    while True:
        with database.read() as connection:
            seen = catalog.collection_number(connection)
        try:
            secured.secure()
        except ConflictError:
            if stored_again:
                raise
            secured, stored_again = _same(stored, store_again()), True
            continue
        with database.write() as connection:
            if catalog.collection_number(connection, hold=True) == seen:
                return record(connection)


def _same(stored: Stored, again: Stored) -> Stored:
    if again.digest != stored.digest:
        raise ContentChangedError("the content was written to while it was registered; nothing was; try again")
    return again


def tried_twice(store: Callable[[], T]) -> T:
    """Store something, and once more when gc took away meanwhile what it built upon."""
    try:
        return store()
    except ContentChangedError:
        raise
    except ConflictError:
        return store()
