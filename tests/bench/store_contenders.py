"""The store of ama and its peers behind one contract: how each puts versions, and how it gives them back."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.bench.store_job import Input
from tests.bench.store_running import ROOT, Command, run

PEERS = ROOT / ".tools" / "peers"


@dataclass(frozen=True, slots=True)
class Contender:
    """A tool at work in a folder of its own; by itself it is ``cp -r``.

    Attributes:
        work: The folder; what is in ``store`` is what it keeps.
    """

    work: Path

    @property
    def store(self) -> Path:
        return self.work / "store"

    @property
    def restored(self) -> Path:
        """Where `get` puts each version, in a folder of its name."""
        return self.work / "restored"

    @classmethod
    def is_here(cls) -> bool:
        """Return whether it is installed."""
        return True

    def begin(self) -> None:
        """Make an empty store; not measured."""
        self.store.mkdir()

    def before_put(self, source: Input, versions: list[str]) -> None:
        """Bring versions to where the tool wants its files to be; not measured."""

    def put(self, source: Input, versions: list[str]) -> list[Command]:
        """Return what stores versions."""
        return [Command(("cp", "-r", str(source.folder / v), str(self.store / v))) for v in versions]

    def before_get(self, versions: list[str]) -> None:
        """Prepare an empty place to restore to; not measured."""
        self.restored.mkdir()

    def get(self, versions: list[str]) -> list[Command]:
        """Return what restores versions."""
        return [Command(("cp", "-r", str(self.store / v), str(self.restored / v))) for v in versions]


@dataclass(frozen=True, slots=True)
class _Script(Contender):
    """A contender of which this folder has a script with two verbs."""

    def command(self, *arguments: str) -> Command:
        raise NotImplementedError

    def put(self, source: Input, versions: list[str]) -> list[Command]:
        return [self.command("put", str(self.store), str(source.folder), *versions)]

    def get(self, versions: list[str]) -> list[Command]:
        return [self.command("get", str(self.store), str(self.restored), *versions)]


class Ama(_Script):
    """Ours."""

    def command(self, *arguments: str) -> Command:
        return Command((sys.executable, "-m", "tests.bench.store_ama", *arguments))


class HfXet(_Script):
    """The chunk store of the Hugging Face Hub, with its local back end."""

    @classmethod
    def is_here(cls) -> bool:
        return (PEERS / "hf_xet").exists()

    def command(self, *arguments: str) -> Command:
        script = ROOT / "tests" / "bench" / "store_hf_xet.py"
        home = {"HF_HOME": str(self.work / "home"), "HF_HUB_OFFLINE": "1"}
        return Command((str(PEERS / "hf_xet/bin/python"), str(script), *arguments), environment=home)


class Mlflow(_Script):
    """``log_artifacts`` into a folder."""

    @classmethod
    def is_here(cls) -> bool:
        return (PEERS / "mlflow").exists()

    def command(self, *arguments: str) -> Command:
        script = ROOT / "tests" / "bench" / "store_mlflow.py"
        allowed = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}
        return Command((str(PEERS / "mlflow/bin/python"), str(script), *arguments), environment=allowed)


class Restic(Contender):
    """With its defaults: zstd, chunks of about a megabyte, and encryption, which cannot be turned off."""

    @classmethod
    def is_here(cls) -> bool:
        return shutil.which("restic") is not None

    def begin(self) -> None:
        run([self._command("init")])

    def put(self, source: Input, versions: list[str]) -> list[Command]:
        return [self._command("backup", "--tag", v, ".", folder=source.folder / v) for v in versions]

    def get(self, versions: list[str]) -> list[Command]:
        return [self._command("restore", "latest", "--tag", v, "--target", str(self.restored / v)) for v in versions]

    def _command(self, *arguments: str, folder: Path = ROOT) -> Command:
        environment = {"RESTIC_PASSWORD": "benchmark", "RESTIC_CACHE_DIR": str(self.work / "cache")}
        return Command(("restic", "--quiet", "--repo", str(self.store), *arguments), folder, environment)


class Borg(Contender):
    """Without encryption, with zstd at level 1 and chunks of about 64 KiB: the best of it on near-copies."""

    @classmethod
    def is_here(cls) -> bool:
        return shutil.which("borg") is not None

    def begin(self) -> None:
        run([self._command("init", "--encryption", "none", str(self.store))])

    def put(self, source: Input, versions: list[str]) -> list[Command]:
        options = ("--compression", "zstd,1", "--chunker-params", "14,18,16,4095")
        return [
            self._command("create", *options, f"{self.store}::{v}", ".", folder=source.folder / v) for v in versions
        ]

    def before_get(self, versions: list[str]) -> None:
        for version in versions:
            (self.restored / version).mkdir(parents=True)

    def get(self, versions: list[str]) -> list[Command]:
        return [self._command("extract", f"{self.store}::{v}", folder=self.restored / v) for v in versions]

    def _command(self, *arguments: str, folder: Path = ROOT) -> Command:
        known = {"BORG_BASE_DIR": str(self.work / "home"), "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
        return Command(("borg", *arguments), folder, known)


class Dvc(Contender):
    """``dvc add`` and ``dvc push``; a copy of its metadata pulls, as another machine would."""

    @classmethod
    def is_here(cls) -> bool:
        return (PEERS / "dvc").exists()

    @property
    def workspace(self) -> Path:
        return self.store / "workspace"

    def begin(self) -> None:
        self.workspace.mkdir(parents=True)
        remote = ("remote", "add", "-q", "-d", "remote", str(self.store / "remote"))
        run([self._command("init", "-q", "--no-scm"), self._command("config", "core.analytics", "false")])
        run([self._command(*remote)])

    def before_put(self, source: Input, versions: list[str]) -> None:
        for version in versions:
            shutil.copytree(source.folder / version, self.workspace / version)

    def put(self, source: Input, versions: list[str]) -> list[Command]:
        metadata = [f"{version}.dvc" for version in versions]
        return [self._command("add", "-q", *versions), self._command("push", "-q", *metadata)]

    def before_get(self, versions: list[str]) -> None:
        (self.restored / ".dvc").mkdir(parents=True)
        shutil.copy(self.workspace / ".dvc" / "config", self.restored / ".dvc")
        for version in versions:
            shutil.copy(self.workspace / f"{version}.dvc", self.restored)

    def get(self, versions: list[str]) -> list[Command]:
        return [self._command("pull", "-q", *(f"{v}.dvc" for v in versions), folder=self.restored)]

    def _command(self, *arguments: str, folder: Path | None = None) -> Command:
        environment = {"DVC_NO_ANALYTICS": "1", "HOME": str(self.work)}
        return Command((str(PEERS / "dvc/bin/dvc"), *arguments), folder or self.workspace, environment)


class GitLfs(Contender):
    """``git add``, commit and push to a bare repository beside it; a clone gets everything back."""

    @classmethod
    def is_here(cls) -> bool:
        return shutil.which("git-lfs") is not None

    @property
    def workspace(self) -> Path:
        return self.store / "workspace"

    def begin(self) -> None:
        self.workspace.mkdir(parents=True)
        remote = self.store / "remote.git"
        (self.workspace / ".gitattributes").write_text("* filter=lfs diff=lfs merge=lfs -text\n.git* !filter !diff\n")
        setup = [("lfs", "install", "--skip-repo"), ("config", "--global", "user.email", "bench@localhost")]
        setup += [("config", "--global", "user.name", "bench"), ("init", "-q", "--bare", "-b", "main", str(remote))]
        setup += [("init", "-q", "-b", "main"), ("remote", "add", "origin", f"file://{remote}")]
        setup += [("add", ".gitattributes"), ("commit", "-q", "-m", "begin"), ("push", "-q", "origin", "main")]
        run([self._command(*arguments) for arguments in setup])

    def before_put(self, source: Input, versions: list[str]) -> None:
        for version in versions:
            shutil.copytree(source.folder / version, self.workspace / version)

    def put(self, source: Input, versions: list[str]) -> list[Command]:
        steps = [("add", *versions), ("commit", "-q", "-m", "more"), ("push", "-q", "origin", "main")]
        return [self._command(*arguments) for arguments in steps]

    def before_get(self, versions: list[str]) -> None:
        """Leave the place to ``git clone``."""

    def get(self, versions: list[str]) -> list[Command]:
        return [self._command("clone", "-q", f"file://{self.store}/remote.git", str(self.restored), folder=self.work)]

    def _command(self, *arguments: str, folder: Path | None = None) -> Command:
        settings = {"HOME": str(self.work), "GIT_CONFIG_GLOBAL": f"{self.work}/.gitconfig", "GIT_CONFIG_NOSYSTEM": "1"}
        return Command(("git", *arguments), folder or self.workspace, settings)


CONTENDERS: dict[str, type[Contender]] = {
    "ama": Ama,
    "cp": Contender,
    "hf_xet": HfXet,
    "restic": Restic,
    "borg": Borg,
    "dvc": Dvc,
    "mlflow": Mlflow,
    "git-lfs": GitLfs,
}


def stored_in(contender: Contender) -> list[Path]:
    """Return the folders that hold what is stored: a workspace is the user's, but not what lies in its dot folders."""
    workspace = contender.store / "workspace"
    if not workspace.exists():
        return [contender.store]
    beside = [Path(entry) for entry in os.scandir(contender.store) if entry.name != "workspace"]
    return [*beside, *(workspace / name for name in (".git", ".dvc") if (workspace / name).exists())]
