"""The audit log of a registry: what was changed, by whom, and that nothing else was."""

from __future__ import annotations

from ama_tfx import catalog
from ama_tfx.catalog import AuditEntry, AuditHead, Database
from ama_tfx.registry.auditing import check_same, told_by_catalog, told_by_log


class Audit:
    """The audit log; `Registry.audit` is the one of a registry.

    Args:
        database: Of the catalog.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self) -> list[AuditEntry]:
        """Return the audit log in order."""
        with self._database.read() as connection:
            return catalog.audit_entries(connection)

    def head(self) -> AuditHead:
        """Return where the audit log ends now: for keeping elsewhere, and for `verify` later."""
        with self._database.read() as connection:
            return catalog.audit_head(connection)

    def verify(self, expected_head: AuditHead | None = None) -> int:
        """Check the audit log, and every version and alias against it; return how many entries it has.

        Args:
            expected_head: A `head` of before, kept where whoever can write to the catalog cannot: the log alone
                does not tell that its end was cut off.

        Raises:
            IntegrityError: An entry was edited, removed or put in, or the catalog was changed beside the log; the
                message names what.
        """
        with self._database.read() as connection:
            count = catalog.verify_audit(connection, expected_head)
            check_same(told_by_log(catalog.iterate_audit(connection)), told_by_catalog(connection))
        return count
