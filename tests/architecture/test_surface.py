"""What the project promises about itself: its surface, its imports, its locks, its files."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import json
import pickle
import re
import subprocess
import typing
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ama_tfx import errors

ROOT = Path(__file__).parents[2]
LAYERS = [
    "ama_tfx",
    "ama_tfx.cli",
    "ama_tfx.errors",
    "ama_tfx.settings",
    "ama_tfx.storage",
    "ama_tfx.inspection",
    "ama_tfx.catalog",
    "ama_tfx.registry",
    "ama_tfx.provenance",
]
TFX_LAYERS = ["ama_tfx.components", "ama_tfx.orchestration", "ama_tfx.server", "ama_tfx.testing"]


def test_the_public_surface_is_the_one_agreed_on(golden):
    surface = {name: sorted(importlib.import_module(name).__all__) for name in [*LAYERS, *TFX_LAYERS]}
    golden("public_surface.json", json.dumps(surface, indent=2, sort_keys=True) + "\n")


@pytest.mark.parametrize("name", [*LAYERS, *TFX_LAYERS])
def test_every_public_name_is_there_and_says_what_it_is(name):
    module = importlib.import_module(name)
    for public in module.__all__:
        value = getattr(module, public)
        if (inspect.isclass(value) and not typing.get_origin(value)) or inspect.isfunction(value):
            assert value.__doc__, f"{name}.{public} has no docstring"


@pytest.mark.parametrize("name", [n for n in errors.__all__ if n.endswith("Error") and n != "AmaError"])
def test_every_error_is_a_builtin_too_and_survives_pickling(name):
    kind = getattr(errors, name)
    error = (
        kind("s3", "object stores") if kind is errors.MissingExtraError else kind("what, which, what would be right")
    )
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error)
    assert copy.exit_code in range(2, 64)
    assert re.fullmatch("[a-z_]+", copy.code)
    assert any(base.__module__ == "builtins" and base is not Exception for base in kind.__mro__[1:-3])


def locked(name: str) -> dict[str, str]:
    pins = re.findall(r"^([a-z0-9-]+)==(\S+) \\$", (ROOT / "requirements" / name).read_text(), re.MULTILINE)
    assert pins
    return dict(pins)


def declared() -> list[Requirement]:
    requirements = [Requirement(text) for text in importlib.metadata.requires("ama-tfx") or []]
    assert {"sqlalchemy", "tfx", "kfp-pipeline-spec"} <= {requirement.name for requirement in requirements}
    return requirements


def test_the_lock_satisfies_what_setup_py_declares():
    pins = locked("full.txt")
    for requirement in declared():
        assert requirement.specifier.contains(pins[requirement.name]), f"{requirement}: locked {pins[requirement.name]}"


def test_the_light_lock_is_a_part_of_the_full_one_and_light():
    light, full = locked("light.txt"), locked("full.txt")
    assert light.items() <= full.items()
    assert not {"tensorflow", "tfx", "apache-beam", "ml-metadata"} & light.keys()


@pytest.mark.parametrize("name", ["full.txt", "light.txt", "uv.txt"])
def test_every_locked_package_has_hashes(name):
    entries = re.split(r"\n(?=[a-z])", (ROOT / "requirements" / name).read_text())
    assert entries
    assert [entry.split("=")[0] for entry in entries if entry.strip() and "--hash=sha256:" not in entry] == []


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    assert paths
    return [path for path in paths if path.is_file()]


def test_no_file_names_a_machine_or_a_package_host():
    wrong = re.compile(re.escape(f"{ROOT}/").encode() + rb"|index-url|/simple/|pypi\.org")
    found = [
        (str(path.relative_to(ROOT)), match.group())
        for path in tracked()
        if path != Path(__file__) and (match := wrong.search(path.read_bytes()))
    ]
    assert found == []


def test_no_file_with_function_components_postpones_annotations():
    for path in tracked():
        text = path.read_text(errors="replace") if path.suffix == ".py" else ""
        if re.search(r"^@component\b", text, re.MULTILINE):
            assert re.search(r"^from __future__ import annotations", text, re.MULTILINE) is None, path
