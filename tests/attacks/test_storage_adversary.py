"""Attack class G as a whole: somebody who can write to the registry's disk."""

import hashlib
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from ama_tfx.errors import AmaError, BackendError, PermissionDeniedError
from ama_tfx.registry import Registry

V1 = Path(__file__).parents[1] / "compat" / "v1"
FILES = sorted(path.relative_to(V1) for path in V1.rglob("*") if path.is_file())


def downloaded(registry, reference, target):
    registry.download(reference, target)
    return {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """What each version of the registry holds, by the reference that never moves."""
    folder = tmp_path_factory.mktemp("right")
    shutil.copytree(V1, folder / "registry")
    registry = Registry(folder / "registry")
    versions = [version for asset in registry.assets() for version in registry.versions(asset.name)]
    assert len(versions) == 4
    return {
        str(version.reference): downloaded(registry, version.reference, folder / f"{number}")
        for number, version in enumerate(versions)
    }


def flip_one_bit(path, chance):
    data = bytearray(path.read_bytes())
    position = chance.randrange(len(data) * 8)
    data[position // 8] ^= 1 << position % 8
    path.write_bytes(data)


def swap_with_another(path, chance):
    other = chance.choice([p for p in path.parents[3].rglob("*") if p.is_file() and p != path] or [path])
    here, there = path.read_bytes(), other.read_bytes()
    path.write_bytes(there)
    other.write_bytes(here)


ATTACKS = {
    "flip one bit": flip_one_bit,
    "cut": lambda path, chance: path.write_bytes(path.read_bytes()[: chance.randrange(path.stat().st_size)]),
    "add": lambda path, chance: path.write_bytes(path.read_bytes() + b"\0"),
    "delete": lambda path, chance: path.unlink(),
    "empty": lambda path, chance: path.write_bytes(b""),
    "swap": swap_with_another,
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:12])
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_what_is_named_by_digest_is_right_or_refused_whatever_was_done(right, tmp_path, path, attack):
    folder = tmp_path / "registry"
    shutil.copytree(V1, folder)
    attack(folder / path, random.Random(str(path)))
    for number, (reference, expected) in enumerate(right.items()):
        target = tmp_path / "targets" / f"{number}"
        try:
            assert downloaded(Registry(folder), reference, target) == expected
        except AmaError:
            assert not target.exists()


def test_a_planted_version_is_not_believed(right, tmp_path):
    """A manifest put into the store by hand is no version: the catalog does not name it."""
    folder = tmp_path / "registry"
    shutil.copytree(V1, folder)
    forged = b'{"directories":[],"files":[],"format":"ama-manifest/1","kind":"Files","properties":{},"refs":[]}'
    digest = hashlib.sha256(forged).hexdigest()
    place = folder / "blobs" / "sha256" / digest[:2] / digest[2:4] / digest
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(forged)
    with pytest.raises(AmaError, match=f"no version 'sha256:{digest}' of asset 'model'"):
        Registry(folder).resolve(f"model@sha256:{digest}")


def test_a_disk_that_became_read_only_is_told_and_nothing_breaks(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "ama-test", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"READ-ONLY DISK NOT TESTED: this machine mounts nothing ({mounted.stderr.decode().strip()})")
    try:
        shutil.copytree(V1, disk / "registry")
        registry = Registry(disk / "registry")
        before = registry.audit()
        (tmp_path / "new").write_bytes(b"new")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises((PermissionDeniedError, BackendError), match="registry"):
            registry.register("model", tmp_path / "new")
        with pytest.raises((PermissionDeniedError, BackendError), match="other"):
            Registry(disk / "other", create=True)
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        assert registry.audit() == before
        assert registry.register("model", tmp_path / "new").version.number == 3
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
