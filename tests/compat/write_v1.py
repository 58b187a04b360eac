"""Writes `v1/`, once, before its release; prints the literals that test_v1.py has to expect.

``--print`` prints those of the `v1/` that is there.
"""

import contextlib
import hashlib
import json
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

from ama_tfx.registry import AssetRef, Bump, Facts, Ref, Registry
from ama_tfx.testing import TickingClock

V1 = Path(__file__).parent / "v1"


def write_history(registry, folder):
    """Write something of everything that a registry of format 1 can hold."""
    data, model = folder / "data", folder / "model"
    for path, content in {
        data / "Split-train" / "part-00000": b"row 1\nrow 2\n",
        data / "Split-eval" / "part-00000": b"row 3\n",
        model / "saved_model.pb": b"graph",
        model / "assets" / "Wörter.txt": "ä\nö\nü\n".encode(),
        model / "variables" / "variables.data-00000-of-00001": bytes(range(256)) * 8,
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (model / "assets.extra").mkdir()
    registry.register("data/train", data, Facts(kind="Examples", message="two splits", tags=("raw",)))
    facts = Facts(
        kind="Model",
        message="the first model",
        tags=("eu", "good"),
        properties={"accuracy": 0.9375, "layers": [64, 32], "name": "Zürich", "steps": 1e18, "warm_start": None},
        refs=(Ref(AssetRef.parse("data/train"), "trained_on"),),
        provenance={"git": {"commit": "0123abc", "dirty": False}, "run": "run-1"},
    )
    registry.register("model", model, facts, alias="champion")
    registry.register("model", model, Facts(kind="Model", bump=Bump.MINOR, provenance={"run": "run-2"}))
    registry.set_alias("model:2", "champion", expected=1, reason="no properties, no problem")
    registry.set_alias("model:1", "canary")
    registry.remove_alias("model", "canary", reason="done")
    registry.register("ama://acme/copy", data / "Split-eval" / "part-00000")


def write(folder):
    """Write the registry as it is kept in a repository: the catalog in one file, nothing of a running process."""
    with tempfile.TemporaryDirectory() as content:
        registry = Registry(folder, create=True, actor="ann", clock=TickingClock())
        write_history(registry, Path(content))
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("VACUUM")
    for name in (".tmp", "index.db", "index.db-lock", "index.db-wal", "index.db-shm"):  # made again from the packs
        path = folder / "blobs" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o644)


def literals(folder):
    """Return what test_v1.py has to expect, as its source text."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listing = "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in files
    )
    return (
        f"FILE_COUNT = {len(files)}\n"
        f'FINGERPRINT = "{hashlib.sha256(listing.encode()).hexdigest()}"\n'
        f'IDENTITY = "{json.loads((folder / "registry.json").read_bytes())["id"]}"'
    )


if __name__ == "__main__":
    if sys.argv[1:] != ["--print"]:
        if V1.exists():
            sys.exit(f"{V1} exists: what a release wrote is never written again")
        write(V1)
    print(literals(V1))
