"""TF Serving's gRPC API over one SavedModel, in the limited process.

What TensorFlow Serving says of the same mistakes is said here too: an unknown signature is FAILED_PRECONDITION, a model
that is not loaded UNAVAILABLE, an error of an operation has that operation's code.
"""

from __future__ import annotations

import concurrent.futures
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import grpc
import tensorflow as tf
from tensorflow_serving.apis import classification_pb2, get_model_status_pb2, predict_pb2, regression_pb2
from tensorflow_serving.apis import model_service_pb2_grpc as model_service
from tensorflow_serving.apis import prediction_service_pb2_grpc as prediction_service

VERSION = 1
_THREADS = 2
_LARGEST_MESSAGE = 1 << 28
_LONGEST_ERROR = 4000
_INVALID_ARGUMENT = 3

_State = get_model_status_pb2.ModelVersionStatus


class Model:
    """A SavedModel: where it lies, and what became of loading it."""

    def __init__(self, name: str, path: str) -> None:
        self.name, self.path = name, path
        self.state, self.error_code, self.error = _State.LOADING, 0, ""
        self.loaded: Any = None  # keeps the variables alive
        self.signatures: Mapping[str, Any] = {}

    def load(self) -> None:
        """Load it; an error becomes the model's state, which GetModelStatus tells."""
        try:
            self.loaded = tf.saved_model.load(self.path, tags=["serve"])
            self.signatures = dict(self.loaded.signatures)
            self.state = _State.AVAILABLE
        except BaseException as error:  # noqa: BLE001 - whatever a model raises, the server tells
            traceback.print_exc()
            self.error_code, self.error = _code(error), f"{type(error).__name__}: {error}"[:_LONGEST_ERROR]
            self.state = _State.END

    def signature(self, spec: Any, context: grpc.ServicerContext) -> tuple[str, Any]:
        """Return the name and the function of the signature that a request names."""
        self.check_name(spec, context)
        if self.state != _State.AVAILABLE:
            context.abort(grpc.StatusCode.UNAVAILABLE, f"the model is not loaded: {self.error or 'still loading'}")
        name = spec.signature_name or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
        if name not in self.signatures:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
        return name, self.signatures[name]

    def check_name(self, spec: Any, context: grpc.ServicerContext) -> None:
        """Abort a request for another model."""
        if spec.name != self.name:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {spec.name!r}")


def _code(error: BaseException) -> int:
    return int(getattr(error, "error_code", None) or _INVALID_ARGUMENT)


_STATUS = {code.value[0]: code for code in grpc.StatusCode}


def _told(method: Callable[..., Any]) -> Callable[..., Any]:
    """Tell an error of the model to the client: TensorFlow's codes are gRPC's."""

    def answer(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except (tf.errors.OpError, ValueError, TypeError, KeyError) as error:
            traceback.print_exc()
            return context.abort(_STATUS[_code(error)], f"{type(error).__name__}: {error}"[:_LONGEST_ERROR])

    return answer


class Predictions(prediction_service.PredictionServiceServicer):
    """Predict, Classify and Regress."""

    def __init__(self, model: Model) -> None:
        self.model = model

    @_told
    def Predict(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Ask a signature that takes tensors."""
        name, function = self.model.signature(request.model_spec, context)
        wanted = function.structured_input_signature[1]
        tensors = {
            key: tf.constant(tf.make_ndarray(value), dtype=wanted[key].dtype if key in wanted else None)
            for key, value in request.inputs.items()
        }
        response = predict_pb2.PredictResponse()
        response.model_spec.name, response.model_spec.signature_name = request.model_spec.name, name
        response.model_spec.version.value = VERSION
        for key, tensor in function(**tensors).items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(tensor.numpy()))
        return response

    @_told
    def Classify(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Ask a signature that takes examples and gives classes with scores."""
        outputs = self._of_examples(request, context)
        response = classification_pb2.ClassificationResponse()
        scores = outputs["scores"].numpy() if "scores" in outputs else None
        classes = outputs["classes"].numpy() if "classes" in outputs else None
        shape = (scores if scores is not None else classes).shape
        for row in range(shape[0]):
            found = response.result.classifications.add()
            for column in range(shape[1]):
                label = classes[row, column] if classes is not None else b""
                score = float(scores[row, column]) if scores is not None else 0.0
                found.classes.add(label=label.decode() if isinstance(label, bytes) else str(label), score=score)
        return response

    @_told
    def Regress(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Ask a signature that takes examples and gives numbers."""
        response = regression_pb2.RegressionResponse()
        for value in self._of_examples(request, context)["outputs"].numpy().reshape(-1):
            response.result.regressions.add(value=float(value))
        return response

    def _of_examples(self, request: Any, context: Any) -> Mapping[str, Any]:
        _, function = self.model.signature(request.model_spec, context)
        (key,) = function.structured_input_signature[1]
        kind = request.input.WhichOneof("kind")
        if kind != "example_list":
            raise ValueError(f"input of kind {kind!r}; only example_list is served here")
        examples = [example.SerializeToString() for example in request.input.example_list.examples]
        return function(**{key: tf.constant(examples)})  # type: ignore[no-any-return]


class Models(model_service.ModelServiceServicer):
    """GetModelStatus."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def GetModelStatus(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Tell the state of the one version, and why it did not load."""
        self.model.check_name(request.model_spec, context)
        response = get_model_status_pb2.GetModelStatusResponse()
        found = response.model_version_status.add(version=VERSION, state=self.model.state)
        found.status.error_code, found.status.error_message = self.model.error_code, self.model.error
        return response


def start(model: Model, address: str) -> grpc.Server:
    """Return a server that listens; the model is not loaded yet.

    Raises:
        OSError: Nothing can listen there.
    """
    options = [("grpc.max_receive_message_length", _LARGEST_MESSAGE), ("grpc.max_send_message_length", -1)]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(_THREADS), options=options)
    prediction_service.add_PredictionServiceServicer_to_server(Predictions(model), server)
    model_service.add_ModelServiceServicer_to_server(Models(model), server)
    if not server.add_insecure_port(address):
        raise OSError(f"cannot listen on {address!r}")
    server.start()
    return server


def load_and_serve(model: Model, server: grpc.Server) -> None:
    """Load the model, answering meanwhile that it is loading; then serve until the process is ended."""
    threading.Thread(target=model.load, name="load", daemon=True).start()
    server.wait_for_termination()
