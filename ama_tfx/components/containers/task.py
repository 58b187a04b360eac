"""AmaContainerTask: TFX's container components without their traps."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfx.dsl.component.experimental.container_component import create_container_component
from tfx.dsl.component.experimental.placeholders import (
    ConcatPlaceholder,
    InputUriPlaceholder,
    InputValuePlaceholder,
    OutputUriPlaceholder,
)
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.types.artifact import Artifact
from tfx.types.value_artifact import ValueArtifact

from ama_tfx.components.containers.wrapping import Wishes, refuse_secrets, wrapped
from ama_tfx.errors import InvalidInputError, did_you_mean

_KEPT = (int, float, str)
_AS_TEXT = (bool, dict, list)
_PLACEHOLDERS = {InputUriPlaceholder: "input", OutputUriPlaceholder: "output"}
Types = Mapping[str, type]


class AmaContainerTask:
    """Makes components that run a command in a container: a component class, to be called like one.

    Built on TFX's ``create_container_component``, of which it cures the following. Parameters of any type arrive in the
    command as text: numbers as they are, booleans as ``true`` and ``false``, dictionaries and lists as JSON; they may
    have defaults. The folders of outputs are made, which nobody does on Kubeflow. The image's ENTRYPOINT plays no part.
    Two components made by one task have outputs of their own. On Vertex ``gs://`` URIs arrive as the paths under
    ``/gcs`` where they are mounted. Variables, mounts and limits are asked for here, and so compile for every target.

    The image needs ``/bin/sh`` and ``mkdir``. Under `run_local` it runs in the machine's podman or Docker, with every
    input's URI mounted read-only and every output's for writing; for TFX's own local runners see
    `ama_tfx.orchestration.containers.containers_in_tfx_runners`. On Kubeflow the cluster runs it: limits are set there
    with ``with_platform_config``, variables by the cluster, and mounts do not exist.

    TFX's cache compares inputs, parameters, image name and command. It cannot see that a tag was moved to another
    image: name images by digest, ``name@sha256:…``.

    A container cannot set properties of its outputs; it can only write files.

    Example::

        Tokenize = AmaContainerTask(
            name="Tokenize",
            image="registry.example/tokenizer@sha256:…",
            inputs={"text": Examples},
            outputs={"tokens": Examples},
            parameters={"size": int, "options": dict},
            defaults={"options": {"lower": True}},
            command=["tokenize", "--size", InputValuePlaceholder("size"), "--options", InputValuePlaceholder("options"),
                     InputUriPlaceholder("text"), OutputUriPlaceholder("tokens")],
            env=["TOKENIZER_LICENCE"],
        )
        tokens = Tokenize(text=gen.outputs["examples"], size=8000).with_id("Tokens")

    Args:
        name: Of the component class, and the id of its components until ``with_id``.
        image: The image.
        command: The program and its arguments; no shell reads them. With placeholders of
            ``tfx.dsl.component.experimental.placeholders``.
        inputs: Key -> artifact type.
        outputs: Key -> artifact type.
        parameters: Name -> ``int``, ``float``, ``str``, ``bool``, ``dict`` or ``list``.
        defaults: Name of a parameter -> its value when none is given.
        wishes: Names of variables, mounts and limits (`Wishes`); ``env=``, ``mounts=``, ``memory_mb=``, ``cpus=``,
            ``timeout_seconds=`` and ``network=`` are its fields.

    Raises:
        InvalidInputError: What can never work, or would record a secret.
    """

    def __init__(
        self,
        name: str,
        image: str,
        command: Sequence[Any],
        *,
        inputs: Types | None = None,
        outputs: Types | None = None,
        parameters: Types | None = None,
        defaults: Mapping[str, Any] | None = None,
        **wishes: Any,
    ) -> None:
        if not name.isidentifier():
            raise InvalidInputError(f"name {name!r}: expected the name of a class, as in 'Tokenize'")
        if not image or image != image.strip():
            raise InvalidInputError(f"{name}: image {image!r}: expected an image's name, 'registry/name@sha256:…'")
        self.name, self.image = name, image
        self._inputs, self._outputs = dict(inputs or {}), dict(outputs or {})
        self._parameters, self._defaults = dict(parameters or {}), dict(defaults or {})
        self._wishes = _wishes(name, wishes)
        self._check()
        self._command = [self._part(part) for part in _list(name, command)]
        texts = {f"command[{i}]": _literals(part) for i, part in enumerate(command)}
        refuse_secrets(name, {"image": image, **texts, **self._defaults}, self._wishes.env, os.environ)

    def __call__(self, **given: Any) -> BaseComponent:
        """Return a component.

        Args:
            given: The inputs' channels and the parameters' values.

        Raises:
            InvalidInputError: An argument is missing, is not known, or has another type than declared.
        """
        known = [*self._inputs, *self._parameters]
        for key in given:
            if key not in known:
                near = did_you_mean(key, known)
                raise InvalidInputError(f"{self.name} has no argument {key!r}; known: {known}{near}")
        values = {key: self._value(key, value) for key, value in {**self._defaults, **given}.items()}
        if missing := [key for key in known if key not in values]:
            raise InvalidInputError(f"{self.name} lacks the arguments {missing}")
        plain = {key: value for key, value in values.items() if key in self._parameters}
        refuse_secrets(self.name, plain, self._wishes.env, os.environ)
        # A class for each: TFX's own shares the channels of its outputs between all components of a class.
        made = create_container_component(
            name=self.name,
            image=self.image,
            command=wrapped(self._wishes, [*map(self._output, self._outputs)], self._command),
            inputs=self._inputs,
            outputs=self._outputs,
            parameters={key: kind if kind in _KEPT else str for key, kind in self._parameters.items()},
        )
        return made(**values)

    def _check(self) -> None:
        for key, kind in {**self._inputs, **self._outputs}.items():
            if not (isinstance(kind, type) and issubclass(kind, Artifact)):
                raise InvalidInputError(f"{self.name}: {key!r} is {kind!r}; expected an artifact type, as in Model")
        for key, kind in self._parameters.items():
            if kind not in (*_KEPT, *_AS_TEXT):
                names = [known.__name__ for known in (*_KEPT, *_AS_TEXT)]
                raise InvalidInputError(f"{self.name}: parameter {key!r} is {kind!r}; expected one of {names}")
        keys = [*self._inputs, *self._outputs, *self._parameters]
        for key in keys:
            if not key.isidentifier() or keys.count(key) > 1:
                raise InvalidInputError(f"{self.name}: {key!r} is no name for an argument, or stands for two of them")
        for key in self._defaults:
            if key not in self._parameters:
                raise InvalidInputError(f"{self.name}: a default for {key!r}, which is none of {[*self._parameters]}")

    def _value(self, key: str, value: Any) -> Any:
        """Return what TFX gets: a channel, or a parameter's value in a form that arrives everywhere."""
        kind = self._parameters.get(key)
        if kind is None or not isinstance(value, (*_KEPT, *_AS_TEXT)):  # a channel, or known only at run time
            return value
        fits = type(value) is kind or (kind is float and type(value) is int)
        if not fits:
            raise InvalidInputError(f"{self.name}: parameter {key!r} is {value!r}; expected {kind.__name__}")
        if kind in _AS_TEXT:
            return json.dumps(value, sort_keys=True)
        return kind(value)

    def _part(self, part: Any) -> Any:
        """Return a part of the command so that it resolves to a text on every target."""
        if isinstance(part, str):
            return part
        if isinstance(part, ConcatPlaceholder):
            return ConcatPlaceholder([self._part(item) for item in part.items])
        if isinstance(part, InputValuePlaceholder):
            self._named(part.input_name, [*self._parameters, *self._inputs], "parameter")
            return ConcatPlaceholder(["", part])  # alone it would stay a number, which no engine takes
        if type(part) not in _PLACEHOLDERS:
            raise InvalidInputError(
                f"{self.name}: the command holds {part!r}; expected texts and placeholders of "
                "tfx.dsl.component.experimental.placeholders"
            )
        is_input = isinstance(part, InputUriPlaceholder)
        name, known = (part.input_name, self._inputs) if is_input else (part.output_name, self._outputs)
        self._named(name, [*known], _PLACEHOLDERS[type(part)])
        return part

    def _named(self, name: str, known: list[str], what: str) -> None:
        if name not in known:
            raise InvalidInputError(
                f"{self.name}: the command names the {what} {name!r}; known: {known}{did_you_mean(name, known)}"
            )

    def _output(self, key: str) -> ConcatPlaceholder:
        """Return an output's URI behind a letter that says whether it is a file or a folder."""
        kind = "f" if issubclass(self._outputs[key], ValueArtifact) else "d"
        return ConcatPlaceholder([kind, OutputUriPlaceholder(key)])


def _literals(part: Any) -> str:
    """Return what a part of a command says by itself; a line's end stands for each placeholder."""
    if isinstance(part, ConcatPlaceholder):
        return "".join(map(_literals, part.items))
    return part if isinstance(part, str) else "\n"


def _wishes(name: str, wishes: Mapping[str, Any]) -> Wishes:
    known = [*Wishes.__dataclass_fields__]
    if unknown := next((key for key in wishes if key not in known), None):
        raise InvalidInputError(f"{name} has no argument {unknown!r}; known: {known}{did_you_mean(unknown, known)}")
    env = wishes.get("env", ())
    if not isinstance(env, Iterable):
        raise InvalidInputError(f"{name}: env is {env!r}; expected a list of names, ['AMA_TOKEN']")
    return Wishes(**{**wishes, "env": env if isinstance(env, str) else tuple(env)})


def _list(name: str, command: Sequence[Any]) -> Sequence[Any]:
    if isinstance(command, str) or not command:
        raise InvalidInputError(f"{name}: command {command!r}: expected a list, ['sh', '-c', 'echo hello']")
    return command
