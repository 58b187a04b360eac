"""The user's own containers in a compiled job: started with the command that the cluster would give them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ama_tfx.testing.container_engine import ContainerEngine

_PLACEHOLDER = re.compile(r"\{\{\$\.(inputs|outputs)\.(parameters|artifacts)\['([^']+)'\](?:\.(uri|value))?\}\}")


def resolve(part: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    """Replace Kubeflow's placeholders in a part of a command; a whole number has no ``.0``, as there."""

    def value(found: re.Match[str]) -> str:
        side, kind, name, what = found.groups()
        if kind == "parameters":
            given = parameters[name]
            return str(int(given)) if isinstance(given, float) and given.is_integer() else str(given)
        artifact = (inputs if side == "inputs" else outputs)[name]
        return artifact["uri"] if what == "uri" else Path(artifact["uri"]).read_text()

    return _PLACEHOLDER.sub(value, part)


def run_container(engine: ContainerEngine, image: str, command: list[str], folder: Path) -> tuple[bool, str]:
    """Run a container with a folder mounted; return whether it ended well, and what it said.

    The command replaces the image's ENTRYPOINT, and nobody makes the folders of outputs: so it is on a cluster.
    """
    with engine.client() as client:
        container = client.containers.create(
            image,
            entrypoint=command,
            network_mode="host",
            volumes={str(folder): {"bind": str(folder), "mode": "rw"}},
        )
        try:
            container.start()
            code = container.wait(timeout=300)["StatusCode"]
            return code == 0, container.logs().decode()
        finally:
            container.remove(force=True)
