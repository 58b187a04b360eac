"""Reading imported artifacts that are linked: their files are fetched when somebody wants them."""

import contextlib
import posixpath
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tfx import types
from tfx.dsl.io import fileio

from ama_tfx.components.asset_importer.work import REFERENCE_FILE, fetch_linked
from ama_tfx.errors import InvalidInputError


def is_linked(artifact: types.Artifact) -> bool:
    """Return whether an artifact's folder holds a reference to its files instead of these."""
    return artifact.has_custom_property("materialized") and not artifact.get_int_custom_property("materialized")


def require_files(*artifacts: types.Artifact) -> None:
    """Make sure that the files of artifacts lie where their URIs say.

    Raises:
        InvalidInputError: One is linked.
    """
    for artifact in artifacts:
        if is_linked(artifact):
            raise InvalidInputError(
                f"{artifact.uri!r} is linked, its files are in the registry; import it with "
                "AssetImporter(…, materialize=True)"
            )


@contextlib.contextmanager
def linked_content(artifact: types.Artifact) -> Iterator[str]:
    """Give the place where an artifact's files can be read for the time of the block, whether it is linked or not.

    For components that should work with both: the files of a linked artifact are downloaded into a temporary folder;
    any other artifact's place is its own URI.

    Raises:
        IntegrityError: Its reference document, or the stored bytes, are damaged.
        NotFoundError: The registry, or the version in it, is gone.
    """
    document = posixpath.join(artifact.uri, REFERENCE_FILE)
    if not is_linked(artifact):
        yield artifact.uri
        return
    with fileio.open(document, "rb") as stream:
        content = stream.read()
    with tempfile.TemporaryDirectory(prefix="ama-linked-") as folder:
        target = Path(folder, "content")
        fetch_linked(content, target)
        yield str(target)
