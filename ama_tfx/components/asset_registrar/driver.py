"""The driver: makes the registry's identity part of what the cache compares."""

from tfx.dsl.components.base import base_driver as component_driver
from tfx.orchestration.portable import base_driver, data_types
from tfx.proto.orchestration import driver_output_pb2

from ama_tfx.components.asset_registrar.work import open_registry


class Driver(base_driver.BaseDriver, component_driver.BaseDriver):
    """Adds ``registry_id`` to the execution properties.

    TFX's launcher runs `base_driver.BaseDriver`; its compiler accepts only the other base class.
    """

    def __init__(self, mlmd_connection):
        base_driver.BaseDriver.__init__(self, mlmd_connection)

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Return the output artifacts as they are, and the registry's identity."""
        output = driver_output_pb2.DriverOutput()
        registry = open_registry(execution_info.exec_properties.get("registry"))
        output.exec_properties["registry_id"].string_value = registry.id
        for key, artifacts in execution_info.output_dict.items():
            output.output_artifacts[key].artifacts.extend(artifact.mlmd_artifact for artifact in artifacts)
        return output
