"""What a protected alias demands before it moves: a reason and, where its rule says so, a blessing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ama_tfx import catalog
from ama_tfx.errors import AmaError, GateError, InvalidInputError
from ama_tfx.registry.aliases.reasons import says_something

if TYPE_CHECKING:
    import sqlalchemy as sa

BLESSED = "blessed"
"""The one verdict that lets a version pass; *unknown* is another one."""


def why_protected(
    connection: sa.Connection, asset_id: int, alias: str, to_version: int | None, reason: str
) -> AmaError | None:
    """Return why an alias's rule does not let it move, or None: then it may.

    Args:
        connection: A transaction that holds the asset's lock.
        asset_id: The asset's row number.
        alias: The alias, there or not.
        to_version: Number of the version it is to point at; None when it is to be removed.
        reason: Of the move.
    """
    rule = catalog.rule_of(connection, asset_id, alias)
    if rule is None:
        return None
    if not says_something(reason):
        return InvalidInputError(
            f"alias {alias!r} is protected, and moves or goes only for a reason; "
            "give one: --reason TEXT, upload --message TEXT, or reason=… in Python"
        )
    if not rule.needs_blessing or to_version is None:
        return None
    version = catalog.find_version(connection, asset_id=asset_id, number=to_version)
    verdicts = verdicts_of(connection, version.id) if version else ()
    if verdicts and all(verdict == BLESSED for _, verdict, _ in verdicts):
        return None
    told = "; ".join(f"{source}: {_words(verdict)} ({why})" for source, verdict, why in verdicts)
    return GateError(
        f"alias {alias!r} takes blessed versions only, and version {to_version} is not one: "
        f"{told or 'unknown, since no registration of it recorded a gate'}"
    )


def verdicts_of(connection: sa.Connection, version_id: int) -> tuple[tuple[str, str, str], ...]:
    """Return what the gates said of a version: source, verdict and reason of each; none when there was no gate.

    What counts is the newest of its registrations that recorded gates, as AssetRegistrar does under ``gates`` in the
    provenance. A gate that is recorded in another form is unknown.
    """
    told = sorted(catalog.registrations_of(connection, version_id), key=lambda each: each.registered_at)
    for registration in reversed(told):  # by time, then as they were recorded
        if gates := registration.provenance.get("gates"):
            return tuple(map(_verdict, gates if isinstance(gates, list) else [gates]))
    return ()


def _verdict(gate: Any) -> tuple[str, str, str]:
    if not isinstance(gate, Mapping):
        return "a gate", "unknown", "it is recorded in a form that is not known"
    source, verdict, reason = (str(gate.get(key) or "") for key in ("source", "verdict", "reason"))
    return source or "a gate", verdict or "unknown", reason or "it gave no reason"


def _words(verdict: str) -> str:
    return verdict.replace("_", " ")
