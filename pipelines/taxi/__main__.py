"""The demo: run the taxi pipeline on real data, show with ``ama`` what it registered, and let a bad model be refused.

Usage: ``python -m pipelines.taxi [--learning-rate 0.001] [--good-model-only] [--home .demo]``
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
from typing import Any

from ama_tfx.errors import AmaError, GateError
from ama_tfx.registry import Registry, Version
from ama_tfx.storage import make_folders

MODEL = "taxi/model"


def main(arguments: list[str] | None = None) -> int:
    """Run and show; return the exit code."""
    options = _parser().parse_args(arguments)
    home: Path = options.home
    try:
        make_folders(home)
        pushed_before = _pushes(home)
        run_id = _run(home.absolute(), learning_rate=options.learning_rate)
        _show(home, run_id)
        pushed = _pushes(home)
        print(
            f"pushed model: {pushed[-1] if pushed else 'none yet'}"
            + ("" if pushed != pushed_before else " (by an earlier run)")
        )
        if not options.good_model_only:
            print("\nnow a model that must not get through: the labels of its training trips are shuffled")
            _run(home.absolute(), learning_rate=options.learning_rate, shuffled_labels=True)
            _show_refusal(home)
    except AmaError as error:
        print(f"taxi: error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("taxi: interrupted; `make demo` carries on", file=sys.stderr)
        return 130
    return 0


def _run(home: Path, **hyperparameters: Any) -> str:
    """Import TFX, which takes seconds, and run the pipeline; return the run's id."""
    started = time.monotonic()
    if "tfx" not in sys.modules:
        print("importing TFX ...", flush=True)
    _quieten()
    from ama_tfx.orchestration import LocalRunOptions, run_local
    from pipelines.taxi.config import TaxiConfig
    from pipelines.taxi.registered import create_registered_pipeline

    config = TaxiConfig(
        pipeline_root=home / "pipeline_root",
        metadata_path=home / "metadata.db",
        serving_dir=home / "serving",
        **hyperparameters,
    )
    pipeline = create_registered_pipeline(config, str(home / "registry"))
    report = run_local(pipeline, LocalRunOptions(on_progress=_show_progress))
    print(f"run finished in {time.monotonic() - started:.0f} s", flush=True)
    return report.run_id


def _show_progress(progress: object) -> None:
    if getattr(progress, "outcome", None) is not None:
        print(progress, flush=True)


def _show(home: Path, run_id: str) -> None:
    """Say what the run did, then let ``ama`` show it, with commands that can be copied."""
    registry = Registry(home / "registry")
    version = _registered_by(registry, run_id)
    if version is None:
        print("this run registered no model: it is the one of an earlier run, from TFX's cache")
        version = registry.resolve(MODEL)
    else:
        aliases = registry.show(version.reference).aliases
        print(f"this run's model: {MODEL}:{version.number}, {', '.join(aliases) or 'without the alias champion'}")
    for command in (["list"], ["show", f"{MODEL}:{version.number}"], ["lineage", f"{MODEL}:{version.number}"]):
        _ama(home, *command)
    print()


def _show_refusal(home: Path) -> None:
    """Say why the last model was refused, and that the champion is still the one before."""
    from ama_tfx.components.verdicts import read_verdict

    verdict = read_verdict(str(_newest(home / "pipeline_root" / "BlessingValidator" / "verdict")))
    if verdict.blessing.value == "blessed":
        raise GateError("the model with shuffled labels was blessed; the gate's thresholds let nothing through like it")
    print(f"\nit is {verdict.blessing.value.replace('_', ' ')}:")
    for reason in verdict.reasons:
        print(f"  * {reason}")
    champion = Registry(home / "registry").resolve(f"{MODEL}:champion")
    print(f"the champion is still {MODEL}:{champion.number}, and so is what is served: {_pushes(home)[-1]}")
    _ama(home, "runs", "list", "--store", str(home / "metadata.db"))
    picture = _newest(home / "pipeline_root" / "LineageLinker" / "lineage") / "lineage.svg"
    print(f"\nwhat was made from what, as a picture: {picture}")


def _newest(folder: Path) -> Path:
    """Return the last artifact of a node's output: TFX names them by their executions' numbers."""
    return max(folder.iterdir(), key=lambda path: int(path.name))


def _ama(home: Path, *command: str) -> None:
    print(f"\n$ AMA_HOME={home} .venv/bin/ama {' '.join(command)}", flush=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AMA_")}
    ama = [Path(sys.executable).parent / "ama", *command]
    subprocess.run(ama, check=True, env={**environment, "AMA_HOME": str(home)})


def _registered_by(registry: Registry, run_id: str) -> Version | None:
    for version in registry.versions(MODEL):
        runs = [entry.provenance.get("run_id") for entry in registry.show(version.reference).registrations]
        if run_id in runs:
            return version
    return None


def _pushes(home: Path) -> list[str]:
    return sorted(str(path) for path in (home / "serving").glob("*") if (path / "saved_model.pb").is_file())


def _quieten() -> None:
    """Keep TensorFlow's start-up notes and TFX's logs of every step off the screen; errors stay."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    warnings.filterwarnings("ignore")
    from absl import logging as absl_logging

    absl_logging.set_verbosity(absl_logging.ERROR)
    logging.getLogger().setLevel(logging.ERROR)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pipelines.taxi", description=__doc__.split("\n")[0])
    parser.add_argument("--home", type=Path, default=Path(".demo"), help="where everything is written (%(default)s)")
    parser.add_argument("--learning-rate", type=float, default=0.001, help="of the model's training (%(default)s)")
    parser.add_argument("--good-model-only", action="store_true", help="leave out the model that is to be refused")
    return parser


if __name__ == "__main__":
    sys.exit(main())
