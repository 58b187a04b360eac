"""Components around container tasks: they write the inputs and read the outputs."""

from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.component.experimental.placeholders import (
    ConcatPlaceholder,
    InputUriPlaceholder,
    InputValuePlaceholder,
    OutputUriPlaceholder,
)
from tfx.types.standard_artifacts import Model, String, TransformCache

from ama_tfx.components import AmaContainerTask


@component
def MakeModel(model: OutputArtifact[Model], text: Parameter[str] = "weights", name: Parameter[str] = "model.h5"):
    Path(model.uri).mkdir(parents=True, exist_ok=True)
    Path(model.uri, name).write_text(text)


@component
def MakeInputs(model: OutputArtifact[Model]):
    Path(model.uri).mkdir(parents=True, exist_ok=True)
    Path(model.uri, "training.yml").write_text("learning_rate: 0.1\n")


@component
def ReadLines(lines: InputArtifact[TransformCache], text: OutputArtifact[String]):
    text.write(Path(lines.uri, "lines").read_text())


PARAMETERS = {"count": int, "rate": float, "flag": bool, "options": dict, "names": list, "word": str}


def tell_task(image, **wishes):
    """A task that writes down each argument of its command, one a line, and a text into a value artifact."""
    values = [InputValuePlaceholder(name) for name in PARAMETERS]
    return AmaContainerTask(
        name="Tell",
        image=image,
        inputs={"model": Model},
        outputs={"lines": TransformCache, "text": String},
        parameters=PARAMETERS,
        defaults={"flag": True, "options": {"b": [1], "a": "x y"}, "names": ["p", "q"], "word": "it's $HOME"},
        command=[
            *("sh", "-ec", 'cat "$1"/* >"$3"; out=$2; shift 3; printf "%s\\n" "$@" >"$out"/lines'),
            *("tell", InputUriPlaceholder("model"), OutputUriPlaceholder("lines"), OutputUriPlaceholder("text")),
            *values,
            ConcatPlaceholder(["--count=", InputValuePlaceholder("count")]),
        ],
        **wishes,
    )


def shell_task(image, script, *, outputs=None, **wishes):
    """A task that runs a script: ``$1`` is the model's folder, ``$2`` the folder ``lines``."""
    return AmaContainerTask(
        name="Shell",
        image=image,
        inputs={"model": Model},
        outputs={"lines": TransformCache} if outputs is None else outputs,
        command=["sh", "-ec", script, "sh", InputUriPlaceholder("model"), OutputUriPlaceholder("lines")],
        **wishes,
    )
