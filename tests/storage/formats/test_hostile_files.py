"""Class D of the attacks, the parsers' part: whatever a file holds, it costs little and raises nothing."""

import functools
import io
import os
import pickle
import random
import resource
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ama_tfx.storage.formats import tensors
from ama_tfx.testing.processes import in_process
from tests.storage.formats import samples
from tests.storage.formats.samples import block_of, bundle_entry, message, read, table_of, varint

NAMES = ["a.safetensors", "a.npy", "a.npz", "a.h5", "a.keras", "r.tfrecord", "r.gz", samples.DATA_NAME]
MOST_BYTES = 100 << 20
COSTLY_FILES = 25
MUTATIONS_OF_EACH = int(os.environ.get("AMA_MUTATIONS", "300"))
INTERESTING = [0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]


def limited(function: Callable[[], object]) -> object:
    """Run a function in a process that may take 100 MB more than it has, and no more."""

    def run() -> object:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + MOST_BYTES, used + MOST_BYTES))
        return function()

    return in_process(run)


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return some bytes, changed as an attacker or a bad disk would."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 1, 2, 5, 40))):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(7):
            case 0:
                del changed[at:]
            case 1:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 2 if at < len(changed):
                changed[at] ^= 1 << chance.randrange(8)
            case 3:
                size = chance.choice((1, 2, 4, 8))
                changed[at : at + size] = (chance.choice(INTERESTING) % 2 ** (8 * size)).to_bytes(size, "little")
            case 4:
                other = chance.randrange(len(changed) + 1)
                changed[at : at + 64] = changed[other : other + 64]
            case 5:
                del changed[at : at + chance.randrange(1, 30)]
            case 6:
                changed[at:at] = chance.randbytes(chance.randrange(1, 30))
    return bytes(changed)


@pytest.fixture
def originals(tmp_path: Path) -> dict[str, Path]:
    paths = {path.name: path for path in samples.write_all(tmp_path)}
    assert list(paths) == NAMES
    assert sum(len(read(path)) for path in paths.values()) > 30
    return paths


@pytest.mark.parametrize("name", [*NAMES, samples.INDEX_NAME])
def test_changed_files_do_no_harm(originals, name):
    target = originals[samples.DATA_NAME].with_name(name)
    to_read = originals.get(name, originals[samples.DATA_NAME])
    content, chance = target.read_bytes(), random.Random(name)

    def run() -> tuple[int, int]:
        parsed = 0
        for _ in range(MUTATIONS_OF_EACH):
            target.write_bytes(mutated(content, chance))
            parsed += bool(read(to_read))
        return parsed, MUTATIONS_OF_EACH

    parsed, tried = limited(run)
    assert 0 <= parsed < tried


def test_an_index_with_right_crcs_may_say_anything(tmp_path):
    entries = [samples.BUNDLE_HEADER, *((b"n%d" % n, bundle_entry(1, (2, 3), 24 * n, 24)) for n in range(9))]
    block, chance = block_of(entries), random.Random(1)

    def run() -> int:
        parsed = 0
        for _ in range(MUTATIONS_OF_EACH):
            path = samples.write_bundle(tmp_path, table_of(mutated(block, chance)), bytes(400))
            parsed += bool(read(path))
        return parsed

    assert 0 < limited(run) < MUTATIONS_OF_EACH


def test_the_start_of_every_file_does_no_harm(originals):
    for name, path in originals.items():
        content = path.read_bytes()
        for size in {*range(min(len(content), 300)), *range(0, len(content), 997)}:
            path.write_bytes(content[:size])
            assert not read(path) or name == "a.npy"


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(NAMES), content=st.binary(max_size=2000), start=st.integers(0, 120))
def test_random_bytes_do_no_harm(originals, name, content, start):
    path = originals[name].with_name(f"x-{name}")
    path.write_bytes(originals[name].read_bytes()[:start] + content)
    read(path)


