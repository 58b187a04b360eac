import datetime
import errno
import io
import math
import os
import random
import resource
import subprocess
import sys

import pytest

from ama_tfx.errors import (
    AmaError,
    BackendError,
    ConflictError,
    ContentChangedError,
    InvalidInputError,
    NotFoundError,
    OutOfSpaceError,
    PermissionDeniedError,
)
from ama_tfx.registry import (
    AssetName,
    AssetRef,
    Bump,
    Facts,
    FileEntry,
    Manifest,
    Ref,
    RefEntry,
    Registry,
    SemanticVersion,
    Version,
)
from ama_tfx.registry.registering import next_semantic
from ama_tfx.storage import Digest, PackStore
from ama_tfx.testing.damage import piece_payloads, recipe_payloads
from ama_tfx.testing.processes import count_lines, in_process, kill_at_line, race, race_threads

HELLO = Digest("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
HELLO_MANIFEST = (
    b'{"directories":[],"files":[{"path":"hello.txt",'
    b'"sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824","size_bytes":5}],'
    b'"format":"ama-manifest/1","kind":"Files","properties":{},"refs":[]}'
)
HELLO_VERSION = Digest("fc884a5d778d6b598a352293265c051978454ad8488544c47cd29ffa0c69fdca")


def everything(registry):
    """All that a registry shows: assets, versions with their details, aliases, log and audit."""
    shown = {}
    for asset in registry.assets():
        versions = registry.versions(asset.name)
        details = [registry.show(AssetRef(asset.name, version.number)) for version in versions]
        shown[str(asset.name)] = (asset, details, registry.aliases(asset.name), registry.log(asset.name))
    return shown, registry.audit.entries()


# --- What a version is.


def test_a_folder_becomes_the_first_version(registry, hello):
    done = registry.register("model", hello, Facts(message="the first"))
    assert done.created
    blobs = registry.location.folder / "blobs"
    stored = [
        payloads(blobs, digest) for digest in (HELLO, HELLO_VERSION) for payloads in (recipe_payloads, piece_payloads)
    ]
    assert [len(payloads) for payloads in stored] == [1, 1, 1, 1]
    (pack,) = blobs.rglob("*.pack")
    assert done.new_bytes == pack.stat().st_size > 5
    assert done.version == Version(
        asset=AssetName("default", "model"),
        number=1,
        semantic=SemanticVersion(1, 0, 0),
        digest=HELLO_VERSION,
        kind="Files",
        message="the first",
        size_bytes=5,
        file_count=1,
        created_at=datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
        created_by="ann",
    )
    assert Digest.of(HELLO_MANIFEST) == HELLO_VERSION


def test_the_digest_of_a_version_covers_its_files_and_facts_and_nothing_of_this_machine(registry, write, tmp_path):
    other = write("elsewhere/deeper", {"hello.txt": b"hello"})
    (other / "hello.txt").chmod(0o600)
    os.utime(other / "hello.txt", (1, 1))
    assert (
        registry.register("another", other, Facts(message="other words", tags=("t",))).version.digest == HELLO_VERSION
    )
    assert registry.register("mapped", {"hello.txt": other / "hello.txt"}).version.digest == HELLO_VERSION
    assert registry.register("single", other / "hello.txt").version.digest == HELLO_VERSION


def test_a_version_is_in_the_store_as_its_manifest_and_its_files(local_registry, hello, tmp_path):
    local_registry.register("model", hello)
    blobs = PackStore.in_folder(tmp_path / "registry" / "blobs")
    stored = {info.digest: blobs.open(info.digest).read() for info in blobs.blobs()}
    assert stored == {HELLO: b"hello", HELLO_VERSION: HELLO_MANIFEST}


def test_a_version_has_a_json_form(registry, hello):
    assert registry.register("model", hello).version.to_json() == {
        "asset": "model",
        "workspace": "default",
        "version": 1,
        "semantic": "1.0.0",
        "digest": str(HELLO_VERSION),
        "reference": f"ama://default/model@{HELLO_VERSION}",
        "kind": "Files",
        "message": "",
        "size_bytes": 5,
        "file_count": 1,
        "created_at": "2026-01-01T00:00:00+00:00",
        "created_by": "ann",
    }


def test_all_facts_are_kept_and_shown(registry, write, hello):
    data = registry.register("data", hello).version
    folder = write("model", {"b/weights": b"w", "a": b"a"})
    (folder / "empty").mkdir()
    facts = Facts(
        kind="Model",
        message="ümläut",
        tags=("good", "good", "eu"),
        properties={"accuracy": 0.93, "layers": [64, 32], "name": "ü", "none": None},
        refs=(Ref(AssetRef.parse("data"), "trained_on"), Ref(AssetRef.parse("data:1"), "trained_on")),
        provenance={"run": "42", "git": {"dirty": False}},
    )
    version = registry.register("ranker/acme", folder, facts, alias="champion").version
    shown = registry.show("ranker/acme:champion")
    assert shown.version == version
    assert shown.aliases == ("champion",)
    assert shown.tags == ("eu", "good")
    assert shown.properties == {"accuracy": 0.93, "layers": [64, 32], "name": "ü", "none": None}
    assert [(file.path, file.size_bytes) for file in shown.files] == [("a", 1), ("b/weights", 1)]
    assert shown.refs == (("trained_on", data),)
    assert [(entry.registered_by, entry.provenance) for entry in shown.registrations] == [
        ("ann", {"git": {"dirty": False}, "run": "42"})
    ]
    assert registry.show("data").used_by == (("trained_on", version),)
    assert registry.manifest("ranker/acme") == Manifest(
        "Model",
        (FileEntry("a", Digest.of(b"a"), 1), FileEntry("b/weights", Digest.of(b"w"), 1)),
        ("empty",),
        (RefEntry("trained_on", AssetName("default", "data"), data.digest),),
        dict(facts.properties),
    )


@pytest.mark.parametrize("value", [1e18, 9007199254740994.0, 0.1 + 0.2, -0.0, 2**53 - 1])
def test_any_number_may_be_a_property_and_is_read_again(registry, hello, value, tmp_path):
    registry.register("model", hello, Facts(properties={"number": value}))
    assert registry.show("model").properties == {"number": value}
    assert registry.download("model", tmp_path / "target").changed


def test_a_path_of_the_greatest_length_is_kept(registry, hello):
    letters = random.Random(6)
    path = "/".join("".join(letters.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=200)) for _ in range(10))
    registry.register("model", {path: hello / "hello.txt"})
    assert [file.path for file in registry.show("model").files] == [path]


