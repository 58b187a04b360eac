"""Layer 7b, front end: the registry over HTTP; it asks the same questions as ``ama`` and gives the same JSON."""

from ama_tfx.server.app import create_app

__all__ = ["create_app"]
