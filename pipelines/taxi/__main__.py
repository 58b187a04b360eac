"""The demo: run the taxi pipeline on real data, then show with ``ama`` what it registered.

Usage: ``python -m pipelines.taxi [--learning-rate 0.001] [--home .demo]``
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

from ama_tfx.errors import AmaError

SHOWN = (
    ["list"],
    ["show", "taxi/model"],
    ["log", "taxi/model"],
)


def main(arguments: list[str] | None = None) -> int:
    """Run and show; return the exit code."""
    options = _parser().parse_args(arguments)
    home: Path = options.home.absolute()
    os.environ.setdefault("AMA_HOME", str(home))
    try:
        _run(options, home)
    except AmaError as error:
        print(f"taxi: error: {error}", file=sys.stderr)
        return error.exit_code
    for command in SHOWN:
        print(f"\n$ AMA_HOME={options.home} ama {' '.join(command)}", flush=True)
        subprocess.run([Path(sys.executable).parent / "ama", *command], check=True)
    print(f"\n{_pushed(home / 'serving')}")
    return 0


def _run(options: argparse.Namespace, home: Path) -> None:
    """Import TFX, which takes seconds, and run the pipeline."""
    started = time.monotonic()
    print("importing TFX ...", flush=True)
    _quieten()
    from ama_tfx.orchestration import LocalRunOptions, run_local
    from pipelines.taxi.config import TaxiConfig
    from pipelines.taxi.registered import create_registered_pipeline

    home.mkdir(parents=True, exist_ok=True)
    config = TaxiConfig(
        pipeline_root=home / "pipeline_root",
        metadata_path=home / "metadata.db",
        serving_dir=home / "serving",
        learning_rate=options.learning_rate,
    )
    run_local(create_registered_pipeline(config), LocalRunOptions(on_progress=_show_progress))
    print(f"run finished in {time.monotonic() - started:.0f} s", flush=True)


def _show_progress(progress: object) -> None:
    if getattr(progress, "outcome", None) is not None:
        print(progress, flush=True)


def _quieten() -> None:
    """Keep TensorFlow's start-up notes and TFX's logs of every step off the screen; errors stay."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    warnings.filterwarnings("ignore")
    from absl import logging as absl_logging

    absl_logging.set_verbosity(absl_logging.ERROR)
    logging.getLogger().setLevel(logging.ERROR)


def _pushed(serving: Path) -> str:
    pushes = sorted(path for path in serving.glob("*") if (path / "saved_model.pb").is_file())
    if not pushes:
        return "pushed model: none; Evaluator blessed no model yet"
    return f"pushed model: {os.path.relpath(pushes[-1])}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.taxi", description=__doc__.split("\n")[0])
    parser.add_argument("--home", type=Path, default=Path(".demo"), help="where everything is written (%(default)s)")
    parser.add_argument("--learning-rate", type=float, default=0.001, help="of the model's training (%(default)s)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