HEADER = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
NUMBER = st.integers(-2, 40) | st.sampled_from([2**63, 2**64, 2**100, 1e3, True, None, "1"])
ENTRY = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "U8", "BF16", "XX", "", None, 3]),
        "shape": st.lists(NUMBER, max_size=3),
        "data_offsets": st.lists(NUMBER, min_size=1, max_size=3),
    }
)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(header=st.dictionaries(st.text(max_size=4), ENTRY | HEADER, max_size=5) | HEADER, size=st.integers(0, 100))
def test_safetensors_headers_may_say_anything(tmp_path, header, size):
    samples.write_safetensors(tmp_path / "a.safetensors", header, bytes(size))
    read(tmp_path / "a.safetensors")


def entry(start: int, end: int, shape: list[int] | None = None) -> dict[str, object]:
    return {"dtype": "U8", "shape": [end - start] if shape is None else shape, "data_offsets": [start, end]}


@pytest.mark.parametrize(
    "header",
    [
        {"a": entry(0, 6), "b": entry(4, 10)},
        {"a": entry(0, 10), "b": entry(0, 10)},
        {"a": entry(0, 4), "b": entry(6, 10)},
        {"a": entry(0, 9)},
        {"a": entry(0, 11)},
        {"a": entry(0, 10, [2**40, 2**40])},
        {"a": entry(0, 10, [-2, -5])},
        {"a": entry(10, 0, [10])},
        {"a": {**entry(0, 10), "more": 1}},
        {"a": {**entry(0, 10), "dtype": "F32"}},
        {"\ud800": entry(0, 10)},
        b'{"a":{"dtype":"U8","shape":[10],"data_offsets":[0,10]},"a":{"dtype":"U8","shape":[10],"data_offsets":[0,10]}}',
        b'{"a":{"dtype":"U8","shape":[10],"shape":[10],"data_offsets":[0,10]}}',
        b'{"a":{"dtype":"U8","shape":[10],"data_offsets":[0,10]}}x',
        b'{"a":{"dtype":"U8","shape":[10],"data_offsets":[0,10]}',
        b'{"a":{"dtype":"U8","shape":[10],"data_offsets":[0,1' + b"0" * 1500 + b"]}}",
        b'{"a":{"dtype":' + b"[" * 1500 + b"]" * 500 + b"}}",
    ],
)
def test_safetensors_that_contradict_themselves_are_ordinary_files(tmp_path, header):
    samples.write_safetensors(tmp_path / "a.safetensors", header, bytes(10))
    assert read(tmp_path / "a.safetensors") == ()


def test_a_pickle_runs_nothing_under_any_name(tmp_path):
    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    content = pickle.dumps(Attack())
    for name in NAMES:
        (tmp_path / name).write_bytes(content + bytes(100))
        assert read(tmp_path / name) == ()
    np.save(tmp_path / "a.npy", np.array([Attack()]), allow_pickle=True)
    np.savez(tmp_path / "a.npz", np.array([Attack()]))
    assert read(tmp_path / "a.npy") == read(tmp_path / "a.npz") == ()
    evil = b"{'descr': '<f4', 'fortran_order': False, 'shape': (__import__('os').mkdir('ran'),), }\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(evil)) + evil + bytes(10))
    assert read(tmp_path / "a.npy") == ()
    assert not (tmp_path / "ran").exists()


def npy(count: int = 3) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.arange(count))
    return stream.getvalue()


