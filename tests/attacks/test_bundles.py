"""Attack classes B and C on bundles: refused with a clear error, and nothing is there afterwards."""

import io
import json
import os
import tarfile

import pytest

from ama_tfx.errors import AmaError, FormatError, IntegrityError, InvalidInputError, NotFoundError
from ama_tfx.registry import AssetRef, Facts, Manifest, Ref, Registry
from ama_tfx.registry.sharing import inspect_bundle
from ama_tfx.registry.sharing.bundle_file import BundleFile
from ama_tfx.registry.sharing.contents import BundleIndex
from ama_tfx.registry.sharing.layout import MOST_INDEX_BYTES
from ama_tfx.storage import Digest, canonical_json
from ama_tfx.testing import TickingClock
from ama_tfx.testing.attacks import HOSTILE_NAMES
from ama_tfx.testing.processes import in_process
from tests.effort import at_most


@pytest.fixture
def write(tmp_path):
    """A function that writes files below a new folder and returns it."""

    def write_files(name, files):
        folder = tmp_path / "content" / name
        folder.mkdir(parents=True)
        for path, content in files.items():
            (folder / path).write_bytes(content)
        return folder

    return write_files


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a small bundle: a model that was made from data."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "a.csv").write_bytes(b"1,2")
    (folder / "m.h5").write_bytes(b"weights")
    registry = Registry(folder / "registry", create=True, actor="ann", clock=TickingClock())
    registry.register("data", folder / "a.csv")
    facts = Facts(refs=(Ref(AssetRef.parse("data")),), tags=("t",), metrics={"auc": 0.5}, provenance={"run_id": "1"})
    registry.register("model", folder / "m.h5", facts, alias="production")
    registry.sharing.create_bundle(["model"], folder / "model.ama")
    registry.close()
    return (folder / "model.ama").read_bytes()


@pytest.fixture
def bundle(whole, tmp_path):
    """That bundle, to be changed."""
    (tmp_path / "model.ama").write_bytes(whole)
    return tmp_path / "model.ama"


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """A registry that stays empty, for nothing that it is given is accepted."""
    registry = Registry(tmp_path_factory.mktemp("target"), create=True)
    yield registry
    registry.close()


@pytest.fixture
def victim(tmp_path, open_registry):
    """An empty registry of a test's own."""
    return open_registry(tmp_path / "victim")


@pytest.fixture
def refused(target, tmp_path):
    """A function that applies a bundle, expects an error, and that nothing happened; it returns the error."""

    def apply(path, *errors):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(errors or (IntegrityError, FormatError, NotFoundError)) as caught:
            target.sharing.apply_bundle(path)
        assert target.assets() == []
        assert target.audit.head().count == 0
        assert not list(target.location.folder.rglob("*.pack"))
        assert sorted(tmp_path.rglob("*")) == before
        return str(caught.value)

    return apply


def members_of(path):
    with tarfile.open(path) as archive:
        return [(info.name, archive.extractfile(info).read()) for info in archive.getmembers()]


def packed(path, members):
    """Write a tar of (name or TarInfo, content) as the writer does: whatever else is wrong, the form is right."""
    with path.open("wb") as out:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size, info.mtime = len(content) if info.isreg() else 0, 0
            out.write(info.tobuf(tarfile.GNU_FORMAT))
            out.write(content + bytes(-len(content) % 512))
        out.write(bytes(1024))
    return path


def forged(path, change=None, *, blobs=None, manifests=None):
    """Write a bundle anew with another index, other manifests or other blobs, and with the sums that go with them."""
    members = dict(members_of(path))
    index = json.loads(members.pop("index.json"))
    members.pop("SHA256SUMS")
    if change:
        change(index)
    content = canonical_json(index)
    manifests = {n: c for n, c in members.items() if n.startswith("m")} if manifests is None else manifests
    blobs = {n: c for n, c in members.items() if n.startswith("b")} if blobs is None else blobs
    listed = [("index.json", content), *sorted(manifests.items()), *sorted(blobs.items())]
    digests = [Digest.of(content), *(Digest(name.rpartition("/")[2]) for name, _ in listed[1:])]
    sums = "".join(f"{digest.hex}  {name}\n" for (name, _), digest in zip(listed, digests, strict=True))
    return packed(path.with_name("forged.ama"), [*listed, ("SHA256SUMS", sums.encode())])


