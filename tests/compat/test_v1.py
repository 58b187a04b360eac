"""What release 0.1.0 wrote stays readable: `v1/` was written once, by `write_v1.py`, and is never edited."""

import hashlib
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ama_tfx.registry import AliasMove, Registry, Version
from ama_tfx.testing import TickingClock

V1 = Path(__file__).parent / "v1"

# Printed by `python tests/compat/write_v1.py --print`.
FILE_COUNT = 6
FINGERPRINT = "881407a49b825beaaf6765602c53fd591b1c3ab1bea13436c5a6f769e2ab99d0"
IDENTITY = "93c32267-a006-475e-9df6-88328e5a74a3"


@pytest.fixture
def v1(tmp_path):
    """A registry in a copy of `v1/`: SQLite would write beside the files of the checkout."""
    shutil.copytree(V1, tmp_path / "registry")
    return Registry(tmp_path / "registry")


@pytest.fixture
def today(tmp_path):
    """A registry of the same history, written by today's code."""
    registry = Registry(tmp_path / "today", create=True, actor="ann", clock=TickingClock())
    runpy.run_path(str(V1.with_name("write_v1.py")))["write_history"](registry, tmp_path / "content")
    return registry


def printed(*args):
    script = [sys.executable, V1.with_name("write_v1.py"), *args]
    return subprocess.run(script, capture_output=True, text=True)


def test_the_literals_of_this_file_are_the_ones_that_the_writer_prints():
    text = f'FILE_COUNT = {FILE_COUNT}\nFINGERPRINT = "{FINGERPRINT}"\nIDENTITY = "{IDENTITY}"\n'
    assert printed("--print").stdout == text


def test_what_a_release_wrote_is_never_written_again():
    done = printed()
    assert done.returncode == 1
    assert "is never written again" in done.stderr


