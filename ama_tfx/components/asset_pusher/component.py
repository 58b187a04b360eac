"""The component: its specification, and what it looks like in a pipeline."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from tfx import types
from tfx.components.pusher.component import Pusher
from tfx.dsl.components.base import executor_spec
from tfx.proto import pusher_pb2
from tfx.types import standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.types.standard_component_specs import PusherSpec

from ama_tfx.components.asset_pusher.driver import Driver
from ama_tfx.components.asset_pusher.executor import Executor
from ama_tfx.components.producers import producer_of
from ama_tfx.components.registry_url import without_secret
from ama_tfx.components.types import Asset
from ama_tfx.errors import InvalidInputError
from ama_tfx.registry import settable_alias

_TIMESTAMPS = (pusher_pb2.Versioning.AUTO, pusher_pb2.Versioning.UNIX_TIMESTAMP)


class AssetPusherSpec(PusherSpec):
    """What TFX's Pusher takes, and what is to be promoted."""

    PARAMETERS = {
        **PusherSpec.PARAMETERS,
        "registry": ExecutionParameter(type=str, optional=True),
        "alias": ExecutionParameter(type=str, optional=True),
        "require": ExecutionParameter(type=int),
        "producers": ExecutionParameter(type=str),
        # Written by the driver: which earlier pushes are gone, and whether the alias moved on.
        "state": ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {
        **PusherSpec.INPUTS,
        "model": ChannelParameter(type=standard_artifacts.Model),
        "asset": ChannelParameter(type=Asset, optional=True),
    }


class AssetPusher(Pusher):
    """Pushes a blessed model to where it is served, whole or not at all, and then moves its alias in the registry.

    It is TFX's Pusher with three promises more. A version directory appears by one rename, after every file was read
    back and its SHA-256 compared with the source's. A model is pushed only if each gate that is connected says
    *blessed*, and at least one has to be connected; *unknown* is not *yes*. The alias moves after the push was
    verified, from where it was before, or the run fails.

    Pushing what the newest version is already changes nothing. Locally a driver keeps TFX's cache honest: a push whose
    directory was removed, and a promotion that somebody undid, run again. Kubeflow and Vertex drop drivers: turn the
    cache off there after cleaning a destination.

    Example::

        AssetPusher(
            model=trainer.outputs["model"],
            push_destination="/srv/models/taxi",
            model_blessing=evaluator.outputs["blessing"],
            infra_blessing=infra_validator.outputs["blessing"],
            asset=register_model.outputs["asset"],
            alias="production",
        )

    Args:
        model: The model.
        push_destination: The folder of the versions (TensorFlow Serving's ``base_path``), or TFX's ``PushDestination``
            of a file system. In an object store nothing can be renamed: there ``saved_model.pb`` and then the marker
            are written last.
        model_blessing: Evaluator's, or any validator's.
        infra_blessing: InfraValidator's; when it holds a model with warm-up requests, that is pushed.
        asset: The AssetRegistrar's output for this very model; what is pushed is compared with it.
        alias: Moved to the asset's version. When the registry would refuse that, or the alias was moved on from this
            version before, nothing is pushed.
        registry: As for `AssetRegistrar`.
        require: Whether a model that is not pushed fails the run; otherwise the output says so, as TFX's does.

    Outputs:
        pushed_model: A standard PushedModel: ``pushed``, ``pushed_destination``, ``pushed_version``; beside them
            ``reference`` and ``alias``, or ``refused`` with the reasons.

    Raises:
        InvalidInputError: A parameter that can never work, when the pipeline is composed.
    """

    SPEC_CLASS = AssetPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        model: types.BaseChannel,
        push_destination: str | Path | pusher_pb2.PushDestination,
        *,
        model_blessing: types.BaseChannel | None = None,
        infra_blessing: types.BaseChannel | None = None,
        asset: types.BaseChannel | None = None,
        alias: str | None = None,
        registry: str | Path | None = None,
        require: bool = False,
    ):
        gates = {"model_blessing": model_blessing, "infra_blessing": infra_blessing}
        named = {key: channel for key, channel in gates.items() if channel is not None}
        _check(named, asset, alias)
        spec = AssetPusherSpec(
            model=model,
            **gates,
            asset=asset,
            push_destination=_destination(push_destination),
            custom_config=json.dumps(None),
            registry=without_secret(registry),
            alias=alias,
            require=int(require),
            producers=json.dumps({key: producer_of(channel) for key, channel in named.items()}),
            pushed_model=types.Channel(type=standard_artifacts.PushedModel),
        )
        super(Pusher, self).__init__(spec=spec)


def _check(gates: dict[str, types.BaseChannel], asset: types.BaseChannel | None, alias: str | None) -> None:
    if not gates:
        raise InvalidInputError(
            "no gate is connected, and AssetPusher pushes blessed models only; pass model_blessing or infra_blessing"
        )
    if alias is None:
        return
    settable_alias(alias)
    if asset is None:
        raise InvalidInputError(
            f"alias {alias!r} of what? Pass asset=register_model.outputs['asset'], the AssetRegistrar's for this model"
        )


def _destination(given: str | Path | pusher_pb2.PushDestination) -> pusher_pb2.PushDestination:
    if isinstance(given, str | Path):
        filesystem = pusher_pb2.PushDestination.Filesystem(base_directory=str(given))
        given = pusher_pb2.PushDestination(filesystem=filesystem)
    if not given.filesystem.base_directory or given.filesystem.versioning not in _TIMESTAMPS:
        raise InvalidInputError(
            f"push_destination {str(given)!r} cannot be pushed to; expected a folder, or a PushDestination with "
            "filesystem.base_directory"
        )
    if urlsplit(given.filesystem.base_directory).password is not None:
        raise InvalidInputError(
            "push_destination holds a password, which TFX would record; leave it out, and give the process that pushes "
            "the credentials as its file system takes them from the environment"
        )
    return given
