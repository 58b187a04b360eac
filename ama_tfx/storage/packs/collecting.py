"""Garbage collection beside writers: decide, condemn, wait, decide again, delete.

A pack goes in two runs at least: the first condemns it, and one that is later by the quarantine deletes it, if by then
it still has nothing that is needed and no writer has said ``kept`` (`condemning`). The quarantine has to be longer than
the time between a writer's commit and the moment when its blobs are among those to keep.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ama_tfx.errors import ConflictError
from ama_tfx.storage.digest import Digest
from ama_tfx.storage.files import os_errors
from ama_tfx.storage.packs.condemning import FATES, Fate, Marker, condemned, decide, marker_of, markers
from ama_tfx.storage.packs.digests import DigestSet
from ama_tfx.storage.packs.format import Kind, pack_name
from ama_tfx.storage.packs.index_file import Place
from ama_tfx.storage.packs.ledger import Ledger
from ama_tfx.storage.packs.planning import Plan, Snapshot, decide_plan
from ama_tfx.storage.packs.store import PackStore


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection did.

    Attributes:
        rewritten: Packs whose needed payloads lie in a new pack now; they are condemned.
        condemned: Packs that were condemned now.
        spared: Packs that are not condemned any more.
        deleted: Packs that are gone.
        won_bytes: Their size.
    """

    rewritten: tuple[str, ...]
    condemned: tuple[str, ...]
    spared: tuple[str, ...]
    deleted: tuple[str, ...]
    won_bytes: int


def plan_collection(store: PackStore, keep: Iterable[Digest]) -> Plan:
    """Decide which packs go.

    Args:
        store: Brought up to date first.
        keep: The blobs that are needed, best in order; all others are garbage.

    Raises:
        IntegrityError: Something needed is missing or damaged: repair the store before anything is deleted.
    """
    kept = DigestSet.of(keep)
    with snapshot(store) as seen:
        return decide_plan(seen, kept)


@contextlib.contextmanager
def snapshot(store: PackStore, *, avoided: Collection[str] | None = None) -> Iterator[Snapshot]:
    """Read what a plan depends on: every entry of the index, and the parts of every recipe.

    Args:
        store: Brought up to date first.
        avoided: Packs whose copies count only where there is no other; by default those that are condemned. Given
            after a first snapshot, which has compared the index with the packs.
    """
    store.refresh()
    if avoided is None:
        store.finder.mend()  # an index that was edited must not decide what is deleted
    last = condemned(store.objects) if avoided is None else avoided
    packs = tuple(sorted(store.index.packs(), key=lambda pack: (pack in last, pack)))
    with Ledger() as ledger:
        for number, pack in enumerate(packs):
            entries = store.index.entries_of(pack)
            ledger.add(number, ((entry, _references(store, Place(pack, entry))) for entry in entries))
        yield Snapshot(packs, ledger, dict(store.finder.unreadable))


def _references(store: PackStore, place: Place) -> Sequence[bytes]:
    if place.entry.kind is Kind.PIECE:
        return place.entry.bases
    return [part.key for part in store.reader.recipe(place).parts]


def collect(store: PackStore, plan: Plan, now: datetime, quarantine: timedelta) -> Collected:
    """Carry out a plan, as far as it is still right.

    Args:
        store: Writers may be at work; no other collection may.
        plan: What was decided; blobs stored since count as needed.
        now: Aware.
        quarantine: How long a pack stays condemned before it is deleted.

    Raises:
        ConflictError: Another collection runs on this machine.
        IntegrityError: See `plan_collection`.
    """
    with _alone(store):
        fresh, rewritten = _decide_and_rewrite(store, plan)
        dead = {pack for pack in fresh.dead if pack in plan.packs} - set(rewritten)
        going = dead | set(rewritten)
        old = markers(store.objects)
        spared, deleted = _carry_out(store, old, going, dead, (now, quarantine))
        new = sorted(going - {marker.pack for marker in old})
        for pack in new:
            _condemn(store, pack, now)
        won_bytes = sum(fresh.packs[pack] for pack in deleted if pack in fresh.packs)
        return Collected(tuple(rewritten), tuple(new), tuple(spared), tuple(deleted), won_bytes)


