"""Notifier ``file``: a JSON file for each failed gate, in a folder that somebody watches."""

import posixpath

from tfx.dsl.io import fileio

from ama_tfx.components.notifiers import Notification
from ama_tfx.storage import canonical_json


def notify(notification: Notification) -> None:
    """Write ``<key>.json`` into the folder; a repeat finds the file there, and leaves it."""
    path = posixpath.join(notification.to, f"{notification.key}.json")
    if fileio.exists(path):
        return
    fileio.makedirs(notification.to)
    partial = f"{path}.partial"
    with fileio.open(partial, "wb") as stream:
        stream.write(canonical_json(notification.to_json()))
    fileio.rename(partial, path, overwrite=True)
