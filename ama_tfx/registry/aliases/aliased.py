"""The asset that an alias alone means."""

from __future__ import annotations

from ama_tfx.errors import InvalidInputError, NotFoundError, did_you_mean
from ama_tfx.registry.names import Alias, AssetRef
from ama_tfx.registry.registry import Registry


def asset_with_alias(registry: Registry, alias: str) -> AssetRef:
    """Return the reference that an alias alone means: on the one asset of the registry's workspace that has it.

    Raises:
        NotFoundError: None has it.
        InvalidInputError: Several have it.
    """
    name = Alias(alias)
    assets = registry.assets_with_alias(alias)
    if len(assets) == 1:
        return AssetRef(assets[0], name)
    if not assets:
        known = {row.name for asset in registry.assets(registry.workspace) for row in registry.aliases(asset.name)}
        raise NotFoundError(
            f"no asset in workspace {registry.workspace!r} has the alias {alias!r}{did_you_mean(alias, sorted(known))}"
        )
    listed = ", ".join(repr(asset.name) for asset in assets)
    raise InvalidInputError(
        f"several assets in workspace {registry.workspace!r} have the alias {alias!r}: {listed}; "
        f"name one, as in `ama add ref {assets[0].name} --alias {alias}` or `ama add ref {assets[0]}:{alias}`"
    )
