"""Names that attackers try, for every place that takes a name.

From reports on other registries: path traversal in all its spellings, names that mean another thing on another system,
and names that look like another name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

HOSTILE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "empty": "",
        "dot": ".",
        "parent": "..",
        "traversal": "../x",
        "traversal inside": "a/../../x",
        "traversal with backslash": "..\\x",
        "absolute": "/etc/passwd",
        "double slash": "//host/share",
        "drive": "C:\\x",
        "drive with slash": "C:/x",
        "UNC": "\\\\host\\share",
        "percent": "%2e%2e/",
        "percent twice": "%252e%252e%252f",
        "path parameter": "..;/",
        "fragment": "a#/../../",
        "query": "a?/../",
        "file URL": "file:///",
        "file scheme": "file:x",
        "other scheme": "http://host/x",
        "empty scheme": "://x",
        "NUL character": "a\0b",
        "newline": "a\nb",
        "newline at the end": "a\n",
        "escape": "a\x1b[2Jb",
        "delete": "a\x7fb",
        "C1 control": "a\x85b",
        "line separator": "a\u2028b",
        "device": "CON",
        "device in small letters": "nul",
        "device with extension": "aux.txt",
        "device in a folder": "a/COM1/b",
        "dot at the end": "a.",
        "dots at the end": "a...",
        "space at the end": "a ",
        "space at the start": " a",
        "no-break space at the end": "a\u00a0",
        "256 bytes": "a" * 256,
        "100,000 bytes": "a" * 100_000,
        "not NFC": "u\u0308ber",
        "right-to-left override": "a\u202egpj.exe",
        "right-to-left mark": "a\u200fb",
        "isolate": "a\u2066b",
        "hyphen at the start": "-rf",
        "hyphen at the start of a part": "a/-rf",
        "half a surrogate pair": "a\ud800b",
        "byte that is no UTF-8": "a\udcffb",
    }
)
