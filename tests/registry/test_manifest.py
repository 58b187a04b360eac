"""The manifest: golden bytes, and attack class C: nothing forged or ambiguous is read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tfx.errors import AmaError, FormatError, InvalidInputError
from ama_tfx.registry import AssetName, FileEntry, Manifest, RefEntry
from ama_tfx.storage import Digest

HELLO = Digest("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
EMPTY = Digest("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
DATA = RefEntry("input", AssetName("acme", "sets/train"), Digest("a" * 64))

GOLDEN = (
    b'{"directories":["empty"],'
    b'"files":['
    b'{"path":"a/b.txt","sha256":"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824","size_bytes":5},'
    b'{"path":"z","sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","size_bytes":0}],'
    b'"format":"ama-manifest/1",'
    b'"kind":"Model",'
    b'"properties":{"accuracy":0.9,"layers":[1,2],"name":"\xc3\xbc"},'
    b'"refs":[{"asset":"acme/sets/train",'
    b'"digest":"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","role":"input"}]}'
)
GOLDEN_DIGEST = Digest("531f6972d76bce7d3dbb2de3cc2d1daca5e94179101a0b454862d14283edebb0")


def manifest(**changes):
    parts = {
        "kind": "Model",
        "files": (FileEntry("z", EMPTY, 0), FileEntry("a/b.txt", HELLO, 5)),
        "directories": ("empty",),
        "refs": (DATA,),
        "properties": {"name": "ü", "layers": [1, 2], "accuracy": 0.9},
    }
    return Manifest(**{**parts, **changes})


def files(*paths):
    return tuple(FileEntry(path, HELLO, 5) for path in paths)


def test_the_bytes_and_the_digest_of_a_manifest_never_change():
    assert manifest().to_bytes() == GOLDEN
    assert Digest.of(GOLDEN) == GOLDEN_DIGEST


def test_the_order_in_which_parts_are_given_is_no_part_of_the_identity():
    other = manifest(
        files=(FileEntry("a/b.txt", HELLO, 5), FileEntry("z", EMPTY, 0)),
        properties={"accuracy": 0.9, "layers": [1, 2], "name": "ü"},
    )
    assert other.to_bytes() == GOLDEN


CHANGES = {
    "kind": {"kind": "Files"},
    "path": {"files": (FileEntry("z", EMPTY, 0), FileEntry("a/c.txt", HELLO, 5))},
    "content": {"files": (FileEntry("z", HELLO, 5), FileEntry("a/b.txt", HELLO, 5))},
    "directories": {"directories": ()},
    "refs": {"refs": ()},
    "role": {"refs": (RefEntry("schema", DATA.asset, DATA.digest),)},
    "properties": {"properties": {}},
    "order in a property": {"properties": {"name": "ü", "layers": [2, 1], "accuracy": 0.9}},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_everything_else_is_part_of_the_identity(change):
    assert manifest(**change).to_bytes() != GOLDEN


def test_a_manifest_is_read_as_it_was_written():
    read = Manifest.from_bytes(GOLDEN)
    assert read == manifest(files=(FileEntry("a/b.txt", HELLO, 5), FileEntry("z", EMPTY, 0)))
    assert read.size_bytes == 5


@pytest.mark.parametrize("value", [1e18, 9007199254740994.0, 1.0, -0.0, 1e-300, 2**53 - 1])
def test_a_version_with_any_number_as_a_property_can_be_read_again(value):
    content = manifest(properties={"number": value}).to_bytes()
    assert Manifest.from_bytes(content).properties["number"] == value
    assert Manifest.from_bytes(content).to_bytes() == content


def test_no_files_are_no_version():
    with pytest.raises(InvalidInputError, match="needs at least one file; there is none"):
        manifest(files=())


@pytest.mark.parametrize(
    ("paths", "directories", "message"),
    [
        (["a", "a"], (), "paths 'a' and 'a' are the same, or differ only in case"),
        (["a"], ("a",), "paths 'a' and 'a' are the same"),
        (["README", "readme"], (), "paths 'README' and 'readme' are the same, or differ only in case; rename one"),
        (["straße", "STRASSE"], (), "differ only in case"),
        (["Ü", "ü"], (), "differ only in case"),
        (["ﬁle", "file"], (), "differ only in case"),
        (["A/x", "a/y"], (), "folders 'A' and 'a' differ only in case; rename one"),
        (["A/b/x"], ("a/c",), "folders 'A' and 'a' differ only in case"),
        (["a", "a/b"], (), "path 'a' is listed by itself and as a folder of 'a/b'"),
        (["A", "a/b"], (), "path 'A' is listed by itself and as a folder of 'a/b'"),
        (["a/b"], ("a",), "path 'a' is listed by itself and as a folder of 'a/b'"),
        (["x"], ("a", "a/b"), "path 'a' is listed by itself and as a folder of 'a/b'"),
        (["a/b/c/d", "a/b"], (), "path 'a/b' is listed by itself"),
        (["../x"], (), r"path '\.\./x'"),
        (["x"], ("../y",), r"path '\.\./y'"),
        (["u\u0308"], (), "not in Unicode's NFC form"),
    ],
)
def test_paths_that_cannot_lie_side_by_side_everywhere_are_refused(paths, directories, message):
    with pytest.raises(InvalidInputError, match=message):
        manifest(files=files(*paths), directories=directories)


def test_a_ref_stands_once():
    with pytest.raises(InvalidInputError, match="one ref stands twice"):
        manifest(refs=(DATA, DATA))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "../x"}, "not a valid kind"),
        ({"kind": ""}, "not a valid kind"),
        ({"properties": {"a b": 1}}, "not a valid property: 'a b'"),
        ({"properties": {"": 1}}, "not a valid property: ''"),
    ],
)
def test_bad_labels_are_refused(change, message):
    with pytest.raises(InvalidInputError, match=message):
        manifest(**change)


# --- Attack class C.


def forged(**changes):
    """The golden document with some fields replaced, or removed where the value is Ellipsis, still canonical."""
    document = {**json.loads(GOLDEN), **changes}
    kept = {key: value for key, value in document.items() if value is not ...}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def entry(**changes):
    return [{**json.loads(GOLDEN)["files"][0], **changes}]


def ref(**changes):
    return [{**json.loads(GOLDEN)["refs"][0], **changes}]


FORGERIES = {
    "nothing": b"",
    "not JSON": b"# manifest",
    "YAML bomb": b"a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]",
    "cut": GOLDEN[:-1],
    "more behind it": GOLDEN + b"\n",
    "more before it": b" " + GOLDEN,
    "byte order mark": b"\xef\xbb\xbf" + GOLDEN,
    "UTF-16": GOLDEN.decode().encode("utf-16"),
    "not UTF-8": GOLDEN.replace(b"\xc3\xbc", b"\xfc"),
    "a space": GOLDEN.replace(b'"kind":', b'"kind": '),
    "another order": GOLDEN.replace(
        b'"format":"ama-manifest/1","kind":"Model"', b'"kind":"Model","format":"ama-manifest/1"'
    ),
    "escaped letter": GOLDEN.replace(b"\xc3\xbc", b"\\u00fc"),
    "files in another order": forged(files=json.loads(GOLDEN)["files"][::-1]),
    "duplicate key": GOLDEN.replace(b'"kind":"Model"', b'"kind":"Files","kind":"Model"'),
    "duplicate key in a file": GOLDEN.replace(b'"path":"z"', b'"path":"y","path":"z"'),
    "unknown field": forged(signature="x"),
    "missing field": forged(refs=...),
    "unknown field of a file": forged(files=entry(mode=493)),
    "missing field of a file": forged(files=[{"path": "a", "sha256": HELLO.hex}]),
    "unknown field of a ref": forged(refs=ref(workspace="acme")),
    "list of names": forged(files=["a"]),
    "files by path": forged(files={"a": HELLO.hex}),
    "files null": forged(files=None),
    "a path that is a number": forged(files=entry(path=1)),
    "a path that is a list": forged(files=entry(path=["a"])),
    "a path that leaves": forged(files=entry(path="../../etc/passwd")),
    "an absolute path": forged(files=entry(path="/etc/passwd")),
    "a path with a backslash": forged(files=entry(path="a\\b")),
    "a path that is a device": forged(files=entry(path="NUL")),
    "a path with a NUL": forged(files=entry(path="a\0b")),
    "half a surrogate pair": GOLDEN.replace(b'"path":"z"', b'"path":"\\ud800"'),
    "duplicate paths": forged(files=entry() * 2),
    "paths that differ in case": forged(files=entry(path="A") + entry(path="a")),
    "a digest cut": forged(files=entry(sha256="2cf24d")),
    "a digest in capitals": forged(files=entry(sha256=HELLO.hex.upper())),
    "a digest with its algorithm": forged(files=entry(sha256=str(HELLO))),
    "an MD5": forged(files=entry(sha256="5d41402abc4b2a76b9719d911017c592")),
    "a digest null": forged(files=entry(sha256=None)),
    "a size below zero": forged(files=entry(size_bytes=-1)),
    "a size as text": forged(files=entry(size_bytes="5")),
    "a size that is true": forged(files=entry(size_bytes=True)),
    "a size with a fraction": forged(files=entry(size_bytes=5.5)),
    "a size as a float": GOLDEN.replace(b'"size_bytes":5', b'"size_bytes":5.0'),
    "a size with an exponent": GOLDEN.replace(b'"size_bytes":5', b'"size_bytes":5e0'),
    "a size beyond 2**53": forged(files=entry(size_bytes=2**53)),
    "a size beyond 2**63": forged(files=entry(size_bytes=2**63)),
    "a size of 5,000 digits": GOLDEN.replace(b'"size_bytes":5', b'"size_bytes":' + b"9" * 5000),
    "a size beyond every float": GOLDEN.replace(b'"size_bytes":5', b'"size_bytes":1e999'),
    "NaN": GOLDEN.replace(b"0.9", b"NaN"),
    "infinity": GOLDEN.replace(b"0.9", b"-Infinity"),
    "an integer that no float holds": GOLDEN.replace(b"0.9", b"9007199254740993"),
    "directories as text": forged(directories="ab"),
    "directories as an object": forged(directories={"a": 1}),
    "a directory that leaves": forged(directories=[".."]),
    "properties as a list": forged(properties=[]),
    "properties as a list of pairs": forged(properties=[["a", 1]]),
    "properties as a list of words": forged(properties=["abc"]),
    "properties as text": forged(properties="abc"),
    "properties null": forged(properties=None),
    "a property with a bad name": forged(properties={"a b": 1}),
    "a kind that is a number": forged(kind=1),
    "a kind that is an object": forged(kind={}),
    "a ref without a workspace": forged(refs=ref(asset="train")),
    "a ref that leaves its workspace": forged(refs=ref(asset="acme/../other")),
    "a ref by alias": forged(refs=ref(digest="champion")),
    "a ref by MD5": forged(refs=ref(digest="md5:5d41402abc4b2a76b9719d911017c592")),
    "a ref with a bad role": forged(refs=ref(role="in put")),
    "the same ref twice": forged(refs=ref() * 2),
    "a nesting of 100,000": GOLDEN.replace(b"0.9", b"[" * 100_000 + b"]" * 100_000),
    "a nesting of 900": GOLDEN.replace(b"0.9", b"[" * 900 + b"1e0" + b"]" * 900),
}


@pytest.mark.parametrize("content", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_manifest_is_refused(content):
    assert content != GOLDEN
    with pytest.raises((InvalidInputError, FormatError)) as caught:
        Manifest.from_bytes(content)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("content", [b"[]", b"1", b'"x"', b"null", forged(format="ama-manifest/2"), forged(format=...)])
def test_another_format_is_told_from_a_broken_one(content):
    with pytest.raises(FormatError, match="manifest has format .*, this release reads 'ama-manifest/1'"):
        Manifest.from_bytes(content)


def test_a_wrong_digest_is_another_version():
    """The digest covers each path, size and byte: to change one is to name another version."""
    contents = {GOLDEN, forged(files=entry(size_bytes=6)), forged(files=entry(sha256="0" * 64)), forged(kind="Files")}
    assert len({Digest.of(content) for content in contents}) == 4


@given(
    st.binary(max_size=200)
    | st.integers(0, len(GOLDEN) - 1).flatmap(
        lambda at: st.integers(1, 255).map(lambda bits: GOLDEN[:at] + bytes([GOLDEN[at] ^ bits]) + GOLDEN[at + 1 :])
    )
)
def test_any_bytes_are_a_manifest_of_exactly_these_bytes_or_refused(content):
    try:
        read = Manifest.from_bytes(content)
    except AmaError:
        return
    assert read.to_bytes() == content
