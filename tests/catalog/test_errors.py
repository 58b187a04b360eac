"""Whatever SQLAlchemy or a driver says becomes an error of ours, except a mistake of the caller."""

import pytest
import sqlalchemy as sa

from ama_tfx.errors import BackendError


@pytest.mark.parametrize("error", [sa.exc.ResourceClosedError, sa.exc.PendingRollbackError, sa.exc.NoSuchColumnError])
def test_what_goes_wrong_between_driver_and_database_is_translated(database, error):
    with pytest.raises(BackendError, match="catalog the test catalog does not answer: something"), database.read():
        raise error("something")


def test_reading_rows_of_what_gives_none_is_translated(database):
    with pytest.raises(BackendError, match="does not return rows"), database.write() as connection:
        connection.exec_driver_sql("UPDATE tags SET name = name").all()
