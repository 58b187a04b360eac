"""Many at once: of writers on one alias one wins, and a file that a hundred upload is stored once."""

import random
import time
from pathlib import Path

import pytest

from ama_tfx.errors import ConflictError
from ama_tfx.registry import AliasMove, Expect, Facts
from ama_tfx.testing.processes import race, race_threads

WRITERS = 4


@pytest.fixture
def connect(registry_url, open_registry):
    """A function that opens the registry in another process."""

    def run(do):
        registry = open_registry(registry_url)
        try:
            return do(registry)
        finally:
            registry.close()

    return run


@pytest.mark.parametrize("start", [1, None], ids=["moving", "making"])
def test_of_four_processes_that_move_one_alias_exactly_one_wins(registry, write, connect, start):
    for number in range(1, WRITERS + 2):
        registry.register("model", write(f"v{number}", {"data": str(number).encode()}))
    if start:
        registry.set_alias(f"model:{start}", "champion")
    registry.protection.protect("model", "champion")
    entries, expected = len(registry.audit.entries()), start or Expect.ABSENT

    def move(to):
        began = time.monotonic()
        try:
            outcome = connect(
                lambda r: r.set_alias(f"model:{to}", "champion", expected=expected, reason=f"writer {to}")
            )
        except ConflictError as error:
            outcome = str(error)
        return outcome, time.monotonic() - began

    registry.close()
    done = race([lambda to=to: move(to) for to in range(2, WRITERS + 2)])
    print(f"the slowest of {WRITERS} writers took {max(seconds for _, seconds in done):.3f} s")
    won = [outcome for outcome, _ in done if isinstance(outcome, AliasMove)]
    lost = [outcome for outcome, _ in done if isinstance(outcome, str)]
    assert (len(won), len(lost)) == (1, WRITERS - 1)
    place = "at version 1" if start else "absent"
    assert [message for message in lost if f"points at version {won[0].to_version}, not {place}" in message] == lost
    assert [(alias.name, alias.version) for alias in registry.aliases("model")] == [("champion", won[0].to_version)]
    assert registry.alias_moves("model")[0].reason == f"writer {won[0].to_version}"
    assert registry.audit.verify() == entries + 1


def test_a_hundred_uploads_of_one_file_at_once_store_it_once(registry, tmp_path, connect):
    content = random.Random(4).randbytes(200_000)
    file = tmp_path / "model.bin"
    file.write_bytes(content)
    registry.close()

    def upload_25(process):
        def all_at_once(opened):
            uploads = [
                lambda n=n: opened.register(f"asset-{n % 5}", file, Facts(tags=(f"{process}-{n}",))) for n in range(25)
            ]
            return race_threads(uploads)

        return connect(all_at_once)

    done = [each for answer in race([lambda p=p: upload_25(p) for p in range(4)]) for each in answer]
    assert len(done) == 100
    assert not [each for each in done if isinstance(each, BaseException)]
    assert len({each.version.digest for each in done}) == 1
    assert sum(each.created for each in done) == 5
    assert [asset.version_count for asset in registry.assets()] == [1] * 5
    assert [len(registry.show(f"asset-{n}").tags) for n in range(5)] == [20] * 5
    checked = registry.upkeep.fsck(read_percent=100)
    assert checked.is_clean
    assert checked.blob_count == 2  # the file, and one manifest for all of them
    packs = [path.stat().st_size for path in Path(registry.location.folder).glob("blobs/packs/*/*.pack")]
    print(f"{len(packs)} packs of {sum(packs)} bytes for one file of {len(content)}")
    assert sum(packs) < 1.5 * len(content)
