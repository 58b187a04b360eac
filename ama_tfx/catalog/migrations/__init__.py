"""Alembic's environment of the catalog: how a database gets from one schema to the next."""
