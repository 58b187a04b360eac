"""What must start fast imports nothing heavy; checked in processes of their own."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"tensorflow", "tfx", "apache_beam", "kfp", "ml_metadata", "keras"}
DATABASE = {"sqlalchemy", "alembic", "asyncio", "ssl"}
STORING = {"zstandard", "blake3", "pyfastcdc"}
MODULES = "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
AMA = str(Path(sys.executable).parent / "ama")


def modules_after(code, **environment):
    """Return the top-level modules that are imported when some code has run."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{MODULES}"],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def modules_after_command(*args, allowed=(0,), **environment):
    code = f"""
from ama_tfx.cli.app import root
try:
    root.main({list(args)!r})
except SystemExit as end:
    assert (end.code or 0) in {allowed!r}, end.code
"""
    return modules_after(code, **environment)


def test_the_check_sees_what_is_imported():
    assert "sqlalchemy" in modules_after("from ama_tfx.catalog import sqlite_engine")


def test_the_package_imports_nothing_heavy():
    loaded = modules_after("import ama_tfx")
    assert "ama_tfx" in loaded
    assert not loaded & {*HEAVY, "sqlalchemy", "click", "rich", "fastapi"}


def test_the_registry_imports_nothing_heavy():
    loaded = modules_after("from ama_tfx import Registry, Facts, Ref, AmaError")
    assert "ama_tfx" in loaded
    assert not loaded & {*HEAVY, *DATABASE, *STORING, "click", "rich"}


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["upload", "--help"], ["add", "ref", "--help"]])
def test_help_imports_no_database_and_no_drawing(args):
    loaded = modules_after_command(*args)
    assert "click" in loaded
    assert not loaded & {*HEAVY, "sqlalchemy", "alembic", "rich", "platformdirs"}


def test_the_list_of_commands_imports_none_of_them():
    code = "from ama_tfx.cli.app import root\ntry:\n    root.main(['--help'])\nexcept SystemExit: pass\nimport sys"
    code += "\nassert not [name for name in sys.modules if 'cmd_' in name or name == 'ama_tfx.registry']"
    assert "ama_tfx" in modules_after(code)


def test_commands_import_nothing_heavy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environment = {"AMA_HOME": str(tmp_path / "home"), "AMA_REGISTRY": ""}
    (tmp_path / "a.txt").write_text("a")
    story = [
        ["init", "model"],
        ["add", "a.txt"],
        ["set", "--alias", "prod"],
        ["upload"],
        ["add", "ref", "--alias", "prod"],
        ["list"],
        ["show", "model"],
        ["log", "model"],
        ["find", "a.txt"],
        ["download", "model"],
    ]
    for args in story:
        loaded = modules_after_command(*args, **environment)
        assert "ama_tfx" in loaded
        assert not loaded & {*HEAVY, "rich"}, args


@pytest.fixture
def registered(tmp_path):
    """A version in a registry: the environment that finds it, and its file."""
    file = tmp_path / "a.txt"
    file.write_text("a")
    code = "from ama_tfx import open_registry\nopen_registry(create=True).register('model', %r, alias='prod')"
    environment = {"AMA_HOME": str(tmp_path / "home"), "AMA_REGISTRY": ""}
    assert "sqlalchemy" in modules_after(code % str(file), **environment)
    return environment, file


def test_finding_imports_no_database_and_nothing_that_stores(registered):
    environment, file = registered
    for args in (["find", str(file)], ["find", "--sha256", "0" * 64]):
        loaded = modules_after_command(*args, allowed=(0, 3), **environment)
        assert "ama_tfx" in loaded
        assert not loaded & {*HEAVY, *DATABASE, *STORING, "rich", "lark", "numpy", "uuid"}, args


def test_resolving_and_opening_in_python_import_no_database(registered):
    environment, file = registered
    code = f"""
from ama_tfx import open_registry
with open_registry() as registry:
    assert [hit.path for hit in registry.find({str(file)!r})] == ["a.txt"]
    assert registry.resolve("model:prod").number == 1
    assert registry.open("model:1/a.txt").read() == b"a"
"""
    assert not modules_after(code, **environment) & {*HEAVY, *DATABASE, "click", "rich"}


def test_help_costs_little_more_than_click():
    def seconds(*command):
        def once():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, *command], check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

        once()
        # Of the cores, and the best of some: what else the machine does at the moment is not what is measured.
        return min(once() for _ in range(5))

    assert seconds(AMA, "--help") < 3 * seconds("-c", "import click")
