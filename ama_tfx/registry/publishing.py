"""Making stored bytes visible while gc leaves them alone (``docs/adr/0014-collections-have-numbers.md``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ama_tfx import catalog
from ama_tfx.catalog import Database
from ama_tfx.errors import ConflictError, ContentChangedError
from ama_tfx.registry.registering import Stored

if TYPE_CHECKING:
    import sqlalchemy as sa

T = TypeVar("T")


def publish(
    database: Database, stored: Stored, store_again: Callable[[], Stored], record: Callable[[sa.Connection], T]
) -> T:
    """Run the transaction that refers to stored bytes, at a moment at which gc leaves them alone.

    Args:
        database: Of the catalog.
        stored: The bytes; perhaps of a while ago.
        store_again: Stores them once more, when gc took them away meanwhile; that is done once.
        record: The transaction.

    Raises:
        ConflictError: gc took them away twice: its quarantine is shorter than an upload.
        ContentChangedError: They were stored once more, and are others now.
    """
    secured, stored_again = stored, False
    while True:
        with database.asking() as connection:
            seen = catalog.collection_number(connection)
        try:
            secured.secure()
        except ConflictError:
            if stored_again:
                raise
            secured, stored_again = _same(stored, store_again()), True
            continue
        with database.write() as connection:
            if catalog.collection_number(connection, hold=True) == seen:
                return record(connection)


def _same(stored: Stored, again: Stored) -> Stored:
    if again.digest != stored.digest:
        raise ContentChangedError("the content was written to while it was registered; nothing was; try again")
    return again


def tried_twice(store: Callable[[], T]) -> T:
    """Store something, and once more when gc took away meanwhile what it built upon."""
    try:
        return store()
    except ContentChangedError:
        raise
    except ConflictError:
        return store()
