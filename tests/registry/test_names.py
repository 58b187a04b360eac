"""Attack class A at the API: every hostile name, in every place that takes a name."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tfx.errors import AmaError, InvalidInputError
from ama_tfx.registry import (
    Alias,
    AssetName,
    AssetRef,
    Newest,
    SemanticVersion,
    check_label,
    check_path,
    check_workspace,
    settable_alias,
)
from ama_tfx.registry.names import check_text
from ama_tfx.storage import Digest
from ama_tfx.testing.attacks import HOSTILE_NAMES

DIGEST = Digest("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")

REFERENCE_PLACES = {
    "reference": "{}",
    "workspace in a reference": "ama://{}/model",
    "asset in a reference": "ama://default/{}",
    "selector in a reference": "model:{}",
    "digest in a reference": "model@{}",
    "path in a reference": "ama://default/model:1/{}",
    "path behind a digest": f"model@{DIGEST}/{{}}",
}
PLACES = {
    "asset": lambda name: AssetName("default", name),
    "workspace": lambda name: AssetName(name, "model"),
    "workspace alone": check_workspace,
    "alias": Alias,
    "alias to set": settable_alias,
    "label": lambda name: check_label(name, "tag"),
    "path": check_path,
    "path of a reference": lambda name: AssetRef(AssetName("default", "model"), path=name),
    **{
        place: lambda name, pattern=pattern: AssetRef.parse(pattern.format(name))
        for place, pattern in REFERENCE_PLACES.items()
    },
}

# What is no attack in its place: it cannot leave it, and it means one thing on every system.
HARMLESS = {
    # An alias is never a file.
    *(
        (place, name)
        for place in ("alias", "alias to set", "selector in a reference")
        for name in ("device", "device in small letters", "device with extension")
    ),
    # An asset `file` with an alias `x`.
    ("reference", "file scheme"),
    ("asset in a reference", "file scheme"),
}
ATTACKS = [(place, name) for place in PLACES for name in HOSTILE_NAMES if (place, name) not in HARMLESS]


def pieces(text):
    """A text and what may be left of it when a reference is cut into its parts."""
    cuts = [0, *(match.start() for match in re.finditer("[/:@]", text)), len(text)]
    return {
        text[start:end].removeprefix(mark) for start in cuts for end in cuts if start <= end for mark in ("", *"/:@")
    }


@pytest.mark.parametrize(("place", "name"), ATTACKS)
def test_a_hostile_name_is_refused_and_shown(place, name):
    text = REFERENCE_PLACES.get(place, "{}").format(HOSTILE_NAMES[name])
    with pytest.raises(InvalidInputError) as caught:
        PLACES[place](HOSTILE_NAMES[name])
    message = str(caught.value)
    # Between quotes, and of a long one the start.
    assert any(repr(piece)[:50] in message for piece in pieces(text))
    assert len(message) < 1000
    assert message.isprintable()


@pytest.mark.parametrize(("place", "name"), sorted(HARMLESS))
def test_what_is_no_attack_in_its_place_is_taken(place, name):
    assert name in HOSTILE_NAMES
    PLACES[place](HOSTILE_NAMES[name])


def test_no_name_of_an_ascii_punctuation_character_leaves_its_place():
    """Whatever character stands in an asset's name, the reference either fails or means that asset, in all of it."""
    for code in range(0x80):
        text = f"ama://default/a{chr(code)}b"
        try:
            ref = AssetRef.parse(text)
        except AmaError:
            continue
        assert str(ref) in {text, f"{text}:latest"}


