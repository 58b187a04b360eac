"""A container engine for tests, and images for it that no image registry is asked for.

An engine that runs already is used; else a private podman is started in a temporary folder, with its own images, socket
and settings, and removed with all that is in it.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ama_tfx

REQUIRE = "AMA_REQUIRE_CONTAINERS"
"""With ``1``, a missing engine fails the tests that need one instead of skipping them."""

# Without both limits, runc is refused them where the engine itself runs in a container (measured with podman 4.3).
_SETTINGS = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
netns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
events_logfile_path = "{folder}/events"
"""
_START_SECONDS = 60
_PROGRAMS = ("podman", "runc")
_LIBRARY = re.compile(r"(?:=>|^)\s+(/\S+) \(", re.MULTILINE)
_NOT_NEEDED = {
    "__pycache__",
    "test",
    "tests",
    "idlelib",
    "ensurepip",
    "lib2to3",
    "tkinter",
    "site-packages",
    "config-3.10",
}
_PACKAGES = "/usr/lib/ama"
_AMA = f"""#!/bin/sh
PYTHONPATH={_PACKAGES} exec python3 -c 'from ama_tfx.cli import main; main()' "$@"
"""


class ContainerEngine:
    """An engine that speaks Docker's API.

    Attributes:
        url: Where it answers.
        environment: Variables that let a run find and use it.
    """

    def __init__(self, url: str, environment: dict[str, str] | None = None) -> None:
        self.url = url
        self.environment = {"DOCKER_HOST": url, **(environment or {})}
        self._not_ours: frozenset[str] = frozenset()
        self._not_ours = frozenset(self.containers())

    @contextlib.contextmanager
    def client(self) -> Iterator[Any]:
        """Give a client of the engine."""
        import docker  # type: ignore[import-untyped]

        with contextlib.closing(docker.DockerClient(base_url=self.url, timeout=600)) as client:
            yield client

    def build(self, files: dict[str, str | Path], settings: tuple[str, ...] = ()) -> str:
        """Make an image of files alone, with busybox; return its name.

        Args:
            files: Path in the image -> its text, or where a tar lies that is unpacked there.
            settings: Further lines of its Dockerfile: ``USER 65534``.
        """
        name = f"localhost/ama-test-{uuid.uuid4().hex[:12]}:1"
        with tempfile.TemporaryDirectory(prefix="ama-image-") as folder, self.client() as client:
            lines = ["FROM scratch", "ADD busybox.tar /", "ENV PATH=/usr/local/bin:/usr/bin:/bin"]
            _write_busybox(Path(folder, "busybox.tar"))
            for number, (path, content) in enumerate(files.items()):
                part = Path(folder, f"{number}.tar" if isinstance(content, Path) else str(number))
                if isinstance(content, Path):
                    os.link(content, part)
                else:
                    part.write_text(content)
                    part.chmod(0o755)
                lines.append(f"ADD {part.name} {path}")
            Path(folder, "Dockerfile").write_text("\n".join([*lines, *settings, ""]))
            client.images.build(path=folder, tag=name, rm=True, forcerm=True)
        return name

    def build_python(self) -> str:
        """Make an image with this Python, busybox and the light ama-tfx, whose command is ``ama``; return its name."""
        with tempfile.TemporaryDirectory(prefix="ama-rootfs-") as folder:
            rootfs = Path(folder, "rootfs.tar")
            _write_python(rootfs)
            return self.build({"/": rootfs, "/usr/local/bin/ama": _AMA})

    def containers(self) -> list[str]:
        """Return the names of the containers, running or not, that were not there when this object was made."""
        with self.client() as client:
            found = [container.name for container in client.containers.list(all=True)]
        return [name for name in found if name not in self._not_ours]

    def remove_image(self, name: str) -> None:
        """Remove an image and what was made of it."""
        with self.client() as client:
            client.images.remove(name, force=True)


@contextlib.contextmanager
def container_engine() -> Iterator[ContainerEngine | None]:
    """Give an engine: the one that runs, else a private podman, else None; remove all that was made."""
    running = _running()
    if running is not None:
        yield ContainerEngine(running)
        return
    if not all(shutil.which(program) for program in _PROGRAMS) or not Path("/bin/busybox").exists():
        yield None
        return
    with _private_podman() as url:
        # A bridge needs iptables; the tests' containers need no network of their own.
        yield ContainerEngine(url, {"AMA_CONTAINER_NETWORK": "host"}) if url else None


def why_no_engine() -> str:
    """Return what to do about a missing engine."""
    return (
        "no container engine answers (DOCKER_HOST, /var/run/docker.sock, podman's sockets), and none can be started "
        "with podman, runc and busybox; on Debian: apt-get install podman runc netavark busybox-static"
    )


