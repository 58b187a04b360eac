"""Gathering what a bump is decided from: little, and whatever a file holds, a registration never fails of it."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ama_tfx import catalog
from ama_tfx.catalog import VersionRow
from ama_tfx.catalog.schema import files
from ama_tfx.errors import AmaError
from ama_tfx.registry.bumping import BumpDecision, BumpFacts, decide_bump
from ama_tfx.registry.comparison.values import flat
from ama_tfx.registry.downloading import read_manifest
from ama_tfx.registry.manifest import FileEntry, Manifest
from ama_tfx.registry.metric_directions import numbers_of
from ama_tfx.registry.names import AssetName
from ama_tfx.registry.results import Facts
from ama_tfx.registry.stored_file import StoredFile
from ama_tfx.storage import BlobStore, Digest

if TYPE_CHECKING:
    from ama_tfx.inspection import FeatureFact

MOST_FILES = 16
"""Files of each version that are looked into: schemas, models and results first, then those nearest to the root."""

MANY, FEW_OF_MANY = 100, 4
"""More files that may say something are data, and of those a few are looked into: each costs a millisecond."""

MOST_BYTES = 4 << 20
MOST_MODEL_BYTES = 64 << 20
_SAYS_SOMETHING = re.compile(
    r"\.(?:pbtxt|textproto|ya?ml|json|toml)$|(?:^|/)saved_model\.pb$|schema[^/]*\.pb$|(?:^|/)metrics[^/]*$",
    re.IGNORECASE,
)
_SCHEMA = re.compile(r"\.(?:pbtxt|textproto)$|schema[^/]*\.pb$", re.IGNORECASE)


@dataclass
class Bumper:
    """Decides what a version that was just stored raises, against the newest one of its asset.

    Attributes:
        blobs: Where the bytes are.
        manifest: Of the new version.
        facts: What it says of itself.
    """

    blobs: BlobStore
    manifest: Manifest
    facts: Facts
    _decided: dict[int, BumpDecision] = field(default_factory=dict)

    def prepare(self, connection: sa.Connection, asset: AssetName, digest: Digest) -> None:
        """Read what `decide` will need, outside of the transaction that makes the version visible.

        Args:
            connection: To the catalog.
            asset: Whose version it will be.
            digest: The manifest's; one that the asset has already raises nothing.
        """
        asset_id = catalog.find_asset_id(connection, asset.workspace, asset.name)
        if asset_id is None or catalog.find_version(connection, asset_id=asset_id, digest=digest):
            return
        if last := catalog.newest_version(connection, asset_id):
            self.decide(connection, last)

    def decide(self, connection: sa.Connection, last: VersionRow) -> BumpDecision:
        """Return the decision; one that was made against this version before is not made again.

        Args:
            connection: To the catalog.
            last: The newest version, after which the new one comes.
        """
        if self.facts.bump is not None:
            return BumpDecision(self.facts.bump, ())
        if last.id not in self._decided:
            self._decided[last.id] = self._decide(connection, last)
        return self._decided[last.id]

    def _decide(self, connection: sa.Connection, last: VersionRow) -> BumpDecision:
        new = {entry.path: entry for entry in _few(self.manifest.files)}
        old = _files_at(connection, last.id, list(new))
        changed = [path for path in new if path in old and old[path].digest != new[path].digest]
        runs = catalog.registrations_of(connection, last.id)[:1]
        before, after = _Gathered(), _Gathered()
        before.told(catalog.properties_of(connection, last.id), catalog.metrics_of(connection, last.id))
        before.made_by(runs[0].provenance if runs else {})
        after.told(self.manifest.properties, self.facts.metrics)
        after.made_by(self.facts.provenance)
        for path in changed:
            before.read(self.blobs, old[path])
            after.read(self.blobs, new[path])
        self._add_schemas_of_refs(connection, last, before, after)
        return decide_bump(before.facts(), after.facts())

    def _add_schemas_of_refs(
        self, connection: sa.Connection, last: VersionRow, before: _Gathered, after: _Gathered
    ) -> None:
        """Read the schemas that refs with the role ``schema`` point at, unless both point at the same."""
        old = sorted(row.digest for role, row in catalog.refs_of(connection, last.id) if role == "schema")
        new = sorted(ref.digest for ref in self.manifest.refs if ref.role == "schema")
        if old and new and old != new:
            before.schema_of_ref = self._schema_in(old[0])
            after.schema_of_ref = self._schema_in(new[0])

    def _schema_in(self, version: Digest) -> tuple[FeatureFact, ...]:
        try:
            entries = read_manifest(self.blobs, version).files
        except AmaError:  # fsck names what is lost
            return ()
        found = _Gathered()
        for entry in heapq.nsmallest(MOST_FILES, (e for e in entries if _SCHEMA.search(e.path)), key=_depth):
            found.read(self.blobs, entry)
        return next(iter(found.schemas.values()), ())


@dataclass
class _Gathered:
    """What is known of one version so far; of two values under one name the first counts."""

    parameters: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    schemas: dict[str, tuple[FeatureFact, ...]] = field(default_factory=dict)
    signatures: dict[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    pipeline: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    schema_of_ref: tuple[FeatureFact, ...] = ()

    def told(self, properties: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        """Take what the version says of itself."""
        self.parameters |= {name: value for key, inner in properties.items() for name, value in flat(inner, key)}
        self.metrics |= {**numbers_of(self.parameters), **metrics}

    def made_by(self, provenance: Mapping[str, Any]) -> None:
        """Take the pipeline and the code that made it."""
        code = provenance.get("code")
        commit = code.get("commit") if isinstance(code, Mapping) else None
        found = {"pipeline": provenance.get("pipeline"), "code": commit}
        self.pipeline |= {name: value for name, value in found.items() if isinstance(value, str)}

    def read(self, blobs: BlobStore, entry: FileEntry) -> None:
        """Take what a file says; one that is too large, lost or no such file says nothing."""
        from ama_tfx.inspection import inspect_files

        self.files[entry.path] = entry.digest.hex
        if entry.size_bytes > (MOST_MODEL_BYTES if entry.path.endswith("saved_model.pb") else MOST_BYTES):
            return
        try:
            told = inspect_files({entry.path: StoredFile(blobs, entry.digest, entry.size_bytes)})
        except AmaError:
            return
        of_file = {
            f"{entry.path}: {name}": value for name, value in told.parameters.items() if name not in told.metrics
        }
        self.parameters |= of_file
        self.metrics |= {f"{entry.path}: {name}": value for name, value in told.metrics.items()}
        if told.schema:
            self.schemas[entry.path] = told.schema
        if told.signatures:
            self.signatures[entry.path] = told.signatures

    def facts(self) -> BumpFacts:
        """Return all of it."""
        schemas = {**self.schemas, **({"ref schema": self.schema_of_ref} if self.schema_of_ref else {})}
        return BumpFacts(schemas, self.signatures, self.parameters, self.metrics, self.pipeline, self.files)


def _few(entries: Iterable[FileEntry]) -> list[FileEntry]:
    """Return the files that may say something, those that count most first, and few enough to read."""
    found = [entry for entry in entries if _SAYS_SOMETHING.search(entry.path)]
    return heapq.nsmallest(MOST_FILES if len(found) <= MANY else FEW_OF_MANY, found, key=_depth)


def _depth(entry: FileEntry) -> tuple[bool, int, str]:
    return entry.path.lower().endswith((".json", ".yml", ".yaml", ".toml")), entry.path.count("/"), entry.path


def _files_at(connection: sa.Connection, version_id: int, paths: list[str]) -> dict[str, FileEntry]:
    if not paths:
        return {}
    query = sa.select(files.c.path, files.c.sha256, files.c.size_bytes)
    found = connection.execute(query.where(files.c.version_id == version_id, files.c.path.in_(paths)))
    return {row.path: FileEntry(row.path, row.sha256, row.size_bytes) for row in found}
