"""Runs the steps on the connection that `ama_tfx.catalog.database` hands over."""

from alembic import context

from ama_tfx.catalog.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