def test_a_file_of_no_bytes_is_content(registry, write, tmp_path):
    registry.register("model", write("empty", {"_SUCCESS": b""}))
    registry.download("model", tmp_path / "target")
    assert (tmp_path / "target" / "_SUCCESS").read_bytes() == b""


def test_progress_tells_every_byte_that_is_read(registry, write):
    seen = []
    registry.register("model", write("two", {"a": bytes(2_000_000), "b": b"12345"}), on_progress=seen.append)
    assert (sum(done.size_bytes for done in seen), sum(done.files for done in seen)) == (2_000_005, 2)


def test_an_asset_may_be_named_with_its_workspace(registry, hello):
    for name in ("ama://acme/model", AssetName("acme", "other")):
        assert registry.register(name, hello).version.asset.workspace == "acme"
    assert registry.register("model", hello).version.asset == AssetName("default", "model")


def test_names_mean_assets_of_the_callers_workspace(registry_url, open_registry, hello):
    acme = open_registry(registry_url, workspace="acme")
    acme.register("model", hello)
    assert acme.resolve("model").asset == AssetName("acme", "model")
    with pytest.raises(NotFoundError, match="no asset 'model' in workspace 'default'"):
        open_registry(registry_url).resolve("model")


@pytest.mark.parametrize("name", ["model:1", "model:latest", "model:champion", f"model@{HELLO}", "model:1/hello.txt"])
def test_a_version_cannot_be_registered_into(registry, hello, name):
    with pytest.raises(InvalidInputError, match="expected an asset, not a version of one: '.*'; use 'model'"):
        registry.register(name, hello)
    assert registry.assets() == []


# --- The same again.


def test_registering_the_same_again_is_the_same_version(registry, hello):
    first = registry.register("model", hello, Facts(properties={"a": 1.0}))
    before = everything(registry)
    again = registry.register("model", hello, Facts(properties={"a": 1}))
    assert (again.created, again.new_bytes, again.version) == (False, 0, first.version)
    assert everything(registry) == before


def test_the_same_version_may_be_found_again_behind_newer_ones(registry, hello, write):
    first = registry.register("model", hello).version
    registry.register("model", write("other", {"x": b"y"}))
    assert registry.register("model", hello).version == first
    assert registry.resolve("model").number == 2


