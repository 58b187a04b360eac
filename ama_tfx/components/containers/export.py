"""ContainerExport: a version, or what a component made, as a zip; the packing is done in a container."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.component.experimental.placeholders import ConcatPlaceholder, InputUriPlaceholder, OutputUriPlaceholder
from tfx.dsl.components.base.base_component import BaseComponent

from ama_tfx.components.containers.task import AmaContainerTask
from ama_tfx.components.containers.wrapping import Wishes
from ama_tfx.components.registry_url import without_secret
from ama_tfx.components.types import Archive, Asset
from ama_tfx.errors import InvalidInputError
from ama_tfx.registry import Location

_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}\.zip")


def ContainerExport(  # noqa: N802 - called like a component's class
    source: types.BaseChannel,
    image: str,
    *,
    registry: str | Path | None = None,
    filename: str = "export.zip",
    with_inputs: bool = True,
    ama: Sequence[str] = ("ama",),
    env: Sequence[str] = (),
    **wishes: Any,
) -> BaseComponent:
    """Return a component that packs a registered version, or an artifact's files, into one zip.

    In the container runs ``ama export``. Of an `ama_tfx.Asset` the zip holds the version's files under their own paths
    and, beside them, those of the versions it refers to in the role ``input``: the archive that the AMA case study
    exchanges, which ``ama import`` turns back into the same two assets. Of any other artifact it holds the files as the
    component wrote them, and no registry is asked. The same version gives the same zip to the byte.

    The image needs ``/bin/sh``, ``mkdir`` and the light ``ama-tfx``. A registry in a folder is mounted for it; one that
    the environment names (``registry=None``) is found there through ``AMA_REGISTRY``, which has to be set where the
    pipeline runs. On Kubeflow the container has to reach the registry by itself, so a folder cannot be named there.

    Args:
        source: A channel of `ama_tfx.Asset`, or of another type; it holds one artifact when the component runs.
        image: The image.
        registry: As of `AssetRegistrar`; without a password, which goes by ``env=["PGPASSWORD"]``.
        filename: Of the zip in the output's folder.
        with_inputs: Whether what went into the version is in it too.
        ama: How the command is called in the image.
        env: Names of environment variables that the container gets.
        wishes: Otherwise as of `AmaContainerTask`.

    Outputs:
        archive: `ama_tfx.Archive`.

    Raises:
        InvalidInputError: What can never work, or would record a secret.
    """
    _check(source, filename, ama)
    asked = Wishes(env if isinstance(env, str) else tuple(env), wishes.pop("mounts", {}))  # which checks them
    mounts, variables = dict(asked.mounts), list(asked.env)
    command: list[Any] = [*ama, "export"]
    target = ConcatPlaceholder([OutputUriPlaceholder("archive"), "/", filename])
    if source.type is Asset:
        command += ["--manifest", ConcatPlaceholder([InputUriPlaceholder("source"), "/manifest.json"])]
        command += [] if with_inputs else ["--no-inputs"]
        command += _registry(registry, mounts, variables)
    else:
        command += ["--folder", InputUriPlaceholder("source")]
    task = AmaContainerTask(
        name="ContainerExport",
        image=image,
        inputs={"source": source.type},
        outputs={"archive": Archive},
        command=[*command, "--force", "--output", target],
        env=variables,
        mounts=mounts,
        **wishes,
    )
    return task(source=source)


def _check(source: Any, filename: str, ama: Sequence[str]) -> None:
    if not isinstance(source, types.BaseChannel):
        raise InvalidInputError(
            f"source is a {type(source).__name__}, not a channel; expected a component's output, as in "
            "registrar.outputs['asset']"
        )
    if not _FILE_NAME.fullmatch(filename):
        raise InvalidInputError(f"filename {filename!r}: expected a name that ends in .zip, without folders")
    if isinstance(ama, str) or not ama:
        raise InvalidInputError(f"ama is {ama!r}; expected a list, ['ama']")


def _registry(registry: str | Path | None, mounts: dict[str, str], variables: list[str]) -> list[str]:
    """Return the arguments that name the registry; add what the container needs to reach it.

    A SQLite catalog is mounted for writing: its readers too write beside it.
    """
    if registry is None:
        variables += [] if "AMA_REGISTRY" in variables else ["AMA_REGISTRY"]
        mounts.setdefault("$AMA_REGISTRY", "rw")
        return []
    url = without_secret(registry)
    location = Location.parse(url)
    if location.folder is not None:
        mounts.setdefault(str(location.folder), "rw")
    return ["--registry", str(location)]
