"""hf_xet, as a process in its own environment: ``put STORE INPUT VERSION...``, ``get STORE TARGET VERSION...``."""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
import hf_xet  # noqa: E402


def put(folder: Path, source: Path, versions: list[str]) -> None:
    """Store versions, one call for each; SHA-256 is computed, as huggingface_hub has it."""
    for version in versions:
        paths = sorted(path for path in (source / version).rglob("*") if path.is_file())
        names = [str(path) for path in paths]
        infos = hf_xet.upload_files(names, f"local://{folder}/cas", None, None, None, "model")
        entries = [
            [os.path.relpath(path, source / version), info.hash, info.filesize]
            for path, info in zip(paths, infos, strict=True)
        ]
        (folder / f"{version}.json").write_text(json.dumps(entries))


def get(folder: Path, target: Path, versions: list[str]) -> None:
    """Restore versions."""
    for version in versions:
        entries = json.loads((folder / f"{version}.json").read_text())
        for parent in {(target / version / name).parent for name, _, _ in entries}:
            parent.mkdir(parents=True, exist_ok=True)
        wanted = [
            hf_xet.PyXetDownloadInfo(str(target / version / name), digest, size) for name, digest, size in entries
        ]
        hf_xet.download_files(wanted, f"local://{folder}/cas", None, None, None)


if __name__ == "__main__":
    verb, store, other, *wanted_versions = sys.argv[1:]
    Path(store).mkdir(parents=True, exist_ok=True)
    {"put": put, "get": get}[verb](Path(store), Path(other), wanted_versions)