def test_a_bundle_that_is_only_written_anew_is_accepted(bundle, victim):
    assert forged(bundle).read_bytes() == bundle.read_bytes()
    victim.sharing.apply_bundle(forged(bundle))
    assert len(victim.assets()) == 2


def test_every_flipped_byte_is_refused(local_registry, write, tmp_path):
    local_registry.register("model", write("hello", {"hello.txt": b"hello"}))
    path = tmp_path / "model.ama"
    local_registry.sharing.create_bundle(["model"], path)
    whole = path.read_bytes()
    assert 5_000 < len(whole) < 7_000
    accepted = []
    with path.open("r+b", buffering=0) as stream:
        for position, byte in enumerate(whole):
            os.pwrite(stream.fileno(), bytes([byte ^ 1 << position % 8]), position)
            try:
                inspect_bundle(path, read_data=True)
                accepted.append(position)
            except AmaError:
                pass
            os.pwrite(stream.fileno(), bytes([byte]), position)
    assert accepted == []
    assert inspect_bundle(path, read_data=True).is_verified


def test_what_inspection_refuses_is_not_applied(bundle, refused):
    whole = bundle.read_bytes()
    for position in range(0, len(whole), 397):
        bundle.write_bytes(whole[:position] + bytes([whole[position] ^ 4]) + whole[position + 1 :])
        refused(bundle)


@pytest.mark.parametrize("part", [0, 1, 100, 512, 600, 3000, -1, -512, -1024])
def test_a_bundle_that_was_cut_off_is_refused(bundle, refused, part):
    bundle.write_bytes(bundle.read_bytes()[:part])
    refused(bundle)


@pytest.mark.parametrize("more", [b"\0", b"x", bytes(512), b"\0" * 10_240, b"PK\3\4"])
def test_what_follows_a_bundle_is_refused(bundle, refused, more):
    bundle.write_bytes(bundle.read_bytes() + more)
    assert "followed by other bytes" in refused(bundle)


@pytest.mark.parametrize("name", ["/etc/passwd", "../../escaped", "blobs/../../escaped", "C:\\escaped", "index.json"])
def test_a_member_of_another_name_is_refused(bundle, refused, name):
    members = members_of(bundle)
    packed(bundle, [*members[:-1], (name, b"x"), members[-1]])
    assert "followed by other bytes" in refused(bundle)
    packed(bundle, [*members[:2], (name, members[2][1]), *members[3:]])
    assert "is damaged at byte" in refused(bundle)


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (tarfile.SYMTYPE, "a symbolic link"),
        (tarfile.LNKTYPE, "a hard link"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a fifo"),
        (tarfile.DIRTYPE, "a folder"),
    ],
)
def test_a_member_that_is_no_file_is_refused_and_named(bundle, refused, kind, shown):
    members = members_of(bundle)
    info = tarfile.TarInfo(members[3][0])
    info.type, info.linkname = kind, "/etc/passwd"
    content = members[3][1]
    path = packed(bundle, [*members[:3], (info, content), *members[4:]])
    assert shown in refused(path)


def test_setuid_bits_owners_and_times_are_refused(bundle, refused):
    members = members_of(bundle)
    for field, value in (("mode", 0o4755), ("uid", 1000), ("uname", "root"), ("mtime", 1)):
        info = tarfile.TarInfo(members[3][0])
        setattr(info, field, value)
        content = bundle.read_bytes()
        info.size = len(members[3][1])
        start = content.index(members[3][0].encode())
        bundle.write_bytes(content[:start] + info.tobuf(tarfile.GNU_FORMAT) + content[start + 512 :])
        assert "is damaged at byte" in refused(bundle)
        bundle.write_bytes(content)


