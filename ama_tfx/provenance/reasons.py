"""Why something failed, in one line of what TFX or Python wrote."""

from __future__ import annotations

import re

__all__ = ["FOUND_NOTHING", "RESOLVER", "one_line", "raised_last"]

RESOLVER = "tfx.dsl.components.common.resolver.Resolver"
"""The type of a resolver's executions."""

FOUND_NOTHING = re.compile(r"InputResolutionError: .* returned None\.$")
"""Why a resolver failed whose strategy chose nothing."""

_MOST_CHARACTERS = 500


def raised_last(text: str) -> str:
    """Return of a traceback what was raised last, without its frames; another text stays as it is."""
    lines = [line for line in text.splitlines() if line.strip()]
    frames = [number for number, line in enumerate(lines) if line.startswith(" ")]
    told = lines[frames[-1] + 1 :] if frames and lines[0].startswith("Traceback") else lines
    return " ".join(told)


def one_line(text: str) -> str:
    """Return a text in one line, cut where that is long."""
    line = " ".join(text.split())
    return line if len(line) <= _MOST_CHARACTERS else line[: _MOST_CHARACTERS - 1] + "…"
