"""Emulators of object stores: real servers on loopback ports, from an environment of their own."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAMS = {
    "moto": ROOT / ".tools/emulators/python/bin/moto_server",
    "azurite": ROOT / ".tools/emulators/npm/node_modules/.bin/azurite-blob",
    "gcp": ROOT / ".tools/emulators/python/bin/gcp-storage-emulator",
}
START_SECONDS = 60


def program(name: str) -> Path:
    """Return an emulator's program; where it is not installed, skip loudly, or fail when AMA_REQUIRE_EMULATORS=1."""
    path = PROGRAMS[name]
    if path.exists():
        return path
    reason = f"{path.relative_to(ROOT)} is not there; run: scripts/emulators.sh"
    if os.environ.get("AMA_REQUIRE_EMULATORS") == "1":
        pytest.fail(f"AMA_REQUIRE_EMULATORS=1, but {reason}")
    pytest.skip(f"{name} NOT TESTED: {reason}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def running(command: Sequence[str | Path], url: str, folder: Path) -> Iterator[None]:
    """Run a server until the block ends; its output goes to a file in the folder."""
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(map(str, command)), stdout=output, stderr=subprocess.STDOUT, cwd=folder, start_new_session=True
        )
        try:
            _wait_for_answer(process, url, log)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for_answer(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if _answers(url):
            return
        time.sleep(0.1)
    pytest.fail(f"emulator {process.args!r} did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()  # any answer is one
    except OSError:
        return False
    return True
