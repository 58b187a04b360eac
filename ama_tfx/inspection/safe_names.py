"""Names that lead out of the folder that they are meant for."""

from __future__ import annotations

import re

_DRIVE = re.compile(r"[A-Za-z]:")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def why_unsafe(name: str) -> str | None:
    """Return what is wrong with a name that a file gives for another file; None when it stays within the folder."""
    if "\0" in name:
        return "no file has such a name"
    if name.startswith(("/", "\\")) or _DRIVE.match(name):
        return "an absolute path: it reaches any file of the machine"
    if ".." in re.split(r"[/\\]", name):
        return "it leads out of its folder"
    if _SCHEME.match(name):
        return "an address: it reaches other machines or any file"
    return None
