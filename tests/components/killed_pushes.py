"""Pushes that are killed at each of their lines, run as a program: a process without TFX forks thirty times as fast."""

from __future__ import annotations

import datetime
import json
import shutil
import sys
from pathlib import Path

from ama_tfx.components.asset_pusher.work import MARKER_FILE, push
from ama_tfx.testing.processes import count_lines, kill_at_line

NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)


def visible(base: Path) -> dict[str, dict[str, str]]:
    """Return what a server sees: names that are numbers, each with the texts of its files, the marker apart."""
    found = {path.name: path for path in base.iterdir() if path.name.isdigit()} if base.exists() else {}
    return {
        name: {
            str(p.relative_to(version)): p.read_text()
            for p in version.rglob("*")
            if p.is_file() and p.name != MARKER_FILE
        }
        for name, version in found.items()
    }


def main(folder: Path) -> None:
    """Kill a push of ``folder/model`` at each line; print what was visible then, and after the push that came next."""
    model, base = folder / "model", folder / "serving"
    push(model, base, NOW)  # what is found out once is known from here on
    shutil.rmtree(base)
    lines = count_lines(lambda: push(model, base, NOW))
    seen = []
    for line in range(1, lines + 1):
        shutil.rmtree(base, ignore_errors=True)
        was_killed = kill_at_line(lambda: push(model, base, NOW), line)
        before = visible(base)
        push(model, base, NOW)
        seen.append([was_killed, before, visible(base), sorted(path.name for path in base.iterdir())])
    print(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
