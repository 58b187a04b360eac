"""Promoting what was pushed: whether its alias may move, and moving it; without TFX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ama_tfx.errors import ConflictError, GateError, IntegrityError, InvalidInputError
from ama_tfx.registry import AssetRef, Expect, Registry
from ama_tfx.storage import Digest

EXTRA_FOLDER = "assets.extra/"
"""Where TFX's InfraValidator puts warm-up requests: the one folder in which a pushed model may hold more."""

SERVING_FOLDER = "Format-Serving"
SAVED_MODEL = "saved_model.pb"


@dataclass(frozen=True)
class Promotion:
    """An alias that is to move, from where it was when that was decided.

    Attributes:
        reference: Of the version, by digest.
        alias: Its name.
        expected: Where it is now: a version's number, or absent.
    """

    reference: AssetRef
    alias: str
    expected: int | Expect


def require_same_content(registry: Registry, reference: AssetRef, files: Mapping[str, Digest]) -> None:
    """Check that the files about to be pushed are the asset version's.

    Raises:
        IntegrityError: They are not, so the alias would name something else than what is served.
    """
    known = {entry.path: entry.digest for entry in registry.manifest(reference).files}
    parents = {path.rpartition("/")[0] for path in known if path.rpartition("/")[2] == SAVED_MODEL}
    for folder in sorted({"", SERVING_FOLDER, *parents}):
        prefix = f"{folder}/" if folder else ""
        part = {path[len(prefix) :]: digest for path, digest in known.items() if path.startswith(prefix)}
        extra = files.keys() - part.keys()
        if part and part.items() <= files.items() and all(path.startswith(EXTRA_FOLDER) for path in extra):
            return
    raise IntegrityError(
        f"the model to push is not the content of {str(reference)!r}; expected the asset channel of the AssetRegistrar "
        "that registered this very model"
    )


def plan_promotion(registry: Registry, reference: AssetRef, alias: str) -> Promotion | str:
    """Return the move of an alias to a version, or why it may not have it.

    An alias that was moved on from the version stays: rolling back is somebody's decision, not that of a run which
    made, or found, an older model.
    """
    version = registry.resolve(reference)
    moves = registry.alias_moves(reference.asset, alias)
    now = moves[0].to_version if moves else None
    if now != version.number and any(move.to_version == version.number for move in moves):
        where = "was removed" if now is None else f"moved on to version {now}"
        return (
            f"alias {alias!r} was at version {version.number} before and {where} since; "
            "to roll back, move it by hand: `ama alias set`"
        )
    planned = Promotion(reference, alias, Expect.ABSENT if now is None else now)
    try:
        registry.set_alias(reference, alias, expected=planned.expected, reason="about to be pushed", dry_run=True)
    except (ConflictError, GateError, InvalidInputError) as error:
        return str(error)
    return planned


def promote(registry: Registry, planned: Promotion, destination: str) -> None:
    """Move the alias, if it still is where it was.

    Raises:
        ConflictError: Somebody moved it while the model was pushed.
    """
    try:
        registry.set_alias(
            planned.reference, planned.alias, expected=planned.expected, reason=f"pushed to {destination}"
        )
    except ConflictError as error:
        raise ConflictError(
            f"{destination!r} is pushed, but its alias was moved by somebody else meanwhile: {error}"
        ) from error
