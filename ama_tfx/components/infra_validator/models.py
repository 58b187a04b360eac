"""What a SavedModel declares, read without loading it, and the requests that ask it."""

import math
import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.python.saved_model import loader_impl
from tensorflow_serving.apis import classification_pb2, predict_pb2, regression_pb2
from tfx import types
from tfx.components.infra_validator import request_builder
from tfx.components.infra_validator.model_server_clients.tensorflow_serving_client import TensorFlowServingClient
from tfx.components.util import examples_utils, tfxio_utils
from tfx.dsl.io import fileio
from tfx.proto import infra_validator_pb2
from tfx.types import artifact_utils
from tfx_bsl.tfxio import dataset_options

from ama_tfx.components.infra_validator.observations import Answer, Call
from ama_tfx.errors import InvalidInputError, UserCodeError

DEFAULT_EXAMPLES = 10
_MOST_VALUES = 1 << 22  # as many as have room, of one byte each, in the 4 MiB that the client receives
_INTERNAL = {"__saved_model_init_op", "__saved_model_train_op"}

Signatures = Mapping[str, Any]


class UnreadableModelError(UserCodeError):
    """The model's files are no SavedModel that can be read."""


def declared_signatures(model: Path, tag_set: Sequence[str]) -> Signatures:
    """Return the signatures of the graph with these tags, ``serve`` when there are none.

    Raises:
        UnreadableModelError: There is no such graph, or ``saved_model.pb`` is not one.
    """
    try:
        graph = loader_impl.SavedModelLoader(str(model)).get_meta_graph_def_from_tags(
            list(tag_set) or [tf.saved_model.SERVING]
        )
    except (OSError, RuntimeError, ValueError, DecodeError, tf.errors.OpError) as error:
        raise UnreadableModelError(f"its SavedModel cannot be read: {error}") from error
    return {name: found for name, found in sorted(graph.signature_def.items()) if name not in _INTERNAL}


def build_calls(
    name: str, signatures: Signatures, examples: types.Artifact, spec: infra_validator_pb2.RequestSpec
) -> tuple[Call, ...]:
    """Return what to ask each signature: the named ones, or all that the model declares.

    Raises:
        InvalidInputError: The examples cannot be read as the specification says.
    """
    wanted = list(spec.tensorflow_serving.signature_names) or list(signatures)
    builder = _Builder(name, signatures)
    builder.read(examples, spec.split_name, spec.num_examples or DEFAULT_EXAMPLES)
    return tuple(builder.call(signature) for signature in wanted)


class _Builder(request_builder._TFServingRpcRequestBuilder):
    """TFX's request builder; what it cannot ask is asked with the features that have the inputs' names."""

    def read(self, examples: types.Artifact, split: str, count: int) -> None:
        """Read the first records of a split; TFX reads random ones, over and over, and so never asks the same twice."""
        splits = artifact_utils.decode_split_names(examples.split_names)
        name = split or next(iter(splits), "")
        if name not in splits:
            raise InvalidInputError(f"request_spec asks for split {name!r}; the examples have {', '.join(splits)}")
        files = sorted(fileio.glob(posixpath.join(artifact_utils.get_split_uri([examples], name), "*")))
        reading = {"read_as_raw_records": True, "raw_record_column_name": request_builder._RAW_RECORDS_COLUMN}
        factory = tfxio_utils.get_tfxio_factory_from_artifact([examples], ["InfraValidator"], **reading)
        options = dataset_options.TensorFlowDatasetOptions(batch_size=count, shuffle=False, num_epochs=1)
        self._payload_format = examples_utils.get_payload_format(examples)
        if files:
            self._ReadFromDataset(factory(files).TensorFlowDataset(options))

    def call(self, name: str) -> Call:
        if not self._records:
            return Call(name, (), "the examples hold no record")
        definition = self._signatures.get(name)
        if definition is None:
            return Call(name, (), missing=True)
        self.__dict__["_signatures"], every = {name: definition}, self._signatures
        try:
            return Call(name, tuple(self.BuildRequests()))
        except ValueError as error:
            return self._of_features(name, definition, str(error))
        finally:
            self.__dict__["_signatures"] = every

    def _of_features(self, name: str, definition: Any, why: str) -> Call:
        if definition.method_name != tf.saved_model.PREDICT_METHOD_NAME:
            return Call(name, (), why)
        try:
            requests = [self._request(name, definition, example) for example in self.examples]
        except (ValueError, TypeError) as error:
            return Call(name, (), f"no request can be made of the examples: {error}")
        return Call(name, tuple(requests))

    def _request(self, name: str, definition: Any, example: tf.train.Example) -> predict_pb2.PredictRequest:
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = self._model_name, name
        for key, info in definition.inputs.items():
            request.inputs[key].CopyFrom(_tensor(key, info, example))
        return request


