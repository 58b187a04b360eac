"""Configurations of Keras models: which of their layers run code of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ama_tfx.inspection.looking import Look
from ama_tfx.inspection.name_lists import names

MOST_BYTES = 8 << 20
_MOST_DICTIONARIES = 200_000
_MARSHALLED = "it holds marshalled Python code, which Keras runs when it loads the model without its safe mode"
_OWN = ("keras", "builtins", "tensorflow.keras", "tf_keras")
_READS_FILES = {"StringLookup", "IntegerLookup", "TextVectorization", "StaticVocabularyTable"}
_HARMLESS = names(
    """
    keras.activations keras.initializers keras.losses keras.metrics keras.regularizers keras.constraints keras.ops
    keras.src.activations keras.src.initializers keras.src.losses keras.src.metrics keras.src.ops keras.optimizers
    """
)


def read(look: Look, text: bytes) -> None:
    """Look through a configuration for what Keras would run or import.

    Args:
        look: The file that holds it, or the member.
        text: JSON.

    Raises:
        ValueError: It is none, or more than is read.
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"larger than the {MOST_BYTES:,} bytes of a configuration that are read")
    for node in _dictionaries(json.loads(text)):
        for what, why in _dangers(node):
            look.danger(what, why)


def _dictionaries(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield the dictionaries of a tree; texts that are JSON themselves are entered too, as Keras enters them."""
    waiting, count = [tree], 0
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            count += 1
            if count > _MOST_DICTIONARIES:
                raise ValueError(f"more than {_MOST_DICTIONARIES:,} parts of a configuration")
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _dangers(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    kind, inner = str(node.get("class_name", "")), node.get("config")
    settings = inner if isinstance(inner, dict) else {}
    name = f" {settings['name']!r}" if isinstance(settings.get("name"), str) else ""
    if kind == "Lambda" or kind.endswith(">Lambda"):
        yield f"Lambda layer{name}", _MARSHALLED
    elif kind == "__lambda__":
        yield "a lambda", _MARSHALLED
    elif kind == "TFSMLayer":
        where = settings.get("filepath", "?")
        yield f"TFSMLayer{name} of {where!r}", "it loads that SavedModel, whose operations are not looked into here"
    elif kind in _READS_FILES and isinstance(settings.get("vocabulary"), str):
        yield f"{kind}{name} with vocabulary {settings['vocabulary']!r}", "loading it reads that file or address"
    yield from _imports(node, kind)


def _imports(node: dict[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    module, registered = node.get("module"), node.get("registered_name")
    told = node.get("config") if kind == "function" else kind
    if kind and isinstance(module, str) and not _is_of(module, _OWN):
        yield f"{module}.{told}", f"Keras imports {module.partition('.')[0]!r} when it loads the model, and calls that"
    elif kind == "function" and isinstance(module, str) and _is_of(module, ("keras",)) and module not in _HARMLESS:
        yield f"{module}.{told}", "Keras calls that function of its own, and some of them write files"
    elif isinstance(registered, str) and ">" in registered and not registered.startswith("keras"):
        yield f"custom object {registered!r}", "it runs the code that the loading program has registered for it"


def _is_of(module: str, roots: tuple[str, ...]) -> bool:
    return any(module == root or module.startswith(f"{root}.") for root in roots)