REFERENCES = {
    "model": AssetRef(AssetName("default", "model")),
    "model:latest": AssetRef(AssetName("default", "model"), Newest()),
    "model:champion": AssetRef(AssetName("default", "model"), Alias("champion")),
    "model:7": AssetRef(AssetName("default", "model"), 7),
    "model:1.4.2": AssetRef(AssetName("default", "model"), SemanticVersion(1, 4, 2)),
    f"model@{DIGEST}": AssetRef(AssetName("default", "model"), DIGEST),
    "ranker/acme:v1": AssetRef(AssetName("default", "ranker/acme"), Alias("v1")),
    "ama://acme/model": AssetRef(AssetName("acme", "model")),
    "ama://acme/ranker/eu:3/saved_model/model.pb": AssetRef(AssetName("acme", "ranker/eu"), 3, "saved_model/model.pb"),
    f"ama://acme/model@{DIGEST}/a b/ü@1.2.txt": AssetRef(AssetName("acme", "model"), DIGEST, "a b/ü@1.2.txt"),
    "model:champion/variables/variables.data-00000-of-00001": AssetRef(
        AssetName("default", "model"), Alias("champion"), "variables/variables.data-00000-of-00001"
    ),
    "_private.model-1_a": AssetRef(AssetName("default", "_private.model-1_a")),
    "0": AssetRef(AssetName("default", "0")),
    "console": AssetRef(AssetName("default", "console")),
    "model:999999999": AssetRef(AssetName("default", "model"), 999_999_999),
}


@pytest.mark.parametrize(("text", "expected"), REFERENCES.items())
def test_a_reference_means_what_it_says(text, expected):
    assert AssetRef.parse(text) == expected


@pytest.mark.parametrize(
    ("ref", "text"),
    [
        (AssetRef(AssetName("default", "model")), "ama://default/model:latest"),
        (AssetRef(AssetName("acme", "a/b"), 3), "ama://acme/a/b:3"),
        (AssetRef(AssetName("acme", "a"), SemanticVersion(1, 0, 2), "x/y"), "ama://acme/a:1.0.2/x/y"),
        (AssetRef(AssetName("acme", "a"), DIGEST), f"ama://acme/a@{DIGEST}"),
    ],
)
def test_a_reference_is_written_in_full(ref, text):
    assert str(ref) == text


def test_the_short_form_means_the_callers_workspace():
    assert AssetRef.parse("model:1", workspace="acme") == AssetRef(AssetName("acme", "model"), 1)
    assert AssetRef.parse("ama://other/model:1", workspace="acme") == AssetRef(AssetName("other", "model"), 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ama://", "no asset in 'ama://'; expected ama://<workspace>/<asset>"),
        ("ama://default", "no asset in 'ama://default'"),
        ("ama://default/", "not a valid asset name: ''"),
        ("ama:///model", "not a valid workspace: ''"),
        ("ama://default/model/", "not a valid asset name: 'model/'"),
        ("AMA://default/model", "not a reference: 'AMA://default/model'"),
        ("s3://bucket/model", "not a reference: 's3://bucket/model'"),
        ("model:", "not an alias or version: ''; expected an alias, a number from 1, or MAJOR.MINOR.PIPELINE"),
        ("model@", "not a digest: ''"),
        ("model:0", "not an alias or version: '0'"),
        ("model:01", "not an alias or version: '01'"),
        ("model:-1", "not an alias or version: '-1'"),
        ("model:1.2", "not an alias or version: '1.2'"),
        ("model:1.02.3", "not an alias or version: '1.02.3'"),
        ("model:1.2.3.4", "not an alias or version: '1.2.3.4'"),
        ("model:9999999999", "not an alias or version: '9999999999'"),
        ("model:\u0661", "not an alias or version: '\u0661'"),
        ("model:v1:v2", "not an alias or version: 'v1:v2'"),
        ("model@v1", "not a digest: 'v1'; expected 'sha256:' and 64 hexadecimal digits"),
        ("model:1/", "path '' has 0 bytes; expected 1 to 2048"),
        ("model:1//x", "path '/x' is not relative and normal"),
        ("model:1/x/", "path 'x/' is not relative and normal"),
        ("m\u00f6del", "not a valid asset name: 'm\u00f6del'"),
        (f"model@sha256:{DIGEST.hex.upper()}", "not a SHA-256"),
        ("model@md5:5d41402abc4b2a76b9719d911017c592", "not a digest: 'md5:5d41402abc4b2a76b9719d911017c592'"),
    ],
)
def test_a_wrong_reference_says_which_part_is_wrong(text, reason):
    with pytest.raises(InvalidInputError, match=f"^({reason})"):
        AssetRef.parse(text)


