"""The registry's answers and start-up beside its peers': ``python -m tests.bench.bench_registry --rounds 5``.

The catalog of 100,000 versions is made once, under ``.tools/bench``, where the results are too; they are rendered into
the documentation. The exit code says whether every bar was reached.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ama_tfx import Registry
from tests.bench import registry_installed, registry_table
from tests.bench.registry_questions import ask_everything
from tests.bench.store_running import ROOT, Command, run
from tests.bench.store_table import machine

BENCH = ROOT / ".tools" / "bench"
PEERS = ROOT / ".tools" / "peers"
PAGE = ROOT / "docs" / "reference" / "measurements-registry.md"
AMA = str(registry_installed.AMA)
PYTHONS = {
    "ama": str(registry_installed.PYTHON),
    "dvc": str(PEERS / "dvc" / "bin" / "python"),
    "mlflow": str(PEERS / "mlflow-registry" / "bin" / "python"),
}
VERSIONS = 20
"""How many are registered in one round, after a first one that makes whatever there is to make."""
SEEDED = BENCH / "registry-100k"


def seeded() -> Path:
    """Return the registry of 100,000 versions, made when it is missing."""
    if not (SEEDED / "done").exists():
        print("making 100,000 versions ...", file=sys.stderr, flush=True)
        shutil.rmtree(SEEDED, ignore_errors=True)
        run([Command((sys.executable, "-m", "tests.bench.registry_seed", str(SEEDED)))])
        (SEEDED / "done").touch()
    Registry(SEEDED).close()  # one of an earlier release is brought to this one's schema before anything is measured
    return SEEDED


def tools() -> list[str]:
    """Return who takes part: who is installed."""
    for name, python in PYTHONS.items():
        if not Path(python).exists():
            print(f"{name} is not here; see scripts/peers.sh", file=sys.stderr)
    return [name for name, python in PYTHONS.items() if Path(python).exists()]


def make_source(folder: Path) -> Path:
    """Make the folders that are registered: 5 files of 10 kB each, one of them the same in every version."""
    for number in range(1, VERSIONS + 2):
        (folder / str(number)).mkdir(parents=True)
        for place in range(5):
            seed = hashlib.sha256(f"{number if place else 0}-{place}".encode()).digest()
            (folder / str(number) / f"part-{place}.bin").write_bytes(seed * 320)
    return folder


def job(tool: str, *args: object) -> Command:
    """Return one tool's verb as a process."""
    script = ROOT / "tests" / "bench" / f"registry_{tool}.py"
    quiet = {"PYTHONWARNINGS": "ignore", "PYTHONPATH": "", "DVC_NO_ANALYTICS": "1"}
    return Command((PYTHONS[tool], str(script), *map(str, args)), environment=quiet)


def peers_round(work: Path) -> dict[str, dict[str, float]]:
    """Let each tool register the same versions and find a file of one; return the seconds."""
    shutil.rmtree(work, ignore_errors=True)
    source, found = make_source(work / "source"), {}
    for tool in tools():
        home = work / tool
        home.mkdir()
        run([job(tool, "register", home, source, 1, 1)])
        sought = job(tool, "find", home, source / "11" / "part-3.bin")
        jobs = {"register": job(tool, "register", home, source, 2, VERSIONS + 1), "find": sought}
        found[tool] = {}
        for verb, command in jobs.items():
            cost = run([command])
            found[tool] |= {verb: cost.seconds, f"{verb} cpu": cost.cpu_seconds}
        answer = subprocess.run(sought.argv, env={**sought.environment, "PATH": "/usr/bin:/bin"}, capture_output=True)
        assert answer.stdout.split() == [b"11"], answer
    return found


def startup_commands(registry: Path, file: Path) -> dict[str, tuple[str, ...]]:
    """Return the commands whose start-up is compared."""
    commands = {
        "ama --help": (AMA, "--help"),
        "ama find": (AMA, "find", str(file), "--registry", str(registry)),
        "ama search": (AMA, "search", "tag:prod metric.auc>0.9", "--registry", str(registry)),
        "dvc --version": (str(PEERS / "dvc" / "bin" / "dvc"), "--version"),
        "mlflow --version": (str(PEERS / "mlflow" / "bin" / "mlflow"), "--version"),
        "python -c pass": (PYTHONS["ama"], "-c", "pass"),
    }
    return {name: argv for name, argv in commands.items() if Path(argv[0]).exists()}


def startup_round(registry: Path, file: Path) -> dict[str, dict[str, float]]:
    """Run each command once; return the seconds, and those of the cores."""
    costs = {name: run([Command(argv)]) for name, argv in startup_commands(registry, file).items()}
    return {name: {"seconds": cost.seconds, "cpu": cost.cpu_seconds} for name, cost in costs.items()}


def medians(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median of every figure over the rounds."""
    first = rounds[0]
    return {
        key: medians([found[key] for found in rounds])
        if isinstance(value, dict)
        else statistics.median(found[key] for found in rounds)
        for key, value in first.items()
    }


def measure(rounds: int, wanted: list[str]) -> dict[str, Any]:
    """Measure what is wanted, all in turns, and return the medians."""
    registry, work = seeded(), BENCH / "work" / "registry"
    known = work.parent / "known"
    known.parent.mkdir(parents=True, exist_ok=True)
    known.write_bytes(b"the content that is looked for")
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "peers": lambda: peers_round(work),
        "startup": lambda: startup_round(registry, known),
        "answers": lambda: ask_everything(registry, known, AMA),
    }
    found: dict[str, Any] = {}
    for name in wanted:
        taken = []
        for _ in range(rounds):
            taken.append(parts[name]())
            print(f"{time.strftime('%H:%M:%S')} {name}", file=sys.stderr, flush=True)
        today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        found[name] = {"date": today, "rounds": rounds, "median": medians(taken)}
    shutil.rmtree(work, ignore_errors=True)
    return found


def main() -> int:
    """Measure, save and render."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="peers,startup,answers", help="of peers, startup, answers")
    parser.add_argument("--render", action="store_true", help="measure nothing; write the page again")
    parser.add_argument("--json", type=Path, default=BENCH / "registry.json", help="where results are kept")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the table goes")
    options = parser.parse_args()
    results = json.loads(options.json.read_text()) if options.json.exists() else {}
    if not options.render:
        registry_installed.install()
    for name in () if options.render else options.only.split(","):
        results |= measure(options.rounds, [name]) | {"machine": machine()}
        options.json.write_text(json.dumps(results, indent=1))
    verdicts = registry_table.write(results, options.page)
    for verdict in verdicts:
        print(verdict)
    return 0 if all(verdict.reached for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
