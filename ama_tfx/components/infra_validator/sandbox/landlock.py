"""What a process may read and write at all, as the kernel's Landlock enforces it (Linux 5.13, no privileges).

Also in force from then on: it may not look into processes outside (``/proc/<pid>/environ``, ``process_vm_readv``),
since Linux 6.7 not use TCP, and since Linux 6.12 not signal them nor connect to their abstract sockets.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable

from . import seccomp

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # on every machine
_VERSION, _BELOW = 1, 1
_EXECUTE, _WRITE, _READ, _LIST = 1, 2, 4, 8
_TRUNCATE, _DEVICE = 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _DEVICE
_HANDLED = {1: (1 << 13) - 1, 2: 1 << 13, 3: _TRUNCATE, 5: _DEVICE}
_TCP_SINCE, _SCOPES_SINCE = 4, 6

SYSTEM = (
    *("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload", "/etc/alternatives"),
    *("/etc/localtime", "/etc/timezone", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/host.conf"),
    *("/etc/hosts", "/etc/resolv.conf", "/etc/gai.conf", "/etc/ssl/openssl.cnf", "/etc/ssl/certs"),
    *("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version", "/proc/filesystems", "/proc/loadavg"),
    *("/proc/sys/kernel", "/proc/sys/vm"),
    *("/sys/devices/system", "/sys/kernel/mm", "/sys/fs/cgroup"),
)


def of_python() -> list[str]:
    """Return the folders that this Python reads its modules and libraries from."""
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return [place for place in (sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path, *libraries) if place]


def restrict(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Leave this process, and what becomes of it, these places only, the system's and its own ``/proc``.

    Must be called before the process has further threads: they would not be restricted.

    Raises:
        OSError: The kernel has no Landlock, or it is not allowed here.
    """
    version = seccomp.system_call(_CREATE, 0, 0, _VERSION)
    handled = sum(bits for since, bits in _HANDLED.items() if since <= version)
    rules = struct.pack("=3Q", handled, 3 * (version >= _TCP_SINCE), 3 * (version >= _SCOPES_SINCE))
    ruleset = seccomp.system_call(_CREATE, rules, len(rules), 0)
    for place in (*SYSTEM, *readable):
        _allow(ruleset, place, handled & (_EXECUTE | _READ | _LIST))
    for place in writable:
        _allow(ruleset, place, handled)
    # Stays open: its entry in the kernel's cache, which the rule is tied to, stays while somebody has it open.
    own = os.open("/proc/self", os.O_PATH)
    os.set_inheritable(own, True)
    _add(ruleset, own, handled & (_READ | _LIST))
    seccomp.forgo_privileges()
    seccomp.system_call(_RESTRICT, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, place: str, access: int) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
        try:
            is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            _add(ruleset, descriptor, access if is_folder else access & _OF_FILES)
        finally:
            os.close(descriptor)


def _add(ruleset: int, descriptor: int, access: int) -> None:
    seccomp.system_call(_ADD, ruleset, _BELOW, ctypes.create_string_buffer(struct.pack("=Qi", access, descriptor)), 0)