def archive_of(*members: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def zip_tricks() -> Iterator[bytes]:
    whole = archive_of(("a.npy", npy()), ("b.npy", npy()))
    directory = whole.index(b"PK\x01\x02")
    second = whole.index(b"PK\x03\x04", 4)

    def patched(at: int, content: bytes) -> bytes:
        return whole[:at] + content + whole[at + len(content) :]

    yield patched(whole.rindex(b"PK\x01\x02") + 42, bytes(4))  # both members at the first one's place
    yield patched(directory + 46, b"b.npy")  # a name twice
    yield patched(30, b"c.npy")  # another name in the local header
    yield patched(8, b"\x08")  # another method
    yield patched(6, b"\x01")  # encrypted
    yield patched(18, struct.pack("<2L", 9999, 9999))  # other sizes
    yield patched(directory + 20, struct.pack("<2L", 1 << 30, 1 << 30))  # a member beyond the file
    yield patched(directory + 20, struct.pack("<L", second))  # stored, yet of two sizes
    yield patched(len(whole) - 12, struct.pack("<H", 60000))
    yield patched(len(whole) - 6, struct.pack("<L", 0))  # a directory elsewhere
    yield whole + b"more"
    yield b"more" + whole
    yield whole[:-22] + b"PK\x06\x07" + struct.pack("<LQL", 0, 2**63, 1) + whole[-22:]
    yield whole[:-22] + b"PK\x06\x07" + struct.pack("<LQL", 0, 0, 1) + whole[-22:]


@pytest.mark.parametrize("content", zip_tricks())
def test_archives_that_contradict_themselves_are_ordinary_files(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    assert read(tmp_path / "a.npz") == ()


def test_the_archive_that_the_tricks_are_made_of_is_a_good_one(tmp_path):
    (tmp_path / "a.npz").write_bytes(archive_of(("a.npy", npy()), ("b.npy", npy())))
    assert [tensor.name for tensor in read(tmp_path / "a.npz")] == ["a", "b"]


def test_names_in_archives_are_never_paths(tmp_path):
    (tmp_path / "a.npz").write_bytes(archive_of(("../../x.npy", npy()), ("/etc/x.npy", npy())))
    assert [tensor.name for tensor in read(tmp_path / "a.npz")] == ["../../x", "/etc/x"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz"]


def hdf5_group_in_circles() -> bytes:
    """Groups that hold each other, many times over."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        for n in range(60):
            group = file.create_group(f"g{n}")
            for m in range(60):
                group[f"up{m}"] = file["/"]
        file["x"] = np.ones(3)
    return stream.getvalue()


def hdf5_of_long_names() -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        group = file["/"]
        for _ in range(62):
            group = group.create_group("n" * 250)
            for n in range(20):
                group[f"{n}"] = np.ones(1)
    return stream.getvalue()


def hdf5_of_small_chunks() -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.create_dataset("x", data=np.zeros(40_000, "i1"), chunks=(1,))
    return stream.getvalue()


def hdf5_of_messages() -> bytes:
    content = bytearray(hdf5_group_in_circles())
    count = 1 << 20
    content[96:112] = struct.pack("<BxHLL4x", 1, 0xFFFF, 1, 24)  # the root: one continuation, of empty messages
    content[112:136] = struct.pack("<HHB3x2Q", 16, 16, 0, len(content), 8 * count)
    return bytes(content) + bytes(8 * count)


def hdf5_of_links() -> bytes:
    content = bytearray(hdf5_group_in_circles())
    link = b"\1\0\1a" + struct.pack("<Q", 2**64 - 16) + bytes(4)
    links = (struct.pack("<HHB3x", 6, len(link), 0) + link) * 400_000
    content[96:112] = struct.pack("<BxHLL4x", 1, 0xFFFF, 1, 24)
    content[112:136] = struct.pack("<HHB3x2Q", 16, 16, 0, len(content), len(links))
    return bytes(content) + links


def costly_files() -> Iterator[tuple[str, bytes, bytes]]:
    """Files made to cost time or memory: name, content, index."""
    yield "a.safetensors", struct.pack("<Q", 2**63) + b"{" * 1000, b""
    yield "a.safetensors", struct.pack("<Q", 64 << 20) + b"{" + bytes(64 << 20), b""
    for inner in (
        b'"a":[' + b"{}," * (5 << 20),
        b'"' + b"\\u0041" * (2 << 20) + b'":',
        b'"__metadata__":{"a":"',
        b"[" * 10,
    ):
        header = (b"{" + inner).ljust(15 << 20, b"x")
        yield "a.safetensors", struct.pack("<Q", len(header)) + header, b""
    metadata = b'{"__metadata__":{' + b'"":"",' * (2 << 20) + b'"":""}}'
    yield "a.safetensors", struct.pack("<Q", len(metadata)) + metadata, b""
    many = b"{" + b",".join(
        b'"%d":{"dtype":"U8","shape":[],"data_offsets":[%d,%d]}' % (n, n, n + 1) for n in range(200_000)
    )
    yield "a.safetensors", struct.pack("<Q", len(many) + 1) + many + b"}" + bytes(200_000), b""
    names = b"{" + b",".join(
        b'"%d%s":{"dtype":"U8","shape":[],"data_offsets":[%d,%d]}' % (n, "😀".encode() * 2000, n, n + 1)
        for n in range(1900)
    )
    yield "a.safetensors", struct.pack("<Q", len(names) + 1) + names + b"}" + bytes(1900), b""
    small = bundle_entry(4, (), 0, 0)
    long_keys = b"".join(
        varint(3990 if n else 0)
        + varint(10 if n else 4000)
        + varint(len(small))
        + (b"%010d" % n).rjust(10 if n else 4000)
        + small
        for n in range(60_000)
    ) + struct.pack("<2L", 0, 1)
    header = block_of([samples.BUNDLE_HEADER])
    yield samples.DATA_NAME, bytes(10), table_of(header, long_keys)
    yield samples.DATA_NAME, bytes(10), table_of(header, block_of([(b"a", b"\x08\x01" * (3 << 20))]))
    shape = message((2, b"\x12\x00" * (3 << 20)))
    yield samples.DATA_NAME, bytes(10), table_of(header, block_of([(b"a", shape)]))
    yield samples.DATA_NAME, bytes(10), table_of(header, bytes(7 << 20), handles=[(0, len(header))] * 50_000)
    yield samples.DATA_NAME, bytes(10), table_of(header, block_of([(b"%06d" % n, small) for n in range(150_000)]))
    yield samples.DATA_NAME, bytes(10), bytes(50 << 20) + table_of(header)
    yield samples.DATA_NAME, bytes(10), table_of(header, kind=1)
    for name, content in (("a.h5", hdf5_group_in_circles()), ("a.h5", hdf5_of_long_names())):
        yield name, content, b""
    yield "a.h5", hdf5_of_small_chunks(), b""
    yield "a.h5", hdf5_of_messages(), b""
    yield "a.h5", hdf5_of_links(), b""
    yield "a.npz", archive_of(*((f"{n}.npy", npy(0)) for n in range(30_000))), b""
    yield "a.npz", archive_of(("a.npy", npy())) + bytes(60 << 20), b""
    yield "r.gz", samples.gzip_of(bytes(60 << 20)), b""
    yield "r.gz", flushed_late(), b""


def flushed_late() -> bytes:
    """A gzip file that every level gives nearly to its end."""
    data = random.Random(3).randbytes(3 << 20)
    deflater = zlib.compressobj(6, zlib.DEFLATED, 31)
    return deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH) + deflater.flush()


@functools.cache
def costly() -> list[tuple[str, bytes, bytes]]:
    return list(costly_files())


def test_no_costly_file_is_left_out():
    assert len(costly()) == COSTLY_FILES


@pytest.mark.parametrize("number", range(COSTLY_FILES))
def test_costly_files_cost_little(tmp_path, number):
    name, content, index = costly()[number]
    path = samples.write_bundle(tmp_path, index, b"").with_name(name)
    path.write_bytes(content)
    limited(lambda: read(path))


@pytest.mark.parametrize("number", [7, 18])
def test_what_costs_most_takes_little_memory(tmp_path, number):
    name, content, index = costly()[number]
    path = samples.write_bundle(tmp_path, index, b"").with_name(name)
    path.write_bytes(content)
    tracemalloc.start()
    tensors(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MOST_BYTES
