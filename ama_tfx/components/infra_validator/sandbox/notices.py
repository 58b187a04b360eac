"""What the filter asks: read, deny, and remember."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from . import seccomp
from .system_calls import Machine

_RECEIVE, _SEND, _GIVE_DESCRIPTOR = 0xC0502100, 0xC0182101, 0x40182103
_QUESTION = struct.Struct("=QIIiIQ6Q")
_ANSWER = struct.Struct("=QqiI")
_DESCRIPTOR = struct.Struct("=QIIII")
_STREAM_BITS = 0xF
_CONTINUE = 1
_LONGEST_PATH = 4096
_UNNAMED = "a file"

FILES, NETWORK, PROCESSES = "files", "network", "processes"


@dataclass(frozen=True)
class Notice:
    """Something that was tried and denied.

    Attributes:
        kind: ``files``, ``network`` or ``processes``.
        what: In words: ``write /etc/passwd``.
    """

    kind: str
    what: str


@dataclass
class Listener:
    """Answers the questions of one process's filter.

    Attributes:
        descriptor: As `seccomp.install` returned it.
        machine: Whose numbers the questions use.
        folder: Below which the process may make sockets.
        may_exec: How many more programs may be started in place of the process.
    """

    descriptor: int
    machine: Machine
    folder: str
    may_exec: int = 0

    def answer(self) -> Notice | None:
        """Answer one question; return what was denied, if that is worth telling."""
        question = bytearray(_QUESTION.size)
        try:
            fcntl.ioctl(self.descriptor, _RECEIVE, question)
        except OSError:
            return None  # the process that asked is gone
        identity, pid, _, number, _, _, *arguments = _QUESTION.unpack(question)
        name = self.machine.name(number)
        if name == "execve" and self.may_exec and not _exists(pid, arguments[0]):
            return self._reply(identity, -errno.ENOENT, 0)  # env looks for it in each folder of PATH
        if self._is_allowed(pid, name, arguments):
            return self._reply(identity, 0, _CONTINUE)
        if name == "socket" and _is_stream(arguments):
            return self._give_local(identity, arguments[1])
        family = _family(pid, arguments[1]) if name in seccomp.REACHES_OUT else None
        notice = None if _is_harmless(name, family) else _describe(pid, name, arguments)
        self._reply(identity, -errno.EPERM, 0)
        return notice

    def _is_allowed(self, pid: int, name: str, arguments: list[int]) -> bool:
        if name == "execve" and self.may_exec:
            self.may_exec -= 1
            return True
        if name in seccomp.NAMES_PROCESS:
            index, _ = seccomp.NAMES_PROCESS[name]
            return _is_own_thread(pid, _signed(arguments[index]))
        return name == "bind" and _binds_below(self.folder, pid, arguments[1])

    def _give_local(self, identity: int, kind: int) -> None:
        """Give a local socket in place of one of the network: whom it is then to be connected with can be told."""
        flags = os.O_CLOEXEC if kind & socket.SOCK_CLOEXEC else 0
        with socket.socket(socket.AF_UNIX) as local:
            local.setblocking(not kind & socket.SOCK_NONBLOCK)
            given = bytearray(_DESCRIPTOR.pack(identity, 0, local.fileno(), 0, flags))
            try:
                number = fcntl.ioctl(self.descriptor, _GIVE_DESCRIPTOR, given)
            except OSError:  # before Linux 5.9: then there is no socket
                self._reply(identity, -errno.EAFNOSUPPORT, 0)
                return
            self._reply(identity, 0, 0, number)

    def _reply(self, identity: int, error: int, flags: int, value: int = 0) -> None:
        try:
            fcntl.ioctl(self.descriptor, _SEND, _ANSWER.pack(identity, value, error, flags))
        except OSError as failure:
            if failure.errno != errno.ENOENT:  # ENOENT: killed while it asked
                raise

    def close(self) -> None:
        """Close the descriptor; whoever asks from now on is refused by the kernel."""
        os.close(self.descriptor)


def _is_harmless(name: str, family: int | None) -> bool:
    """Denied without a word: libc asking its name service, gRPC trying whether there is an IPv6 loopback."""
    return family == socket.AF_UNIX if name == "connect" else name == "bind" and family != socket.AF_UNIX


def _is_stream(arguments: list[int]) -> bool:
    family, kind, *_ = arguments
    return family in (socket.AF_INET, socket.AF_INET6) and kind & _STREAM_BITS == socket.SOCK_STREAM


def _signed(value: int) -> int:
    return ctypes.c_int32(value).value


def _is_own_thread(pid: int, number: int) -> bool:
    return number > 0 and Path(f"/proc/{pid}/task/{number}").exists()


def _describe(pid: int, name: str, arguments: list[int]) -> Notice:
    if name in ("connect", "sendto", "sendmsg", "sendmmsg", "socket", "socketpair"):
        return Notice(NETWORK, _reach(pid, name, arguments))
    if name in ("clone", *seccomp.STARTS_PROCESSES):
        return Notice(PROCESSES, "start a program" if name.startswith("exec") else "start a process")
    if name == "prctl":
        return Notice(PROCESSES, "outlive what started it")
    if name in seccomp.NAMES_PROCESS:
        target = _signed(arguments[seccomp.NAMES_PROCESS[name][0]])
        return Notice(PROCESSES, f"{name} process {target}")
    if name in seccomp.REACHES_PROCESSES:
        return Notice(PROCESSES, f"{name}, which reaches other processes")
    if name == "bind":
        return Notice(FILES, f"make the socket {_socket_path(pid, arguments[1]) or 'of a name without a file'}")
    if name in ("open", "openat", "creat"):
        return Notice(FILES, f"write {_path(pid, arguments[1 if name == 'openat' else 0])}")
    if name in ("fchmod", "fchown", "fsetxattr", "fremovexattr") or (name == "utimensat" and not arguments[1]):
        return Notice(FILES, f"{name} {_link(f'/proc/{pid}/fd/{_signed(arguments[0])}') or _UNNAMED}")
    takes_folder = (name.endswith("at") and name != "symlinkat") or name in {"renameat2", "fchmodat2", "file_setattr"}
    return Notice(FILES, f"{name} {_path(pid, arguments[1 if takes_folder else 0])}")


def _reach(pid: int, name: str, arguments: list[int]) -> str:
    if name == "connect":
        return f"connect to {_address(pid, arguments[1])}"
    if name == "sendto":
        return f"send to {_address(pid, arguments[4])}"
    if name.startswith("socket"):
        return "open a datagram or raw socket, as the look-up of a host's name does"
    return "connect and send at once"


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""


def _exists(pid: int, address: int) -> bool:
    # Path.exists() raises where a folder of PATH may not be searched, or a name is too long.
    return os.path.exists(Path(_link(f"/proc/{pid}/cwd"), _path(pid, address)))  # noqa: PTH110


def _socket_path(pid: int, address: int) -> str:
    """Return the path that a local socket's address names, absolute; nothing when it names none."""
    path = _path(pid, address + 2)
    return str(Path(_link(f"/proc/{pid}/cwd"), path)) if path != _UNNAMED else ""


