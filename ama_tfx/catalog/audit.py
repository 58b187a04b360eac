"""The append-only audit log: each entry's hash covers the entry before it."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from ama_tfx.catalog.records import AuditEntry, AuditHead
from ama_tfx.catalog.schema import audit
from ama_tfx.errors import IntegrityError
from ama_tfx.storage import Digest, canonical_json, parse_json

START = Digest("0" * 64)
"""What the first entry names as the hash before it."""

_POSTGRESQL_LOCK = 0x616D61  # "ama"


def append_audit(
    connection: sa.Connection,
    action: str,
    subject: str,
    details: Mapping[str, Any],
    *,
    now: datetime.datetime,
    actor: str,
) -> None:
    """Add an entry to the log, in the transaction of what it tells of; make it the transaction's last statement."""
    if connection.dialect.name == "postgresql":  # entries form one chain, so appenders go one at a time
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})")
    last = connection.execute(_last()).first()
    row = {
        "sequence": last.sequence + 1 if last else 1,
        "at": now,
        "actor": actor,
        "action": action,
        "subject": subject,
        "details": canonical_json(dict(details)).decode(),
        "previous": last.hash if last else START,
    }
    connection.execute(audit.insert(), {**row, "hash": _hash(row)})


@functools.cache
def _last() -> sa.Select[tuple[int, Digest]]:
    return sa.select(audit.c.sequence, audit.c.hash).order_by(audit.c.sequence.desc()).limit(1)


def audit_entries(connection: sa.Connection) -> list[AuditEntry]:
    """Return the whole log in order."""
    return list(iterate_audit(connection))


def iterate_audit(connection: sa.Connection) -> Iterator[AuditEntry]:
    """Give the log's entries in order, without holding all of them."""
    for row in connection.execute(sa.select(audit).order_by(audit.c.sequence)):
        yield AuditEntry(**{**row._mapping, "details": parse_json(row.details, "audit details")})


def audit_head(connection: sa.Connection) -> AuditHead:
    """Return where the log ends now."""
    last = connection.execute(_last()).first()
    return AuditHead(last.sequence, last.hash) if last else AuditHead(0, START)


def verify_audit(connection: sa.Connection, expected_head: AuditHead | None = None) -> int:
    """Check the chain and return how many entries it has.

    Args:
        connection: The transaction.
        expected_head: Where the log ended once, as kept elsewhere: no chain tells by itself that its end was cut off.

    Raises:
        IntegrityError: An entry was edited, removed or put in; the message names the first such place.
    """
    try:
        return _verify(connection, expected_head)
    except IntegrityError:
        raise
    except (TypeError, ValueError) as error:
        raise IntegrityError(f"audit log: an entry holds what was never written: {error}") from error


def _verify(connection: sa.Connection, expected: AuditHead | None) -> int:
    previous, count = START, 0
    for row in connection.execute(sa.select(audit).order_by(audit.c.sequence)):
        count += 1
        if row.sequence != count or row.previous != previous:
            raise IntegrityError(f"audit log: entry {count} is missing or was put in; the chain breaks there")
        if row.hash != _hash(dict(row._mapping)):
            raise IntegrityError(f"audit log: entry {count} ({row.action} {row.subject!r}) was edited")
        previous = row.hash
        if expected and count == expected.count and previous != expected.hash:
            raise IntegrityError(
                f"audit log: entry {count} is not the one that was there before; the log was written anew up to it"
            )
    if expected and count < expected.count:
        raise IntegrityError(f"audit log: it had {expected.count} entries, it has {count}; its end was cut off")
    return count


def _hash(row: Mapping[str, Any]) -> Digest:
    covered = {key: row[key] for key in ("sequence", "actor", "action", "subject", "details")}
    at: datetime.datetime = row["at"].astimezone(datetime.timezone.utc)
    return Digest.of(canonical_json({**covered, "at": at.isoformat(), "previous": str(row["previous"])}))
