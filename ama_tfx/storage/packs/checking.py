"""fsck of the byte layer: reads, compares, and names what is wrong; changes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from ama_tfx.errors import FormatError, IntegrityError, NotFoundError
from ama_tfx.storage.digest import Digest
from ama_tfx.storage.files import PendingFile, os_errors
from ama_tfx.storage.objects import ObjectInfo
from ama_tfx.storage.packs.checking_payloads import check_piece, check_recipe
from ama_tfx.storage.packs.condemning import FATES, Fate, marker_of
from ama_tfx.storage.packs.format import Entry, Kind, pack_name, pack_of
from ama_tfx.storage.packs.index_file import Place
from ama_tfx.storage.packs.ledger import Ledger
from ama_tfx.storage.packs.store import PackStore

DAMAGED = "damaged/"
"""Where `repair` moves damaged packs: what lies there is no part of the store any more."""

_OWN = {"index.db", "index.db-wal", "index.db-shm", "index.db-lock"}
_FATES = {fate.value for fate in Fate}


class Problem(Enum):
    """What can be wrong with a store."""

    DAMAGED_PACK = "damaged pack"
    """It cannot be read as a pack, or not as the one of its name."""
    DAMAGED_PAYLOAD = "damaged payload"
    MISSING_PACK = "missing pack"
    """The index knows it, and it is gone."""
    MISSING_PIECE = "missing piece"
    """A recipe or a difference refers to it."""
    WRONG_INDEX = "wrong index"
    """It does not say what the packs say; it can be built again."""
    UNINDEXED = "unindexed pack"
    """Of a writer killed before its last step; whoever misses something will index it."""
    STRANGER = "stranger"
    """An object that no store holds."""
    LEFTOVER = "leftover"
    """A killed writer's scratch file."""


HARMLESS = frozenset({Problem.UNINDEXED, Problem.LEFTOVER})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        problem: What.
        subject: The pack, or the object or scratch file.
        detail: For people.
        entry: The payload concerned, where it is one.
        key: Of the piece that is missing, where one is.
        files: The blobs that cannot be read because of it.
    """

    problem: Problem
    subject: str
    detail: str
    entry: Entry | None = None
    key: bytes | None = None
    files: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found.

    Attributes:
        findings: What is wrong.
        packs: How many packs there are.
        blobs: How many blobs.
        lost: The blobs that cannot be read.
        broken: Keys of the pieces that cannot be read.
    """

    findings: tuple[Finding, ...]
    packs: int
    blobs: int
    lost: tuple[Digest, ...]
    broken: frozenset[bytes]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found but what killed writers leave."""
        return all(finding.problem in HARMLESS for finding in self.findings)


class _Content:
    """What is wrong so far, and what whole payloads there are."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.findings: list[Finding] = []
        self.damaged: dict[tuple[Kind, bytes], list[int]] = {}
        self.gone: set[str] = set()

    def add(self, problem: Problem, subject: str, detail: str, entries: Iterable[Entry] = ()) -> None:
        for entry in entries:
            self.damaged.setdefault((entry.kind, entry.key), []).append(len(self.findings))
        self.findings.append(Finding(problem, subject, detail))

    def forget(self, packs: Mapping[str, int]) -> None:
        """Take back what was said of packs, given their numbers, that gc has deleted since."""
        self.gone |= packs.keys()
        self.ledger.forget(packs.values())
        kept = [number for number, finding in enumerate(self.findings) if finding.subject not in packs]
        moved = {old: new for new, old in enumerate(kept)}
        self.findings = [self.findings[number] for number in kept]
        damaged = {key: [moved[n] for n in numbers if n in moved] for key, numbers in self.damaged.items()}
        self.damaged = {key: numbers for key, numbers in damaged.items() if numbers}


def check(store: PackStore, *, read_data: bool | Collection[str]) -> Report:
    """Compare all that a store holds with what it promises.

    Args:
        store: Nobody has to stop writing to it; what a writer publishes meanwhile may show as unindexed.
        read_data: Whether every payload is read and every blob put together; without, only the packs' ends and the
            recipes are. Or the packs whose payloads are read: each piece is compared with its key then, no blob with
            its SHA-256.
    """
    with Ledger() as ledger:
        content = _Content(ledger)
        wrong = store.index.verify()
        if wrong or (not store.index.is_complete and any(pack_of(info.name) for info in store.objects.list("packs/"))):
            content.add(Problem.WRONG_INDEX, "index", wrong or "it was made anew and does not know every pack")
        known = dict(store.index.packs())
        there = dict(_packs(store, content))
        for pack in sorted(known.keys() - there.keys()):
            if store.objects.stat(pack_name(pack)) is None:
                entries = store.index.entries_of(pack)
                if pack in store.index.packs():  # else gc, which has the index forget it first, was quicker
                    content.add(Problem.MISSING_PACK, pack, f"pack {pack} is gone", entries)
        packs = _check_packs(store, content, there, known, read_data)
        _find_leftovers(store, content)
        return _report(content, packs)


