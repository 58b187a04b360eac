"""The driver: makes the registry's identity part of what the cache compares."""

import contextlib
from collections.abc import Mapping
from typing import Any

from tfx.dsl.components.base import base_driver as component_driver
from tfx.orchestration.portable import base_driver, data_types
from tfx.proto.orchestration import driver_output_pb2

from ama_tfx.components.asset_registrar.work import moved_on, open_registry
from ama_tfx.provenance import recorded_references


class Driver(base_driver.BaseDriver, component_driver.BaseDriver):
    """Adds ``registry_id`` to the execution properties.

    TFX's launcher runs `base_driver.BaseDriver`; its compiler accepts only the other base class.
    """

    def __init__(self, mlmd_connection):
        base_driver.BaseDriver.__init__(self, mlmd_connection)

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Return the output artifacts as they are, and the registry's state."""
        output = driver_output_pb2.DriverOutput()
        output.exec_properties["registry_id"].string_value = self._identity(execution_info.exec_properties)
        for key, artifacts in execution_info.output_dict.items():
            output.output_artifacts[key].artifacts.extend(artifact.mlmd_artifact for artifact in artifacts)
        return output

    def _identity(self, exec_properties: Mapping[str, Any]) -> str:
        """Return what of the registry decides whether an earlier result still holds.

        That is its identity; which of the versions recorded in ML Metadata it lacks, for after an older copy was put
        back a result cached from before is not to be taken for done; and how often the alias was moved on, for a cached
        node would leave it where somebody put it since, without a word.
        """
        asset, alias = exec_properties["asset_name"], exec_properties.get("alias")
        with contextlib.closing(open_registry(exec_properties.get("registry"))) as registry:
            with self._mlmd_connection as metadata:
                recorded = recorded_references(metadata.store, asset)
            lacking = [f"without {reference}" for reference in sorted(recorded) if not registry.exists(reference)]
            moved = moved_on(registry, asset, alias) if alias else 0
        return "; ".join([registry.id, *lacking, *([f"{alias} moved on {moved} times"] if moved else [])])
