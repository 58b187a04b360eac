"""Protection of aliases: names that production reads, which nobody moves by accident."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ama_tfx import catalog
from ama_tfx.catalog import AliasRule, Database
from ama_tfx.errors import ConflictError, InvalidInputError, NotFoundError, did_you_mean
from ama_tfx.registry.aliases.aliasing import Actor, refuse_twin
from ama_tfx.registry.aliases.reasons import says_something
from ama_tfx.registry.names import AssetName, check_text, settable_alias
from ama_tfx.registry.resolving import require_asset

if TYPE_CHECKING:
    import sqlalchemy as sa


class Protection:
    """Protects aliases; `Registry.protection` is the one of a registry.

    A protected alias moves, or is removed, only for a reason; and where its rule says so, only a blessed version may
    get it: one whose newest registration with gates says *blessed* for each of them. `Registry.set_alias` and
    `Registry.remove_alias` refuse all else; `Registry.register` takes the version's message for the reason, and where
    that will not do it registers the version without the alias.

    Args:
        database: Of the catalog.
        asset: Reads names of assets as the registry does.
        now: Returns who acts, and when.
    """

    def __init__(
        self, database: Database, asset: Callable[[str | AssetName], AssetName], now: Callable[[], Actor]
    ) -> None:
        self._database, self._asset, self._now = database, asset, now

    def protect(self, asset: str | AssetName, alias: str, *, needs_blessing: bool = False) -> AliasRule:
        """Protect an alias, whether it is there yet or not; return its rule.

        Protecting it again changes nothing, but may add that it needs a blessing.

        Args:
            asset: Whose alias.
            alias: Which one.
            needs_blessing: Whether only blessed versions may get it.

        Raises:
            NotFoundError: No such asset.
            ConflictError: It needs a blessing already, and would not any more; or another alias differs only in case.
        """
        name = settable_alias(alias)
        with self._changing(asset) as (connection, asset_id, told):
            actor, before = self._now(), catalog.rule_of(connection, asset_id, name.name)
            refuse_twin(connection, asset_id, name)
            if before and before.needs_blessing and not needs_blessing:
                raise ConflictError(
                    f"alias {alias!r} of {told.name!r} is protected and needs a blessing; to lift that, "
                    "unprotect it first, with a reason"
                )
            if before and before.needs_blessing is needs_blessing:
                return before
            rule = AliasRule(name.name, needs_blessing, actor.now, actor.name)
            catalog.write_rule(connection, asset_id, rule)
            self._log(connection, "alias.protect", f"{told}:{name}", {"needs_blessing": needs_blessing}, actor)
            return rule

    def unprotect(self, asset: str | AssetName, alias: str, reason: str) -> AliasRule:
        """Protect an alias no more; return the rule that it had.

        Args:
            asset: Whose alias.
            alias: Which one.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: No such asset, or the alias is not protected.
            InvalidInputError: An empty reason.
        """
        name = settable_alias(alias)
        if not says_something(check_text(reason, "reason")):
            raise InvalidInputError(f"alias {alias!r} is protected, and stays so unless there is a reason; give one")
        with self._changing(asset) as (connection, asset_id, told):
            actor, rules = self._now(), {rule.name: rule for rule in catalog.rules_of(connection, asset_id)}
            if name.name not in rules:
                near = did_you_mean(name.name, rules)
                raise NotFoundError(f"alias {alias!r} of asset {told.name!r} is not protected{near}")
            catalog.remove_rule(connection, asset_id, name.name)
            self._log(connection, "alias.unprotect", f"{told}:{name}", {"reason": reason}, actor)
            return rules[name.name]

    def rules(self, asset: str | AssetName) -> list[AliasRule]:
        """Return the rules for an asset's aliases, by the alias's name.

        Raises:
            NotFoundError: No such asset.
        """
        with self._database.read() as connection:
            return catalog.rules_of(connection, require_asset(connection, self._asset(asset)))

    @contextlib.contextmanager
    def _changing(self, asset: str | AssetName) -> Iterator[tuple[sa.Connection, int, AssetName]]:
        name = self._asset(asset)
        with self._database.write() as connection:
            asset_id = require_asset(connection, name)
            catalog.lock_asset(connection, asset_id)
            yield connection, asset_id, name

    @staticmethod
    def _log(
        connection: sa.Connection, action: str, subject: str, details: dict[str, bool] | dict[str, str], actor: Actor
    ) -> None:
        catalog.append_audit(connection, action, subject, details, now=actor.now, actor=actor.name)
