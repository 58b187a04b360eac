"""The digests that tell TFX's cache about changed code."""

import ast
import importlib
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from ama_tfx.errors import NotFoundError
from pipelines.taxi.sources import TRAINER_MODULES, TRANSFORM_MODULES, source_digest


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "taxi_digest_a.py").write_text("A = 1\n")
    (tmp_path / "taxi_digest_b.py").write_text("raise RuntimeError('never imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    return tmp_path


def imported_taxi_modules(module: str) -> set[str]:
    """The taxi modules that a module imports, and those that they import."""
    tree = ast.parse(Path(find_spec(module).origin).read_text())
    names = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    mine = {name for name in names if name.startswith("pipelines.taxi.")}
    return mine.union(*map(imported_taxi_modules, mine))


def test_a_digest_is_that_of_names_and_sources(modules):
    # printf 'taxi_digest_a\0006\000A = 1\n' | sha256sum
    assert (
        source_digest(("taxi_digest_a",)) == "sha256:8983e3b29f73379cd904c1d566cc317180895c7bb5ce4cf63c9808fd77cf7386"
    )


def test_a_changed_source_changes_the_digest(modules):
    before = source_digest(("taxi_digest_a", "taxi_digest_b"))
    (modules / "taxi_digest_a.py").write_text("A = 2\n")
    assert source_digest(("taxi_digest_a", "taxi_digest_b")) != before


def test_sources_that_trade_places_change_the_digest(modules):
    before = source_digest(("taxi_digest_a", "taxi_digest_b"))
    a, b = (modules / "taxi_digest_a.py"), (modules / "taxi_digest_b.py")
    a.rename(modules / "c"), b.rename(a), (modules / "c").rename(b)
    assert source_digest(("taxi_digest_a", "taxi_digest_b")) != before


def test_the_order_of_modules_does_not_matter(modules):
    assert source_digest(("taxi_digest_b", "taxi_digest_a")) == source_digest(("taxi_digest_a", "taxi_digest_b"))


def test_nothing_is_imported(modules):
    source_digest(("taxi_digest_b",))
    assert "taxi_digest_b" not in sys.modules


@pytest.mark.parametrize("module", ["pipelines.taxi.nowhere", "sys"])
def test_a_module_without_source_is_refused(module):
    with pytest.raises(NotFoundError, match=module):
        source_digest((module,))


@pytest.mark.parametrize(
    ("entry", "listed"),
    [("pipelines.taxi.preprocessing", TRANSFORM_MODULES), ("pipelines.taxi.trainer", TRAINER_MODULES)],
)
def test_every_taxi_module_that_user_code_imports_is_in_its_digest(entry, listed):
    assert {entry} | imported_taxi_modules(entry) == set(listed)
