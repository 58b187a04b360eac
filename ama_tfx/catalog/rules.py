"""Which aliases are protected. The caller holds the asset's lock; the audit log has what was before."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from ama_tfx.catalog.records import AliasRule
from ama_tfx.catalog.schema import alias_rules, assets, workspaces


def rules_of(connection: sa.Connection, asset_id: int) -> list[AliasRule]:
    """Return the rules for an asset's aliases, by the alias's name."""
    query = sa.select(alias_rules).where(alias_rules.c.asset_id == asset_id)
    rules = [AliasRule(row.name, row.needs_blessing, row.set_at, row.set_by) for row in connection.execute(query)]
    return sorted(rules, key=lambda rule: rule.name)


def rule_of(connection: sa.Connection, asset_id: int, alias: str) -> AliasRule | None:
    """Return the rule for an alias, or None: then it is not protected."""
    return next((rule for rule in rules_of(connection, asset_id) if rule.name == alias), None)


def write_rule(connection: sa.Connection, asset_id: int, rule: AliasRule) -> None:
    """Protect an alias, in place of the rule that it has."""
    remove_rule(connection, asset_id, rule.name)
    row = {"name": rule.name, "needs_blessing": rule.needs_blessing, "set_at": rule.set_at, "set_by": rule.set_by}
    connection.execute(alias_rules.insert().values(asset_id=asset_id, **row))


def remove_rule(connection: sa.Connection, asset_id: int, alias: str) -> None:
    """Protect an alias no more."""
    connection.execute(alias_rules.delete().where(alias_rules.c.asset_id == asset_id, alias_rules.c.name == alias))


def all_rules(connection: sa.Connection) -> Iterator[tuple[str, str, AliasRule]]:
    """Give every rule: the workspace and the asset, and the rule."""
    query = (
        sa.select(workspaces.c.name.label("workspace"), assets.c.name.label("asset"), alias_rules)
        .select_from(alias_rules)
        .join(assets, assets.c.id == alias_rules.c.asset_id)
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
    )
    for row in connection.execute(query):
        yield row.workspace, row.asset, AliasRule(row.name, row.needs_blessing, row.set_at, row.set_by)
