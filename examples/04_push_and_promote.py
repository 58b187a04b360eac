"""Push a blessed model to where TensorFlow Serving looks, then move its alias; refuse one that was not blessed.

Run it anywhere with the extra `tfx`; it is offline and writes into a temporary folder.
"""

import logging
import tempfile
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.types import standard_artifacts

from ama_tfx import Registry
from ama_tfx.components import AssetPusher, AssetRegistrar, LineageLinker
from ama_tfx.orchestration import run_local


@component
def Train(  # noqa: N802 - a component's name
    graph: Parameter[str], model: OutputArtifact[standard_artifacts.Model]
):
    """Stands for Trainer."""
    folder = Path(model.uri, "Format-Serving")
    folder.mkdir(parents=True)
    (folder / "saved_model.pb").write_text(graph)


@component
def Judge(  # noqa: N802 - a component's name
    model: InputArtifact[standard_artifacts.Model],
    blessed: Parameter[int],
    blessing: OutputArtifact[standard_artifacts.ModelBlessing],
):
    """Stands for Evaluator or BlessingValidator."""
    blessing.set_int_custom_property("blessed", blessed)
    blessing.set_string_custom_property("current_model", model.uri)


def run(home: Path, graph: str, *, blessed: bool) -> None:
    """Train, judge, register, push and link; tell what is served."""
    trainer = Train(graph=graph)
    judge = Judge(model=trainer.outputs["model"], blessed=int(blessed))
    model = trainer.outputs["model"]
    registered = AssetRegistrar(model, "taxi/model", registry=home / "registry")
    pusher = AssetPusher(
        model,
        home / "serving",
        model_blessing=judge.outputs["blessing"],
        asset=registered.outputs["asset"],
        alias="production",
        registry=home / "registry",
    )
    metadata = home / "metadata.db"
    linker = LineageLinker(registered.outputs["asset"], registry=home / "registry", metadata=metadata)
    components = [trainer, judge, registered, pusher, linker]
    connection = sqlite_metadata_connection_config(str(metadata))
    run_local(Pipeline("push", str(home / "root"), components=components, metadata_connection_config=connection))
    versions = sorted((home / "serving").iterdir())
    with Registry(home / "registry") as registry:
        production = registry.resolve("taxi/model:production").number
        print(f"{graph}: {len(versions)} versions served, production is version {production} of taxi/model")


if __name__ == "__main__":
    logging.getLogger("absl").setLevel(logging.ERROR)  # a refusal is a warning
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        run(home, "first", blessed=True)
        run(home, "worse", blessed=False)  # registered, for people to look at; neither served nor promoted
        run(home, "better", blessed=True)
        newest = max((home / "serving").iterdir(), key=lambda path: int(path.name))
        print(f"{(newest / 'saved_model.pb').read_text()} is served, and its marker tells:")
        print((newest / "ama_push.json").read_text())
