"""The sandbox by itself: what a server may do, what it may not, and what is known of it afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

pytest.importorskip("tfx")
from infra_kernel import needs_landlock, needs_watching

from ama_tfx.components.infra_validator import ServingLimits, serving
from ama_tfx.components.infra_validator.sandbox import seccomp, system_calls
from ama_tfx.errors import BackendError


@pytest.fixture(scope="module")
def sandbox():
    with serving.Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def run(sandbox, tmp_path):
    """A function that runs a program in the sandbox, in the place of a model server, until it has ended."""

    def run(code, **limits):
        program = tmp_path / "program"
        program.write_text(f"#!{sys.executable} -S\n{textwrap.dedent(code)}\n")
        program.chmod(0o755)
        (tmp_path / "kept").write_text("kept")
        served = sandbox.serve(tmp_path, "m", ServingLimits(**limits), str(program))
        deadline = time.monotonic() + 60
        while served.alive and time.monotonic() < deadline:
            time.sleep(0.005)
            served = sandbox.state()
        assert not served.alive
        return served

    return run


FORBIDDEN = {
    "open('{kept}', 'w')": ("files", "write {kept}"),
    "open('{kept}', 'a')": ("files", "write {kept}"),
    "os.open('{kept}', os.O_RDONLY | os.O_TRUNC)": ("files", "write {kept}"),
    "os.truncate('{kept}', 0)": ("files", "truncate {kept}"),
    "os.rename('{kept}', '{kept}2')": ("files", "rename {kept}"),
    "os.unlink('{kept}')": ("files", "unlink {kept}"),
    "os.mkdir('{kept}2')": ("files", "mkdir {kept}2"),
    "os.symlink('/etc', '{kept}2')": ("files", "symlink /etc"),
    "os.link('{kept}', '{kept}2')": ("files", "link {kept}"),
    "os.chmod('{kept}', 0o777)": ("files", "chmod {kept}"),
    "socket.create_connection(('127.0.0.1', 9))": ("network", "connect to 127.0.0.1:9"),
    "socket.socket(socket.AF_INET6).connect(('::1', 9))": ("network", "connect to [::1]:9"),
    "socket.socket(type=socket.SOCK_DGRAM)": ("network", "open a datagram or raw socket"),
    "socket.socket().sendmsg([b'x'], [], socket.MSG_FASTOPEN, ('127.0.0.1', 9))": (
        "network",
        "connect and send at once",
    ),
    "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)": ("network", "open a datagram or raw socket"),
    "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)": ("network", "open a datagram or raw socket"),
    "socket.socket(socket.AF_UNIX).bind('{kept}2')": ("files", "make the socket {kept}2"),
    "socket.socket(socket.AF_UNIX).bind(chr(0) + 'abstract')": ("files", "make the socket of a name without a file"),
    "os.fchmod(os.open('{kept}', 0), 0o777)": ("files", "fchmod {kept}"),
    "os.fchown(os.open('{kept}', 0), os.getuid(), -1)": ("files", "fchown {kept}"),
    "os.utime('{kept}', (1, 1))": ("files", "utimensat {kept}"),
    "os.utime(os.open('{kept}', 0), (1, 1))": ("files", "utimensat {kept}"),
    "os.setxattr(os.open('{kept}', 0), 'user.x', b'1')": ("files", "fsetxattr {kept}"),
    "os.removexattr(os.open('{kept}', 0), 'user.x')": ("files", "fremovexattr {kept}"),
    "os.removexattr('{kept}', 'user.x', follow_symlinks=False)": ("files", "lremovexattr {kept}"),
    "libc.open_by_handle_at(0, 0, 0)": ("files", "open_by_handle_at"),
    "os.kill(os.getppid(), 0)": ("processes", "kill process "),
    "os.kill(-1, 0)": ("processes", "kill process -1"),
    "os.kill(0, 15)": ("processes", "kill process 0"),
    "resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE)": ("processes", "prlimit64 process "),
    "os.setpriority(os.PRIO_PROCESS, os.getppid(), 5)": ("processes", "setpriority process "),
    "os.sched_setaffinity(os.getppid(), [0])": ("processes", "sched_setaffinity process "),
    "libc.prctl(1, 0)": ("processes", "outlive what started it"),
    "libc.process_vm_readv(os.getppid(), 0, 0, 0, 0, 0)": ("processes", "process_vm_readv"),
    "libc.ptrace(16, os.getppid(), 0, 0)": ("processes", "ptrace"),
    "libc.shmget(0, 4096, 0o1600)": ("processes", "shmget"),
    "libc.msgget(0, 0o1600)": ("processes", "msgget"),
    "libc.semget(0, 1, 0o1600)": ("processes", "semget"),
    "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)": ("network", "open a datagram or raw socket"),
    "os.fork()": ("processes", "start a process"),
    "os.system('true')": ("processes", "start a process"),
    "os.execv('/bin/true', ['true'])": ("processes", "start a program"),
}


@needs_watching
@pytest.mark.parametrize("statement", FORBIDDEN)
def test_what_a_server_may_not_do_is_denied_ends_it_and_is_told(run, tmp_path, statement):
    kind, what = (text.format(kept=tmp_path / "kept") for text in FORBIDDEN[statement])
    start = "import ctypes, os, resource, socket\nlibc = ctypes.CDLL(None)\n"
    served = run(start + statement.format(kept=tmp_path / "kept"))
    (notice,) = served.notices
    assert notice["kind"] == kind
    assert notice["what"].startswith(what)
    assert (served.kind, served.cause) == (kind, f"it tried to {notice['what']}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "program"]
    assert (tmp_path / "kept").read_text() == "kept"
    assert (tmp_path / "kept").stat().st_mode & 0o777 != 0o777


def test_what_a_server_needs_is_allowed(run):
    served = run("""
        import mmap, os, resource, signal, socket, threading
        thread = threading.Thread(target=print, args=["a thread"]); thread.start(); thread.join()
        assert "root" in open("/etc/passwd").read()
        listener = socket.socket(socket.AF_UNIX); listener.bind("here"); listener.listen()
        near, far = socket.socketpair(); near.sendall(b"x"); assert far.recv(1) == b"x"
        mmap.mmap(-1, 1 << 20)
        signal.pthread_kill(threading.get_ident(), 0); os.kill(os.getpid(), 0)
        resource.prlimit(os.getpid(), resource.RLIMIT_NOFILE)
        os.sched_setaffinity(threading.get_native_id(), os.sched_getaffinity(0))
        print(os.getcwd() == os.environ["HOME"] == os.environ["TMPDIR"])
    """)
    assert served.notices == []
    assert (served.exit["code"], served.kind) == (0, "")
    assert served.log.splitlines() == ["a thread", "True"]


@needs_watching
@pytest.mark.parametrize(
    "statement",
    [
        "os.memfd_create('x')",
        "libc.name_to_handle_at(-100, b'/', 0, 0, 0) and exec('raise PermissionError')",
        "socket.socket(socket.AF_INET6).bind(('::1', 0))",
        "fcntl.fcntl(0, 8, os.getppid())",
        "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
        "socket.socket().bind(('127.0.0.1', 0))",
        "libc.umount2(b'/proc', 2) and exec('raise PermissionError')",
        "libc.unshare(0x10000000) and exec('raise PermissionError')",
    ],
)
def test_what_a_library_tries_by_itself_is_denied_without_blame(run, statement):
    served = run(f"""
        import ctypes, fcntl, os, socket
        libc = ctypes.CDLL(None)
        try:
            {statement}
        except PermissionError:
            print("denied")
    """)
    assert served.notices == []
    assert served.log == "denied\n"


@pytest.mark.parametrize(
    ("code", "limits", "kind", "cause"),
    [
        ("while True: pass", {"cpu_seconds": 1}, "cpu", "its limit is 1 s"),
        ("import time; time.sleep(600)", {"total_seconds": 0.2}, "time", "everything took longer than 0.2 s"),
        ("x = bytearray(b'x') * (300 << 20); input()", {"memory_mib": 100}, "memory", "its limit is 100 MiB"),
    ],
)
def test_a_server_that_uses_more_than_its_limits_is_ended(run, code, limits, kind, cause):
    served = run(f"{code}\nimport time; time.sleep(600)", **limits)
    assert served.kind == kind
    assert cause in served.cause


def test_memory_is_the_programs_own_and_not_that_of_what_started_it(run):
    served = run("x = bytearray(b'x') * (50 << 20)\nimport time; time.sleep(0.3)")
    assert 50 << 20 < served.peak_bytes < 100 << 20
    assert 50 << 20 < served.model_bytes < 100 << 20


@pytest.mark.parametrize("machine", system_calls.MACHINES)
def test_a_filter_can_be_written_for_each_machine_that_is_known(machine):
    code = seccomp.program(system_calls.MACHINES[machine], 4711)
    assert len(code) % 8 == 0
    assert 50 < len(code) // 8 < 1000  # jumps have 8 bits, programs at most 4096 instructions


@needs_watching
def test_a_script_of_a_shell_may_become_the_program_once(sandbox, tmp_path):
    script = tmp_path / "script"
    again = "import os; print('is the program', flush=True); os.execv('/bin/true', ['true'])"
    script.write_text(f'#!/usr/bin/env sh\nexec {sys.executable} -S -c "{again}"\n')
    script.chmod(0o755)
    served = sandbox.serve(tmp_path, "m", ServingLimits(), str(script))
    deadline = time.monotonic() + 60
    while served.alive and time.monotonic() < deadline:
        served = sandbox.state()
    assert served.log == "is the program\n"
    assert served.cause == "it tried to start a program"


@needs_landlock
def test_what_a_server_can_read_is_the_model_python_and_the_system(run, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "file"
    other.write_text("of somebody else")
    served = run(f"""
        import os
        for path in ("/etc/passwd", "/proc/self/status", "/sys/devices/system/cpu/online", os.__file__):
            assert open(path, "rb").read(1), path
        for path in ("/etc/shadow", "{other}", f"/proc/{{os.getppid()}}/environ", f"/proc/{{os.getppid()}}/cmdline"):
            try:
                print(open(path, "rb").read())
            except PermissionError:
                print("denied")
    """)
    assert served.log == "denied\n" * 4
    assert served.unconfined == ""


@needs_landlock
def test_where_nothing_watches_writing_is_still_denied_outside_of_the_server_s_folder(tmp_path):
    """Without a filter of system calls, as in containers that forbid it."""
    home = tmp_path / "home"
    home.mkdir()
    code = """
        import sys; sys.path.insert(0, sys.argv[1])
        from sandbox import landlock
        landlock.restrict(landlock.of_python(), [sys.argv[2]])
        open(sys.argv[2] + "/inside", "w").close()
        try:
            open(sys.argv[2] + "/../outside", "w").close()
        except PermissionError:
            print("denied")
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(Path(seccomp.__file__).parents[1]), str(home)]
    assert subprocess.run(command, capture_output=True, check=True, text=True).stdout == "denied\n"
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["home", "inside"]


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED HERE: only root has privileges to lose")
def test_root_s_privileges_are_given_up_but_those_to_read(run):
    served = run("print([line for line in open('/proc/self/status') if line.startswith('CapEff')][0].split()[1][-2:])")
    assert int(served.log, 16) & ~0b110 == 0


def test_a_module_that_raises_is_told_and_the_supervisor_lives_on(tmp_path, monkeypatch):
    (tmp_path / "broken_operations.py").write_text("raise ValueError('no such kernel')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with serving.Sandbox() as sandbox:
        with pytest.raises(BackendError, match="ValueError: no such kernel"):
            sandbox.load_modules(["broken_operations"])
        sandbox.load_modules(["json"])


def test_a_program_that_is_not_there_leaves_no_process(tmp_path):
    with serving.Sandbox() as sandbox:
        with pytest.raises(BackendError, match="No such file"):
            sandbox.serve(tmp_path, "m", ServingLimits(), str(tmp_path / "gone"))
        pid = sandbox._process.pid
        assert Path(f"/proc/{pid}/task/{pid}/children").read_text() == ""
