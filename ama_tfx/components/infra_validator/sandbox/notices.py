"""What the filter asks: read, deny, and remember."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from . import seccomp
from .system_calls import Machine

_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_QUESTION = struct.Struct("=QIIiIQ6Q")
_ANSWER = struct.Struct("=QqiI")
_CONTINUE = 1
_LONGEST_PATH = 4096

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
        may_exec: How many more programs may be started in place of the process.
    """

    descriptor: int
    machine: Machine
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
        if name == "execve" and self.may_exec:
            self.may_exec -= 1
            return self._reply(identity, 0, _CONTINUE)
        family = _family(pid, arguments[1]) if name in seccomp.REACHES_OUT else None
        if name == "bind" and family == socket.AF_UNIX:
            return self._reply(identity, 0, _CONTINUE)
        notice = None if _is_harmless(name, family) else _describe(pid, name, arguments)
        self._reply(identity, -errno.EPERM, 0)
        return notice

    def _reply(self, identity: int, error: int, flags: int) -> None:
        try:
            fcntl.ioctl(self.descriptor, _SEND, _ANSWER.pack(identity, 0, error, flags))
        except OSError as failure:
            if failure.errno != errno.ENOENT:  # ENOENT: killed while it asked
                raise

    def close(self) -> None:
        """Close the descriptor; whoever asks from now on is refused by the kernel."""
        os.close(self.descriptor)


def _is_harmless(name: str, family: int | None) -> bool:
    """Denied without a word: libc asking its name service, gRPC trying whether there is an IPv6 loopback."""
    return (name == "connect" and family == socket.AF_UNIX) or name == "bind"


def _describe(pid: int, name: str, arguments: list[int]) -> Notice:
    if name == "connect":
        return Notice(NETWORK, f"connect to {_address(pid, arguments[1])}")
    if name == "sendto":
        return Notice(NETWORK, f"send to {_address(pid, arguments[4])}")
    if name == "socket":
        return Notice(NETWORK, "open a datagram or raw socket, as the look-up of a host's name does")
    if name in ("clone", *seccomp.STARTS_PROCESSES):
        return Notice(PROCESSES, "start a program" if name.startswith("exec") else "start a process")
    if name in ("open", "openat", "creat"):
        return Notice(FILES, f"write {_path(pid, arguments[1 if name == 'openat' else 0])}")
    takes_folder = (name.endswith("at") and name != "symlinkat") or name in {"renameat2", "fchmodat2"}
    return Notice(FILES, f"{name} {_path(pid, arguments[1 if takes_folder else 0])}")


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
    return found.partition(b"\0")[0].decode(errors="replace") or "a file"


def _family(pid: int, address: int) -> int:
    found = _memory(pid, address, 2)
    return struct.unpack("=H", found)[0] if len(found) == 2 else -1


def _address(pid: int, address: int) -> str:
    family = _family(pid, address)
    if family == socket.AF_INET:
        (port,), host = struct.unpack("!H", _memory(pid, address + 2, 2)), _memory(pid, address + 4, 4)
        return f"{socket.inet_ntop(family, host)}:{port}"
    if family == socket.AF_INET6:
        (port,), host = struct.unpack("!H", _memory(pid, address + 2, 2)), _memory(pid, address + 8, 16)
        return f"[{socket.inet_ntop(family, host)}]:{port}"
    return "another process"
