"""The driver: a push that is gone, or a promotion that was undone, is not taken for done."""

import contextlib
import posixpath
from collections.abc import Mapping
from typing import Any

from tfx.dsl.components.base import base_driver as component_driver
from tfx.dsl.io import fileio
from tfx.orchestration.portable import base_driver, data_types
from tfx.proto import pusher_pb2
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import artifact_utils
from tfx.utils import proto_utils

from ama_tfx.components.asset_importer.work import open_existing
from ama_tfx.registry import AssetRef


class Driver(base_driver.BaseDriver, component_driver.BaseDriver):
    """Adds ``state`` to the execution properties: which earlier pushes are gone, and how often the alias moved on.

    TFX's launcher runs `base_driver.BaseDriver`; its compiler accepts only the other base class.
    """

    def __init__(self, mlmd_connection):
        base_driver.BaseDriver.__init__(self, mlmd_connection)

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Return the output artifacts as they are, and the state of what they would be pushed to."""
        properties = execution_info.exec_properties
        gone = [f"without {each}" for each in self._pushes_gone(properties)]
        told = [*gone, *_moved_on(properties, execution_info.input_dict.get("asset") or [])]
        output = driver_output_pb2.DriverOutput()
        output.exec_properties["state"].string_value = "; ".join(told) or "as pushed"
        for key, artifacts in execution_info.output_dict.items():
            output.output_artifacts[key].artifacts.extend(each.mlmd_artifact for each in artifacts)
        return output

    def _pushes_gone(self, properties: Mapping[str, Any]) -> list[str]:
        """Return the version directories below the destination that were pushed to, as recorded, and are no more."""
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(properties["push_destination"], destination)
        base = posixpath.join(destination.filesystem.base_directory, "")
        with self._mlmd_connection as metadata:
            found = metadata.store.get_artifacts_by_type("PushedModel")
        pushed = {each.custom_properties["pushed_destination"].string_value for each in found}
        return sorted(each for each in pushed if each.startswith(base) and not fileio.exists(each))


def _moved_on(properties: Mapping[str, Any], assets: list[Any]) -> list[str]:
    """Return the registry, and how often the alias was moved away from the version."""
    if not assets:
        return []
    reference = AssetRef.parse(artifact_utils.get_single_instance(assets).reference)
    with contextlib.closing(open_existing(properties.get("registry") or None)) as registry:
        if not (alias := properties.get("alias")) or not registry.exists(reference):
            return [registry.id]
        number = registry.resolve(reference).number
        moves = registry.alias_moves(reference.asset, alias)
        return [registry.id, f"{alias} moved on {sum(move.from_version == number for move in moves)} times"]