def _binds_below(folder: str, pid: int, address: int) -> bool:
    if _family(pid, address) != socket.AF_UNIX or not (path := _socket_path(pid, address)):
        return False
    try:
        return Path(path).parent.resolve().is_relative_to(Path(folder).resolve())
    except (OSError, RuntimeError):  # a circle of links
        return False


def _memory(pid: int, address: int, size: int) -> bytes:
    try:
        with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            return os.pread(memory.fileno(), size, address)
    except (OSError, OverflowError):
        return b""


def _path(pid: int, address: int) -> str:
    # Never across the end of a page at once: the next one may not be mapped.
    found = _memory(pid, address, _LONGEST_PATH - address % _LONGEST_PATH)
    if b"\0" not in found:
        found += _memory(pid, address + len(found), _LONGEST_PATH)
    return found.partition(b"\0")[0].decode(errors="replace") or _UNNAMED


def _family(pid: int, address: int) -> int:
    found = _memory(pid, address, 2)
    return struct.unpack("=H", found)[0] if len(found) == 2 else -1


def _address(pid: int, address: int) -> str:
    family = _family(pid, address)
    if family not in (socket.AF_INET, socket.AF_INET6):
        return "another process"
    size, offset = (4, 4) if family == socket.AF_INET else (16, 8)
    port, host = _memory(pid, address + 2, 2), _memory(pid, address + offset, size)
    if (len(port), len(host)) != (2, size):  # it gave an address that ends outside its memory, or is gone
        return "an address that cannot be read"
    name = socket.inet_ntop(family, host)
    return f"{name if size == 4 else f'[{name}]'}:{int.from_bytes(port, 'big')}"
