"""What a retired version is good for: its record is read, no name keeps it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ama_tfx import catalog
from ama_tfx.catalog import Database, VersionRow
from ama_tfx.errors import ConflictError, IntegrityError, NotFoundError
from ama_tfx.registry.names import AssetRef
from ama_tfx.registry.resolving import require_version

if TYPE_CHECKING:
    import sqlalchemy as sa


@contextlib.contextmanager
def telling_of_retirement(database: Database, ref: AssetRef) -> Iterator[None]:
    """Say that a version is retired where a file of it is not found in the block."""
    try:
        yield
    except (NotFoundError, IntegrityError) as error:
        with database.read() as connection:
            row = require_version(connection, ref)
            found = catalog.retirement_of(connection, row.id)
        if found is None:
            raise
        raise NotFoundError(
            f"the files of {row.asset}:{row.number} are gone: {found.retired_by} retired it on "
            f"{found.retired_at:%Y-%m-%d} ({found.reason}); registering the same content again brings it back"
        ) from error


def why_retired(connection: sa.Connection, row: VersionRow) -> ConflictError | None:
    """Return why no alias and no pin may keep a version, or None: then it is not retired.

    Args:
        connection: A transaction that holds the asset's lock.
        row: The version.
    """
    found = catalog.retirement_of(connection, row.id)
    if found is None:
        return None
    return ConflictError(
        f"version {row.number} of {row.asset!r} is retired; take it back first: `ama retire --undo` "
        f"(by {found.retired_by}: {found.reason})"
    )
