"""Configurations and metrics as text: YAML, JSON, TOML."""

from __future__ import annotations

import json
import math
import re
import sys
from typing import Any

from ama_tfx.inspection import yaml_tree
from ama_tfx.inspection.flattening import TooManyLeavesError, flat
from ama_tfx.inspection.looking import Look

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MOST_JSON_BYTES = 4 << 20
MOST_TOML_BYTES = 1 << 16  # its parser takes the square of the length of a dotted key
_METRICS = re.compile(r"(.*[-_.])?(metrics?|summary|scores?|results?|evaluation|history)([-_.].*)?\.json")
_PYTHON_TAGS = re.compile(rb"!!python/[\w/.:]{1,80}|tag:yaml\.org,2002:python/[\w/.:]{1,80}")
_CODE_KEYS = {"auto_map", "custom_pipelines"}
RUNS_PYTHON = "a loader that is not the safe one calls it when it reads the file"


def read_yaml(look: Look) -> None:
    """Read parameters; a document of a loader's own tags is a danger."""
    look.is_("yaml")
    if look.size_bytes > yaml_tree.MOST_BYTES:
        for tag in set(_PYTHON_TAGS.findall(look.head(16 << 20))):
            look.danger(f"YAML tag {tag.decode()}", RUNS_PYTHON)
        look.note(f"larger than the {yaml_tree.MOST_BYTES:,} bytes of YAML that are read")
        return
    text = look.whole(yaml_tree.MOST_BYTES).decode("utf-8-sig")
    tree = yaml_tree.tree_of(text, lambda tag: look.danger(f"YAML tag !!python/{tag}", RUNS_PYTHON))
    _take(look, tree, may_be_bomb="*" in text)


def read_json(look: Look) -> None:
    """Read parameters, or metrics where the file's name says so."""
    look.is_("json")
    if look.size_bytes > MOST_JSON_BYTES:
        look.note(f"larger than the {MOST_JSON_BYTES:,} bytes of JSON that are read")
        return
    tree = json.loads(look.whole(MOST_JSON_BYTES).decode("utf-8-sig"))
    if isinstance(tree, dict) and (keys := sorted(_CODE_KEYS & tree.keys())):
        look.danger(f"{keys[0]} in a configuration", "a loader that trusts it runs the Python files that it names")
    numbers = _numbers(tree) if _METRICS.fullmatch(look.name) else {}
    if numbers:
        look.found.metrics[look.path] = numbers
    else:
        _take(look, tree)


def read_toml(look: Look) -> None:
    """Read parameters."""
    look.is_("toml")
    if look.size_bytes > MOST_TOML_BYTES:
        look.note(f"larger than the {MOST_TOML_BYTES:,} bytes of TOML that are read")
        return
    _take(look, tomllib.loads(look.whole(MOST_TOML_BYTES).decode()))


def _take(look: Look, tree: Any, *, may_be_bomb: bool = False) -> None:
    if look.depth:
        return
    try:
        leaves = flat(tree) if tree is not None else {}
    except TooManyLeavesError as error:
        if may_be_bomb:
            raise
        look.note(f"{error}, which are not listed")
        return
    if leaves:
        look.found.parameters[look.path] = leaves


def _numbers(tree: Any) -> dict[str, float]:
    """Return the numbers of a tree; of a list of numbers, as a training's history has them, the last."""
    try:
        leaves = flat(_last_of_lists(tree, 0))
    except TooManyLeavesError:
        return {}
    numbers = {key: value for key, value in leaves.items() if type(value) in {int, float}}
    return {key: float(value) for key, value in numbers.items() if value is not None and abs(float(value)) < math.inf}


def _last_of_lists(tree: Any, depth: int) -> Any:
    if depth > 64:
        raise ValueError("nested deeper than 64")
    if isinstance(tree, dict):
        return {key: _last_of_lists(value, depth + 1) for key, value in tree.items()}
    if isinstance(tree, list) and tree and all(type(value) in {int, float} for value in tree):
        return tree[-1]
    return tree
