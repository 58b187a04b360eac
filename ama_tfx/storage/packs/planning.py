"""What gc decides: from what is in the packs and which blobs are needed, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ama_tfx.errors import IntegrityError
from ama_tfx.storage.packs.digests import DigestSet
from ama_tfx.storage.packs.format import Kind
from ama_tfx.storage.packs.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a plan depends on.

    Attributes:
        packs: Those that are not condemned first: by their place here the ledger knows them, and of equal copies the
            first one stays.
        ledger: What is in them, and what refers to what.
        unreadable: Packs that could not be indexed, and why.
    """

    packs: tuple[str, ...]
    ledger: Ledger
    unreadable: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a collection will do.

    Attributes:
        keep: The blobs that are needed.
        packs: Every pack that was looked at, and the bytes of its payloads.
        dead: Packs of which nothing is needed.
        rewritten: Packs of which some is needed: less than half, or what else is in it refers to what goes.
        won_bytes: How much smaller the store becomes.
    """

    keep: DigestSet
    packs: Mapping[str, int]
    dead: tuple[str, ...]
    rewritten: tuple[str, ...]
    won_bytes: int


def decide_plan(seen: Snapshot, keep: DigestSet) -> Plan:
    """Return which packs go, so that every blob to keep stays readable and nothing left behind refers to what went.

    The latter matters because a writer that meets an old recipe or difference in a pack that stays will build on it.
    What is needed of each pack stands in the ledger afterwards.

    Raises:
        IntegrityError: Something needed is missing.
    """
    if seen.unreadable:
        pack, why = next(iter(seen.unreadable.items()))
        raise IntegrityError(f"pack {pack} cannot be read, so nothing is collected; repair the store first: {why}")
    if missing := seen.ledger.need(keep.keys()):
        what = "blob" if missing[0] is Kind.RECIPE else "piece"
        raise IntegrityError(f"{what} {missing[1].hex()} is needed and missing; repair the store before a collection")
    held = seen.ledger.bytes_of()
    sizes = {pack: held.get(number, 0) for number, pack in enumerate(seen.packs)}
    needed = seen.ledger.needed_bytes_of()
    rewritten = {number for number, needed_bytes in needed.items() if 2 * needed_bytes < held[number]}
    while more := seen.ledger.dangling(needed.keys() - rewritten, rewritten):
        rewritten |= more
    dead = sorted(pack for number, pack in enumerate(seen.packs) if number not in needed)
    copied = {seen.packs[number]: needed[number] for number in rewritten}
    won_bytes = sum(sizes[pack] for pack in [*dead, *copied]) - sum(copied.values())
    return Plan(keep, sizes, tuple(dead), tuple(sorted(copied)), won_bytes)
