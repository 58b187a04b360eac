"""Numbers of the system calls that the filter knows, per machine."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass

X86_64 = {
    "open": 2,
    "socket": 41,
    "connect": 42,
    "sendto": 44,
    "bind": 49,
    "clone": 56,
    "fork": 57,
    "vfork": 58,
    "execve": 59,
    "truncate": 76,
    "rename": 82,
    "mkdir": 83,
    "rmdir": 84,
    "creat": 85,
    "link": 86,
    "unlink": 87,
    "symlink": 88,
    "chmod": 90,
    "chown": 92,
    "lchown": 94,
    "ptrace": 101,
    "utime": 132,
    "mknod": 133,
    "chroot": 161,
    "mount": 165,
    "setxattr": 188,
    "lsetxattr": 189,
    "removexattr": 197,
    "utimes": 235,
    "openat": 257,
    "mkdirat": 258,
    "mknodat": 259,
    "fchownat": 260,
    "futimesat": 261,
    "unlinkat": 263,
    "renameat": 264,
    "linkat": 265,
    "symlinkat": 266,
    "fchmodat": 268,
    "unshare": 272,
    "perf_event_open": 298,
    "setns": 308,
    "process_vm_writev": 311,
    "renameat2": 316,
    "seccomp": 317,
    "bpf": 321,
    "execveat": 322,
    "io_uring_setup": 425,
    "clone3": 435,
    "openat2": 437,
    "pidfd_getfd": 438,
    "fchmodat2": 452,
}

AARCH64 = {
    "setxattr": 5,
    "lsetxattr": 6,
    "removexattr": 14,
    "mknodat": 33,
    "mkdirat": 34,
    "unlinkat": 35,
    "symlinkat": 36,
    "linkat": 37,
    "renameat": 38,
    "mount": 40,
    "truncate": 45,
    "chroot": 51,
    "fchmodat": 53,
    "fchownat": 54,
    "openat": 56,
    "unshare": 97,
    "ptrace": 117,
    "socket": 198,
    "bind": 200,
    "connect": 203,
    "sendto": 206,
    "clone": 220,
    "execve": 221,
    "perf_event_open": 241,
    "setns": 268,
    "process_vm_writev": 271,
    "renameat2": 276,
    "seccomp": 277,
    "bpf": 280,
    "execveat": 281,
    "io_uring_setup": 425,
    "clone3": 435,
    "openat2": 437,
    "pidfd_getfd": 438,
    "fchmodat2": 452,
}


@dataclass(frozen=True)
class Machine:
    """What seccomp calls a machine, and the numbers of its system calls."""

    audit_arch: int
    numbers: Mapping[str, int]

    def name(self, number: int) -> str:
        """Return the name of a system call."""
        return next((name for name, known in self.numbers.items() if known == number), str(number))


MACHINES = {"x86_64": Machine(0xC000003E, X86_64), "aarch64": Machine(0xC00000B7, AARCH64)}


def this_machine() -> Machine | None:
    """Return this machine, or None when the filter does not know it."""
    return MACHINES.get(platform.machine())