def _check_packs(
    store: PackStore,
    content: _Content,
    there: Mapping[str, int],
    known: Mapping[str, int],
    read_data: bool | Collection[str],
) -> int:
    """Check packs, and those that gc meanwhile put in the place of others; return how many there are in the end."""
    numbers: dict[str, int] = {}
    new = dict(there)
    while new:
        for pack, size_bytes in sorted(new.items()):
            numbers[pack] = len(numbers)
            _check_pack(store, content, (numbers[pack], pack), (size_bytes, known.get(pack)), read_data)
        now = {found: info.size_bytes for info in store.objects.list("packs/") if (found := pack_of(info.name))}
        gone = numbers.keys() - now.keys() - content.gone
        if not gone:
            break
        content.forget({pack: numbers[pack] for pack in gone})
        known, new = dict(store.index.packs()), {pack: now[pack] for pack in now.keys() - numbers.keys()}
    return len(numbers) - len(content.gone)


def _find_leftovers(store: PackStore, content: _Content) -> None:
    with contextlib.suppress(NotFoundError), os_errors("list", store.scratch):
        for path in sorted(store.scratch.iterdir()):
            if PendingFile.is_leftover(path.name):
                content.add(Problem.LEFTOVER, str(path), "left by a writer that was killed, or is at work")


def _packs(store: PackStore, content: _Content) -> Iterator[tuple[str, int]]:
    for info in store.objects.list():
        pack = pack_of(info.name)
        if pack is not None:
            yield pack, info.size_bytes
        elif not _belongs(store, info):
            content.add(Problem.STRANGER, info.name, f"object {info.name!r} is none that a store holds")


def _belongs(store: PackStore, info: ObjectInfo) -> bool:
    if info.name in _OWN or info.name.startswith(DAMAGED):
        return True
    if marker_of(info.name) is None:
        return False
    if info.name.startswith(FATES):
        try:
            return store.objects.read(info.name) in _FATES
        except NotFoundError:
            return True  # gc took it away
    return info.size_bytes == 0


def _check_pack(
    store: PackStore,
    content: _Content,
    numbered: tuple[int, str],
    sizes: tuple[int, int | None],
    read_data: bool | Collection[str],
) -> None:
    number, pack = numbered
    indexed = store.index.entries_of(pack)
    try:
        _, entries = store.reader.end_of(pack)
    except NotFoundError:
        return  # gc took it away meanwhile
    except (IntegrityError, FormatError) as error:
        content.add(Problem.DAMAGED_PACK, pack, str(error), indexed)
        return
    if sizes[1] is None:
        content.add(Problem.UNINDEXED, pack, f"pack {pack} is not in the index")
    elif (set(indexed) != set(entries) or sizes[0] != sizes[1]) and pack in store.index.packs():
        # Not any more in the index: gc has just had it forgotten.
        content.add(Problem.WRONG_INDEX, pack, f"the index does not say of pack {pack} what its footer says")
    del indexed
    reads = read_data if isinstance(read_data, bool) else pack in read_data
    content.ledger.add(number, _whole(store, content, pack, entries, reads=reads, joins=read_data is True))


def _whole(
    store: PackStore, content: _Content, pack: str, entries: Iterable[Entry], *, reads: bool, joins: bool
) -> Iterator[tuple[Entry, Sequence[bytes]]]:
    """Yield the entries that are whole as far as that is to be found out, each with what it refers to."""
    for entry in entries:
        try:
            yield entry, _checked(store, Place(pack, entry), reads=reads, joins=joins)
        except NotFoundError:  # noqa: PERF203 - each payload is right or wrong by itself
            if store.objects.stat(pack_name(pack)) is None:  # gc was quicker
                return
            raise
        except IntegrityError as error:
            content.add(Problem.DAMAGED_PAYLOAD, pack, str(error), [entry])
            content.findings[-1] = replace(content.findings[-1], entry=entry)


def _checked(store: PackStore, place: Place, *, reads: bool, joins: bool) -> Sequence[bytes]:
    """Return the pieces that a payload refers to, after making sure that it is right."""
    if place.entry.kind is Kind.PIECE:
        if reads:
            check_piece(store, place)
        return place.entry.bases
    parts = store.reader.recipe(place).parts
    if joins:
        check_recipe(store, place)
    return list(dict.fromkeys(part.key for part in parts))


def _report(content: _Content, packs: int) -> Report:
    broken = content.ledger.find_gone()
    victims: dict[int, set[Digest]] = {}
    lost: set[Digest] = set()
    for key, root in content.ledger.files_with_gone():
        lost.add(Digest.from_raw(key))
        for number in _blamed(content, root):
            victims.setdefault(number, set()).add(Digest.from_raw(key))
    unknown = 0
    for (kind, key), numbers in content.damaged.items():
        if kind is Kind.RECIPE and not content.ledger.has(kind, key):
            unknown += 1
            lost.add(Digest.from_raw(key))
            for number in numbers:
                victims.setdefault(number, set()).add(Digest.from_raw(key))
    findings = tuple(
        replace(finding, files=tuple(sorted(victims.get(number, ()))))
        for number, finding in enumerate(content.findings)
    )
    blobs = content.ledger.count(Kind.RECIPE) + unknown
    return Report(findings, packs, blobs, tuple(sorted(lost)), frozenset(broken))


def _blamed(content: _Content, root: bytes) -> list[int]:
    numbers = content.damaged.get((Kind.PIECE, root))
    if numbers is None:
        content.add(Problem.MISSING_PIECE, root.hex(), f"piece {root.hex()} is in no pack")
        content.findings[-1] = replace(content.findings[-1], key=root)
        numbers = content.damaged[Kind.PIECE, root] = [len(content.findings) - 1]
    return numbers
