"""Random histories of a registry, against a dictionary that does the same perfectly."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from ama_tfx.errors import ConflictError, NotFoundError
from ama_tfx.registry import (
    Alias,
    AliasMove,
    AssetName,
    AssetRef,
    Bump,
    Expect,
    Facts,
    Newest,
    Ref,
    Registry,
    SemanticVersion,
    Version,
)
from ama_tfx.storage import Digest
from ama_tfx.testing.clock import TickingClock
from ama_tfx.testing.notes_rules import NotesRules, aliases, assets, metrics, numbers, reasons
from ama_tfx.testing.registry_model import BLESSING_RUN, Identity, ModelAsset, ModelVersion

CONTENTS: tuple[dict[str, bytes], ...] = (
    {"data": b"one"},
    {"data": b"two"},
    {"data": b"one", "deep/copy": b"one", "empty": b""},
    {"other": b"one"},
)


class RegistryMachine(NotesRules):
    """Registers, moves aliases, resolves, finds and downloads at random, and checks each answer and each state.

    Run it on a registry that is not made yet::

        run_state_machine_as_test(lambda: RegistryMachine(new_url()))

    Args:
        url: The registry's address; another one each time.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="ama-machine-"))
        self.url = url
        self.clock = TickingClock()
        self.registry = self._open()
        self.model: dict[str, ModelAsset] = {}
        self.audited = 0
        self.downloads = 0
        for number, files in enumerate(CONTENTS):
            for path, data in files.items():
                local = self.folder / str(number) / path
                local.parent.mkdir(parents=True, exist_ok=True)
                local.write_bytes(data)

    def _open(self) -> Registry:
        return Registry(self.url, create=True, actor="ann", clock=self.clock)

    def teardown(self) -> None:
        self.registry.close()
        shutil.rmtree(self.folder)

    # --- Writing.

    @initialize()
    def begin(self) -> None:
        """Start with what most rules are about: two versions, a blessed one and one that is not, and protection."""
        for content, run in enumerate((BLESSING_RUN, "run-2")):
            self.register("model", content, "Files", None, {}, set(), run, None, Bump.PIPELINE, {}, "")
        for alias, needs_blessing in (("champion", True), ("canary", False)):
            self.set_alias("model", 1, alias, Expect.ANYTHING, "")
            self.protect("model", alias, needs_blessing)

    @rule(
        asset=assets,
        content=st.integers(0, len(CONTENTS) - 1),
        kind=st.sampled_from(["Files", "Model"]),
        accuracy=st.sampled_from([None, 0.5, 1e18]),
        refs=st.dictionaries(assets, numbers, max_size=1),
        tags=st.sets(st.sampled_from(["good", "bad"])),
        run=st.sampled_from(["", "run-1", "run-2"]),
        alias=st.none() | aliases,
        bump=st.sampled_from(Bump),
        measured=st.just({}) | metrics,
        message=reasons,
    )
    def register(
        self,
        asset: str,
        content: int,
        kind: str,
        accuracy: float | None,
        refs: dict[str, int],
        tags: set[str],
        run: str,
        alias: str | None,
        bump: Bump,
        measured: dict[str, float],
        message: str,
    ) -> None:
        facts = Facts(
            kind=kind,
            message=message,
            metrics=measured,
            tags=tuple(tags),
            properties={} if accuracy is None else {"accuracy": accuracy},
            refs=tuple(Ref(AssetRef(AssetName("default", other), number)) for other, number in refs.items()),
            provenance=_provenance(run),
            bump=bump,
        )
        where = self.folder / str(content)
        if not all(self._has(other, number) for other, number in refs.items()):
            with pytest.raises(NotFoundError):
                self.registry.register(asset, where, facts, alias=alias)
            return
        model = self.model.setdefault(asset, ModelAsset())
        identity = Identity(content, kind, accuracy, frozenset(refs.items()))
        known = model.number_of(identity)
        registered = self.registry.register(asset, where, facts, alias=alias)
        assert registered.created is (known is None)
        if known is None:
            last = model.versions[-1].semantic if model.versions else None
            model.versions.append(ModelVersion(identity, _next(last, bump), registered.version.digest))
            known = len(model.versions)
        assert registered.version.number == known
        self._learn(model, known, facts, run, news=registered.created)
        refused = alias is not None and (
            model.has_moved_on(alias, known) or model.refusal(alias, known, message) is not None
        )
        assert (registered.alias_refused is not None) is refused
        if alias is not None and not refused:
            self.audited += model.move(alias, known)

    def _learn(self, model: ModelAsset, number: int, facts: Facts, run: str, *, news: bool) -> None:
        version, tags = model.versions[number - 1], set(facts.tags)
        measured = version.measure(dict(facts.metrics))
        self.audited += news or measured or not tags <= version.tags or (run != "" and run not in version.runs)
        version.tags |= tags
        if run and run not in version.runs:
            version.runs.append(run)

    @rule(asset=assets, number=numbers, alias=aliases, expected=st.sampled_from(Expect) | numbers, reason=reasons)
    def set_alias(self, asset: str, number: int, alias: str, expected: int | Expect, reason: str) -> None:
        reference = AssetRef(AssetName("default", asset), number)
        if not self._has(asset, number):
            with pytest.raises(NotFoundError):
                self.registry.set_alias(reference, alias, expected=expected)
            return
        model = self.model[asset]
        now = model.aliases.get(alias)
        if not _as_expected(now, expected):
            with pytest.raises(ConflictError):
                self.registry.set_alias(reference, alias, expected=expected)
            return
        if refusal := model.refusal(alias, number, reason):
            with pytest.raises(refusal):
                self.registry.set_alias(reference, alias, expected=expected, reason=reason)
            return
        move = self.registry.set_alias(reference, alias, expected=expected, reason=reason)
        if model.move(alias, number):
            assert move is not None
            assert (move.from_version, move.to_version) == (now, number)
            self.audited += 1
        else:
            assert move is None

    @precondition(lambda self: any(model.rules for model in self.model.values()))
    @rule(data=st.data(), reason=reasons)
    def move_protected_aliases(self, data: st.DataObject, reason: str) -> None:
        asset = data.draw(st.sampled_from(sorted(name for name, model in self.model.items() if model.rules)))
        number = data.draw(st.integers(1, len(self.model[asset].versions)))
        for alias in sorted(self.model[asset].rules):
            self.set_alias(asset, number, alias, Expect.ANYTHING, reason)
            self.set_alias(asset, 1 + number % len(self.model[asset].versions), alias, Expect.ANYTHING, reason)

    @rule(asset=assets, alias=aliases, expected=st.sampled_from(Expect) | numbers, reason=reasons)
    def remove_alias(self, asset: str, alias: str, expected: int | Expect, reason: str) -> None:
        now = self.model[asset].aliases.get(alias) if asset in self.model else None
        if now is None:
            with pytest.raises(NotFoundError):
                self.registry.remove_alias(asset, alias, expected=expected)
        elif not _as_expected(now, expected):
            with pytest.raises(ConflictError):
                self.registry.remove_alias(asset, alias, expected=expected)
        elif refusal := self.model[asset].refusal(alias, None, reason):
            with pytest.raises(refusal):
                self.registry.remove_alias(asset, alias, expected=expected, reason=reason)
        else:
            move = self.registry.remove_alias(asset, alias, expected=expected, reason=reason)
            assert (move.from_version, move.to_version) == (now, None)
            self.model[asset].move(alias, None)
            self.audited += 1

    @rule()
    def open_again(self) -> None:
        before, self.registry = self.registry, self._open()
        assert before.id == self.registry.id
        before.close()

    # --- Reading.

    @rule(asset=assets, number=numbers)
    def resolve_a_number(self, asset: str, number: int) -> None:
        reference = AssetRef(AssetName("default", asset), number)
        if not self._has(asset, number):
            with pytest.raises(NotFoundError):
                self.registry.resolve(reference)
            return
        expected = self.model[asset].versions[number - 1]
        for selector in (number, expected.semantic, expected.digest):
            found = self.registry.resolve(AssetRef(reference.asset, selector))
            assert (found.number, found.semantic, found.digest) == (number, expected.semantic, expected.digest)

    @rule(asset=assets, alias=aliases)
    def resolve_an_alias(self, asset: str, alias: str) -> None:
        reference = AssetRef(AssetName("default", asset), Alias(alias))
        number = self.model[asset].aliases.get(alias) if asset in self.model else None
        if number is None:
            with pytest.raises(NotFoundError):
                self.registry.resolve(reference)
        else:
            assert self.registry.resolve(reference).number == number

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def show_and_download(self, data: st.DataObject) -> None:
        asset = data.draw(st.sampled_from(sorted(self.model)))
        number = data.draw(st.integers(1, len(self.model[asset].versions)))
        expected, reference = self.model[asset].versions[number - 1], AssetRef(AssetName("default", asset), number)
        shown = self.registry.show(reference)
        assert shown.tags == tuple(sorted(expected.tags))
        assert shown.metrics == expected.metrics
        assert (shown.pinned and shown.pinned.reason) == expected.pin
        assert [entry.provenance["run"] for entry in shown.registrations] == expected.runs
        accuracy = expected.identity.accuracy
        assert shown.properties == ({} if accuracy is None else {"accuracy": accuracy})
        assert {(version.asset.name, version.number) for _, version in shown.refs} == expected.identity.refs
        assert shown.aliases == tuple(sorted(a for a, n in self.model[asset].aliases.items() if n == number))
        self.downloads += 1
        target = self.folder / f"target-{self.downloads}"
        assert self.registry.download(reference, target).changed
        assert _files(target) == CONTENTS[expected.identity.content]
        assert not self.registry.download(reference, target).changed

    @rule(data=st.sampled_from([b"one", b"two", b"", b"nowhere"]))
    def find(self, data: bytes) -> None:
        expected = {
            (asset, number, path)
            for asset, model in self.model.items()
            for number, version in enumerate(model.versions, 1)
            for path, content in CONTENTS[version.identity.content].items()
            if content == data
        }
        hits = self.registry.find(Digest.of(data))
        assert {(hit.version.asset.name, hit.version.number, hit.path) for hit in hits} == expected
        assert len(hits) == len(expected)

    # --- What always holds.

    @invariant()
    def every_asset_is_as_it_should_be(self) -> None:
        assert {a.name.name: a.version_count for a in self.registry.assets()} == {
            asset: len(model.versions) for asset, model in self.model.items()
        }
        assert {a.name.name: a.description for a in self.registry.assets()} == {
            asset: model.description for asset, model in self.model.items()
        }
        for asset, model in self.model.items():
            rules = {rule.name: rule.needs_blessing for rule in self.registry.protection.rules(asset)}
            assert rules == model.rules
            found = self.registry.versions(asset)
            assert [version.digest for version in found] == [v.digest for v in model.versions[::-1]]
            assert [version.number for version in found] == list(range(len(model.versions), 0, -1))
            assert {alias.name: alias.version for alias in self.registry.aliases(asset)} == model.aliases
            log = [entry.event for entry in self.registry.log(asset)]
            moves = [e for e in log if isinstance(e, AliasMove)]
            assert [(m.name, m.from_version, m.to_version) for m in moves] == model.moves
            assert [e for e in log if isinstance(e, Version)] == found
            newest = self.registry.resolve(AssetRef(AssetName("default", asset), Newest()))
            assert newest == found[0]

    @invariant()
    def every_change_is_in_the_audit_log(self) -> None:
        assert self.registry.audit.verify() == self.audited


def _as_expected(now: int | None, expected: int | Expect) -> bool:
    if isinstance(expected, int):
        return now == expected
    return expected is Expect.ANYTHING or (now is None) is (expected is Expect.ABSENT)


def _provenance(run: str) -> dict[str, Any]:
    verdict = "blessed" if run == BLESSING_RUN else "unknown"
    return {"run": run, "gates": [{"source": "Evaluator", "verdict": verdict, "reason": run}]} if run else {}


def _next(last: SemanticVersion | None, bump: Bump) -> SemanticVersion:
    if last is None:
        return SemanticVersion(1, 0, 0)
    return {
        Bump.MAJOR: SemanticVersion(last.major + 1, 0, 0),
        Bump.MINOR: SemanticVersion(last.major, last.minor + 1, 0),
        Bump.PIPELINE: SemanticVersion(last.major, last.minor, last.pipeline + 1),
    }[bump]


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
