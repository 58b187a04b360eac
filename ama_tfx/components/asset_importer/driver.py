"""The driver: finds out what the reference means now, before TFX's cache is asked."""

from tfx.dsl.components.base import base_driver as component_driver
from tfx.orchestration.portable import base_driver, data_types
from tfx.proto.orchestration import driver_output_pb2
from tfx.types import artifact_utils

from ama_tfx.components.asset_importer.work import locate, open_existing


class Driver(base_driver.BaseDriver, component_driver.BaseDriver):
    """Adds ``resolved``, the reference by digest, and ``registry_id`` to the execution properties.

    TFX's launcher runs `base_driver.BaseDriver`; its compiler accepts only the other base class.
    """

    def __init__(self, mlmd_connection):
        base_driver.BaseDriver.__init__(self, mlmd_connection)

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Return the output artifacts as they are, and what the reference means.

        Raises:
            AmaError: There is no such version, it is retired or lost, or it is of another kind.
        """
        parameters = execution_info.exec_properties
        artifact = artifact_utils.get_single_instance(execution_info.output_dict["result"])
        with open_existing(parameters.get("registry") or None) as registry:
            details = locate(registry, parameters["asset_name"], artifact.type_name)
            registry_id = registry.id
        output = driver_output_pb2.DriverOutput()
        output.exec_properties["resolved"].string_value = str(details.version.reference)
        output.exec_properties["registry_id"].string_value = registry_id
        for key, artifacts in execution_info.output_dict.items():
            output.output_artifacts[key].artifacts.extend(each.mlmd_artifact for each in artifacts)
        return output
