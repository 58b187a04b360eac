"""The part of CEL that TFX writes into trigger policies."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

_TOKEN = re.compile(r"'[^']*'|&&|\|\||!(?!=)")
_IN_PYTHON = {"&&": " and ", "||": " or ", "!": " not "}
_ALLOWED = (
    *(ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Compare, ast.Eq, ast.NotEq, ast.Lt),
    *(ast.Gt, ast.BinOp, ast.Add, ast.Constant, ast.Attribute, ast.Subscript, ast.Name, ast.Load),
)


def condition_holds(expression: str, artifacts: Mapping[str, dict[str, Any]]) -> bool:
    """Evaluate a condition over the input artifacts of a task.

    Args:
        expression: As in ``!((inputs.artifacts['x'].artifacts[0].metadata['blessed'] == 1))``.
        artifacts: RuntimeArtifacts by input key.

    Raises:
        NotImplementedError: The expression uses more of CEL than this.
        KeyError: It asks for an input or a property that is not there.
    """
    try:
        tree = ast.parse(_TOKEN.sub(lambda found: _IN_PYTHON.get(found[0], found[0]), expression).strip(), mode="eval")
    except SyntaxError as error:
        raise NotImplementedError(f"condition {expression!r} is not in the part of CEL that TFX writes") from error
    if strange := [type(node).__name__ for node in ast.walk(tree) if not isinstance(node, _ALLOWED)]:
        raise NotImplementedError(f"condition {expression!r} uses {', '.join(strange)}")
    views = {
        key: SimpleNamespace(artifacts=[SimpleNamespace(uri=artifact["uri"], metadata=artifact.get("metadata", {}))])
        for key, artifact in artifacts.items()
    }
    names = {"__builtins__": {}, "inputs": SimpleNamespace(artifacts=views)}
    return bool(eval(compile(tree, "<condition>", "eval"), names))