OTHER_FACTS = {
    "kind": Facts(kind="Model"),
    "properties": Facts(properties={"a": 1}),
    "refs": Facts(refs=(Ref(AssetRef.parse("data")),)),
    "role": Facts(refs=(Ref(AssetRef.parse("data"), "schema"),)),
}


@pytest.mark.parametrize("facts", OTHER_FACTS.values(), ids=OTHER_FACTS)
def test_the_same_content_with_other_facts_is_another_version_and_no_more_bytes(registry, hello, facts):
    registry.register("data", hello)
    registry.register("model", hello)
    other = registry.register("model", hello, facts)
    assert other.created
    assert other.version.number == 2
    assert 0 < other.new_bytes < 1000


NO_OTHER_VERSION = {
    "message": Facts(message="other words"),
    "tags": Facts(tags=("new",)),
    "provenance": Facts(provenance={"run": "2"}),
    "bump": Facts(bump=Bump.MAJOR),
}


@pytest.mark.parametrize("facts", NO_OTHER_VERSION.values(), ids=NO_OTHER_VERSION)
def test_message_tags_provenance_and_bump_are_no_part_of_the_identity(registry, hello, facts):
    first = registry.register("model", hello, Facts(message="the first"))
    again = registry.register("model", hello, facts)
    assert (again.created, again.version) == (False, first.version)
    assert again.version.message == "the first"


def test_tags_and_provenance_are_added_to_the_version_that_is_there(registry_url, open_registry, hello):
    ann, bob = open_registry(registry_url), open_registry(registry_url, actor="bob")
    ann.register("model", hello, Facts(tags=("a",), provenance={"run": "1"}))
    bob.register("model", hello, Facts(tags=("b", "a"), provenance={"run": "2"}))
    bob.register("model", hello, Facts(tags=("b",), provenance={"run": "1"}))
    shown = ann.show("model")
    assert shown.tags == ("a", "b")
    assert [(entry.registered_by, entry.provenance) for entry in shown.registrations] == [
        ("ann", {"run": "1"}),
        ("bob", {"run": "2"}),
    ]
    assert [(entry.action, entry.actor, entry.details) for entry in ann.audit.entries()] == [
        (
            "version.register",
            "ann",
            {
                "digest": str(HELLO_VERSION),
                "provenance": {"run": "1"},
                "semantic": "1.0.0",
                "tags": ["a"],
                "version": 1,
            },
        ),
        (
            "version.register-again",
            "bob",
            {"digest": str(HELLO_VERSION), "provenance": {"run": "2"}, "tags": ["b"], "version": 1},
        ),
    ]


def test_a_ref_that_moved_makes_another_version(registry, hello, write):
    facts = Facts(refs=(Ref(AssetRef.parse("data:latest")),))
    registry.register("data", hello)
    first = registry.register("model", hello, facts).version
    second_data = registry.register("data", write("more", {"x": b"y"})).version
    second = registry.register("model", hello, facts).version
    assert (first.number, second.number) == (1, 2)
    assert registry.show("model:2").refs == (("input", second_data),)
    assert registry.show("model:1").refs[0][1].number == 1


def test_versions_may_be_made_from_earlier_versions_of_their_asset(registry, hello, write):
    registry.register("model", hello)
    registry.register("model", write("next", {"x": b"y"}), Facts(refs=(Ref(AssetRef.parse("model:1"), "baseline"),)))
    assert [(role, version.number) for role, version in registry.show("model:2").refs] == [("baseline", 1)]


def test_semantic_versions_rise_as_they_are_told(registry, write):
    bumps = [Bump.MAJOR, Bump.PIPELINE, Bump.MINOR, Bump.PIPELINE, Bump.PIPELINE, Bump.MAJOR, Bump.MINOR]
    found = [
        str(registry.register("model", write(f"{n}", {"x": b"%d" % n}), Facts(bump=bump)).version.semantic)
        for n, bump in enumerate(bumps)
    ]
    assert found == ["1.0.0", "1.0.1", "1.1.0", "1.1.1", "1.1.2", "2.0.0", "2.1.0"]


# --- Alias in the same step.


def test_an_alias_is_set_with_the_version(registry, hello, write):
    registry.register("model", hello, Facts(message="good"), alias="champion")
    registry.register("model", write("next", {"x": b"y"}), alias="champion")
    assert registry.resolve("model:champion").number == 2
    moves = [entry.event for entry in registry.log("model") if not isinstance(entry.event, Version)]
    assert [(m.name, m.from_version, m.to_version, m.reason) for m in moves] == [
        ("champion", 1, 2, "registered"),
        ("champion", None, 1, "good"),
    ]
    registry.register("model", hello, alias="champion")  # an old run, tried again: see test_retries.py
    assert registry.resolve("model:champion").number == 2


