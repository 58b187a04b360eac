"""FilterWithGrep, container-based: a program that is not Python, in an image of its own.

What TFX's guide has otherwise, and why it had to change for TFX 1.16: ``tfx.v1`` has neither this function under
``tfx.dsl.components`` nor ``ExternalArtifact``; its image and ``gsutil`` belong to Google Cloud Storage, while here the
artifacts are mounted; and the output's folder is made, which nobody else does on Kubeflow. ``grep`` exits 1 when no
line matches, which is no failure of the filter.
"""

from tfx.dsl.component.experimental import container_component, placeholders
from tfx.types import standard_artifacts

SCRIPT = """
pattern="$0"
text="$1"/data
filtered_text="$2"/data
mkdir -p "$2"
grep -e "$pattern" "$text" >"$filtered_text" || [ $? -eq 1 ]
"""


def filter_with_grep(image: str):
    """Return the component's class; its image has ``sh`` and ``grep`` and no ENTRYPOINT."""
    return container_component.create_container_component(
        name="FilterWithGrep",
        inputs={"text": standard_artifacts.ExternalArtifact},
        outputs={"filtered_text": standard_artifacts.ExternalArtifact},
        parameters={"pattern": str},
        image=image,
        command=[
            *("sh", "-exc", SCRIPT),
            placeholders.InputValuePlaceholder("pattern"),
            placeholders.InputUriPlaceholder("text"),
            placeholders.OutputUriPlaceholder("filtered_text"),
        ],
    )
