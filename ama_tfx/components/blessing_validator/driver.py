"""The driver: finds out what the registry says, before TFX's cache is asked."""

from collections.abc import Mapping
from typing import Any

from tfx.dsl.components.base import base_driver as component_driver
from tfx.orchestration.portable import base_driver, data_types
from tfx.proto.orchestration import driver_output_pb2

from ama_tfx.components.blessing_validator.champion import RegistryState, Sought, look_up


class Driver(base_driver.BaseDriver, component_driver.BaseDriver):
    """Adds ``resolved`` (the champion by digest) and ``registry_state`` to the execution properties.

    An alias that moved, a metric, an approval or a rule that changed is thereby another cache key. TFX's launcher runs
    `base_driver.BaseDriver`; its compiler accepts only the other base class.
    """

    def __init__(self, mlmd_connection):
        base_driver.BaseDriver.__init__(self, mlmd_connection)

    def run(self, execution_info: data_types.ExecutionInfo) -> driver_output_pb2.DriverOutput:
        """Return the output artifacts as they are, and what the registry says."""
        output = driver_output_pb2.DriverOutput()
        state = look_up(sought(execution_info.exec_properties, execution_info.input_dict))
        output.exec_properties["resolved"].string_value = _resolved(state)
        output.exec_properties["registry_state"].string_value = state.fingerprint()
        for key, artifacts in execution_info.output_dict.items():
            output.output_artifacts[key].artifacts.extend(artifact.mlmd_artifact for artifact in artifacts)
        return output


def sought(exec_properties: Mapping[str, Any], input_dict: Mapping[str, Any]) -> Sought:
    """Return what to look up for an execution."""
    assets = input_dict.get("asset") or []
    return Sought(
        registry=exec_properties.get("registry") or None,
        champion=exec_properties.get("champion") or None,
        candidate=assets[0].reference if assets else None,
        pinned=exec_properties.get("resolved") or None,
    )


def _resolved(state: RegistryState) -> str:
    return state.champion.reference if state.champion else ""
