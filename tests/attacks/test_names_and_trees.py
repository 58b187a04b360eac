"""Attack classes A and B: every hostile name in every place of CLI, Python, manifests and drafts; and trees."""

import contextlib
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from ama_tfx.cli.app import root
from ama_tfx.errors import AmaError, ContentChangedError, FormatError, InvalidInputError
from ama_tfx.registry import (
    AssetName,
    AssetRef,
    Draft,
    Facts,
    FileEntry,
    Manifest,
    Registry,
    WorkingCopy,
    clone,
    switch_version,
)
from ama_tfx.registry.fetching import external_entry
from ama_tfx.storage import Digest
from ama_tfx.testing import TickingClock
from ama_tfx.testing.attacks import HOSTILE_NAMES

SHA256 = "ab" * 32
HARMLESS_ALIASES = {"device", "device in small letters", "device with extension"}
"""An alias is never a file."""
GOOD_URLS = {"http://host/x"}
NO_ARGUMENTS = {"a\0b", "a\ud800b"}
"""What no program can be given as an argument."""

NAMES = [pytest.param(text, id=name) for name, text in HOSTILE_NAMES.items()]
ALIASES = [pytest.param(text, id=name) for name, text in HOSTILE_NAMES.items() if name not in HARMLESS_ALIASES]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with a registry that has model:1, and a working copy, which the process is in."""
    for name in [name for name in os.environ if name.startswith("AMA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AMA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AMA_ACTOR", "ann")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    (tmp_path / "work" / "a.txt").write_text("a")
    registry = Registry(tmp_path / "home" / "registry", create=True, actor="ann", clock=TickingClock())
    registry.register("model", tmp_path / "work" / "a.txt", alias="prod")
    registry.close()
    WorkingCopy.init(tmp_path / "work", AssetName("default", "model")).add([tmp_path / "work" / "a.txt"])
    return tmp_path


@pytest.fixture
def registry(home, open_registry):
    return open_registry(home / "home" / "registry")


def everything(folder):
    """Return what lies in a folder, and what is recorded in its registry and working copy."""
    left = {}
    for path in sorted(folder.rglob("*")):
        if not path.name.startswith(("catalog.db", "index.db")) and path.is_file() and path.name != ".lock":
            left[str(path.relative_to(folder))] = path.read_bytes()
    registry = Registry(folder / "home" / "registry", actor="ann")
    left["history"] = [(entry.at, str(entry.event)) for entry in registry.log("model")]
    left["assets"] = registry.assets()
    registry.close()
    return left


def run(capsys, *args):
    """Run a command; return its exit code, what it printed, and what it said."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        root.main(list(args))
    return int(end.value.code or 0), *capsys.readouterr()


COMMANDS = {
    "init": lambda name: ["init", "--", name],
    "init in a workspace": lambda name: ["init", "model", "--workspace", name],
    "switch": lambda name: ["switch", "--", name],
    "clone": lambda name: ["clone", "--", name],
    "show": lambda name: ["show", "--", name],
    "log": lambda name: ["log", "--", name],
    "download": lambda name: ["download", "--", name],
    "download a path": lambda name: ["download", "model", "--", name],
    "download by alias": lambda name: ["download", "model", "--alias", name],
    "download by version": lambda name: ["download", "model", "--version", name],
    "diff": lambda name: ["diff", "--", f"model:{name}"],
    "add ref": lambda name: ["add", "ref", "--", name],
    "add ref by alias": lambda name: ["add", "ref", "--alias", name],
    "set a tag": lambda name: ["set", "--tag", name],
    "set a property": lambda name: ["set", "--property", f"{name}=1"],
    "set a kind": lambda name: ["set", "--kind", name],
    "remove a tag": lambda name: ["remove", "--tag", name],
    "remove a ref": lambda name: ["remove", "--ref", name],
    "external content": lambda name: [
        *("add", "--external", "https://host/x", "--sha256", SHA256, "--size", "1", "--as", name)
    ],
    "a URL": lambda name: ["add", "--external", name],
}


