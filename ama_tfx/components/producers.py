"""Who gives what a channel carries, so that a verdict can name its source."""

from tfx import types


def producer_of(channel: types.BaseChannel) -> str:
    """Return the id of the component whose output a channel is; empty where none is known."""
    return getattr(channel, "producer_component_id", None) or ""
