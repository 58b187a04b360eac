"""Running ``ama`` in the test's own process: the way from arguments to exit code is the console script's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ama_tfx.cli.app import root

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err)["error"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty AMA_HOME, and an empty folder to be in."""
    for name in [name for name in os.environ if name.startswith("AMA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AMA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AMA_ACTOR", "ann")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The folder that commands run in."""
    return tmp_path / "work"


@pytest.fixture
def ama(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run a command and return how it ended; ``code`` is how it is expected to."""

    def run(*args: str, code: int = 0) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            root.main(list(args))
        done = Done(int(end.value.code or 0), *capsys.readouterr())
        assert done.code == code, f"ama {' '.join(args)}: {done}"
        return done

    return run


@pytest.fixture
def write(work: Path) -> Callable[..., None]:
    """Write files, each with its name as content unless another is given."""

    def write_files(*names: str, content: str | None = None) -> None:
        for name in names:
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name if content is None else content)

    return write_files


@pytest.fixture
def upload(ama: Callable[..., Done], write: Callable[..., None]) -> Callable[..., Done]:
    """Register files, made when missing, as a version."""

    def upload_files(asset: str, *names: str, alias: str | None = None) -> Done:
        write(*(name for name in names if not Path(name).exists()))
        ama("init", asset)
        ama("add", *names)
        if alias:
            ama("set", "--alias", alias)
        return ama("upload")

    return upload_files


@pytest.fixture
def assert_nothing_registered(ama: Callable[..., Done], home: Path) -> Callable[[], None]:
    """Check that no version is visible: there is no registry, or it is empty."""

    def check() -> None:
        if (home / "registry").exists():
            assert ama("list", "--all", "--json").document == []

    return check


@pytest.fixture
def script(home: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the console script in a process of its own."""

    def run(*args: str, **settings: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(BIN / "ama"), *args], **{"capture_output": True, "text": True, **settings})

    return run


@pytest.fixture
def normal(tmp_path: Path) -> Callable[[Any], Any]:
    """Replace what differs from run to run in a document or a text."""

    def replace(value: Any) -> Any:
        if not isinstance(value, str):
            return json.loads(replace(json.dumps(value)))
        value = value.replace(str(tmp_path), "TMP")
        value = re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", value)
        value = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", "TIME", value)
        return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "TIME", value)

    return replace
