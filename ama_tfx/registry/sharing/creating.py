"""Making a bundle: one state of the catalog, then the bytes, written under a temporary name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ama_tfx import catalog
from ama_tfx.catalog import VersionRow
from ama_tfx.catalog import sharing as shared
from ama_tfx.errors import ConflictError, IntegrityError, InvalidInputError
from ama_tfx.registry.aliases.reasons import as_told
from ama_tfx.registry.downloading import open_blob, read_manifest
from ama_tfx.registry.names import AssetName, AssetRef
from ama_tfx.registry.resolving import require_version
from ama_tfx.registry.results import Version
from ama_tfx.registry.sharing.bundle_file import member_sizes, needed_files, sums
from ama_tfx.registry.sharing.contents import BundledAlias, BundledVersion, BundleIndex
from ama_tfx.registry.sharing.layout import (
    END,
    MOST_INDEX_BYTES,
    SUMS,
    blob_name,
    header,
    manifest_name,
    padding_after,
)
from ama_tfx.registry.sharing.results import BundleContents
from ama_tfx.storage import (
    BlobStore,
    Digest,
    OnProgress,
    PendingFile,
    Progress,
    make_folders,
    os_errors,
    remove_leftovers,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

_PIECE_BYTES = 1 << 20


@dataclass(frozen=True)
class BundlePlan:
    """What a bundle will hold.

    Attributes:
        index: What it says of itself.
        manifests: Digest -> size of every manifest.
        blobs: Digest -> size of every file's bytes, each content once.
    """

    index: BundleIndex
    manifests: dict[Digest, int]
    blobs: dict[Digest, int]


def refuse_existing(target: Path, *, force: bool) -> None:
    """Make sure, before any work, that a bundle may be written there.

    Raises:
        ConflictError: Something has the name and is not to be replaced.
        InvalidInputError: A folder has it.
    """
    with os_errors("write", target):
        if target.is_dir():
            raise InvalidInputError(f"cannot write a bundle to {str(target)!r}: it is a folder; name a file in it")
        if os.path.lexists(target) and not force:
            raise ConflictError(f"{str(target)!r} exists already; remove it, name another, or say --force")


def plan_bundle(
    connection: sa.Connection, blobs: BlobStore, registry_id: str, refs: Sequence[AssetRef], *, with_refs: bool
) -> BundlePlan:
    """Decide what a bundle of some versions holds; nothing is written.

    Raises:
        InvalidInputError: No version is named.
        NotFoundError: One is not there.
        IntegrityError: A manifest is lost or damaged.
    """
    if not refs:
        raise InvalidInputError("a bundle needs at least one version; none is named")
    roots = {row.id: row for row in (require_version(connection, ref) for ref in refs)}
    ids = shared.ancestors_of(connection, roots) if with_refs else sorted(roots)
    rows = [roots.get(i) or _row(connection, i) for i in ids]
    manifests: dict[Digest, int] = {}
    sizes: dict[Digest, int] = {}
    versions = []
    for row in rows:
        manifest = read_manifest(blobs, row.digest)
        manifests[row.digest] = len(manifest.to_bytes())
        version = _bundled(connection, row, manifests[row.digest])
        sizes |= needed_files(version, manifest)
        versions.append(version)
    index = BundleIndex(
        registry_id=registry_id,
        roots=tuple(Version.from_row(row).reference for row in roots.values()),
        versions=tuple(versions),
        aliases=tuple(_aliases(connection, rows)),
        descriptions=_descriptions(connection, rows),
    )
    return BundlePlan(index, manifests, sizes)


def write_bundle(
    blobs: BlobStore, plan: BundlePlan, target: Path, *, force: bool, on_progress: OnProgress | None = None
) -> BundleContents:
    """Write a bundle that appears whole and durable, or not at all.

    Raises:
        ConflictError: Something has the name and is not to be replaced.
        IntegrityError: Bytes are lost or damaged.
        OutOfSpaceError, PermissionDeniedError: The operating system refused.
        InvalidInputError: So many versions that nobody could read the bundle.
    """
    index = plan.index.to_bytes()
    if len(index) > MOST_INDEX_BYTES:
        raise InvalidInputError(
            f"what a bundle says of its {len(plan.index.versions)} versions may have {MOST_INDEX_BYTES} bytes and has "
            f"{len(index)}; make several bundles of fewer versions"
        )
    make_folders(target.absolute().parent)
    remove_leftovers(target.absolute().parent, PendingFile.is_leftover)
    with PendingFile(target.absolute().parent) as pending, os_errors("write", target):
        _write(pending.stream, blobs, plan, index, on_progress)
        size_bytes = pending.stream.tell()
        pending.commit(target.absolute(), replace=force)
    return BundleContents(
        target, Digest.of(index), plan.index, len(plan.blobs), sum(plan.blobs.values()), size_bytes, is_verified=True
    )


def _write(out: BinaryIO, blobs: BlobStore, plan: BundlePlan, index: bytes, on_progress: OnProgress | None) -> None:
    digests = {manifest_name(d): d for d in plan.manifests} | {blob_name(d): d for d in plan.blobs}
    for name, size_bytes in member_sizes(len(index), plan.manifests, plan.blobs):
        out.write(header(name, size_bytes))
        if name not in digests:
            out.write(index)
        else:
            _copy(out, blobs, digests[name], size_bytes, on_progress)
        out.write(bytes(padding_after(size_bytes)))
    listed = sums(Digest.of(index), plan.manifests, plan.blobs)
    out.write(header(SUMS, len(listed)) + listed + bytes(padding_after(len(listed))) + END)


def _copy(out: BinaryIO, blobs: BlobStore, digest: Digest, size_bytes: int, on_progress: OnProgress | None) -> None:
    written = 0
    with open_blob(blobs, digest, "content") as stream:
        while piece := stream.read(_PIECE_BYTES):
            out.write(piece)
            written += len(piece)
            if on_progress:
                on_progress(Progress(len(piece)))
    if written != size_bytes:
        raise IntegrityError(f"blob {digest} has {written} bytes, its manifest says {size_bytes}; run `ama fsck`")
    if on_progress:
        on_progress(Progress(0, files=1))


def _row(connection: sa.Connection, version_id: int) -> VersionRow:
    row = catalog.find_version(connection, id=version_id)
    assert row is not None
    return row


def _bundled(connection: sa.Connection, row: VersionRow, manifest_bytes: int) -> BundledVersion:
    version, retired = Version.from_row(row), catalog.retirement_of(connection, row.id)
    return BundledVersion(
        reference=version.reference,
        number=row.number,
        semantic=version.semantic,
        message=row.message,
        created_at=row.created_at,
        created_by=row.created_by,
        manifest_bytes=manifest_bytes,
        tags=catalog.tags_of(connection, row.id),
        metrics=catalog.metrics_of(connection, row.id),
        registrations=tuple(catalog.registrations_of(connection, row.id)),
        retired=as_told(retired.reason) if retired else None,
    )


def _aliases(connection: sa.Connection, rows: Iterable[VersionRow]) -> list[BundledAlias]:
    there = {(row.asset_id, row.number): row for row in rows}
    return [
        BundledAlias(AssetName(row.workspace, row.asset), alias.name, row.digest)
        for asset_id in sorted({asset_id for asset_id, _ in there})
        for alias in catalog.aliases_of(connection, asset_id)
        if (row := there.get((asset_id, alias.version)))
    ]


def _descriptions(connection: sa.Connection, rows: Iterable[VersionRow]) -> dict[AssetName, str]:
    names = {row.asset_id: AssetName(row.workspace, row.asset) for row in rows}
    found = {asset_id: catalog.description_of(connection, asset_id) for asset_id in names}
    return {names[asset_id]: row.text for asset_id, row in found.items() if row is not None}
