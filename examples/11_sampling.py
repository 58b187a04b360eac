"""Balance the classes of real training data, once by leaving examples out and once by taking some again.

It needs the extra `tfx` and writes into a temporary folder.
"""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # TFX imports components by their module's name

from course_notes.records import TumourExamples
from course_notes.sampling import SampleByClass
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline

from ama_tfx.orchestration import RunReport, run_local


def sampling(home: Path) -> RunReport:
    """Run the pipeline below a folder."""
    examples = TumourExamples()
    down = SampleByClass(examples=examples.outputs["examples"], label="label", direction="down").with_id("Down")
    up = SampleByClass(examples=examples.outputs["examples"], label="label", direction="up").with_id("Up")
    connection = sqlite_metadata_connection_config(str(home / "metadata.db"))
    return run_local(
        Pipeline("sampling", str(home / "root"), components=[examples, down, up], metadata_connection_config=connection)
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        sampling(home)
        for direction in ("Down", "Up"):
            (counts,) = home.glob(f"root/{direction}/counts/*/value")
            print(f"{direction}: {counts.read_text()}")
