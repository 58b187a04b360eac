"""A workbench: pipelines of small components, run for real by TFX's driver, executor and publisher."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # TFX imports executors by module path


@dataclass
class Bench:
    """Runs pipelines in one folder: one metadata store, one registry, as a user's project has."""

    folder: Path

    @property
    def url(self) -> str:
        return str(self.folder / "registry")

    @property
    def registry(self) -> Any:
        from ama_tfx.registry import Registry

        return Registry(self.url)

    @property
    def connection(self) -> Any:
        from tfx.orchestration import metadata

        return metadata.sqlite_metadata_connection_config(str(self.folder / "metadata.db"))

    def pipeline(self, *components: Any, cache: bool = True) -> Any:
        from tfx.orchestration import pipeline

        return pipeline.Pipeline(
            pipeline_name="workbench",
            pipeline_root=str(self.folder / "root"),
            components=list(components),
            enable_cache=cache,
            metadata_connection_config=self.connection,
        )

    def run(self, *components: Any, cache: bool = True) -> dict[str, str]:
        """Run the components as a pipeline; return the state of each node."""
        from ama_tfx.orchestration import run_local

        report = run_local(self.pipeline(*components, cache=cache))
        return {outcome.node_id: outcome.state.value for outcome in report.outcomes}

    def artifacts(self, type_name: str) -> list[Any]:
        from tfx.orchestration import metadata

        with metadata.Metadata(self.connection) as handle:
            return handle.store.get_artifacts_by_type(type_name)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture(scope="session")
def gate_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models, evaluations, blessings, anomalies and statistics: made once, by TFX, for all tests of gates."""
    from gate_evidence import make_evidence

    folder = tmp_path_factory.mktemp("gate-evidence")
    make_evidence(folder)
    return folder
