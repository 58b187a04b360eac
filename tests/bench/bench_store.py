"""The store beside its peers: ``python -m tests.bench.bench_store --rounds 5 --only files,large,families,examples``.

Inputs are made once, under ``.tools/bench``; results go to a JSON file there and are rendered into the documentation.
Results of inputs that are not measured this time stay as they are. The exit code says whether every bar was reached.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import sys
from pathlib import Path
from typing import Any

from tests.bench import store_table
from tests.bench.store_bars import JUDGES
from tests.bench.store_contenders import CONTENDERS
from tests.bench.store_job import DESCRIPTION, Input
from tests.bench.store_rounds import Work, run_rounds
from tests.bench.store_running import ROOT, Command, run

BENCH = ROOT / ".tools" / "bench"
PAGE = ROOT / "docs" / "reference" / "measurements.md"
EVERYONE = list(CONTENDERS)
NEAREST = ["ama", "cp", "hf_xet"]
"""The peer that the bars of near-copies name; ``--peers`` adds the others."""

INPUTS = {
    "files": ("store_inputs", EVERYONE),
    "large": ("store_inputs", EVERYONE),
    "million": ("store_inputs", ["ama"]),
    "heads": ("store_families", NEAREST),
    "heads-savedmodel": ("store_families", NEAREST),
    "tunes-fp32": ("store_families", NEAREST),
    "tunes-bf16": ("store_families", NEAREST),
    "tunes-fp16": ("store_families", NEAREST),
    "federated": ("store_families", NEAREST),
    "lora": ("store_families", NEAREST),
    "examples-tf": ("store_examples", NEAREST),
    "examples-beam": ("store_examples", NEAREST),
}
GROUPS = {
    "families": [name for name, (module, _) in INPUTS.items() if module == "store_families"],
    "examples": [name for name, (module, _) in INPUTS.items() if module == "store_examples"],
}
DEFAULT = "files,large,families,examples"


def make_input(name: str) -> Input:
    """Return an input, made by another process when it is missing."""
    folder = BENCH / "inputs" / name
    if not (folder / DESCRIPTION).exists():
        print(f"making {name} ...", file=sys.stderr, flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "KERAS_BACKEND": "tensorflow"}
        module = f"tests.bench.{INPUTS[name][0]}"
        run([Command((sys.executable, "-m", module, name, str(folder)), environment=quiet)])
    return Input.read(folder)


def contenders_for(name: str, wanted: str) -> list[str]:
    """Return who takes part: those wanted, or those of the input; only who is installed."""
    chosen = INPUTS[name][1] if not wanted else EVERYONE if wanted == "all" else ["ama", "cp", *wanted.split(",")]
    names = [contender for contender in EVERYONE if contender in chosen and CONTENDERS[contender].is_here()]
    for missing in sorted(set(chosen) - set(names)):
        print(f"{missing} is not here; see scripts/peers.sh", file=sys.stderr)
    return names


def measure(names: list[str], rounds: int, peers: str, results: dict[str, Any], path: Path) -> None:
    """Measure inputs; results are saved after every round."""
    for name in names:
        source = make_input(name)
        print(name, file=sys.stderr, flush=True)
        for found in run_rounds(source, contenders_for(name, peers), rounds, BENCH / "work"):
            results["works"][name] = found | {"date": datetime.datetime.now(datetime.timezone.utc).date().isoformat()}
            path.write_text(json.dumps(results, indent=1))


def main() -> int:
    """Measure, save and render."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=DEFAULT, help=f"of {', '.join([*INPUTS, *GROUPS])}")
    parser.add_argument("--million", action="store_true", help="a million small files too; takes minutes")
    parser.add_argument("--peers", default="", help="'all', or names; default: those that the bars name")
    parser.add_argument("--render", action="store_true", help="measure nothing; write the page again")
    parser.add_argument("--json", type=Path, default=BENCH / "store.json", help="where results are kept")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the table goes")
    options = parser.parse_args()
    names = [name for part in options.only.split(",") for name in GROUPS.get(part, [part])]
    names += ["million"] * (options.million and "million" not in names)
    BENCH.mkdir(parents=True, exist_ok=True)
    results = json.loads(options.json.read_text()) if options.json.exists() else {"works": {}}
    results["machine"] = store_table.machine()
    names = [] if options.render else names
    measure(names, options.rounds, options.peers, results, options.json)
    store_table.write(results, options.page)
    verdicts = [v for name in names for v in JUDGES[name](Work(results["works"][name]))]
    for verdict in verdicts:
        print(f"{'reached' if verdict.reached else 'MISSED '}  {verdict.work}: {verdict.bar}: {verdict.measured}")
    return 0 if all(verdict.reached for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
