"""Attack class B on archives that are imported: refused with a clear error, and nothing is there afterwards."""

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile

import pytest

from ama_tfx.errors import AmaError, IntegrityError, InvalidInputError
from ama_tfx.registry import Registry
from ama_tfx.testing.attacks import HOSTILE_NAMES
from tests.effort import at_most


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    """A registry that stays empty, for nothing that it is given is accepted."""
    registry = Registry(tmp_path_factory.mktemp("target"), create=True)
    yield registry
    registry.close()


@pytest.fixture
def refused(target, tmp_path, monkeypatch):
    """A function that imports an archive, expects an error and nothing made anywhere; it returns the error."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))

    def run(path, *errors, **options):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(errors or (InvalidInputError, IntegrityError)) as caught:
            target.sharing.import_archive(path, name="m", **options)
        assert target.assets() == []
        assert not list(target.location.folder.rglob("*.pack"))
        assert sorted(tmp_path.rglob("*")) == before
        return str(caught.value)

    return run


def zipped(path, *members):
    """Write a zip of (name or ZipInfo, content)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model.h5", "x")
        for name, content in members:
            archive.writestr(name, content)
    return path


def tarred(path, *members, mode="w"):
    """Write a tar of (name or TarInfo, content)."""
    with tarfile.open(path, mode) as archive:
        for name, content in (("model.h5", b"x"), *members):
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def of_mode(name, mode):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def of_type(name, kind, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


HOSTILE = {title: name for title, name in HOSTILE_NAMES.items() if name and "\0" not in name}


@pytest.mark.parametrize("name", [pytest.param(name, id=title) for title, name in HOSTILE.items()])
def test_a_hostile_name_is_refused(refused, tmp_path, name):
    try:
        archive = zipped(tmp_path / "m.zip", (name, "x"))
    except (UnicodeEncodeError, struct.error):
        pass  # no zip can hold it
    else:
        refused(archive)
    if not name.isascii() or name == ".":  # what tar calls the folder itself
        return
    refused(tarred(tmp_path / "m.tar", (name, b"x")))


@pytest.mark.parametrize("name", ["/etc/passwd", "../../escaped", "a/../../escaped"])
def test_a_member_that_leads_elsewhere_is_refused(refused, tmp_path, name):
    assert "path" in refused(zipped(tmp_path / "m.zip", (name, "x")))
    assert "path" in refused(tarred(tmp_path / "m.tar.gz", (name, b"x"), mode="w:gz"))
    assert not (tmp_path.parent / "escaped").exists()


def test_a_link_and_what_is_written_through_it_are_refused(refused, tmp_path):
    link = of_mode("out", stat.S_IFLNK | 0o777)
    assert "a link or a device" in refused(zipped(tmp_path / "m.zip", (link, "/tmp"), ("out/x", "x")))
    links = (of_type("out", tarfile.SYMTYPE, "/tmp"), b""), ("out/x", b"x")
    assert "is a link" in refused(tarred(tmp_path / "m.tar", *links))
    hard = of_type("hard", tarfile.LNKTYPE, "/etc/passwd"), b""
    assert "is a link" in refused(tarred(tmp_path / "h.tar", hard))


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE, b"Z"])
def test_what_is_no_file_in_a_tar_is_refused(refused, tmp_path, kind):
    refused(tarred(tmp_path / "m.tar", (of_type("d", kind), b"")))


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_what_is_no_file_in_a_zip_is_refused(refused, tmp_path, kind):
    refused(zipped(tmp_path / "m.zip", (of_mode("d", kind | 0o600), "")))