@pytest.mark.parametrize("alias", ["latest", "1", "1.0.0", "", "a b", "../x", "a:b"])
def test_a_bad_alias_registers_nothing(registry, hello, alias):
    with pytest.raises(InvalidInputError, match="alias"):
        registry.register("model", hello, alias=alias)
    assert everything(registry) == ({}, [])


# --- Nothing is registered when anything fails.


def _unreadable_after_scan(folder, registry):
    """Swap a file for a fifo after the scan found it: reading it must neither hang nor follow."""

    def swap(_):
        (folder / "z").unlink(missing_ok=True)
        os.mkfifo(folder / "z")

    registry.register("model", folder, on_progress=swap)


FAILURES = {
    "an absent file": (lambda r, f: r.register("model", f / "absent"), NotFoundError),
    "an absent ref": (
        lambda r, f: r.register("model", f, Facts(refs=(Ref(AssetRef.parse("nowhere")),))),
        NotFoundError,
    ),
    "an absent version in a ref": (
        lambda r, f: r.register("model", f, Facts(refs=(Ref(AssetRef.parse("data:9")),))),
        NotFoundError,
    ),
    "a link in the folder": (
        lambda r, f: ((f / "link").symlink_to("/etc/passwd"), r.register("model", f)),
        InvalidInputError,
    ),
    "a property that is no number": (
        lambda r, f: r.register("model", f, Facts(properties={"x": math.nan})),
        InvalidInputError,
    ),
    "a property that is no JSON": (
        lambda r, f: r.register("model", f, Facts(properties={"x": object()})),
        InvalidInputError,
    ),
    "a property with a bad name": (
        lambda r, f: r.register("model", f, Facts(properties={"a b": 1})),
        InvalidInputError,
    ),
    "a kind with a bad name": (lambda r, f: r.register("model", f, Facts(kind="a b")), InvalidInputError),
    "provenance that is no JSON": (
        lambda r, f: r.register("model", f, Facts(tags=("x",), provenance={"x": {1}}), alias="champion"),
        InvalidInputError,
    ),
    "a name that differs in case": (lambda r, f: r.register("DATA", f), ConflictError),
    "a file that became a fifo": (lambda r, f: _unreadable_after_scan(f, r), (InvalidInputError, ContentChangedError)),
    "an error of the caller's own": (
        lambda r, f: r.register("m", f, on_progress=lambda n: 1 / 0),
        ZeroDivisionError,
    ),
}


@pytest.mark.parametrize(("attempt", "expected"), FAILURES.values(), ids=FAILURES)
def test_whatever_fails_nothing_is_registered(registry, hello, write, attempt, expected):
    registry.register("data", hello)
    before = everything(registry)
    folder = write("bad", {"a": b"a", "z": b"z"})
    with pytest.raises(expected):
        attempt(registry, folder)
    assert everything(registry) == before
    assert registry.audit.verify() == 1


@pytest.mark.parametrize(
    "facts",
    [{"tags": ("a b",)}, {"message": "a\0b"}, {"message": "\ud800"}],
    ids=["tag", "NUL in the message", "surrogate in the message"],
)
def test_facts_are_checked_when_they_are_made(facts):
    with pytest.raises(InvalidInputError, match="^(not a valid tag|message)"):
        Facts(**facts)


def test_a_file_written_to_while_it_is_read_is_not_registered(registry, write):
    folder = write("live", {"log": b"line\n"})

    def append(_):
        with (folder / "log").open("ab") as stream:
            stream.write(b"more\n")

    with pytest.raises(ContentChangedError, match="log"):
        registry.register("model", folder, on_progress=append)
    assert registry.assets() == []


def test_a_folder_changed_after_a_part_was_read_is_not_registered(registry, write):
    folder = write("live", {"a": b"a", "z": b"z"})
    with pytest.raises(ContentChangedError, match=r"changed while it was read \('new'\)"):
        registry.register("model", folder, on_progress=lambda _: (folder / "new").write_bytes(b"n"))
    assert registry.assets() == []


