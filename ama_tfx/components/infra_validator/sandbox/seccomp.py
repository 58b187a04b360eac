"""A filter of system calls: what a model must not do is denied by the kernel and told to the supervisor.

A model may compute and read files. To open a file for writing, make, change, rename or remove one, reach another
process or another machine, or start a process are asked of the supervisor (``SECCOMP_RET_USER_NOTIF``, Linux 5.0), who
denies and remembers. Works without privileges (``PR_SET_NO_NEW_PRIVS``), through ctypes alone.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any

from .system_calls import Machine, this_machine

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER = 1
_TSYNC, _NEW_LISTENER, _TSYNC_ESRCH = 1, 8, 16

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _NOTIFY, _ERRNO = 0x7FFF0000, 0x7FC00000, 0x00050000
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

CHANGES_FILES = (
    *("truncate", "creat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
    *("unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "mknod", "mknodat", "open_by_handle_at"),
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "file_setattr"),
    *("utime", "utimes", "futimesat", "utimensat", "setxattr", "lsetxattr", "fsetxattr", "setxattrat"),
    *("removexattr", "lremovexattr", "fremovexattr", "removexattrat"),
)
STARTS_PROCESSES = ("fork", "vfork", "execve", "execveat")
REACHES_OUT = ("connect", "bind")
REACHES_PROCESSES = (
    *("ptrace", "process_vm_readv", "process_vm_writev", "pidfd_send_signal"),
    *("shmget", "shmat", "semget", "msgget", "msgsnd", "msgrcv", "mq_open", "mq_unlink"),
)
# Where the number of the process stands, and whether 0 is the caller: of itself a process may ask everything.
NAMES_PROCESS = {
    **dict.fromkeys(("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo"), (0, False)),
    **dict.fromkeys(("prlimit64", "sched_setparam", "sched_setscheduler", "sched_setaffinity"), (0, True)),
    **dict.fromkeys(("setpriority", "ioprio_set"), (1, True)),
    "sched_setattr": (0, True),
}

# glibc falls back to clone and openat, whose arguments a filter can see.
_ABSENT = ("clone3", "openat2", "io_uring_setup")
# Libraries try some of these by themselves; memory that memfd_create gets is in no figure of the process.
_FORBIDDEN = (
    *("chroot", "pivot_root", "mount", "umount2", "open_tree", "open_tree_attr", "move_mount", "mount_setattr"),
    *("fsopen", "fsconfig", "fsmount", "fspick", "unshare", "setns", "perf_event_open", "bpf", "fanotify_init"),
    *("pidfd_getfd", "pidfd_open", "process_madvise", "process_mrelease", "migrate_pages", "move_pages", "kcmp"),
    *("name_to_handle_at", "memfd_create", "memfd_secret", "userfaultfd", "shmctl", "semop", "semtimedop", "semctl"),
    *("msgctl", "add_key", "request_key", "keyctl", "acct", "swapon", "swapoff", "reboot", "syslog", "quotactl"),
    *("quotactl_fd", "sethostname", "setdomainname", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime"),
    *("init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load"),
)
_FASTOPEN = 0x20000000  # connects without connect()
_SETS_OWNER = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX: the kernel then signals whom they name
# FIOSETOWN and SIOCSPGRP do the same; the others change flags of a file open for reading, or type on a terminal.
_REQUESTS = (0x8901, 0x8902, 0x40086602, 0x40046602, 0x401C5820, 0x40806685, 0x5412)

Instruction = bytes

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def _do(code: int, value: int, if_true: int = 0, if_false: int = 0) -> Instruction:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _argument(index: int, half: int = 0) -> Instruction:
    return _do(_LOAD, 16 + 8 * index + 4 * half)


def _when(number: int, *then: Instruction) -> list[Instruction]:
    return [_do(_EQUAL, number, 0, len(then)), *then]


def _either(index: int, values: Sequence[int], verdict: Instruction) -> list[Instruction]:
    """Give a verdict on a call with an argument of these values, and allow the rest."""
    tests = [_do(_EQUAL, value, len(values) - place, 0) for place, value in enumerate(values)]
    return [_argument(index), *tests, _do(_RETURN, _ALLOW), verdict]


def program(machine: Machine, pid: int) -> bytes:
    """Return the filter for a process of a machine, as BPF instructions."""
    known = machine.numbers
    notify, allow, refuse = _do(_RETURN, _NOTIFY), _do(_RETURN, _ALLOW), _do(_RETURN, _ERRNO | errno.EPERM)
    code = [_do(_LOAD, 4), _do(_EQUAL, machine.audit_arch, 1, 0), _do(_RETURN, _ERRNO | errno.ENOSYS), _do(_LOAD, 0)]
    code += [_do(_AT_LEAST, _X32, 0, 1), _do(_RETURN, _ERRNO | errno.ENOSYS)]
    for name, index, bits in _NOTIFIED_BITS:
        if name in known:
            code += _when(known[name], _argument(index), _do(_ANY_BIT, bits, 0, 1), notify, allow)
    code += _when(known["clone"], _argument(0), _do(_ANY_BIT, _CLONE_THREAD, 1, 0), notify, allow)
    code += _when(known["socket"], *_sockets())
    code += _when(known["socketpair"], *_streams())
    # sendto with no address, on a connected socket, is how everything is sent.
    for half in (0, 1):
        code += _when(known["sendto"], _argument(4, half), _do(_EQUAL, 0, 1, 0), notify, _do(_LOAD, 0))
    code += _when(known["prctl"], *_either(0, [PR_SET_PDEATHSIG], notify))
    code += _when(known["fcntl"], *_either(1, _SETS_OWNER, refuse))
    code += _when(known["ioctl"], *_either(1, _REQUESTS, refuse))
    for name, (index, zero) in NAMES_PROCESS.items():
        own = [_do(_EQUAL, pid, 1 + zero, 0), *([_do(_EQUAL, 0, 1, 0)] if zero else [])]
        code += _when(known[name], _argument(index), *own, notify, allow)
    for name in (*CHANGES_FILES, *STARTS_PROCESSES, *REACHES_OUT, *REACHES_PROCESSES):
        code += _when(known[name], notify) if name in known else []
    for name in _ABSENT:
        code += _when(known[name], _do(_RETURN, _ERRNO | errno.ENOSYS))
    for name in _FORBIDDEN:
        code += _when(known[name], refuse)
    return b"".join([*code, allow])


_NOTIFIED_BITS = (
    ("open", 1, WRITING),
    ("openat", 2, WRITING),
    ("sendmsg", 2, _FASTOPEN),
    ("sendmmsg", 3, _FASTOPEN),
)


def _streams() -> list[Instruction]:
    """Allow streams, which send to nobody but the one they are connected to; the rest is asked."""
    stream = _do(_EQUAL, socket.SOCK_STREAM, 0, 1)
    return [_argument(1), _do(_AND, 0xF), stream, _do(_RETURN, _ALLOW), _do(_RETURN, _NOTIFY)]


def _sockets() -> list[Instruction]:
    """Allow local streams, and asking the kernel for its network's addresses; the rest is asked."""
    allow, notify, route = _do(_RETURN, _ALLOW), _do(_RETURN, _NOTIFY), 0
    local = _when(socket.AF_UNIX, *_streams())
    netlink = _when(socket.AF_NETLINK, _argument(2), _do(_EQUAL, route, 0, 1), allow, notify)
    return [_argument(0), *local, *netlink, notify]


