"""Letting TFX's Kubeflow compiler take custom artifact types that declare ``PROPERTIES``."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import yaml
from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.types.artifact import Artifact, PropertyType

__all__ = ["typed_artifact_schemas"]

_KFP_TYPE = {
    PropertyType.INT: "integer",
    PropertyType.FLOAT: "double",
    PropertyType.STRING: "string",
    PropertyType.BOOLEAN: "boolean",
    PropertyType.JSON_VALUE: "object",
    PropertyType.PROTO: "object",
}
_ONE_AT_A_TIME = threading.RLock()


@contextlib.contextmanager
def typed_artifact_schemas() -> Iterator[None]:
    """Have typed PROPERTIES written into the schemas of custom artifact types, and TFX as it was afterwards.

    TFX 1.16 writes a schema without properties for every type that is not its own, then refuses the type because it has
    properties (``KeyError: Actual property: ... not expected in artifact type schema``). With the schema in place they
    compile, and TFX's container entry point gives them back typed.

    It replaces a function of ``compiler_utils`` for the time of the block. Threads that enter wait for each other;
    a thread that compiles for Kubeflow without this block may see the richer schemas, which are right for it too.
    """
    with _ONE_AT_A_TIME:
        original = compiler_utils.get_artifact_schema

        def with_properties(artifact_type: type[Artifact]) -> str:
            schema = original(artifact_type)
            if artifact_type in compiler_utils._SUPPORTED_STANDARD_ARTIFACT_TYPES or not artifact_type.PROPERTIES:
                return schema
            return _add_properties(schema, artifact_type)

        compiler_utils.get_artifact_schema = with_properties
        try:
            yield
        finally:
            compiler_utils.get_artifact_schema = original


def _add_properties(schema: str, artifact_type: type[Artifact]) -> str:
    document = yaml.safe_load(schema)
    document["properties"] = {
        name: {"type": _KFP_TYPE[declared.type]} for name, declared in sorted(artifact_type.PROPERTIES.items())
    }
    return yaml.safe_dump(document, sort_keys=False)
