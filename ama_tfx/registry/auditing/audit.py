"""The audit log of a registry: what was changed, by whom, and that nothing else was."""

from __future__ import annotations

from ama_tfx import catalog
from ama_tfx.catalog import AuditEntry, AuditHead, Database
from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.auditing.checking import check_same, told_by_catalog, told_by_log
from ama_tfx.registry.names import AssetName
from ama_tfx.storage import Digest


def parse_head(text: str) -> AuditHead:
    """Read where an audit log ended once: ``COUNT:HASH``, as `head_text` gives it.

    Raises:
        InvalidInputError: Not such a text.
    """
    count, _, digits = text.partition(":")
    try:
        return AuditHead(int(count), Digest(digits.removeprefix("sha256:")))
    except ValueError as error:  # which an InvalidInputError is too
        raise InvalidInputError(
            f"not the head of an audit log: {text[:100]!r}; expected COUNT:HASH, as `ama audit verify` prints it"
        ) from error


def head_text(head: AuditHead) -> str:
    """Return a head as text that can be kept elsewhere."""
    return f"{head.count}:{head.hash.hex}"


class Audit:
    """The audit log; `Registry.audit` is the one of a registry.

    Args:
        database: Of the catalog.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self, asset: AssetName | None = None) -> list[AuditEntry]:
        """Return the audit log in order.

        Args:
            asset: What it is to tell of: the asset, its versions and its aliases; None for everything.
        """
        with self._database.read() as connection:
            return [entry for entry in catalog.iterate_audit(connection) if asset is None or _is_about(entry, asset)]

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


def _is_about(entry: AuditEntry, asset: AssetName) -> bool:
    """Return whether an entry's subject is an asset, or a version or an alias of it."""
    name = str(asset)
    return entry.subject == name or entry.subject.startswith((f"{name}:", f"{name}@"))
