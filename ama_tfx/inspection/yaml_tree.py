"""YAML as a tree of plain values.

From the events of the parser, not with a loader: no tag makes an object, and an anchor that is used a thousand times is
one object, so that a bomb of anchors costs nothing until somebody counts its leaves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import yaml
from yaml import events
from yaml.nodes import ScalarNode

MOST_BYTES = 1 << 20
MOST_EVENTS = 25_000
MOST_DEPTH = 64
_MOST_NUMBER = 64
"""Characters of a number; reading a long one takes the square of its length."""

_MOST_MERGED = 5_000
_PYTHON = "tag:yaml.org,2002:python/"


class _Plain(yaml.SafeLoader):
    """Knows which text is a number, and makes nothing but plain values."""


def tree_of(text: str, on_python: Callable[[str], object]) -> Any:
    """Return the document of a YAML file, or a list when there are several.

    Args:
        text: The file.
        on_python: Called with each tag that makes a loader that is not safe call Python.

    Raises:
        ValueError: Not YAML, too much of it, or too deep.
    """
    builder = _Builder(on_python)
    try:
        loader = _Plain(text)
        for count in range(MOST_EVENTS):
            if not loader.check_event():  # type: ignore[no-untyped-call]
                break
            builder.take(loader.get_event(), loader)  # type: ignore[no-untyped-call]
            if count == MOST_EVENTS - 1:
                raise ValueError(f"more than {MOST_EVENTS:,} YAML events")
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    return builder.documents[0] if len(builder.documents) == 1 else builder.documents


class _Builder:
    """Puts events together; each open collection is a frame of the stack."""

    def __init__(self, on_python: Callable[[str], object]) -> None:
        self.documents: list[Any] = []
        self._frames: list[tuple[Any, list[Any]]] = []
        self._anchors: dict[str, Any] = {}
        self._on_python = on_python

    def take(self, event: Any, loader: _Plain) -> None:
        match event:
            case events.DocumentStartEvent():
                self._anchors = {}
            case events.ScalarEvent():
                self._check_tag(event.tag)
                # A key is the text that it is: YAML 1.1 would take `on` for a truth value.
                self._named(event.anchor, value := event.value if self._at_key else _scalar(event, loader))
                self._put(value)
            case events.AliasEvent():
                if event.anchor not in self._anchors:
                    raise ValueError(f"no anchor {event.anchor!r}")
                self._put(self._anchors[event.anchor])
            case events.SequenceStartEvent() | events.MappingStartEvent():
                self._check_tag(event.tag)
                self._open({} if isinstance(event, events.MappingStartEvent) else [], event.anchor)
            case events.SequenceEndEvent() | events.MappingEndEvent():
                self._put(_closed(*self._frames.pop()))

    @property
    def _at_key(self) -> bool:
        return bool(self._frames) and isinstance(self._frames[-1][0], dict) and len(self._frames[-1][1]) % 2 == 0

    def _open(self, collection: Any, anchor: str | None) -> None:
        if len(self._frames) >= MOST_DEPTH:
            raise ValueError(f"nested deeper than {MOST_DEPTH}")
        self._frames.append((collection, []))
        self._named(anchor, collection)

    def _put(self, value: Any) -> None:
        (self._frames[-1][1] if self._frames else self.documents).append(value)

    def _named(self, anchor: str | None, value: Any) -> None:
        if anchor is not None:
            self._anchors[anchor] = value

    def _check_tag(self, tag: str | None) -> None:
        if tag and tag.startswith(_PYTHON):
            self._on_python(tag.removeprefix(_PYTHON))


def _closed(collection: Any, items: list[Any]) -> Any:
    """Fill a collection, which anchors may have named meanwhile."""
    if isinstance(collection, list):
        collection.extend(items)
        return collection
    merged: dict[Any, Any] = {}
    for key, value in zip(items[::2], items[1::2], strict=True):
        if key == "<<":
            for more in value if isinstance(value, list) else [value]:
                merged = {**(more if isinstance(more, dict) else {}), **merged}
                if len(merged) > _MOST_MERGED:
                    raise ValueError("too much is merged")
        else:
            collection[key if isinstance(key, str | int | float | bool) else _name_of(key)] = value
    for key, value in merged.items():
        collection.setdefault(key, value)
    return collection


def _name_of(key: Any) -> str:
    return "null" if key is None else "<a collection as a key>"


def _scalar(event: Any, loader: _Plain) -> Any:
    plain = event.implicit[0] and event.tag is None
    if not plain or len(event.value) > _MOST_NUMBER:
        return event.value
    tag: str = loader.resolve(ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
    kind = tag.rpartition(":")[2]
    if kind in {"int", "float", "bool", "null"}:
        with contextlib.suppress(ValueError, OverflowError):
            return loader.construct_object(ScalarNode(tag, event.value))  # type: ignore[no-untyped-call]
    return event.value