def test_a_member_twice_is_refused(bundle, refused):
    members = members_of(bundle)
    refused(packed(bundle, [*members[:4], members[3], *members[4:]]))
    refused(packed(bundle, [members[0], *members]))


def test_any_number_of_members_more_is_refused_at_once(bundle, refused):
    """Their number plays no part: the file is longer than its index says."""
    empty = tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT)
    bundle.write_bytes(bundle.read_bytes()[:-1024] + empty * 100_000 + bytes(1024))
    with at_most(1):
        assert "followed by other bytes" in refused(bundle)


def test_ten_gigabytes_of_zeros_are_refused_at_once(bundle, refused):
    with bundle.open("r+b") as stream:  # sparse: takes no space
        stream.truncate(10 << 30)
    with at_most(1):
        assert "followed by other bytes" in refused(bundle)


def test_an_index_of_a_hundred_megabytes_is_refused_unread(bundle, refused):
    packed(bundle, [("index.json", b'["' + b"x" * 100_000_000 + b'"]'), *members_of(bundle)[1:]])
    with at_most(1):
        assert "an index has at most 8388608" in refused(bundle)


def test_the_worst_index_of_the_size_that_is_allowed_takes_less_than_300_megabytes():
    def peak():
        def told(name):
            lines = open("/proc/self/status").read().splitlines()  # noqa: SIM115, PTH123 - a process of its own
            return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(name))

        before = told("VmRSS:")
        content = b'{"format":"ama-bundle/1","aliases":[' + b",".join([b"[]"] * (MOST_INDEX_BYTES // 3)) + b"]}"
        with pytest.raises(IntegrityError):
            BundleIndex.from_bytes(content)
        return told("VmHWM:") - before

    assert in_process(peak) < 300


def test_a_manifest_is_parsed_once_and_few_are_kept(bundle, monkeypatch):
    with BundleFile(bundle) as opened:
        data, model = opened.index.versions
        kept = opened.manifest(data)
        assert opened.manifest(model).kind == "Files"
        assert opened.manifest(data) is kept
        monkeypatch.setattr("ama_tfx.registry.sharing.bundle_file.MOST_KEPT_BYTES", 1)
        assert opened.manifest(model) is opened.manifest(model)
        monkeypatch.setattr("ama_tfx.registry.sharing.bundle_file.MOST_KEPT_BYTES", data.manifest_bytes)
    with BundleFile(bundle) as opened:
        first = opened.manifest(data)
        opened.manifest(model)
        again = opened.manifest(data)
        assert again == first
        assert again is not first
        assert opened.manifest(data) is again


def test_an_index_nested_a_million_times_is_refused(bundle, refused):
    packed(bundle, [("index.json", b"[" * 1_000_000), *members_of(bundle)[1:]])
    refused(bundle)


def test_a_gzipped_bundle_is_no_bundle(bundle, refused):
    import gzip

    bundle.write_bytes(gzip.compress(bundle.read_bytes()))
    assert "not a bundle" in refused(bundle)


def first(index):
    return index["versions"][0]


@pytest.mark.parametrize(
    "change",
    [
        lambda index: index.update(more=1),
        lambda index: index.pop("roots"),
        lambda index: index.update(roots=[]),
        lambda index: index.update(roots=["ama://default/data:1"]),
        lambda index: index.update(roots=[f"ama://default/other@sha256:{'0' * 64}"]),
        lambda index: index.update(versions={}),
        lambda index: index.update(versions=[1]),
        lambda index: index["versions"].append(first(index)),
        lambda index: index["versions"].reverse(),
        lambda index: first(index).update(more=1),
        lambda index: first(index).pop("tags"),
        lambda index: first(index).update(version=0),
        lambda index: first(index).update(version=True),
        lambda index: first(index).update(version="1"),
        lambda index: first(index).update(semantic="1"),
        lambda index: first(index).update(manifest_bytes=-1),
        lambda index: first(index).update(manifest_bytes=0),
        lambda index: first(index).update(manifest_bytes=1),
        lambda index: first(index).update(manifest_bytes=1.5),
        lambda index: first(index).update(manifest_bytes=2**53 - 1),
        lambda index: first(index).update(tags=["../x"]),
        lambda index: first(index).update(tags="t"),
        lambda index: first(index).update(metrics={"auc": "1"}),
        lambda index: first(index).update(metrics={"../x": 1}),
        lambda index: first(index).update(metrics={"auc": True}),
        lambda index: first(index).update(message=7),
        lambda index: first(index).update(message="a\0b"),
        lambda index: first(index).update(created_at="yesterday"),
        lambda index: first(index).update(created_at="2026-01-01T00:00:00"),
        lambda index: first(index).update(created_by="x" * 256),
        lambda index: first(index).update(retired=0),
        lambda index: first(index).update(registrations=[{"provenance": {}}]),
        lambda index: index["aliases"][0].update(alias="latest"),
        lambda index: index["aliases"][0].update(alias="7"),
        lambda index: index["aliases"][0].update(digest=f"sha256:{'0' * 64}"),
        lambda index: index["aliases"][0].update(digest="md5:0123"),
        lambda index: index["aliases"].append(dict(index["aliases"][0])),
        lambda index: index["aliases"].append({**index["aliases"][0], "alias": "PRODUCTION"}),
        lambda index: index.update(descriptions={"ama://default/other": "x"}),
        lambda index: index.update(descriptions={"ama://default/model": 1}),
        lambda index: index.update(registry="x" * 65),
    ],
    ids=range(41),
)
def test_an_index_that_no_registry_writes_is_refused(bundle, refused, change):
    refused(forged(bundle, change))


def test_an_index_of_another_format_is_refused_as_such(bundle, refused):
    assert "'ama-bundle/2'" in refused(forged(bundle, lambda index: index.update(format="ama-bundle/2")), FormatError)


@pytest.mark.parametrize("name", [pytest.param(text, id=title) for title, text in HOSTILE_NAMES.items()])
def test_a_hostile_name_is_refused(bundle, refused, name):
    def change(index):
        index["versions"][0]["reference"] = (
            f"ama://default/{name}@{index['versions'][0]['reference'].partition('@')[2]}"
        )

    try:
        path = forged(bundle, change)
    except InvalidInputError:  # no JSON can carry half of a surrogate pair
        return
    refused(path)


def test_names_that_differ_only_in_case_are_refused(bundle, refused):
    def change(index):
        twin = json.loads(json.dumps(first(index)).replace("default/data", "default/DATA"))
        index["versions"].append(twin)

    assert "differ only in case" in refused(forged(bundle, change))


def manifest_with(**changes):
    """A manifest's bytes with fields changed, canonical in any case."""
    document = {
        "format": "ama-manifest/1",
        "kind": "Files",
        "files": [{"path": "a", "sha256": Digest.of(b"a").hex, "size_bytes": 1}],
        "directories": [],
        "refs": [],
        "properties": {},
    }
    return canonical_json({**document, **changes})


def file(path="a", content=b"a", size_bytes=1, **more):
    return {"path": path, "sha256": Digest.of(content).hex, "size_bytes": size_bytes, **more}


def with_manifest(bundle, content, blobs):
    """Write a bundle of one version with this manifest and these blobs."""
    digest = Digest.of(content)

    def change(index):
        version = {**first(index), "reference": f"ama://default/a@{digest}", "manifest_bytes": len(content)}
        index.update(versions=[version], roots=[version["reference"]], aliases=[])

    named = {f"blobs/sha256/{Digest.of(blob).hex}": blob for blob in blobs}
    return forged(bundle, change, manifests={f"manifests/sha256/{digest.hex}": content}, blobs=named)


def test_a_version_of_a_forged_manifest_that_is_right_is_accepted(bundle, victim):
    victim.sharing.apply_bundle(with_manifest(bundle, manifest_with(), [b"a"]))
    assert victim.open("a:1/a").read() == b"a"


@pytest.mark.parametrize(
    "content",
    [
        manifest_with(more=1),
        manifest_with(files=[]),
        manifest_with(files=[file(size_bytes=-1)]),
        manifest_with(files=[file(size_bytes=2**53 - 1)]),
        manifest_with(files=[file(size_bytes=2)]),
        manifest_with(files=[file(size_bytes=0)]),
        manifest_with(files=[file(), file()]),
        manifest_with(files=[file("A"), file("a")]),
        manifest_with(files=[file("../a")]),
        manifest_with(files=[file("/a")]),
        manifest_with(files=[file("a"), file("b", size_bytes=2)]),
        manifest_with(files=[file(more=1)]),
        manifest_with(files=[{**file(), "sha256": "0" * 63}]),
        manifest_with(refs=[{"role": "input", "asset": "default/gone", "digest": f"sha256:{'1' * 64}"}]),
        manifest_with(refs=[{"role": "../x", "asset": "default/gone", "digest": f"sha256:{'1' * 64}"}]),
        manifest_with(format="ama-manifest/2"),
        manifest_with() + b"\n",
        b" " + manifest_with(),
        b"not json",
        b'{"format":"ama-manifest/1","format":"ama-manifest/1"}',
        b"[" * 100_000,
    ],
    ids=range(21),
)
def test_a_manifest_that_no_registry_writes_is_refused(bundle, refused, content):
    refused(with_manifest(bundle, content, [b"a"]))


def test_a_manifest_of_a_hundred_megabytes_is_refused(bundle, refused):
    content = b'{"format":"ama-manifest/1","x":"' + b"y" * 100_000_000 + b'"}'
    refused(with_manifest(bundle, content, [b"a"]))


@pytest.mark.parametrize("content", [b"b", b"", b"aa"])
def test_bytes_of_another_digest_or_size_are_refused(bundle, refused, content):
    path = with_manifest(bundle, manifest_with(), [b"a"])
    members = members_of(path)
    refused(packed(path, [(name, content if name.startswith("blobs/") else held) for name, held in members]))


def test_bytes_that_no_manifest_names_are_refused(bundle, refused):
    refused(with_manifest(bundle, manifest_with(), [b"a", b"hidden"]))


def test_bytes_behind_a_members_content_are_refused(bundle, refused):
    whole = bundle.read_bytes()
    position = whole.index(b"weights") + len(b"weights")
    bundle.write_bytes(whole[:position] + b"hidden" + whole[position + 6 :])
    assert "there are bytes behind" in refused(bundle)


def test_versions_made_from_one_another_are_refused(bundle, refused):
    """Digests cannot be in a circle; what is made from a later version comes as near to one as anybody can."""
    assert "comes later" in refused(forged(bundle, lambda index: index["versions"].reverse()))


def test_a_version_made_from_another_assets_version_of_that_digest_is_refused(bundle, refused):
    digest = Manifest.from_bytes(members_of(bundle)[2][1]).refs
    assert digest or Manifest.from_bytes(members_of(bundle)[1][1]).refs

    def change(index):
        version = next(v for v in index["versions"] if "/data@" in v["reference"])
        version["reference"] = version["reference"].replace("/data@", "/other@")

    assert "which is not in this registry" in refused(forged(bundle, change))


def test_a_folder_a_fifo_and_nothing_are_no_bundles(victim, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo", tmp_path / "nothing"):
        with pytest.raises((InvalidInputError, NotFoundError)):
            victim.sharing.apply_bundle(path)


def test_random_bytes_are_no_bundle(refused, tmp_path):
    (tmp_path / "random").write_bytes(os.urandom(100_000))
    assert "not a bundle" in refused(tmp_path / "random")
    with tarfile.open(tmp_path / "random", "w") as archive:
        archive.addfile(tarfile.TarInfo("index.json"), io.BytesIO())
    refused(tmp_path / "random")
