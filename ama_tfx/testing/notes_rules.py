"""Rules for random histories: protection, tags, metrics, pins and descriptions."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from ama_tfx.errors import ConflictError, InvalidInputError, NotFoundError
from ama_tfx.registry import Registry
from ama_tfx.testing.registry_model import ModelAsset, ModelVersion

assets = st.sampled_from(["model", "model", "data/train"])
aliases = st.sampled_from(["champion", "canary"])
numbers = st.sampled_from([1, 2, 1, 2, 3, 5])
reasons = st.sampled_from(["", "why"])
tags = st.sampled_from(["good", "bad", "late"])
metrics = st.dictionaries(st.sampled_from(["auc", "eval.loss"]), st.sampled_from([0.0, 0.5, 1e18]), min_size=1)


class NotesRules(RuleBasedStateMachine):
    """Notes things of versions and assets at random, and of those that are not there.

    Attributes:
        registry: The real one.
        model: What it should remember.
        audited: How many entries its audit log should have.
    """

    registry: Registry
    model: dict[str, ModelAsset]
    audited: int

    @rule(asset=assets, alias=aliases, needs_blessing=st.booleans())
    def protect(self, asset: str, alias: str, needs_blessing: bool) -> None:
        if asset not in self.model:
            with pytest.raises(NotFoundError):
                self.registry.protection.protect(asset, alias, needs_blessing=needs_blessing)
            return
        rules = self.model[asset].rules
        if rules.get(alias) and not needs_blessing:
            with pytest.raises(ConflictError):
                self.registry.protection.protect(asset, alias, needs_blessing=needs_blessing)
            return
        found = self.registry.protection.protect(asset, alias, needs_blessing=needs_blessing)
        assert (found.name, found.needs_blessing) == (alias, needs_blessing)
        self.audited += rules.get(alias) is not needs_blessing
        rules[alias] = needs_blessing

    @rule(asset=assets, alias=aliases, reason=reasons)
    def unprotect(self, asset: str, alias: str, reason: str) -> None:
        rules = self.model[asset].rules if asset in self.model else {}
        if not reason or alias not in rules:
            with pytest.raises(NotFoundError if reason else InvalidInputError):
                self.registry.protection.unprotect(asset, alias, reason)
            return
        assert self.registry.protection.unprotect(asset, alias, reason).needs_blessing is rules.pop(alias)
        self.audited += 1

    @rule(asset=assets, number=numbers, wanted=st.sets(tags, min_size=1))
    def tag(self, asset: str, number: int, wanted: set[str]) -> None:
        version = self._version(asset, number)
        if version is None:
            with pytest.raises(NotFoundError):
                self.registry.notes.tag(f"{asset}:{number}", *wanted)
            return
        new = wanted - version.tags
        assert self.registry.notes.tag(f"{asset}:{number}", *wanted) == tuple(sorted(new))
        version.tags |= new
        self.audited += bool(new)

    @rule(asset=assets, number=numbers, gone=st.sets(tags, min_size=1), dry_run=st.booleans())
    def untag(self, asset: str, number: int, gone: set[str], dry_run: bool) -> None:
        version = self._version(asset, number)
        if version is None or not gone <= version.tags:
            with pytest.raises(NotFoundError):
                self.registry.notes.untag(f"{asset}:{number}", *gone, dry_run=dry_run)
            return
        assert self.registry.notes.untag(f"{asset}:{number}", *gone, dry_run=dry_run) == tuple(sorted(gone))
        if not dry_run:
            version.tags -= gone
            self.audited += 1

    @rule(asset=assets, number=numbers, measured=metrics)
    def record_metrics(self, asset: str, number: int, measured: dict[str, float]) -> None:
        version = self._version(asset, number)
        if version is None:
            with pytest.raises(NotFoundError):
                self.registry.notes.record_metrics(f"{asset}:{number}", measured)
            return
        news = {name: value for name, value in measured.items() if version.metrics.get(name) != value}
        assert self.registry.notes.record_metrics(f"{asset}:{number}", measured) == news
        self.audited += version.measure(measured)
        assert self.registry.notes.metrics(f"{asset}:{number}") == version.metrics

    @rule(asset=assets, number=numbers, reason=reasons)
    def pin(self, asset: str, number: int, reason: str) -> None:
        version = self._version(asset, number)
        if version is None:
            with pytest.raises(NotFoundError):
                self.registry.notes.pin(f"{asset}:{number}", reason)
            return
        assert self.registry.notes.pin(f"{asset}:{number}", reason).reason == reason
        self.audited += version.pin != reason
        version.pin = reason
        assert self._pins() == self._pins_expected()

    @rule(asset=assets, number=numbers)
    def unpin(self, asset: str, number: int) -> None:
        version = self._version(asset, number)
        if version is None or version.pin is None:
            with pytest.raises(NotFoundError):
                self.registry.notes.unpin(f"{asset}:{number}")
            return
        assert self.registry.notes.unpin(f"{asset}:{number}").digest == version.digest
        version.pin = None
        self.audited += 1
        assert self._pins() == self._pins_expected()

    @rule(asset=assets, text=st.sampled_from(["", "a model", "two\nlines"]))
    def describe(self, asset: str, text: str) -> None:
        if asset not in self.model:
            with pytest.raises(NotFoundError):
                self.registry.notes.describe(asset, text)
            return
        model = self.model[asset]
        assert self.registry.notes.describe(asset, text) is (text != model.description)
        self.audited += text != model.description
        model.description = text
        assert self.registry.notes.description(asset) == text

    def _has(self, asset: str, number: int) -> bool:
        return asset in self.model and number <= len(self.model[asset].versions)

    def _version(self, asset: str, number: int) -> ModelVersion | None:
        return self.model[asset].versions[number - 1] if self._has(asset, number) else None

    def _pins(self) -> list[tuple[str, int, str]]:
        return [(pin.version.asset.name, pin.version.number, pin.reason) for pin in self.registry.notes.pins()]

    def _pins_expected(self) -> list[tuple[str, int, str]]:
        return [
            (asset, number, version.pin)
            for asset, model in sorted(self.model.items())
            for number, version in enumerate(model.versions, 1)
            if version.pin is not None
        ]
