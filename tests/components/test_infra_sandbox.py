"""The sandbox by itself: what a server may do, what it may not, and what is known of it afterwards."""

from __future__ import annotations

import sys
import textwrap
import time

import pytest

pytest.importorskip("tfx")
from ama_tfx.components.infra_validator import ServingLimits, serving
from ama_tfx.components.infra_validator.sandbox import seccomp, system_calls


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
    "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)": ("network", "open a datagram or raw socket"),
    "os.fork()": ("processes", "start a process"),
    "os.system('true')": ("processes", "start a process"),
    "os.execv(sys.argv[0], sys.argv)": ("processes", "start a program"),  # again and again: a few times are allowed
}


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_what_a_server_may_not_do_is_denied_ends_it_and_is_told(run, tmp_path, statement):
    kind, what = (text.format(kept=tmp_path / "kept") for text in FORBIDDEN[statement])
    served = run("import os, socket, sys\n" + statement.format(kept=tmp_path / "kept"))
    (notice,) = served.notices
    assert notice["kind"] == kind
    assert notice["what"].startswith(what)
    assert (served.kind, served.cause) == (kind, f"it tried to {notice['what']}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "program"]
    assert (tmp_path / "kept").read_text() == "kept"
    assert (tmp_path / "kept").stat().st_mode & 0o777 != 0o777


def test_what_a_server_needs_is_allowed(run):
    served = run("""
        import mmap, os, socket, threading
        thread = threading.Thread(target=print, args=["a thread"]); thread.start(); thread.join()
        assert "root" in open("/etc/passwd").read()
        listener = socket.socket(socket.AF_UNIX); listener.bind("here"); listener.listen()
        near, far = socket.socketpair(); near.sendall(b"x"); assert far.recv(1) == b"x"
        mmap.mmap(-1, 1 << 20)
        print(os.getcwd() == os.environ["HOME"] == os.environ["TMPDIR"])
    """)
    assert served.notices == []
    assert (served.exit["code"], served.kind) == (0, "")
    assert served.log.splitlines() == ["a thread", "True"]


@pytest.mark.parametrize(
    "statement",
    [
        "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock')",
        "socket.socket().bind(('127.0.0.1', 0))",
        "ctypes.CDLL(None, use_errno=True).unshare(0x10000000) and exec('raise PermissionError')",
    ],
)
def test_what_a_library_tries_by_itself_is_denied_without_blame(run, statement):
    served = run(f"""
        import ctypes, socket
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
    code = seccomp.program(system_calls.MACHINES[machine])
    assert len(code) % 8 == 0
    assert 50 < len(code) // 8 < 250  # jumps have 8 bits, programs at most 4096 instructions
