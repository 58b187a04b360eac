"""Random histories of a working copy against dictionaries."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ama_tfx.errors import ConflictError, InvalidInputError, NotFoundError
from ama_tfx.registry import AssetName, Registry, WorkingCopy
from ama_tfx.registry.working_copy.basing import switch_version
from ama_tfx.registry.working_copy.status import OnDisk, Pending, status_of

FILES = st.sampled_from(["a", "b", "f/a", "f/b", "f/g/a"])
NAMED = st.sampled_from(["a", "b", "f", "f/a", "f/g", "."])
ASSETS = st.sampled_from(["model", "data"])


def under(named, paths):
    """Return which paths are named, or lie in what is."""
    return {path for path in paths if named in {".", path} or path.startswith(f"{named}/")}


class WorkingCopyHistories(RuleBasedStateMachine):
    """The model: what is on disk, what is pending and removed of each asset, its base, and what its versions hold."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.root = self.folder / "work"
        self.root.mkdir()
        self.registry = Registry(self.folder / "registry", create=True, actor="ann")
        self.disk, self.pending, self.newest = {}, {"model": set(), "data": set()}, {}
        self.removed, self.bases, self.versions = {"model": set(), "data": set()}, {"model": None, "data": None}, []
        self.current = "model"

    def teardown(self):
        self.registry.close()
        shutil.rmtree(self.folder)

    @initialize()
    def begin(self):
        self.copy = WorkingCopy.init(self.root, AssetName("default", self.current))

    @rule(asset=ASSETS, clear=st.booleans())
    def init(self, asset, clear):
        self.copy = WorkingCopy.init(self.root, AssetName("default", asset), clear=clear)
        self.current = asset
        if clear or not (self.pending[asset] or self.removed[asset]):
            self.pending[asset], self.removed[asset], self.bases[asset] = set(), set(), None

    @property
    def base(self):
        """What the version holds that the current asset is based on."""
        return self.bases[self.current] or {}

    @property
    def next(self):
        """What the next version would hold; a file that is missing is None."""
        below = {path: text for path, text in self.base.items() if path not in self.removed[self.current]}
        return {**below, **{path: self.disk.get(path) for path in self.pending[self.current]}}

    @rule(path=FILES, content=st.sampled_from(["1", "2"]))
    def write(self, path, content):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(content)
        self.disk[path] = content

    @rule(path=FILES)
    def delete(self, path):
        if self.disk.pop(path, None):
            (self.root / path).unlink()
            for folder in ("f/g", "f"):
                if (self.root / folder).is_dir() and not any((self.root / folder).iterdir()):
                    (self.root / folder).rmdir()

    @rule(named=NAMED)
    def add(self, named):
        inside = {path for path in self.disk if named in {".", path} or path.startswith(f"{named}/")}
        if not inside:
            with pytest.raises((NotFoundError, InvalidInputError)):
                self.copy.add([self.root / named])
            return
        self.copy.add([self.root / named])
        old = under(named, self.pending[self.current])
        self.pending[self.current] = (self.pending[self.current] - old) | inside
        gone = under(named, self.base.keys()) - inside
        self.removed[self.current] = (self.removed[self.current] - under(named, self.removed[self.current])) | gone

    @rule(named=NAMED, dry_run=st.booleans())
    def remove(self, named, dry_run):
        known = self.pending[self.current] | (self.base.keys() - self.removed[self.current])
        if not (gone := under(named, known)):
            with pytest.raises(NotFoundError):
                self.copy.remove([named], folder=self.root, dry_run=dry_run)
            return
        assert set(self.copy.remove([named], folder=self.root, dry_run=dry_run)[1]) == gone
        if not dry_run:
            self.pending[self.current] -= gone
            self.removed[self.current] |= gone & self.base.keys()

    @rule(dry_run=st.booleans())
    def discard(self, dry_run):
        assert set(self.copy.discard(dry_run=dry_run).files) == self.pending[self.current]
        if not dry_run:
            self.pending[self.current], self.removed[self.current] = set(), set()

    @rule(data=st.data())
    def switch(self, data):
        if not self.versions:
            return
        asset, holds, reference = data.draw(st.sampled_from(self.versions))
        before = self.bases[asset] or {}
        lost = {path for path, text in holds.items() if self.disk.get(path) not in {None, text, before.get(path)}}
        lost |= {path for path in before.keys() - holds.keys() if self.disk.get(path) not in {None, before[path]}}
        if self.pending[asset] or self.removed[asset] or lost:
            with pytest.raises(ConflictError):
                switch_version(self.copy, self.registry, reference)
            return
        switch_version(self.copy, self.registry, reference)
        for path in before.keys() - holds.keys():
            self.disk.pop(path, None)
        self.disk.update(holds)
        self.bases[asset], self.current = dict(holds), asset

    @rule()
    def status(self):
        pending, removed, base = self.pending[self.current], self.removed[self.current], self.base
        told = {file.path: file for file in status_of(self.copy, self.registry).files}
        assert {p for p, file in told.items() if file.pending is Pending.DELETED} == removed - pending
        assert {p for p, file in told.items() if file.pending is Pending.NEW} == pending - base.keys()
        assert {p for p, file in told.items() if file.pending is Pending.SAME} == {
            path for path in pending & base.keys() if self.disk.get(path) == base[path]
        }
        beside = {path for path in base.keys() - pending - removed if self.disk.get(path) != base[path]}
        assert {p for p, file in told.items() if file.pending is None} == beside
        missing = {path for path in pending | (base.keys() - removed) if path not in self.disk}
        assert {p for p, file in told.items() if file.disk is OnDisk.MISSING} == missing

    @rule()
    def upload(self):
        pending = self.pending[self.current]
        if not pending <= self.disk.keys():
            with pytest.raises(NotFoundError):
                self.copy.upload(self.registry)
        elif not self.next or not (pending or self.removed[self.current]):
            with pytest.raises(InvalidInputError):
                self.copy.upload(self.registry)
        else:
            held = self.next
            registered, _ = self.copy.upload(self.registry)
            self.newest[self.current] = held, registered.version.reference
            self.versions.append((self.current, held, registered.version.reference))
            self.bases[self.current] = held
            self.pending[self.current], self.removed[self.current] = set(), set()

    @invariant()
    def the_draft_is_what_was_added(self):
        if hasattr(self, "copy"):
            draft = WorkingCopy.open(self.root).draft()
            assert draft.asset.name == self.current
            assert set(draft.files) == self.pending[self.current]
            assert set(draft.removed) == self.removed[self.current]
            assert (draft.base is None) == (self.bases[self.current] is None)

    @invariant()
    def no_local_file_was_touched_but_by_switching(self):
        found = (path for path in self.root.rglob("*") if path.is_file() and ".ama" not in path.parts)
        assert {str(path.relative_to(self.root)): path.read_text() for path in found} == self.disk

    @invariant()
    def what_was_uploaded_is_what_lay_on_disk_then(self):
        for content, reference in self.newest.values():
            files = self.registry.manifest(reference).files
            assert {entry.path for entry in files} == set(content)
            for path, text in content.items():
                with self.registry.open(f"{reference}/{path}") as stream:
                    assert stream.read().decode() == text


TestWorkingCopyHistories = WorkingCopyHistories.TestCase
TestWorkingCopyHistories.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