def _decide_and_rewrite(store: PackStore, plan: Plan) -> tuple[Plan, list[str]]:
    """Decide again, now that nobody else collects; return that and the packs that were rewritten."""
    with snapshot(store) as seen:
        newer = [number for number, pack in enumerate(seen.packs) if pack not in plan.packs]
        keep = plan.keep.with_keys(seen.ledger.keys_in(Kind.RECIPE, newer))
        fresh = decide_plan(seen, keep)
        rewritten = [pack for pack in fresh.rewritten if pack in plan.packs]
        if not rewritten:
            return fresh, []
        _rewrite(store, seen, rewritten)
    # Decided again, or a pack that an interrupted rewrite left, and this one met, would be dead and needed.
    with snapshot(store, avoided=rewritten) as seen:
        return decide_plan(seen, keep), rewritten


def spare(store: PackStore) -> tuple[str, ...]:
    """Take every condemnation back that was not carried out; return the packs.

    Raises:
        ConflictError: A collection runs on this machine.
    """
    with _alone(store):
        spared = []
        for marker in markers(store.objects):
            if decide(store.objects, marker, Fate.KEPT) is Fate.KEPT:
                spared.append(marker.pack)
                _clear(store, marker)
        return tuple(sorted(set(spared)))


def _carry_out(
    store: PackStore, old: list[Marker], going: set[str], dead: set[str], when: tuple[datetime, timedelta]
) -> tuple[list[str], list[str]]:
    """Spare what is needed again, and delete what has been condemned long enough."""
    now, quarantine = when
    spared: list[str] = []
    deleted: list[str] = []
    for marker in old:
        if store.objects.stat(pack_name(marker.pack)) is None:  # a collection was killed after its delete
            _clear(store, marker)
        elif marker.pack not in going:
            _clear(store, marker)
            spared.append(marker.pack)
        elif marker.pack in dead and now - marker.condemned_at >= quarantine:
            if decide(store.objects, marker, Fate.DELETED) is Fate.DELETED:
                _delete(store, marker)
                deleted.append(marker.pack)
            else:
                _condemn(store, marker.pack, now)  # before the old marker goes: it is condemned all the time
                _clear(store, marker)
    for info in list(store.objects.list(FATES)):
        fate = marker_of(info.name)
        if fate is not None and store.objects.stat(fate.name) is None:
            store.objects.delete(info.name)
    return spared, deleted


def _delete(store: PackStore, marker: Marker) -> None:
    """Delete in the reverse order of writing: what says that it is there first."""
    store.index.forget(marker.pack)
    store.objects.delete(pack_name(marker.pack))
    _clear(store, marker)


def _clear(store: PackStore, marker: Marker) -> None:
    store.objects.delete(marker.name)
    store.objects.delete(marker.fate_name)


def _condemn(store: PackStore, pack: str, now: datetime) -> None:
    store.objects.put(Marker(pack, int(now.timestamp())).name, b"")


def _rewrite(store: PackStore, seen: Snapshot, packs: list[str]) -> None:
    """Copy what is needed into a new pack, published before the old ones are condemned."""
    with store.writer() as writer:
        writer.disregard(packs)
        for pack in packs:
            needed = seen.ledger.needed_in(seen.packs.index(pack))
            for entry in store.index.entries_of(pack):
                if (entry.kind, entry.key) in needed:
                    writer.copy(entry, store.reader.payload(Place(pack, entry)))
        writer.commit()


@contextlib.contextmanager
def _alone(store: PackStore) -> Iterator[None]:
    lock = store.scratch / "gc.lock"
    with os_errors("lock", lock):
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConflictError(f"another collection holds {str(lock)!r}; wait until it has ended") from error
        yield
    finally:
        os.close(descriptor)