@pytest.mark.parametrize("name", NAMES)
def test_no_command_takes_a_hostile_name_anywhere(home, capsys, name):
    before = everything(home)
    for place, arguments in COMMANDS.items():
        if place == "a URL" and name in GOOD_URLS:
            continue
        code, out, said = run(capsys, *arguments(name))
        assert code in {2, 3}, (place, code, said)
        assert out == "", place
        assert said.startswith("ama: error: "), place
        assert said.rstrip("\n").isprintable(), place
    assert everything(home) == before


@pytest.mark.parametrize("name", ALIASES)
def test_no_command_sets_a_hostile_alias(home, capsys, name):
    before = everything(home)
    code, out, said = run(capsys, "set", "--alias", name)
    assert (code, out) == (2, "")
    assert said.rstrip("\n").isprintable()
    assert everything(home) == before


@pytest.mark.parametrize("name", NAMES)
def test_no_file_of_a_hostile_name_is_added_and_none_outside(home, capsys, name):
    """Where the file system can hold such a name at all, it is refused; elsewhere it is not found."""
    before = everything(home)
    if name in {".", ""}:
        pytest.skip("the folder itself, and no name")
    if name == "a?/../":
        return  # to `remove` it is the folder itself, written in another way
    for arguments in (["add", "--", name], ["add", "--force", "--", name], ["remove", "--", name]):
        code, out, said = run(capsys, *arguments)
        assert code in {2, 3}, (arguments, said)
        assert out == ""
    assert everything(home) == before


@pytest.mark.parametrize("name", NAMES)
def test_no_draft_with_a_hostile_name_is_read(home, name):
    copy = WorkingCopy.open(home / "work")
    document = json.loads(copy.draft().to_bytes())
    (path,) = (home / "work" / ".ama" / "drafts").iterdir()
    external = {"path": name, "sha256": SHA256, "size_bytes": 1, "url": "https://host/x"}
    for change in (
        {"asset": name},
        {"workspace": name},
        {"files": [name]},
        {"directories": [name]},
        {"links": [name]},
        {"removed": [name]},
        {"tags": [name]},
        {"kind": name},
        {"properties": {name: 1}},
        {"base": f"ama://default/{name}@sha256:{SHA256}"},
        {"external": [external]},
        {"external": [{**external, "path": "x", "url": f"{name}#"}]},
        {"refs": [{"role": name, "written": "model", "target": f"ama://default/model@sha256:{SHA256}"}]},
    ):
        path.write_text(json.dumps({**document, **change}))
        with pytest.raises(FormatError):
            copy.draft()
        with pytest.raises(FormatError):
            copy.upload(Registry(home / "home" / "registry"))


@pytest.mark.parametrize("name", NAMES)
def test_no_manifest_with_a_hostile_name_is_read_or_made(name):
    for make in (
        lambda: Manifest("Files", (FileEntry(name, Digest(SHA256), 1),)),
        lambda: Manifest("Files", (FileEntry("a", Digest(SHA256), 1),), (name,)),
        lambda: Manifest(name, (FileEntry("a", Digest(SHA256), 1),)),
        lambda: Manifest("Files", (FileEntry("a", Digest(SHA256), 1, f"{name}#"),)),
        lambda: Manifest("Files", (FileEntry("a", Digest(SHA256), 1),), properties={name: 1}),
    ):
        with pytest.raises(InvalidInputError):
            make()
    whole = json.loads(Manifest("Files", (FileEntry("a", Digest(SHA256), 1),)).to_bytes())
    ref = {"role": "input", "asset": "default/model", "digest": f"sha256:{SHA256}"}
    for change in (
        {"files": [{"path": name, "sha256": SHA256, "size_bytes": 1}]},
        {"directories": [name]},
        {"kind": name},
        {"refs": [{**ref, "asset": f"default/{name}"}]},
        {"refs": [{**ref, "role": name}]},
    ):
        with pytest.raises(AmaError):
            Manifest.from_bytes(json.dumps({**whole, **change}).encode())


