"""A catalog of 100,000 versions and 1,000,000 files, by bulk inserts: ``python -m tests.bench.registry_seed FOLDER``.

2,000 assets have 50 versions each, a version 10 files; half of the versions have metrics, 1 in 100 is tagged `prod`.
There are no blobs: searching and finding read none.
"""

from __future__ import annotations

import datetime
import hashlib
import random
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ama_tfx import Registry
from ama_tfx.catalog import schema
from ama_tfx.storage import Digest, canonical_json

ASSETS, VERSIONS, FILES = 2000, 50, 10
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
WORDS = [
    "taxi",
    "tips",
    "fraud",
    "churn",
    "ranker",
    "embeddings",
    "vision",
    "speech",
    "daily",
    "weekly",
    "better",
    "baseline",
    "tuned",
    "wide",
    "deep",
]
KNOWN = b"the content that is looked for"
_BATCH = 20_000

Row = dict[str, Any]


def digest(*parts: object) -> Digest:
    """Return the digest of something made up."""
    return Digest(hashlib.sha256(repr(parts).encode()).hexdigest())


def rows() -> Iterator[tuple[sa.Table, Row]]:
    """Yield every row there is to insert, a table's rows in the order of their keys."""
    dice = random.Random(4)
    for asset in range(1, ASSETS + 1):
        word = WORDS[asset % len(WORDS)]
        name, made = f"team{asset % 40}/{word}_{asset}", START + datetime.timedelta(minutes=asset)
        yield schema.assets, {"id": asset, "workspace_id": 1, "name": name, "folded_name": name, "created_at": made}
        text = f"Predicts {word} for customer {asset}"
        yield schema.descriptions, {"asset_id": asset, "text": text, "described_at": made, "described_by": "ann"}
        for number in range(1, VERSIONS + 1):
            version = (asset - 1) * VERSIONS + number
            yield from version_rows(version, asset, number, dice)
        here = {"asset_id": asset, "name": "champion", "version_id": version - asset % 7}
        yield schema.aliases, {**here, "moved_at": made, "moved_by": "ann"}


def version_rows(version: int, asset: int, number: int, dice: random.Random) -> Iterator[tuple[sa.Table, Row]]:
    """Yield the rows of one version."""
    made, by = START + datetime.timedelta(minutes=10 * version), f"user{version % 50}"
    row = {"id": version, "asset_id": asset, "number": number, "semantic": f"1.0.{number - 1}", "kind": "Model"}
    row |= {"digest": digest("manifest", version), "size_bytes": 1000 * FILES, "file_count": FILES}
    message = f"{dice.choice(WORDS)} {dice.choice(WORDS)}, run {version}"
    yield schema.versions, {**row, "message": message, "created_at": made, "created_by": by}
    for place in range(FILES):
        of = digest(asset, place, number if place < 5 else number // 10)
        if (version, place) == (77_777, 3):
            of = Digest.of(KNOWN)
        path = f"variables/shard-{place:05}.bin" if place else "saved_model.pb"
        yield schema.files, {"version_id": version, "path": path, "sha256": of, "size_bytes": 1000, "url": None}
    for key, value in {"lr": dice.choice([0.1, 0.01, 0.001]), "arch": dice.choice(WORDS)}.items():
        yield schema.properties, {"version_id": version, "key": key, "value": canonical_json(value).decode()}
    if version % 100 == 0:
        yield schema.tags, {"version_id": version, "name": "prod"}
    yield schema.tags, {"version_id": version, "name": f"team-{version % 40}"}
    for name in ("auc", "loss") if version % 2 else ():
        told = {"version_id": version, "name": name, "value": dice.random()}
        yield schema.metrics, {**told, "recorded_at": made, "recorded_by": by}
    run = {"pipeline": f"pipeline-{asset % 100}", "run_id": f"run-{version // 5}"}
    provenance = canonical_json(run)
    told = {"version_id": version, "registered_at": made, "registered_by": by, "provenance": provenance.decode()}
    yield schema.registrations, {**told, "provenance_sha256": Digest.of(provenance), **run}


def seed(folder: Path) -> None:
    """Make the registry; its catalog has no audit log, for nothing was done through a verb."""
    registry = Registry(folder, create=True)
    waiting: dict[sa.Table, list[Row]] = {}
    with registry._database.write() as connection:
        connection.execute(schema.workspaces.insert().values(name="default", created_at=START))
        everything = rows()
        while batch := list(islice(everything, _BATCH)):
            for table, row in batch:
                waiting.setdefault(table, []).append(row)
            for table in schema.metadata.sorted_tables:
                if found := waiting.pop(table, []):
                    connection.execute(table.insert(), found)
    registry.close()


if __name__ == "__main__":
    seed(Path(sys.argv[1]))