def test_no_alias_is_an_integer_or_a_version():
    for name in ("1", "0", "1.0.0", "-1", "1a"):
        with pytest.raises(InvalidInputError, match=f"not an alias: '{name}'"):
            Alias(name)


def test_latest_cannot_be_set():
    with pytest.raises(InvalidInputError, match="alias 'latest' is reserved for the newest version; choose another"):
        settable_alias("latest")


@pytest.mark.parametrize("number", [0, -1])
def test_versions_count_from_one(number):
    with pytest.raises(InvalidInputError, match=f"not a version: {number}; an asset's first version is 1"):
        AssetRef(AssetName("default", "model"), number)


@pytest.mark.parametrize(
    "path",
    [
        "model.pb",
        "a/b/c.txt",
        "with space/ü.txt",
        "日本語/モデル",
        ".hidden",
        "12-30-00.csv",
        "a" * 255,
        "/".join(["a" * 100] * 20),
        "x-y_z+1=2,3@4!$&'()[]{}^`~",
        "🙂",
    ],
)
def test_ordinary_paths_are_taken(path):
    assert check_path(path) == path


@pytest.mark.parametrize("name", ["a" * 255, "/".join(["abc"] * 63)])
def test_an_asset_name_may_have_255_bytes(name):
    assert AssetName("default", name).name == name
    with pytest.raises(InvalidInputError, match="expected 1 to 255"):
        AssetName("default", name + "abcdefgh")


def test_a_path_may_have_2048_bytes_and_each_name_in_it_255():
    longest = "/".join(["a" * 255] * 8)
    assert len(check_path(longest)) == 2047
    with pytest.raises(InvalidInputError, match="has 2049 bytes; expected 1 to 2048"):
        check_path(f"{longest}/b")
    with pytest.raises(InvalidInputError, match="is longer than 255 bytes"):
        check_path("ü" * 128)


@pytest.mark.parametrize(
    ("text", "most"), [("a\0b", None), ("\ud800", None), ("x" * 256, 255)], ids=["NUL", "surrogate", "long"]
)
def test_text_that_not_every_database_can_keep_is_refused(text, most):
    with pytest.raises(InvalidInputError, match="^message "):
        check_text(text, "message", most=most)


def test_any_other_text_is_taken():
    assert check_text("Zeile\n\t\u202e🙂", "message") == "Zeile\n\t\u202e🙂"


def test_semantic_versions_sort_by_number():
    texts = ["10.0.0", "2.0.0", "1.10.0", "1.9.9", "1.9.10"]
    assert [str(v) for v in sorted(map(SemanticVersion.parse, texts))] == [
        "1.9.9",
        "1.9.10",
        "1.10.0",
        "2.0.0",
        "10.0.0",
    ]


segments = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True).filter(
    lambda text: ".." not in text
    and not text.endswith(".")
    and text.partition(".")[0].casefold() not in {"con", "prn", "aux", "nul"}
)
asset_names = st.builds(AssetName, segments, st.lists(segments, min_size=1, max_size=3).map("/".join))
numbers = st.integers(1, 999_999_999)
selectors = st.one_of(
    st.just(Newest()),
    numbers,
    st.builds(SemanticVersion, *[st.integers(0, 999_999_999)] * 3),
    st.binary(min_size=32, max_size=32).map(Digest.from_raw),
    st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,20}", fullmatch=True).filter(lambda text: text != "latest").map(Alias),
)


def _is_path(text):
    try:
        check_path(text)
    except InvalidInputError:
        return False
    return True


paths = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4).map("/".join).filter(_is_path)


@given(st.builds(AssetRef, asset_names, selectors, st.none() | paths))
def test_what_is_written_is_read_as_the_same_reference(ref):
    assert AssetRef.parse(str(ref)) == ref


@given(st.text(max_size=60) | st.text("ama:/@.%\\~-1v \n", max_size=20).map("ama://".__add__))
def test_any_text_is_a_reference_that_means_itself_or_is_refused(text):
    try:
        ref = AssetRef.parse(text)
    except InvalidInputError:
        return
    assert AssetRef.parse(str(ref)) == ref
    assert ".." not in str(ref)
