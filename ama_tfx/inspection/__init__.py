"""What files contain, told by parsing them; nothing in them is executed, imported, or followed to another file.

Start with `inspect_files`; `local_files` makes what it takes out of a file or a folder.
"""

from ama_tfx.inspection.facts import (
    Danger,
    ExamplesFact,
    FeatureFact,
    Inspected,
    JsonScalar,
    OpenableFile,
    Problem,
    SchemaChange,
    TensorFact,
)
from ama_tfx.inspection.inspecting import inspect_files
from ama_tfx.inspection.local_files import local_files
from ama_tfx.inspection.schema_changes import schema_changes
from ama_tfx.inspection.tensor_reading import read_tensor, tensor_blocks

__all__ = [
    "Danger",
    "ExamplesFact",
    "FeatureFact",
    "Inspected",
    "JsonScalar",
    "OpenableFile",
    "Problem",
    "SchemaChange",
    "TensorFact",
    "inspect_files",
    "local_files",
    "read_tensor",
    "schema_changes",
    "tensor_blocks",
]
