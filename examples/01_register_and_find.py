"""Register a folder twice, find a file by its content, move an alias, and read one file back.

Run it anywhere; it needs the light install only and writes into a temporary folder.
"""

import tempfile
from pathlib import Path

from ama_tfx import Facts, Registry
from ama_tfx.registry import Expect

with tempfile.TemporaryDirectory() as temporary:
    home = Path(temporary)
    model = home / "model"
    model.mkdir()
    (model / "weights.bin").write_bytes(bytes(range(256)) * 1000)
    (model / "config.json").write_text('{"layers": 2}')

    registry = Registry(home / "registry", create=True)
    first = registry.register("ranker/acme", model, Facts(kind="Model", message="first"), alias="champion")
    again = registry.register("ranker/acme", model, Facts(kind="Model"))
    print(f"registered {first.version.reference}: {first.new_bytes} new bytes")
    print(f"again: created={again.created}, {again.new_bytes} new bytes")

    (model / "config.json").write_text('{"layers": 3}')
    second = registry.register("ranker/acme", model, Facts(kind="Model", message="deeper"))
    print(f"version {second.version.number} ({second.version.semantic}): {second.new_bytes} new bytes, weights shared")

    for hit in registry.find(model / "weights.bin"):
        print(f"weights.bin is in version {hit.version.number} as {hit.path}, aliases {list(hit.aliases)}")

    move = registry.set_alias("ranker/acme:2", "champion", expected=1, reason="better on holdout")
    print(f"champion: {move.from_version} -> {move.to_version}")
    assert registry.set_alias("ranker/acme:2", "champion", expected=2) is None
    registry.set_alias("ranker/acme:1", "previous", expected=Expect.ABSENT)

    with registry.open("ranker/acme:champion/config.json") as stream:
        print(f"champion's config: {stream.read().decode()}")
    downloaded = registry.download("ranker/acme:previous", home / "restored")
    print(f"restored {downloaded.file_count} files, verified")
    print(f"audit log: {registry.audit.verify()} entries, chain intact")
