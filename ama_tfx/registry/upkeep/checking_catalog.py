"""fsck of the catalog: its database, its rows against the manifests, its history against the audit log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ama_tfx import catalog
from ama_tfx.catalog import Database, VersionRow
from ama_tfx.errors import NotFoundError
from ama_tfx.registry.auditing.checking import differences, told_by_catalog, told_by_log
from ama_tfx.registry.downloading import read_manifest
from ama_tfx.registry.manifest import FileEntry, Manifest, RefEntry
from ama_tfx.registry.names import AssetName
from ama_tfx.registry.results import Version
from ama_tfx.registry.upkeep.findings import Finding
from ama_tfx.storage import BlobStore, Digest

if TYPE_CHECKING:
    import sqlalchemy as sa

_TOLD = (NotFoundError, ValueError, TypeError)
"""What reading something damaged ends in; that a disk or a database failed is no finding."""


@dataclass(slots=True)
class Found:
    """What is found so far."""

    findings: list[Finding] = field(default_factory=list)
    version_count: int = 0
    unreferenced_count: int = 0

    def add(self, problem: str, subject: str, detail: str, *blobs: Digest, is_note: bool = False) -> None:
        """Add a finding."""
        self.findings.append(Finding(problem, subject, detail, is_note, blobs))


def check_database(database: Database, found: Found) -> None:
    """Ask the database what is wrong with itself."""
    try:
        with database.read() as connection:
            for detail in catalog.damage_of(connection):
                found.add("damaged catalog", "catalog", f"{detail}; restore the catalog from a backup")
            for workspace, asset, number, run in catalog.wrong_runs(connection):
                name = f"{AssetName(workspace, asset)}:{number}"
                what = f"a registration of {name} is found by {run}, which its provenance does not name"
                found.add("wrong history", name, f"{what}; restore the catalog from a backup")
            _check_retired(connection, found)
            if guards := catalog.missing_guards(connection):
                what = f"triggers that refuse changes of history were dropped or do nothing: {', '.join(guards)}"
                found.add("unguarded catalog", "catalog", f"{what}; restore the catalog from a backup")
    except _TOLD as error:
        found.add("damaged catalog", "catalog", str(error))


def _check_retired(connection: sa.Connection, found: Found) -> None:
    rows = [row for row, _ in catalog.list_retired(connection)]
    marks = catalog.marks_of(connection, sorted({row.asset_id for row in rows}))
    for row in rows:
        if kept := marks.get(row.id):
            name = f"{AssetName(row.workspace, row.asset)}:{row.number}"
            what = f"version {name} is retired, so its files may go, and has: {', '.join(kept)}"
            found.add("kept and retired", name, f"{what}; take it back with `ama retire --undo`, or move these")


def check_sizes(database: Database, blobs: list[Digest], size_of: Callable[[Digest], int], found: Found) -> None:
    """Compare the sizes of blobs with what versions say of their files; one that cannot be read is told elsewhere."""
    with database.read() as connection:
        told = catalog.sizes_of(connection, blobs)
        for digest, sizes in told.items():
            try:
                size_bytes = size_of(digest)
            except _TOLD:
                continue
            if wrong := sorted(sizes - {size_bytes}):
                names = [f"{row.asset}:{row.number} {path!r}" for row, path in catalog.find_files(connection, digest)]
                what = f"blob {digest} has {size_bytes} bytes, and versions say {', '.join(map(str, wrong))}"
                what += f": {', '.join(names[:5])}; register their content again"
                found.add("wrong size", str(digest), what, digest)


def check_versions(database: Database, store: BlobStore, lost: set[Digest], found: Found) -> None:
    """Compare every version's rows with its manifest, unless that is lost."""
    after = 0
    while True:
        try:
            with database.read() as connection:
                rows = catalog.versions_after(connection, after)
        except _TOLD as error:
            found.add("damaged catalog", "catalog", f"its versions cannot be read: {error}")
            return
        if not rows:
            return
        for row in rows:
            _check_version(database, store, row, lost, found)
        found.version_count += len(rows)
        after = rows[-1].id


def _check_version(database: Database, store: BlobStore, row: VersionRow, lost: set[Digest], found: Found) -> None:
    name = f"ama://{row.workspace}/{row.asset}:{row.number}"
    if row.digest in lost:
        return
    try:
        Version.from_row(row)
        manifest = read_manifest(store, row.digest)
    except _TOLD as error:
        found.add("damaged version", name, f"version {name} cannot be read: {error}", row.digest)
        return
    try:
        for what in _unlike(database, row, manifest):
            found.add("wrong version", name, f"version {name}: {what}; restore the catalog from a backup", row.digest)
    except _TOLD as error:
        found.add("wrong version", name, f"version {name}: its rows cannot be read: {error}", row.digest)


def _unlike(database: Database, row: VersionRow, manifest: Manifest) -> Iterator[str]:
    """Yield what the catalog says of a version and its manifest does not."""
    with database.read() as connection:
        files = catalog.files_of(connection, row.id)
        refs = catalog.refs_of(connection, row.id)
        properties = catalog.properties_of(connection, row.id)
    if row.kind != manifest.kind:
        yield f"the catalog has kind {row.kind!r}, its manifest {manifest.kind!r}"
    if (row.file_count, row.size_bytes) != (len(manifest.files), manifest.size_bytes):
        yield (
            f"the catalog has {row.file_count} files of {row.size_bytes} bytes, "
            f"its manifest {len(manifest.files)} of {manifest.size_bytes}"
        )
    held = {FileEntry(file.path, file.digest, file.size_bytes, file.url) for file in files}
    for path in sorted({entry.path for entry in held.symmetric_difference(manifest.files)}):
        yield f"the catalog does not have of file {path!r} what its manifest has"
    edges = {RefEntry(role, AssetName(other.workspace, other.asset), other.digest) for role, other in refs}
    for edge in sorted(edges.symmetric_difference(manifest.refs)):
        yield f"ref {edge.role!r} to {edge.asset}@{edge.digest} is not in both the catalog and its manifest"
    for key in sorted(properties.keys() | manifest.properties.keys()):
        if key not in properties or key not in manifest.properties or properties[key] != manifest.properties[key]:
            yield f"the catalog does not have of property {key!r} what its manifest has"


def check_log(database: Database, found: Found) -> None:
    """Check the audit log's chain, and versions, aliases and tags against it."""
    try:
        with database.read() as connection:
            catalog.verify_audit(connection)
    except _TOLD as error:
        found.add("wrong log", "audit log", str(error))
    try:
        with database.read() as connection:
            for name, what in differences(told_by_log(catalog.iterate_audit(connection)), told_by_catalog(connection)):
                found.add("wrong history", name, f"{what}; restore the catalog from a backup")
    except _TOLD as error:
        found.add("wrong log", "audit log", str(error))