def test_a_file_that_may_not_be_read_is_not_registered(tmp_path, hello, as_another_user):
    registry = Registry(tmp_path / "registry", create=True)
    for path in [tmp_path / "registry", *(tmp_path / "registry").rglob("*")]:
        path.chmod(0o777)
    (hello / "hello.txt").chmod(0)
    with pytest.raises(PermissionDeniedError, match="cannot read '.*hello.txt'"):
        as_another_user(lambda: Registry(tmp_path / "registry").register("model", hello))
    assert registry.assets() == []


def _raise(number):
    raise OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, OutOfSpaceError), (errno.EIO, BackendError), (errno.EMFILE, BackendError)]
)
@pytest.mark.parametrize("failing", [1, 2, 3, 4, 5])
def test_a_disk_that_fails_registers_nothing(local_registry, hello, monkeypatch, number, expected, failing):
    """Every sync of a file or folder, in turn: of the pack, as written and as published, and of its new folders."""
    calls, real = 0, os.fsync

    def fsync(descriptor):
        nonlocal calls
        calls += 1
        return _raise(number) if calls == failing else real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(expected):
            local_registry.register("model", hello, alias="champion")
    assert calls == failing
    assert everything(local_registry) == ({}, [])
    assert local_registry.register("model", hello).created
    with local_registry.open("model:1/hello.txt") as stream:
        assert stream.read() == b"hello"


def test_a_full_disk_registers_nothing_and_free_space_helps(tmp_path, write):
    (tmp_path / "small").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "ama", tmp_path / "small"], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"FULL DISK NOT TESTED: this machine mounts nothing ({mounted.stderr.decode().strip()})")
    try:
        registry = Registry(tmp_path / "small" / "registry", create=True)
        registry.register("model", write("small", {"x": b"x"}))
        before = everything(registry)
        filler = tmp_path / "small" / "filler"
        for leave_bytes in (0, 8_192, 65_536):
            size = os.statvfs(tmp_path / "small").f_bavail * 4096 - leave_bytes
            filler.write_bytes(bytes(size))
            with pytest.raises((OutOfSpaceError, BackendError)):
                registry.register(
                    "model", write("large", {f"{n}": random.Random(n).randbytes(50_000) for n in range(9)})
                )
            filler.unlink()
            assert everything(registry) == before
        assert registry.register("model", write("medium", {"x": bytes(100_000)})).version.number == 2
    finally:
        subprocess.run(["umount", "--lazy", tmp_path / "small"], check=True)


def test_a_limit_of_file_size_is_out_of_space(local_registry, write, tmp_path):
    folder = write("large", {"x": random.Random(1).randbytes(5_000_000)})

    def register():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        Registry(tmp_path / "registry").register("model", folder)

    with pytest.raises(OutOfSpaceError, match="File too large"):
        in_process(register)
    assert local_registry.assets() == []


def test_a_registration_killed_anywhere_is_whole_or_not_there(tmp_path, write):
    folder = write("model", {"a": b"a" * 1000, "b/c": b"c"})
    registry = Registry(tmp_path / "registry", create=True)
    counted = Registry(tmp_path / "counted", create=True)
    lines = count_lines(lambda: counted.register("m", folder, alias="champion"))
    assert lines > 500
    seen = set()
    for number, line in enumerate([*range(1, lines, 53), *range(lines - 40, lines, 5)]):
        name = f"m{number}"
        (folder / "b" / "c").write_bytes(b"%d" % (number % 10))
        killed = kill_at_line(lambda name=name: registry.register(name, folder, alias="champion"), line)
        assert killed or line > lines // 2  # what is stored already takes fewer lines
        there = name in {asset.name.name for asset in registry.assets()}
        seen.add(there)
        if there:
            assert registry.resolve(f"{name}:champion").number == 1
            assert registry.manifest(name).size_bytes == 1001
        done = registry.register(name, folder, alias="champion")
        assert (done.created, done.version.number) == (not there, 1)
    assert seen == {True, False}
    assert registry.audit.verify() > 20


# --- Together with others.


def test_a_hundred_registrations_of_one_file_at_once_store_it_once(tmp_path, write):
    folder = write("shared", {"data": random.Random(2).randbytes(100_000)})
    Registry(tmp_path / "registry", create=True)

    def register_many():
        registry = Registry(tmp_path / "registry", actor="ann")
        return race_threads([lambda: registry.register("model", folder, alias="champion")] * 25)

    results = [done for answers in race([register_many] * 4) for done in answers]
    assert len(results) == 100
    assert [done for done in results if isinstance(done, BaseException)] == []
    assert sum(done.created for done in results) == 1
    assert {done.version.number for done in results} == {1}
    registry = Registry(tmp_path / "registry")
    assert len(list(registry._blobs.blobs())) == 2
    assert [entry.action for entry in registry.audit.entries()] == ["version.register", "alias.set"]
    assert list((tmp_path / "registry" / "blobs" / ".tmp").iterdir()) == []


