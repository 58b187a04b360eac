"""A filter of system calls: what a model must not do is denied by the kernel and told to the supervisor.

A model may compute and read files. To open a file for writing, make, rename or remove one, reach another process or
another machine, or start a process are asked of the supervisor (``SECCOMP_RET_USER_NOTIF``, Linux 5.0), who denies and
remembers. Works without privileges (``PR_SET_NO_NEW_PRIVS``), through ctypes alone.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct

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
    *("unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "mknod", "mknodat"),
    *("chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat"),
    *("utime", "utimes", "futimesat", "setxattr", "lsetxattr", "removexattr"),
)
STARTS_PROCESSES = ("fork", "vfork", "execve", "execveat")
REACHES_OUT = ("connect", "bind")

# glibc falls back to clone and openat, whose arguments a filter can see.
_ABSENT = ("clone3", "openat2", "io_uring_setup")
_FORBIDDEN = ("ptrace", "chroot", "mount", "unshare", "perf_event_open", "setns", "process_vm_writev", "bpf")

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


def program(machine: Machine) -> bytes:
    """Return the filter for a machine, as BPF instructions."""
    known = machine.numbers
    notify, allow = _do(_RETURN, _NOTIFY), _do(_RETURN, _ALLOW)
    code = [_do(_LOAD, 4), _do(_EQUAL, machine.audit_arch, 1, 0), _do(_RETURN, _ERRNO | errno.ENOSYS), _do(_LOAD, 0)]
    code += [_do(_AT_LEAST, _X32, 0, 1), _do(_RETURN, _ERRNO | errno.ENOSYS)]
    for name, flags in (("open", 1), ("openat", 2)):
        if name in known:
            code += _when(known[name], _argument(flags), _do(_ANY_BIT, WRITING, 0, 1), notify, allow)
    code += _when(known["clone"], _argument(0), _do(_ANY_BIT, _CLONE_THREAD, 1, 0), notify, allow)
    code += _when(known["socket"], *_sockets())
    # sendto with no address, on a connected socket, is how everything is sent.
    for half in (0, 1):
        code += _when(known["sendto"], _argument(4, half), _do(_EQUAL, 0, 1, 0), notify, _do(_LOAD, 0))
    for name in (*CHANGES_FILES, *STARTS_PROCESSES, *REACHES_OUT):
        code += _when(known[name], notify) if name in known else []
    for name in _ABSENT:
        code += _when(known[name], _do(_RETURN, _ERRNO | errno.ENOSYS))
    for name in (*_FORBIDDEN, "pidfd_getfd"):
        code += _when(known[name], _do(_RETURN, _ERRNO | errno.EPERM))
    return b"".join([*code, allow])


def _sockets() -> list[Instruction]:
    """Allow local sockets and streams (whose connect is asked of the supervisor); the rest is asked."""
    local = [_do(_EQUAL, family, 0, 1) for family in (socket.AF_UNIX, socket.AF_NETLINK)]
    allow, notify = _do(_RETURN, _ALLOW), _do(_RETURN, _NOTIFY)
    inet = [_do(_EQUAL, socket.AF_INET, 2, 0), _do(_EQUAL, socket.AF_INET6, 1, 0), notify]
    stream = [_argument(1), _do(_AND, 0xF), _do(_EQUAL, socket.SOCK_STREAM, 0, 1), allow, notify]
    return [_argument(0), local[0], allow, local[1], allow, *inet, *stream]


def install() -> int:
    """Install the filter for all threads of this process, and return the descriptor on which it asks.

    Raises:
        OSError: The kernel, or what confines this process already, does not allow it.
    """
    machine = this_machine()
    if machine is None or "seccomp" not in machine.numbers:
        raise OSError(errno.ENOSYS, f"system calls of {os.uname().machine} are not known")
    code = program(machine)
    buffer = ctypes.create_string_buffer(code, len(code))
    filter_ = _Program(len(code) // 8, ctypes.addressof(buffer))
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    flags = _TSYNC | _NEW_LISTENER | _TSYNC_ESRCH
    return _check(_libc.syscall(machine.numbers["seccomp"], _SET_MODE_FILTER, flags, ctypes.byref(filter_)))


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
