"""The audit log, and what the rest of the catalog is checked against it."""