def test_two_processes_that_register_into_one_asset_lose_no_number(registry_url, write):
    folders = [[write(f"{who}{n}", {"x": f"{who}{n}".encode()}) for n in range(6)] for who in "ab"]

    def register(mine):
        registry = Registry(registry_url, create=True)
        return [registry.register("model", folder).version.number for folder in mine]

    numbers = race([lambda mine=mine: register(mine) for mine in folders])
    assert sorted(numbers[0] + numbers[1]) == list(range(1, 13))
    assert all(found == sorted(found) for found in numbers)
    registry = Registry(registry_url)
    assert [version.number for version in registry.versions("model")] == list(range(12, 0, -1))
    assert len({version.semantic for version in registry.versions("model")}) == 12
    assert registry.audit.verify() == 12
    registry.close()


def test_threads_that_register_different_content_get_numbers_of_their_own(registry, write):
    folders = [write(f"{n}", {"x": b"%d" % n}) for n in range(8)]
    done = race_threads([lambda folder=folder: registry.register("model", folder) for folder in folders])
    assert sorted(d.version.number for d in done) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert all(d.created for d in done)


def test_what_it_raises_survives_pickling(local_registry, tmp_path):
    with pytest.raises(AmaError, match="no asset 'model'") as caught:
        in_process(lambda: Registry(tmp_path / "registry").resolve("model"))
    assert type(caught.value) is NotFoundError


def test_registering_reads_nothing_but_the_content(local_registry, hello, tmp_path):
    """No code of the content runs and no other file is opened: what is registered is bytes."""
    opened = []

    def register():
        sys.addaudithook(lambda name, args: opened.append(str(args[0])) if name == "open" else None)
        Registry(tmp_path / "registry").register("model", hello)
        return [path for path in opened if str(hello) in path]

    assert in_process(register) == [str(hello), str(hello / "hello.txt"), str(hello)]


def test_a_stream_of_one_file_is_verified(registry, hello):
    registry.register("model", hello)
    with registry.open("model:latest/hello.txt") as stream:
        assert isinstance(stream, io.BufferedReader)
        assert stream.read() == b"hello"


def test_paths_may_be_text(local_registry, tmp_path):
    file = tmp_path / "file.txt"
    file.write_text("text")
    version = local_registry.register("model", str(file)).version
    assert local_registry.register("model", {"file.txt": str(file)}).version == version
    assert local_registry.download("model", str(tmp_path / "out")).changed
    assert [hit.version for hit in local_registry.find(str(file))] == [version]
    assert local_registry.upkeep.identify(str(tmp_path / "out")) == [version]
    assert local_registry.upkeep.verify_local(str(tmp_path / "out"), "model").is_whole


@pytest.mark.parametrize("call", [lambda r: r.show(3), lambda r: r.asset(3), lambda r: r.versions(3)])
def test_what_is_no_reference_is_named_with_its_type(local_registry, call):
    with pytest.raises(InvalidInputError, match="not a reference: 3 is int; expected text"):
        call(local_registry)


def test_what_is_no_path_is_named_with_its_type(local_registry):
    with pytest.raises(InvalidInputError, match="not a path: 3 is int; expected a text or a Path"):
        local_registry.register("model", 3)


def test_one_text_alone_is_not_compared(local_registry):
    with pytest.raises(InvalidInputError, match="cannot compare 'model:1' alone; expected a sequence"):
        local_registry.compare("model:1")


def test_a_property_that_is_no_json_is_named(local_registry, hello):
    with pytest.raises(InvalidInputError, match="property 'rate', of type complex, cannot be written as JSON"):
        local_registry.register("model", hello, Facts(properties={"rate": 1j}))


@pytest.mark.parametrize(
    ("last", "bump", "following"),
    [
        ("1.2.999999999", Bump.PIPELINE, "1.3.0"),
        ("1.999999999.999999999", Bump.PIPELINE, "2.0.0"),
        ("1.999999999.0", Bump.MINOR, "2.0.0"),
    ],
)
def test_a_part_at_its_end_raises_the_one_before_it(last, bump, following):
    assert str(next_semantic(SemanticVersion.parse(last), bump)) == following