def install() -> int:
    """Install the filter for all threads of this process, and return the descriptor on which it asks.

    Raises:
        OSError: The kernel, or what confines this process already, does not allow it.
    """
    machine = this_machine()
    if machine is None or "seccomp" not in machine.numbers:
        raise OSError(errno.ENOSYS, f"system calls of {os.uname().machine} are not known")
    code = program(machine, os.getpid())
    buffer = ctypes.create_string_buffer(code, len(code))
    filter_ = _Program(len(code) // 8, ctypes.addressof(buffer))
    forgo_privileges()
    flags = _TSYNC | _NEW_LISTENER | _TSYNC_ESRCH
    return system_call(machine.numbers["seccomp"], _SET_MODE_FILTER, flags, ctypes.byref(filter_))


def forgo_privileges() -> None:
    """Never gain privileges again, by no program; the kernel asks for it before it lets a process confine itself."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def system_call(number: int, *arguments: Any) -> int:
    """Make a system call.

    Raises:
        OSError: The kernel refuses.
    """
    wide = [ctypes.c_long(given) if isinstance(given, int) else given for given in arguments]
    return _check(_libc.syscall(ctypes.c_long(number), *wide))


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process.

    Raises:
        OSError: The kernel refuses.
    """
    _check(_libc.prctl(option, value, 0, 0, 0))


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
