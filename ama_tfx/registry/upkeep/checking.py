"""fsck: the bytes below, the catalog, and whether the two agree; reads only.

What is held at a time is a page of rows, one version's files, and what is wrong.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path

from ama_tfx import catalog
from ama_tfx.catalog import Database, VersionRow
from ama_tfx.errors import FormatError, IntegrityError, NotFoundError
from ama_tfx.registry.location import BLOBS, CATALOG, MARKER, PROPOSAL
from ama_tfx.registry.results import Version
from ama_tfx.registry.upkeep.checking_catalog import Found, check_database, check_log, check_sizes, check_versions
from ama_tfx.registry.upkeep.findings import MOST_NAMED, Checked, LostFile
from ama_tfx.storage import Digest, PackStore, PendingFile, os_errors
from ama_tfx.storage.packs.checking import HARMLESS, Report, check
from ama_tfx.storage.packs.format import Kind, pack_of

OnEvent = Callable[[str], object]
"""Called with what is checked next, in words."""

_PARTS = {MARKER, PROPOSAL, BLOBS, *(f"{CATALOG}{suffix}" for suffix in ("", "-wal", "-shm", "-journal"))}


def check_registry(
    database: Database,
    store: PackStore,
    folder: Path | None,
    *,
    read_percent: int,
    salt: str,
    on_event: OnEvent | None = None,
    report: Report | None = None,
) -> Checked:
    """Compare all that a registry holds with what it promises.

    Args:
        database: Its catalog.
        store: Its blobs.
        folder: Where it is.
        read_percent: Of how many packs in a hundred every payload is read; with 100, every blob is put together and
            compared with its SHA-256.
        salt: Chooses which packs those are.
        on_event: Called with what is checked next.
        report: What is known of the store's bytes already.
    """
    say = on_event or (lambda _: None)
    found = Found()
    say("bytes")
    if report is None:
        report = check(store, read_data=_packs_to_read(store, read_percent, salt))
    for name in _strangers_in(folder):
        found.add("stranger", name, f"{name!r} is no part of a registry", is_note=True)
    say("catalog")
    check_database(database, found)
    lost = _lost_files(database, store, report)
    needed = {file.digest for file in lost}
    _tell_bytes(report, needed, found)
    _tell_lost(lost, report, found)
    _note_unreferenced(database, store, found)
    if read_percent == 100:
        _tell_sizes(database, store, found)
    say("versions")
    check_versions(database, store, needed, found)
    say("audit log")
    check_log(database, found)
    with database.read() as connection:
        file_count = catalog.count_of_files(connection)
    return Checked(
        findings=tuple(found.findings),
        lost=tuple(lost),
        version_count=found.version_count,
        file_count=file_count,
        blob_count=report.blobs,
        pack_count=report.packs,
        unreferenced_count=found.unreferenced_count,
        read_percent=read_percent,
    )


def needed_blobs(database: Database) -> Iterator[Digest]:
    """Yield every blob that a version needs, files and manifests, in order; a transaction for each page."""
    after: Digest | None = None
    while True:
        with database.read() as connection:
            page = catalog.digests_after(connection, after)
        if not page:
            return
        yield from page
        after = page[-1]


def _strangers_in(folder: Path | None) -> list[str]:
    if folder is None or not folder.is_dir():
        return []
    with os_errors("read", folder):
        names = {path.name for path in folder.iterdir()}
    return sorted(name for name in names - _PARTS if not PendingFile.is_leftover(name))


def _packs_to_read(store: PackStore, percent: int, salt: str) -> bool | frozenset[str]:
    if percent in {0, 100}:
        return percent == 100
    packs = [pack for info in store.objects.list("packs/") if (pack := pack_of(info.name))]
    packs.sort(key=lambda pack: hashlib.sha256(f"{salt} {pack}".encode()).digest())
    return frozenset(packs[: math.ceil(len(packs) * percent / 100)])


def _lost_files(database: Database, store: PackStore, report: Report) -> list[LostFile]:
    """Return every file of a version whose blob cannot be read, or is not there at all."""
    gone = _absent(database, store, report)
    lost: list[LostFile] = []
    for digest in sorted({*report.lost, *gone}):
        reason = "is in no pack of the store" if digest in gone else _reason(store, report, digest)
        with database.read() as connection:
            places: list[tuple[VersionRow, str | None]] = [
                (row, None) for row in catalog.versions_with_digest(connection, digest)
            ]
            held = catalog.find_files(connection, digest)
            places += [(row, path) for row, path in held if catalog.retirement_of(connection, row.id) is None]
            lost += [LostFile(Version.from_row(row), path, digest, reason) for row, path in places]
    return lost


def _absent(database: Database, store: PackStore, report: Report) -> set[Digest]:
    """Return the blobs that versions need and the store knows nothing of.

    The catalog is read first: what a registration adds meanwhile has its bytes stored by then.
    """
    absent: set[Digest] = set()
    page: list[Digest] = []
    for digest in needed_blobs(database):
        page.append(digest)
        if len(page) == catalog.PAGE:
            absent |= _not_indexed(store, page)
            page.clear()
    absent |= _not_indexed(store, page)
    absent.difference_update(report.lost)
    if absent and report.findings:  # the index may be behind: the packs themselves decide
        for info in store.objects.list("packs/"):
            if pack := pack_of(info.name):
                absent.difference_update(_recipes_in(store, pack))
    return absent


def _not_indexed(store: PackStore, digests: list[Digest]) -> set[Digest]:
    there = store.index.find_all(Kind.RECIPE, [digest.raw for digest in digests])
    return {digest for digest in digests if digest.raw not in there}


def _recipes_in(store: PackStore, pack: str) -> list[Digest]:
    try:
        _, entries = store.reader.end_of(pack)
    except (IntegrityError, FormatError, NotFoundError):
        return []
    return [Digest.from_raw(entry.key) for entry in entries if entry.kind is Kind.RECIPE]


def _reason(store: PackStore, report: Report, digest: Digest) -> str:
    """Return why a blob cannot be read: the first piece that is lost and its pack, or what its recipe is in."""
    blamed = [finding.subject for finding in report.findings if digest in finding.files]
    for place in store.index.copies(Kind.RECIPE, digest.raw):
        try:
            parts = store.reader.recipe(place).parts
        except (IntegrityError, NotFoundError):
            continue
        if broken := [part.key for part in parts if part.key in report.broken]:
            copies = store.index.copies(Kind.PIECE, broken[0])
            where = f"in pack {copies[0].pack}" if copies else "that is in no pack"
            more = f" and {len(broken) - 1} more" if broken[1:] else ""
            return f"needs piece {broken[0].hex()} {where}{more}"
    return f"needs its list of pieces in pack {blamed[0]}" if blamed else "has a damaged list of pieces"


def _tell_bytes(report: Report, needed: set[Digest], found: Found) -> None:
    for finding in report.findings:
        unneeded = bool(finding.files) and needed.isdisjoint(finding.files)
        detail = f"{finding.detail}; no version needs what it held" if unneeded else finding.detail
        harmless = finding.problem in HARMLESS
        found.add(finding.problem.value, finding.subject, detail, *finding.files, is_note=harmless)


def _tell_lost(lost: list[LostFile], report: Report, found: Found) -> None:
    """Tell of blobs of which the bytes below know nothing, so that each loss has a finding."""
    told = {digest for finding in report.findings for digest in finding.files}
    for digest in sorted({file.digest for file in lost} - told):
        found.add("missing blob", str(digest), f"blob {digest} is in no pack, and versions need it", digest)


def _note_unreferenced(database: Database, store: PackStore, found: Found) -> None:
    named: list[Digest] = []
    for page in _indexed_blobs(store):
        with database.read() as connection:
            needed = catalog.needed_of(connection, page)
        unneeded = [digest for digest in page if digest not in needed]
        found.unreferenced_count += len(unneeded)
        named += unneeded[: MOST_NAMED - len(named)]
    if named:
        count = found.unreferenced_count
        what = "1 blob that no version needs" if count == 1 else f"{count} blobs that no version needs"
        found.add("unreferenced", "store", f"the store has {what}; `ama gc` removes them", *named, is_note=True)


def _tell_sizes(database: Database, store: PackStore, found: Found) -> None:
    def size_of(digest: Digest) -> int:
        place = store.index.copies(Kind.RECIPE, digest.raw)[0]
        return store.reader.recipe(place).size_bytes

    for page in _indexed_blobs(store):
        check_sizes(database, page, size_of, found)


def _indexed_blobs(store: PackStore) -> Iterator[list[Digest]]:
    page: list[Digest] = []
    for place in store.index.entries(Kind.RECIPE):
        page.append(Digest.from_raw(place.entry.key))
        if len(page) == catalog.PAGE:
            yield page
            page = []
    if page:
        yield page