def test_a_name_twice_or_but_for_case_is_refused(refused, tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = zipped(tmp_path / "m.zip", ("a", "x"), ("a", "y"))
    refused(path)
    for twins in (("a", "a"), ("a", "A"), ("a", "a/b"), ("d/a", "D/b")):
        refused(tarred(tmp_path / "m.tar", *((name, b"x") for name in twins)))


def test_setuid_bits_are_no_part_of_content(local_registry, tmp_path):
    info = tarfile.TarInfo("run")
    info.mode = 0o4755
    path = tarred(tmp_path / "m.tar", (info, b"x"))
    local_registry.sharing.import_archive(path)
    local_registry.download("m", tmp_path / "out")
    assert (tmp_path / "out" / "run").stat().st_mode & 0o7777 == 0o644


def test_ten_gigabytes_of_zeros_are_refused_before_they_are_unpacked(refused, tmp_path):
    small = zipped(tmp_path / "m.zip", ("zeros", bytes(1_000_000))).read_bytes()
    claimed = small.replace((1_000_000).to_bytes(4, "little"), (4_000_000_000).to_bytes(4, "little"))
    (tmp_path / "m.zip").write_bytes(claimed)
    with at_most(1):
        assert "would unpack to 4000000001 bytes, 1073741824 are allowed" in refused(tmp_path / "m.zip")


def test_an_archive_that_unpacks_to_more_than_it_may_is_refused(refused, tmp_path):
    zeros = bytes(5_000_000)
    for path in (
        zipped(tmp_path / "m.zip", ("zeros", zeros)),
        tarred(tmp_path / "m.tar.gz", ("zeros", zeros), mode="w:gz"),
        tarred(tmp_path / "m.tar", ("zeros", zeros)),
    ):
        assert "--most-bytes" in refused(path, most_bytes=4_000_000)
    (tmp_path / "bomb.tgz").write_bytes(gzip.compress(bytes(300_000_000), 1))
    assert "unpacks to more than" in refused(tmp_path / "bomb.tgz", most_bytes=1000)


def test_a_zip_that_holds_more_or_less_than_it_says_is_refused(refused, tmp_path):
    small = zipped(tmp_path / "m.zip", ("zeros", bytes(1_000_000))).read_bytes()
    for claimed in (999_999, 1_000_001, 1):
        (tmp_path / "m.zip").write_bytes(
            small.replace((1_000_000).to_bytes(4, "little"), claimed.to_bytes(4, "little"))
        )
        refused(tmp_path / "m.zip", IntegrityError)


def test_a_flipped_bit_never_gives_other_content(local_registry, tmp_path):
    whole = zipped(tmp_path / "m.zip", ("a/b", "content" * 50)).read_bytes()
    right = local_registry.sharing.import_archive(tmp_path / "m.zip").outputs.version.digest
    for position in range(0, len(whole), 3):
        (tmp_path / "m.zip").write_bytes(whole[:position] + bytes([whole[position] ^ 2]) + whole[position + 1 :])
        try:
            plan = local_registry.sharing.plan_import(tmp_path / "m.zip")
            if {file.path for file in plan.files} == {"model.h5", "a/b"}:
                assert local_registry.sharing.import_archive(tmp_path / "m.zip").outputs.version.digest == right
        except AmaError:
            pass


def test_headers_that_claim_too_much_are_refused(refused, tmp_path):
    huge = tarfile.TarInfo("x")
    huge.type, huge.size = tarfile.XHDTYPE, 8 << 30
    (tmp_path / "pax.tar").write_bytes(huge.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    refused(tmp_path / "pax.tar")
    negative = tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT)
    field = b"\xff" * 11 + b"\x00"
    for kind in (tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
        head = bytearray(negative[:124] + field + negative[136:156] + kind + negative[157:])
        head[148:156] = b"        "
        head[148:156] = f"{sum(head):06o}\0 ".encode()
        (tmp_path / "negative.tar").write_bytes(bytes(head) * 3 + bytes(10_240))
        refused(tmp_path / "negative.tar")


def test_a_long_header_is_refused_unread_and_a_short_one_is_read(refused, local_registry, tmp_path):
    def with_comment(name, length):
        with tarfile.open(tmp_path / name, "w", format=tarfile.PAX_FORMAT) as archive:
            info = tarfile.TarInfo("model.h5")
            info.size, info.pax_headers = 2 << 20, {"comment": "9" * length}
            archive.addfile(info, io.BytesIO(bytes(2 << 20)))
        return tmp_path / name

    assert "a header that is too large" in refused(with_comment("long.tar", 1_000_000))
    assert "a header that is too large" in refused(tarred(tmp_path / "name.tar", ("d/" * 5000 + "x", b"")))
    local_registry.sharing.import_archive(with_comment("short.tar", 7_000), name="m")
    assert [asset.name.name for asset in local_registry.assets()] == ["m"]


def test_headers_in_endless_rows_are_refused(refused, tmp_path):
    head = tarfile.TarInfo("x")
    head.type = tarfile.XHDTYPE
    (tmp_path / "rows.tar").write_bytes(head.tobuf(tarfile.GNU_FORMAT) * 50_000 + bytes(10_240))
    refused(tmp_path / "rows.tar")


def test_more_members_than_anybody_has_are_refused(refused, tmp_path):
    empty = b"".join(tarfile.TarInfo(f"f{n}").tobuf(tarfile.GNU_FORMAT) for n in range(100_002))
    (tmp_path / "m.tar").write_bytes(empty + bytes(10_240))
    assert "more than 100000 members" in refused(tmp_path / "m.tar")


def test_encrypted_and_oddly_packed_members_are_refused(refused, tmp_path):
    small = bytearray(zipped(tmp_path / "m.zip").read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        small[small.index(signature) + offset] |= 1
    (tmp_path / "m.zip").write_bytes(bytes(small))
    refused(tmp_path / "m.zip")
    with zipfile.ZipFile(tmp_path / "lzma.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", "x")
    assert "neither stored nor deflated" in refused(tmp_path / "lzma.zip")


def test_what_is_no_archive_is_refused(refused, tmp_path):
    for content in (b"", b"x", b"PK\3\4", b"\x1f\x8b", bytes(10_240), os.urandom(5000), gzip.compress(b"text")):
        (tmp_path / "m.zip").write_bytes(content)
        refused(tmp_path / "m.zip")


def test_links_in_a_folder_are_refused(refused, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "model.h5").write_text("x")
    (tmp_path / "folder" / "link").symlink_to("/etc/passwd")
    assert "a symbolic link" in refused(tmp_path / "folder")
