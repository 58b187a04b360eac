"""Start a TFX pipeline from the registry: the model that an alias names, never a stale one.

Run it anywhere with the extra `tfx`; it is offline and writes into a temporary folder.
"""

import tempfile
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

from ama_tfx import Facts, Registry
from ama_tfx.components import AssetImporter
from ama_tfx.orchestration import NodeState, run_local


@component
def Describe(  # noqa: N802 - a component's name
    model: InputArtifact[standard_artifacts.Model], told: OutputArtifact[standard_artifacts.String]
):
    """Any component that takes a model, a standard one too."""
    graph = Path(model.uri, "Format-Serving", "saved_model.pb").read_text()
    told.write(f"version {model.get_int_custom_property('version')} says {graph!r}")


def register(registry: Registry, home: Path, graph: str) -> None:
    """Register a model as AssetRegistrar, or a colleague with ``ama upload``, would."""
    folder = home / "model" / "Format-Serving"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "saved_model.pb").write_text(graph)
    registry.register("taxi/model", folder.parent, Facts(kind="Model"), alias="champion")


def run(home: Path) -> None:
    """Run the pipeline once; tell what became of its nodes."""
    champion = AssetImporter("taxi/model:champion", standard_artifacts.Model, registry=home / "registry")
    pipeline = Pipeline(
        "from-the-registry",
        str(home / "root"),
        components=[champion, Describe(model=champion.outputs["result"])],
        enable_cache=True,
        metadata_connection_config=sqlite_metadata_connection_config(str(home / "metadata.db")),
    )
    report = run_local(pipeline)
    print(", ".join(f"{outcome.node_id} {outcome.state.value}" for outcome in report.outcomes))
    if report.outcomes[-1].state is NodeState.COMPLETE:
        newest = max((home / "root" / "Describe" / "told").glob("*/value"), key=lambda path: int(path.parent.name))
        print(f"  {newest.read_text()}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary, Registry(Path(temporary, "registry"), create=True) as registry:
        home = Path(temporary)
        register(registry, home, "first")
        run(home)
        run(home)  # nothing moved: both nodes come from the cache
        register(registry, home, "second")
        run(home)  # the alias moved: both run again
        registry.set_alias("taxi/model:1", "champion", reason="second is slow")
        run(home)  # back: what was made of version 1 is known already