@pytest.mark.parametrize("name", NAMES)
def test_the_python_interface_takes_no_hostile_name(home, registry, name):
    before = everything(home)
    content = home / "work" / "a.txt"
    copy = WorkingCopy.open(home / "work")
    calls = {
        "asset": lambda: registry.register(name, content),
        "path": lambda: registry.register("model", {f"{name}/": content}),
        "tag": lambda: registry.register("model", content, Facts(tags=(name,))),
        "property": lambda: registry.register("model", content, Facts(properties={name: 1})),
        "kind": lambda: registry.register("model", content, Facts(kind=name)),
        "resolve": lambda: registry.resolve(name),
        "versions": lambda: registry.versions(name),
        "log": lambda: registry.log(name),
        "workspace": lambda: Registry(home / "home" / "registry", workspace=name),
        "download": lambda: registry.download(f"model:1/{name}", home / "out"),
        "open": lambda: registry.open(f"model:1/{name}"),
        "clone": lambda: clone(registry, AssetRef.parse(name), home / "out"),
        "switch": lambda: switch_version(copy, registry, AssetRef.parse(name)),
        "set a tag": lambda: copy.set(tags=[name]),
        "external": lambda: external_entry("https://host/x", path=name, sha256=SHA256, size_bytes=1),
        "draft": lambda: Draft(AssetName("default", "model"), files=(name,)),
    }
    taken = []
    for place, call in calls.items():
        with contextlib.suppress(AmaError):
            taken.append((place, call()))
    assert taken == []
    assert everything(home) == before


@pytest.mark.parametrize("name", ALIASES)
def test_the_python_interface_sets_no_hostile_alias(home, registry, name):
    before = everything(home)
    for call in (
        lambda: registry.register("model", home / "work" / "a.txt", alias=name),
        lambda: registry.set_alias("model:1", name),
        lambda: registry.remove_alias("model", name),
        lambda: WorkingCopy.open(home / "work").set(alias=name),
    ):
        with pytest.raises(AmaError):
            call()
    assert everything(home) == before


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_output_is_a_folder_of_that_name_or_refused(home, capsys, name):
    """What a user names as a target is where it goes, and nothing is replaced."""
    if name in {"/etc/passwd", "//host/share", *NO_ARGUMENTS}:
        pytest.skip("a target outside is the user's to name; what is there is kept, see below")
    before = set(home.rglob("*"))
    old = everything(home)
    code, _, said = run(capsys, "download", "model", f"--output={name}")
    assert code in {0, 2, 3, 4, 7}, said
    fresh = [path for path in set(home.rglob("*")) - before if path.name == "a.txt"]
    assert len(fresh) == (1 if code == 0 else 0)
    assert {path: content for path, content in everything(home).items() if path in old} == old


@pytest.mark.parametrize("target", ["/etc/passwd", "/etc", "/"])
def test_a_target_that_holds_something_else_is_kept(home, capsys, target):
    before = Path("/etc/passwd").read_bytes()
    for verb in (["download", "model", "--output", target], ["clone", "model", target]):
        assert run(capsys, *verb)[0] in {2, 3, 4}
    assert Path("/etc/passwd").read_bytes() == before


# --- B. Trees.


def test_a_loop_of_links_is_refused_and_ends(home, capsys):
    work = home / "work"
    (work / "d" / "e").mkdir(parents=True)
    (work / "d" / "f").write_text("f")
    (work / "d" / "e" / "up").symlink_to("..")
    (work / "one").symlink_to("two")
    (work / "two").symlink_to("one")
    before = WorkingCopy.open(work).draft()
    for name in ("d", "one", "two", "."):
        code, _, said = run(capsys, "add", name)
        assert code == 2, (name, said)
    assert WorkingCopy.open(work).draft() == before
    assert run(capsys, "status", "-s")[0] == 0


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))])
def test_fifos_and_devices_are_refused_and_nobody_waits_for_them(home, capsys, make):
    strange = home / "work" / "d" / "strange"
    strange.parent.mkdir()
    (strange.parent / "f").write_text("f")
    try:
        make(strange)
    except PermissionError:
        pytest.skip("NOT TESTED: only root makes devices")
    for arguments in (["add", "d"], ["add", "d/strange"], ["add", "."]):
        assert "it is no regular file" in run(capsys, *arguments)[2]
    assert run(capsys, "status", "-s")[:2] == (0, "A  a.txt\n?? d/\n")
    assert run(capsys, "find", "d/strange")[0] == 2


