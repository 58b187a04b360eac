"""Random histories of a working copy against dictionaries."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry import AssetName, Registry, WorkingCopy

FILES = st.sampled_from(["a", "b", "f/a", "f/b", "f/g/a"])
NAMED = st.sampled_from(["a", "b", "f", "f/a", "f/g", "."])
ASSETS = st.sampled_from(["model", "data"])


class WorkingCopyHistories(RuleBasedStateMachine):
    """The model: what is on disk, what is pending of each asset, and what each asset's newest version holds."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.root = self.folder / "work"
        self.root.mkdir()
        self.registry = Registry(self.folder / "registry", create=True, actor="ann")
        self.disk, self.pending, self.newest = {}, {"model": set(), "data": set()}, {}
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
        if clear:
            self.pending[asset] = set()

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
        old = {path for path in self.pending[self.current] if named in {".", path} or path.startswith(f"{named}/")}
        self.pending[self.current] = (self.pending[self.current] - old) | inside

    @rule()
    def upload(self):
        pending = self.pending[self.current]
        if not pending <= self.disk.keys():
            with pytest.raises(NotFoundError):
                self.copy.upload(self.registry)
        elif not pending:
            with pytest.raises(InvalidInputError):
                self.copy.upload(self.registry)
        else:
            registered, _ = self.copy.upload(self.registry)
            self.newest[self.current] = {path: self.disk[path] for path in pending}, registered.version.reference
            self.pending[self.current] = set()

    @invariant()
    def the_draft_is_what_was_added(self):
        if hasattr(self, "copy"):
            draft = WorkingCopy.open(self.root).draft()
            assert draft.asset.name == self.current
            assert set(draft.files) == self.pending[self.current]

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
