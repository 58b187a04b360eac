"""HelloComponent, fully custom: a specification, an executor and a component class.

What TFX's tutorial has otherwise, and why it had to change for TFX 1.16: the base classes moved to
`tfx.dsl.components.base`; splits lie in folders ``Split-<name>``, which `artifact_utils.get_split_uri` knows; and the
output's splits are set by the executor, because a channel holds no artifact yet while the pipeline is composed.
"""

from typing import ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, channel, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.utils import io_utils


class HelloComponentSpec(ComponentSpec):
    """What goes in, what comes out, and how it is called."""

    PARAMETERS: ClassVar = {"name": ExecutionParameter(type=str)}
    INPUTS: ClassVar = {"input_data": ChannelParameter(type=standard_artifacts.Examples)}
    OUTPUTS: ClassVar = {"output_data": ChannelParameter(type=standard_artifacts.Examples)}


class Executor(base_executor.BaseExecutor):
    """Copies Examples, split by split, and says hello."""

    def Do(self, input_dict, output_dict, exec_properties):  # noqa: N802 - TFX's name
        source = artifact_utils.get_single_instance(input_dict["input_data"])
        target = artifact_utils.get_single_instance(output_dict["output_data"])
        splits = artifact_utils.decode_split_names(source.split_names)
        target.split_names = artifact_utils.encode_split_names(splits)
        for split in splits:
            source_uri = artifact_utils.get_split_uri([source], split)
            io_utils.copy_dir(source_uri, artifact_utils.get_split_uri([target], split))
        target.set_string_custom_property("greeting", f"Hello, {exec_properties['name']}")


class HelloComponent(base_component.BaseComponent):
    """Passes Examples on."""

    SPEC_CLASS = HelloComponentSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, input_data: types.BaseChannel, name: str = "world"):
        output_data = channel.Channel(type=standard_artifacts.Examples)
        super().__init__(HelloComponentSpec(input_data=input_data, output_data=output_data, name=name))