def test_a_fifo_in_the_place_of_a_file_that_was_added_is_refused(home, capsys):
    (home / "work" / "a.txt").unlink()
    os.mkfifo(home / "work" / "a.txt")
    assert run(capsys, "upload")[0] == 2
    assert run(capsys, "status", "-s")[1] == "AD a.txt\n"


def test_bits_that_give_rights_are_no_content_and_never_come_back(home, registry, capsys):
    path = home / "work" / "a.txt"
    path.write_text("setuid")
    path.chmod(0o6755)
    version = registry.register("model", path).version
    path.chmod(0o644)
    assert registry.register("model", path).version == version
    run(capsys, "clone", "model", "copy")
    run(capsys, "download", "model", "--output", "out")
    for copy in ("copy", "out"):
        assert stat.S_IMODE((home / "work" / copy / "a.txt").stat().st_mode) & 0o7111 == 0


def test_a_file_replaced_after_it_was_hashed_for_the_dry_run_is_what_is_uploaded(home, capsys):
    code, reference, _ = run(capsys, "upload", "--dry-run", "-q")
    assert code == 0
    replacement = home / "work" / "b.txt"
    replacement.write_text("B")
    before = (home / "work" / "a.txt").stat()
    os.utime(replacement, ns=(before.st_atime_ns, before.st_mtime_ns))
    replacement.replace(home / "work" / "a.txt")  # of the same size and time
    assert run(capsys, "upload", "--dry-run", "-q")[1] != reference
    uploaded = run(capsys, "upload", "-q")[1]
    assert uploaded != reference
    assert run(capsys, "download", uploaded.strip(), "--output", "out")[0] == 0
    assert (home / "work" / "out" / "a.txt").read_text() == "B"


def test_a_file_replaced_while_it_is_uploaded_is_refused(home, registry):
    (home / "work" / "big").write_bytes(os.urandom(3_000_000))
    copy = WorkingCopy.open(home / "work")
    copy.add([home / "work" / "big"])
    done = []

    def replace(_):
        if not done:
            done.append((home / "work" / "new").write_bytes(os.urandom(3_000_000)))
            (home / "work" / "new").replace(home / "work" / "big")

    before = everything(home)["history"]
    with pytest.raises(ContentChangedError):
        copy.upload(registry, on_progress=replace)
    assert everything(home)["history"] == before
    assert copy.draft().files == ("a.txt", "big")


def test_fifty_levels_go_there_and_back(home, capsys):
    deep = "/".join(f"d{level}" for level in range(50))
    path = home / "work" / deep / "f"
    path.parent.mkdir(parents=True)
    path.write_text("deep")
    for arguments in (
        ["add", "d0"],
        ["status"],
        ["upload"],
        ["clone", "model", "copy"],
        ["diff", "model:1", "model:2"],
    ):
        assert run(capsys, *arguments)[0] == 0
    assert (home / "work" / "copy" / deep / "f").read_text() == "deep"


def test_a_path_deeper_than_paths_may_be_is_refused_and_nothing_breaks(home, capsys):
    folder = home / "work" / "d"
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(1200):
        with contextlib.suppress(FileExistsError):
            os.mkdir("dd", dir_fd=descriptor)  # noqa: PTH102 - the path is longer than paths may be
        inner = os.open("dd", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(os.open("f", os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=descriptor))
    os.close(descriptor)
    try:
        assert run(capsys, "add", "d")[0] == 2
        assert run(capsys, "status", "-s")[0] in {0, 2}
    finally:  # Python's own way to remove folders, and pytest's, is not made for so many levels
        subprocess.run(["rm", "-rf", str(folder)], check=True)
