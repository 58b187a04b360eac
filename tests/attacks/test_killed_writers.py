"""Attack class H as a whole: processes that work on one registry and are killed at any moment."""

import os
import random
import signal
import time
from collections import Counter

from ama_tfx.errors import AmaError
from ama_tfx.registry import AliasMove, AssetRef, Expect, Facts, Ref, Registry
from ama_tfx.testing.processes import in_process

WRITERS = 3
KILLS = 12


def work(url, folder, seed):
    """Register, move aliases, download, for ever."""
    chance = random.Random(seed)
    registry = Registry(url, create=True, actor=f"writer-{seed}")
    for serial in range(1_000_000):
        content = folder / f"content-{seed}-{serial}"
        content.write_bytes(chance.randbytes(chance.choice([0, 10, 100_000])))
        asset = chance.choice(["a", "b"])
        try:
            refs = (Ref(AssetRef.parse(chance.choice(["a", "b"]))),) if chance.random() < 0.3 else ()
            alias = chance.choice([None, "champion"])
            registry.register(
                asset, {"data": content}, Facts(provenance={"step": f"{seed}-{serial}"}, refs=refs), alias=alias
            )
            registry.set_alias(asset, "canary", expected=chance.choice([Expect.ANYTHING, 1, Expect.ABSENT]))
            registry.download(f"{asset}:champion", folder / f"target-{seed}-{serial}")
        except AmaError:  # others move what this one is about to use: that is the point
            continue


def start(url, folder, seed):
    writer = os.fork()
    if writer == 0:
        try:
            work(url, folder, seed)
        finally:
            os._exit(1)
    return writer


def kill(writer):
    os.kill(writer, signal.SIGKILL)
    _, status = os.waitpid(writer, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL


def test_writers_killed_at_any_moment_leave_a_registry_that_is_whole(registry_url, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    chance = random.Random(7)
    writers = [start(registry_url, folder, seed) for seed in range(WRITERS)]
    for seed in range(WRITERS, WRITERS + KILLS):
        wait_for_progress(folder, chance.randint(3, 9))
        time.sleep(chance.random() * 0.02)
        kill(writers.pop(chance.randrange(WRITERS)))
        writers.append(start(registry_url, folder, seed))
    for writer in writers:
        kill(writer)

    assert in_process(lambda: check(registry_url, tmp_path / "checked")) > KILLS
    # Whoever downloaded to a name has all of it there.
    targets = [path for path in folder.iterdir() if path.name.startswith("target-")]
    assert targets
    assert all((target / "data").is_file() for target in targets)


def wait_for_progress(folder, steps):
    """Wait until the writers have made so many more files."""
    goal, deadline = len(list(folder.iterdir())) + steps, time.monotonic() + 60
    while len(list(folder.iterdir())) < goal:
        assert time.monotonic() < deadline, "no writer gets anything done"
        time.sleep(0.001)


def check(url, folder):
    """Make sure of all that a registry promises and return how many versions it has."""
    registry = Registry(url, create=True)
    count, changes = 0, 0
    for asset in registry.assets():
        versions = registry.versions(asset.name)
        assert [version.number for version in versions] == list(range(len(versions), 0, -1))
        for version in versions:
            registry.download(version.reference, folder / asset.name.name / f"{version.number}")
            changes += len(registry.show(version.reference).registrations)
        moves = [entry.event for entry in registry.log(asset.name) if isinstance(entry.event, AliasMove)]
        assert pointed_by(moves) == {alias.name: alias.version for alias in registry.aliases(asset.name)}
        count += len(versions)
        changes += len(moves)
    assert registry.audit.verify() == changes
    return count


def pointed_by(moves):
    """Where aliases point after all of their moves: each move starts where one before it ended."""
    edges = {name: Counter() for name in {move.name for move in moves}}
    for move in moves:
        edges[move.name][move.from_version] -= 1
        edges[move.name][move.to_version] += 1
    ends = {name: [version for version, surplus in counts.items() if surplus > 0] for name, counts in edges.items()}
    assert all(len(versions) == 1 for versions in ends.values())
    return {name: versions[0] for name, versions in ends.items()}