def test_the_files_of_v1_are_the_ones_that_were_released():
    files = {
        str(path.relative_to(V1)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in V1.rglob("*")
        if path.is_file()
    }
    assert len(files) == FILE_COUNT
    listing = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    fingerprint = hashlib.sha256(listing.encode()).hexdigest()
    assert fingerprint == FINGERPRINT
    assert sum(path.stat().st_size for path in V1.rglob("*") if path.is_file()) < 300_000


def test_v1_is_known_by_its_identity(v1):
    assert v1.id == IDENTITY


def test_the_assets_and_versions_of_v1_are_listed(v1):
    assert [(str(asset.name), asset.version_count) for asset in v1.assets()] == [
        ("ama://acme/copy", 1),
        ("ama://default/data/train", 1),
        ("ama://default/model", 2),
    ]
    assert [version.to_json() for version in v1.versions("model")] == [
        {
            "asset": "model",
            "workspace": "default",
            "version": 2,
            "semantic": "1.1.0",
            "digest": "sha256:9c970b7f399ae7b8c198926f71926d44a2f61e8ca6c7e386800c21cd418ff408",
            "reference": "ama://default/model@sha256:9c970b7f399ae7b8c198926f71926d44a2f61e8ca6c7e386800c21cd418ff408",
            "kind": "Model",
            "message": "",
            "size_bytes": 2062,
            "file_count": 3,
            "created_at": "2026-01-01T00:00:02+00:00",
            "created_by": "ann",
        },
        {
            "asset": "model",
            "workspace": "default",
            "version": 1,
            "semantic": "1.0.0",
            "digest": "sha256:0b6374e44aa5eb9a42a6f84f5da9df21717cd07386f6339e12da283722437aa4",
            "reference": "ama://default/model@sha256:0b6374e44aa5eb9a42a6f84f5da9df21717cd07386f6339e12da283722437aa4",
            "kind": "Model",
            "message": "the first model",
            "size_bytes": 2062,
            "file_count": 3,
            "created_at": "2026-01-01T00:00:01+00:00",
            "created_by": "ann",
        },
    ]


def test_a_version_of_v1_is_shown_with_all_its_facts(v1):
    shown = v1.show("model:1.0.0")
    assert shown.aliases == ()
    assert shown.tags == ("eu", "good")
    assert shown.properties == {
        "accuracy": 0.9375,
        "layers": [64, 32],
        "name": "Zürich",
        "steps": 1e18,
        "warm_start": None,
    }
    assert [(file.path, file.size_bytes) for file in shown.files] == [
        ("assets/Wörter.txt", 9),
        ("saved_model.pb", 5),
        ("variables/variables.data-00000-of-00001", 2048),
    ]
    assert [(role, str(version.asset), version.number) for role, version in shown.refs] == [
        ("trained_on", "ama://default/data/train", 1)
    ]
    assert [(r.registered_by, r.provenance) for r in shown.registrations] == [
        ("ann", {"git": {"commit": "0123abc", "dirty": False}, "run": "run-1"})
    ]
    assert v1.show("model:champion").aliases == ("champion",)
    assert [role for role, _ in v1.show("data/train").used_by] == ["trained_on"]


def test_versions_of_v1_are_found_by_everything_that_names_them(v1):
    for reference, number in [
        ("model", 2),
        ("model:champion", 2),
        ("model:1", 1),
        ("model:1.1.0", 2),
        ("model@sha256:0b6374e44aa5eb9a42a6f84f5da9df21717cd07386f6339e12da283722437aa4", 1),
    ]:
        assert v1.resolve(reference).number == number
    (hit,) = v1.find(v1.manifest("ama://acme/copy").files[0].digest)[1:]
    assert (str(hit.version.asset), hit.path) == ("ama://default/data/train", "Split-eval/part-00000")


def test_a_version_of_v1_is_downloaded(v1, tmp_path):
    v1.download("model:champion", tmp_path / "target")
    found = {
        str(path.relative_to(tmp_path / "target")): None if path.is_dir() else path.read_bytes()
        for path in (tmp_path / "target").rglob("*")
    }
    assert found == {
        "assets": None,
        "assets/Wörter.txt": "ä\nö\nü\n".encode(),
        "assets.extra": None,
        "saved_model.pb": b"graph",
        "variables": None,
        "variables/variables.data-00000-of-00001": bytes(range(256)) * 8,
    }


def test_the_histories_of_v1_are_whole(v1):
    assert v1.audit.verify() == 8
    assert [(entry.action, entry.subject) for entry in v1.audit.entries()] == [
        ("version.register", "ama://default/data/train"),
        ("version.register", "ama://default/model"),
        ("alias.set", "ama://default/model:champion"),
        ("version.register", "ama://default/model"),
        ("alias.set", "ama://default/model:champion"),
        ("alias.set", "ama://default/model:canary"),
        ("alias.remove", "ama://default/model:canary"),
        ("version.register", "ama://acme/copy"),
    ]
    events = [entry.event for entry in v1.log("model")]
    assert [
        e.number if isinstance(e, Version) else (e.name, e.from_version, e.to_version, e.reason) for e in events
    ] == [
        ("canary", 1, None, "done"),
        ("canary", None, 1, ""),
        ("champion", 1, 2, "no properties, no problem"),
        2,
        ("champion", None, 1, "the first model"),
        1,
    ]


def test_v1_can_be_written_to(v1, tmp_path):
    (tmp_path / "file").write_bytes(b"new")
    assert v1.register("model", tmp_path / "file", alias="champion").version.number == 3
    assert v1.audit.verify() == 10


def test_todays_release_gives_the_same_history_the_same_answers(v1, today):
    """Above all the same digests: what a version is must not change."""

    def answers(registry):
        names = [asset.name for asset in registry.assets()]
        return {
            "audit": registry.audit.entries(),
            "moves": [[entry for entry in registry.log(name) if isinstance(entry.event, AliasMove)] for name in names],
            "versions": [registry.versions(name) for name in names],
            "shown": [registry.show(version.reference) for name in names for version in registry.versions(name)],
        }

    assert answers(today) == answers(v1)
