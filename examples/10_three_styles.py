"""Compose one pipeline of the three styles of component: fully custom, function-based, container-based.

It needs the extra `tfx`, writes into a temporary folder, and runs the container in the podman or Docker that it finds:
with `EXAMPLE_IMAGE` naming an image that has `sh` and `grep`, as in `EXAMPLE_IMAGE=docker.io/library/busybox:1.36`.
Without either it says so and leaves the container out.
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # TFX imports components by their module's name

from course_notes.grep import filter_with_grep
from course_notes.hello import HelloComponent
from course_notes.records import TumourExamples
from course_notes.validation import MyValidationComponent, TrainOnIris
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.types.standard_artifacts import ExternalArtifact

from ama_tfx.errors import BackendError
from ama_tfx.orchestration import RunReport, run_local
from ama_tfx.orchestration.engines import find_engine


def three_styles(home: Path, image: str | None) -> RunReport:
    """Run the pipeline below a folder; without an image, without its container."""
    examples = TumourExamples()
    hello = HelloComponent(examples.outputs["examples"], name="tumours")
    model = TrainOnIris()
    check = MyValidationComponent(model=model.outputs["model"], accuracy_threshold=90)
    components = [examples, hello, model, check]
    if image is not None:
        (home / "text").mkdir()
        (home / "text" / "data").write_text("a model\nsome data\nanother model\n")
        text = Importer(source_uri=str(home / "text"), artifact_type=ExternalArtifact).with_id("Text")
        components += [text, filter_with_grep(image)(text=text.outputs["result"], pattern="model$")]
    connection = sqlite_metadata_connection_config(str(home / "metadata.db"))
    return run_local(
        Pipeline("three_styles", str(home / "root"), components=components, metadata_connection_config=connection)
    )


def image_to_use() -> str | None:
    """Return the image for the container, or None when there is none to start it in."""
    image = os.environ.get("EXAMPLE_IMAGE")
    if not image:
        print("EXAMPLE_IMAGE names no image: FilterWithGrep is left out")
        return None
    try:
        find_engine()
    except BackendError as error:
        print(f"FilterWithGrep is left out: {error}")
        return None
    return image


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        report = three_styles(home, image_to_use())
        for outcome in report.outcomes:
            print(f"{outcome.node_id}: {outcome.state.value}")
        for filtered in home.glob("root/FilterWithGrep/filtered_text/*/data"):
            print(f"grep kept {filtered.read_text().splitlines()}")
        blessed = list(home.glob("root/MyValidationComponent/blessing/*/BLESSED"))
        print(f"blessed: {bool(blessed)}")
        assert blessed
