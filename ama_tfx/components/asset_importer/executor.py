"""The executor: TFX's dictionaries -> `Import` -> `fetch` or `link` -> the artifact."""

import contextlib
import math
import posixpath
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from absl import logging
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.artifact import PropertyType
from tfx.types.value_artifact import ValueArtifact
from tfx.utils import io_utils

from ama_tfx.components.asset_artifact import describe_asset, write_manifest
from ama_tfx.components.asset_importer.work import Import, Imported, fetch, link, parse_properties
from ama_tfx.errors import InvalidInputError

ArtifactDict = dict[str, list[types.Artifact]]


class Executor(base_executor.BaseExecutor):
    """Fills the artifact of the output ``result``, and that of ``asset`` where there is one."""

    def Do(self, input_dict: ArtifactDict, output_dict: ArtifactDict, exec_properties: dict[str, Any]) -> None:  # noqa: N802
        """See `tfx.dsl.components.base.base_executor.BaseExecutor.Do`."""
        artifact = artifact_utils.get_single_instance(output_dict["result"])
        request = Import(
            registry=exec_properties.get("registry") or None,
            # Without a driver, on Kubeflow and Vertex, nobody has resolved it yet.
            reference=exec_properties.get("resolved") or exec_properties["asset_name"],
            kind=artifact.type_name,
            properties=parse_properties(exec_properties["properties"]),
        )
        is_materialized = bool(int(exec_properties["materialize"]))
        imported = _materialize(request, artifact) if is_materialized else _link(request, artifact)
        _describe(artifact, imported, is_materialized=is_materialized)
        for asset in output_dict.get("asset", ()):
            write_manifest(asset.uri, imported.manifest)
            describe_asset(asset, imported.version)


def _materialize(request: Import, artifact: types.Artifact) -> Imported:
    one_file = isinstance(artifact, ValueArtifact)
    with _local(artifact.uri, one_file=one_file) as target:
        return fetch(request, target, one_file=one_file)


def _link(request: Import, artifact: types.Artifact) -> Imported:
    imported, documents = link(request)
    fileio.makedirs(artifact.uri)
    for name, content in documents.items():
        with fileio.open(posixpath.join(artifact.uri, name), "wb") as stream:
            stream.write(content)
    return imported


@contextlib.contextmanager
def _local(uri: str, *, one_file: bool) -> Iterator[Path]:
    """Give a local path for what gets to a URI at the end; in an object store it is copied there."""
    if "://" not in uri and not one_file:
        yield Path(uri)
        return
    beside = None if "://" in uri else Path(uri).parent
    if beside:
        beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".ama-importer-", dir=beside) as folder:
        target = Path(folder, "content")
        yield target
        if beside:
            target.replace(uri)  # TFX made an empty file there, and removes it itself when this fails
        elif one_file:
            fileio.copy(str(target), uri, overwrite=True)
        else:
            io_utils.copy_dir(str(target), uri)


def _describe(artifact: types.Artifact, imported: Imported, *, is_materialized: bool) -> None:
    version = imported.version
    for name, value in imported.properties.items():
        _set_property(artifact, name, value)
    for name, text in imported.formats.items():
        artifact.set_string_custom_property(name, text)
    artifact.set_string_custom_property("reference", str(version.reference))
    artifact.set_string_custom_property("asset", f"{version.asset.workspace}/{version.asset.name}")
    artifact.set_int_custom_property("version", version.number)
    artifact.set_int_custom_property("materialized", int(is_materialized))
    logging.info("imported %s as %s", version.reference, artifact.type_name)


def _set_property(artifact: types.Artifact, name: str, value: Any) -> None:
    """Give a typed property back the value that AssetRegistrar recorded, perhaps as text, where it can be one."""
    declared: Mapping[str, Any] = artifact.PROPERTIES or {}
    if name not in declared:
        return
    kind = declared[name].type
    try:
        if kind is PropertyType.INT:
            setattr(artifact, name, int(value))
        elif kind is PropertyType.FLOAT and math.isfinite(float(value)):
            setattr(artifact, name, float(value))
        elif kind in {PropertyType.STRING, PropertyType.BOOLEAN, PropertyType.JSON_VALUE}:
            setattr(artifact, name, value)
        else:
            logging.warning("property %r of the imported %s is not restored: %r", name, artifact.type_name, value)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"property {name!r} cannot be {value!r}: it is {kind.name} ({error})") from error