def _running() -> str | None:
    from ama_tfx.errors import BackendError
    from ama_tfx.orchestration.engines import find_engine

    try:
        return find_engine()
    except BackendError:
        return None


@contextlib.contextmanager
def _private_podman() -> Iterator[str | None]:
    from ama_tfx.orchestration.engines import answers

    folder = Path(tempfile.mkdtemp(prefix="ama-podman-"))  # short: a socket's path has at most 107 bytes
    url = f"unix://{folder}/api.sock"
    (folder / "containers.conf").write_text(_SETTINGS.format(folder=folder))
    podman = ["podman", "--root", str(folder / "storage"), "--runroot", str(folder / "run")]
    environment = {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")}
    with (folder / "log").open("wb") as log:
        command = [*podman, "system", "service", "--time=0", url]
        service = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        end = time.monotonic() + _START_SECONDS
        while service.poll() is None and time.monotonic() < end and not answers(url):
            time.sleep(0.05)
        yield url if service.poll() is None and answers(url) else None
    finally:
        for last in (["rm", "--all", "--force", "--time=0"], ["unmount", "--all", "--force"]):
            subprocess.run([*podman, *last], env=environment, capture_output=True, check=False)
        service.terminate()
        service.wait(_START_SECONDS)
        subprocess.run(["umount", "-q", str(folder / "storage" / "overlay")], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _write_busybox(target: Path) -> None:
    applets = subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout.split()
    with tarfile.open(target, "w") as tar:
        tar.add(Path("/bin/busybox").resolve(), "bin/busybox")
        for name in applets:
            if name != "busybox":
                _add_link(tar, f"bin/{name}", "busybox")
        for name in ("tmp", "usr/bin", "usr/local/bin"):
            _add_folder(tar, name, 0o1777 if name == "tmp" else 0o755)


def _write_python(target: Path) -> None:
    """Write a tar with this interpreter, its standard library, the C libraries it needs, and the light package."""
    prefix = Path(sys.base_prefix)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library, interpreter = prefix / "lib" / version, prefix / "bin" / version
    with tarfile.open(target, "w") as tar:
        tar.add(interpreter, str(interpreter)[1:])
        _add_link(tar, "usr/bin/python3", str(interpreter))
        tar.add(library, str(library)[1:], filter=_kept)
        package = Path(ama_tfx.__file__).parent
        tar.add(package, f"{_PACKAGES[1:]}/ama_tfx", filter=_kept)
        site = _site_packages()
        for path in _light_files(site):
            tar.add(site / path, f"{_PACKAGES[1:]}/{path}", recursive=False)
        shared = [interpreter, *library.glob("lib-dynload/*.so"), *(site / p for p in _light_files(site) if ".so" in p)]
        for found in sorted(_libraries(shared)):
            tar.add(Path(found).resolve(), found[1:])


def _kept(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = member.name.split("/")
    return None if _NOT_NEEDED & set(parts) or member.name.endswith(".a") else member


def _site_packages() -> Path:
    import numpy

    return Path(numpy.__file__).parents[1]


def _light_files(site: Path) -> list[str]:
    """Return the files of the packages that ama-tfx itself needs, as their own records name them."""
    from importlib import metadata

    wanted, seen = ["ama-tfx"], set()
    files: list[str] = []
    while wanted:
        name = re.split(r"[^A-Za-z0-9_.-]", wanted.pop(), maxsplit=1)[0].lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        with contextlib.suppress(metadata.PackageNotFoundError):  # one of another platform or Python
            found = metadata.distribution(name)
            wanted += [line for line in found.requires or () if "extra ==" not in line]
            files += [str(path) for path in found.files or () if name != "ama-tfx"]
    parts = [(path, Path(path).parts) for path in files]
    return [
        p for p, names in parts if ".." not in names and not {"tests", "__pycache__"} & {*names} and (site / p).exists()
    ]


def _libraries(programs: list[Path]) -> set[str]:
    """Return the C libraries that programs and modules load, with the loader."""
    found = {"/lib64/ld-linux-x86-64.so.2"} if Path("/lib64/ld-linux-x86-64.so.2").exists() else set()
    told = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    return found | set(_LIBRARY.findall(told))


def _add_link(tar: tarfile.TarFile, name: str, target: str) -> None:
    link = tarfile.TarInfo(name)
    link.type, link.linkname = tarfile.SYMTYPE, target
    tar.addfile(link)


def _add_folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    folder = tarfile.TarInfo(name)
    folder.type, folder.mode = tarfile.DIRTYPE, mode
    tar.addfile(folder, io.BytesIO())
