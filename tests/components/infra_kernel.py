"""What this machine's kernel lets the sandbox do, found out in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ama_tfx.components.infra_validator import sandbox


def _works(module, call):
    code = f"import sys; sys.path.insert(0, {sandbox.__path__[0]!r} + '/..'); from sandbox import {module}; {call}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


WATCHES = _works("seccomp", "seccomp.install()")
LIMITS_READING = _works("landlock", "landlock.restrict([], [])")

needs_watching = pytest.mark.skipif(
    not WATCHES, reason="NOT TESTED HERE: this kernel or container has no seccomp notification"
)
needs_landlock = pytest.mark.skipif(
    not LIMITS_READING, reason="NOT TESTED HERE: this kernel or container has no Landlock"
)
