"""Making TFX's compiler a function: the same pipeline, the same bytes.

Two things in TFX 1.16 stand in the way:

* ``OutputChannel.future()`` gives the placeholder a key, and the first encoding of the placeholder wipes it
  (``encode_placeholder_with_channels`` sets it to None), so the second compilation of a pipeline with a ``Cond``
  differs from the first. The first is also wrong for Kubeflow when the channel of the condition is an input of the
  node as well: the expression then names an input that the task does not have. Without keys both are right.
* The IR holds messages packed into ``Any``, serialized in the order of a hash map that changes with every process.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from google.protobuf import any_pb2, symbol_database
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from tfx.dsl.experimental.conditionals import conditional
from tfx.dsl.placeholder import placeholder

if TYPE_CHECKING:
    from tfx.orchestration.pipeline import Pipeline

__all__ = ["canonical_bytes", "forget_placeholder_keys"]


def forget_placeholder_keys(pipeline: Pipeline) -> None:
    """Bring the conditions of a pipeline into the state in which TFX's compiler leaves them."""
    registry = pipeline.dsl_context_registry
    members = set(registry.all_nodes)
    for node in pipeline.components:
        for predicate in conditional.get_predicates(node, registry) if node in members else ():
            for part in predicate.traverse():
                if isinstance(part, placeholder.ChannelWrappedPlaceholder):
                    part.set_key(None)


def canonical_bytes(message: Message) -> bytes:
    """Serialize a protocol buffer so that equal messages give equal bytes, also inside ``Any``.

    Args:
        message: Changed in place: what its ``Any`` fields hold is packed again, in a fixed order.
    """
    _repack(message)
    return message.SerializeToString(deterministic=True)


def _repack(message: Message) -> None:
    if isinstance(message, any_pb2.Any):
        _repack_any(message)
        return
    for field, value in message.ListFields():
        for part in _messages(field, value):
            _repack(part)


def _repack_any(packed: any_pb2.Any) -> None:
    try:
        inner = symbol_database.Default().GetSymbol(packed.TypeName())()
    except KeyError:  # a type whose module nobody has imported can only be carried as it is
        return
    if packed.Unpack(inner):
        packed.value = canonical_bytes(inner)


def _messages(field: FieldDescriptor, value: Any) -> Iterable[Message]:
    if field.message_type is None:
        return ()
    if field.label != FieldDescriptor.LABEL_REPEATED:
        return (value,)
    if not field.message_type.GetOptions().map_entry:
        return value
    return value.values() if field.message_type.fields_by_name["value"].message_type is not None else ()