def _tensor(key: str, info: Any, example: tf.train.Example) -> Any:
    """Return a feature's values as a batch of one."""
    feature = example.features.feature[key] if key in example.features.feature else None  # noqa: SIM401 - get() adds it
    kind = feature.WhichOneof("kind") if feature is not None else None
    if kind is None:
        raise ValueError(f"they have no feature {key!r}, which the signature takes")
    values = list(getattr(feature, kind).value)
    sizes = [dimension.size for dimension in info.tensor_shape.dim][1:]
    known = [-1 if size < 0 else size for size in sizes]
    array = tf.make_ndarray(tf.make_tensor_proto(values, dtype=tf.as_dtype(info.dtype)))
    return tf.make_tensor_proto(array.reshape([1, *known]))


class Client(TensorFlowServingClient):
    """TFX's client, which also gives the answers and says why a model did not load."""

    def ask(self, request: Any) -> Answer:
        """Send a request; return the outputs as arrays by name.

        Raises:
            ConnectionError: There is no answer; the message is the server's.
        """
        try:
            if isinstance(request, classification_pb2.ClassificationRequest):
                return _classes(self._prediction_service.Classify(request))
            if isinstance(request, regression_pb2.RegressionRequest):
                found = self._prediction_service.Regress(request).result.regressions
                return {"outputs": [float(regression.value) for regression in found]}
            response = self._prediction_service.Predict(request)
        except grpc.RpcError as error:
            raise _no_answer(error) from error
        _check_size(response)
        try:
            return {key: tf.make_ndarray(value).tolist() for key, value in response.outputs.items()}
        except (ValueError, TypeError, MemoryError) as error:
            raise ConnectionError(f"an answer that is none: {error}") from error

    def send(self, request: Any) -> None:
        """Send a request as TFX does, and drop the answer.

        Raises:
            ConnectionError: There is none.
        """
        try:
            self._SendRequest(request)
        except grpc.RpcError as error:
            raise _no_answer(error) from error

    def status(self) -> tuple[str, str]:
        """Return ``READY``, ``NOT_READY`` or ``UNAVAILABLE``, and the server's error."""
        found = self._GetServingStatus().name
        if found != "UNAVAILABLE":
            return found, ""
        try:
            versions = self._GetModelStatus().model_version_status
        except grpc.RpcError as error:
            return found, str(error.details())
        return found, "; ".join(version.status.error_message for version in versions if version.status.error_message)

    def close(self) -> None:
        """Give the connection back."""
        self._channel.close()


def _check_size(response: predict_pb2.PredictResponse) -> None:
    """Refuse an answer that says it is larger than it is: one value may stand for any number of them.

    Raises:
        ConnectionError: It does.
    """
    total = 0
    for key, value in response.outputs.items():
        sizes = [dimension.size for dimension in value.tensor_shape.dim]
        if value.tensor_shape.unknown_rank or any(size < 0 for size in sizes):
            raise ConnectionError(f"output {key!r} of the answer has no shape")
        total += math.prod(sizes)
    if total > _MOST_VALUES:
        raise ConnectionError(f"the answer says that it holds {total} values; more than {_MOST_VALUES} are not read")


def _no_answer(error: grpc.RpcError) -> ConnectionError:
    return ConnectionError(f"{error.code().name}: {error.details()}")


def _classes(response: Any) -> Answer:
    found = [entry for row in response.result.classifications for entry in row.classes]
    return {"classes": [entry.label for entry in found], "scores": [float(entry.score) for entry in found]}
