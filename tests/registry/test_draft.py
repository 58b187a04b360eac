import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tfx.errors import FormatError, InvalidInputError
from ama_tfx.registry import AssetName, AssetRef, Draft, DraftRef, Facts, Ref
from ama_tfx.registry.tree import LocalFile, Tree
from ama_tfx.registry.working_copy.draft_changes import with_content, with_ref, with_settings, without

ASSET = AssetName("default", "model")
DIGEST = "sha256:" + "ab" * 32


def tree(*files, directories=()):
    return Tree({path: LocalFile(None, "", None) for path in files}, tuple(directories), len(files))


def ref(written="ama://default/data:prod", target=f"ama://default/data@{DIGEST}", role="input"):
    return DraftRef(role, AssetRef.parse(written), AssetRef.parse(target))


FULL = Draft(
    ASSET, ("a", "b/c"), ("d",), (ref(),), alias="prod", message="m", tags=("t",), properties={"k": [1]}, kind="Model"
)


def test_a_draft_is_written_as_canonical_json_and_read_back():
    expected = (
        b'{"alias":"prod","asset":"model","directories":["d"],"files":["a","b/c"],"format":"ama-draft/1","kind":"Model",'
        b'"message":"m","properties":{"k":[1]},"refs":[{"role":"input","target":"ama://default/data@'
        + DIGEST.encode()
        + b'","written":"ama://default/data:prod"}],"tags":["t"],"workspace":"default"}\n'
    )
    assert FULL.to_bytes() == expected
    assert Draft.from_bytes(expected, "it") == FULL
    assert Draft.from_bytes(Draft(ASSET).to_bytes(), "it") == Draft(ASSET)


def test_a_draft_of_another_format_is_refused():
    content = FULL.to_bytes().replace(b"ama-draft/1", b"ama-draft/2")
    with pytest.raises(FormatError) as error:
        Draft.from_bytes(content, "'x.json'")
    assert str(error.value) == (
        "'x.json' has format 'ama-draft/2', this release of ama-tfx reads 'ama-draft/1'; "
        "use the release that wrote it, or remove it"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"files": ["../../etc/passwd"]},
        {"files": ["/etc/passwd"]},
        {"files": [7]},
        {"files": None},
        {"directories": ["a\nb"]},
        {"refs": [{}]},
        {"refs": [{"role": "..", "written": "x", "target": "x"}]},
        {"asset": "../x"},
        {"alias": "latest"},
        {"alias": 7},
        {"properties": []},
        {"unknown": 1},
        {"tags": None},
    ],
    ids=str,
)
def test_a_draft_that_ama_did_not_write_is_refused(change):
    document = {**json.loads(FULL.to_bytes()), **change}
    with pytest.raises(FormatError, match=r"^x is no draft that ama-tfx wrote; remove it, then add its files again$"):
        Draft.from_bytes(json.dumps(document).encode(), "x")


@pytest.mark.parametrize("content", [b"", b"[]", b"7", b"{}", b"\xff", b'{"format":"ama-draft/1"}'])
def test_what_is_no_draft_at_all_is_refused(content):
    with pytest.raises(FormatError):
        Draft.from_bytes(content, "x")


@pytest.mark.parametrize(
    "settings",
    [{"alias": "latest"}, {"alias": "7"}, {"kind": "a b"}, {"tags": ("a\x1b",)}, {"properties": {"..": 1}}],
    ids=str,
)
def test_what_no_version_may_have_is_refused_when_it_is_set(settings):
    with pytest.raises(InvalidInputError):
        with_settings(Draft(ASSET), **settings)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 2**60, object(), {1: 2}],
    ids=["NaN", "infinity", "a large number", "an object", "a key that is no text"],
)
def test_a_property_that_json_cannot_carry_is_refused_when_it_is_set(value):
    with pytest.raises(InvalidInputError):
        with_settings(Draft(ASSET), properties={"k": value})


def test_settings_are_added_to_what_is_there():
    draft = with_settings(FULL, tags=("s", "t"), properties={"j": None}, message="n")
    assert draft.tags == ("s", "t")
    assert draft.properties == {"k": [1], "j": None}
    assert (draft.alias, draft.message, draft.kind) == ("prod", "n", "Model")


def test_adding_a_folder_takes_the_place_of_all_that_was_there_from_it():
    draft = Draft(ASSET, files=("f/gone", "f/kept", "other"), directories=("f/old", "g"))
    after = with_content(draft, {"f"}, tree("f/kept", "f/new", directories=["f/empty"]))
    assert after.files == ("f/kept", "f/new", "other")
    assert after.directories == ("f/empty", "g")


def test_adding_the_root_takes_the_place_of_everything():
    draft = Draft(ASSET, files=("f/gone", "other"), directories=("g",))
    assert with_content(draft, {""}, tree("new")) == Draft(ASSET, files=("new",))


def test_a_folder_that_is_no_longer_empty_is_not_listed_as_empty():
    draft = Draft(ASSET, directories=("f", "g/h"))
    after = with_content(draft, {"f/a/b", "g/h/i"}, tree("f/a/b", directories=["g/h/i"]))
    assert after == Draft(ASSET, files=("f/a/b",), directories=("g/h/i",))


def test_a_name_that_only_begins_alike_is_not_in_the_folder():
    draft = Draft(ASSET, files=("folder2/x", "folder/x"))
    assert with_content(draft, {"folder"}, tree("folder/y")).files == ("folder/y", "folder2/x")


def test_a_ref_named_again_takes_what_it_means_now():
    newer = ref(target="ama://default/data@sha256:" + "cd" * 32)
    assert with_ref(FULL, newer).refs == (newer,)


def test_refs_of_other_roles_or_names_stand_beside_each_other():
    others = (ref(role="schema"), ref(written="ama://default/data:3"))
    assert with_ref(with_ref(FULL, others[0]), others[1]).refs == (ref(), *others)


def test_a_draft_says_the_facts_that_are_registered():
    assert FULL.facts == Facts(
        kind="Model",
        message="m",
        tags=("t",),
        properties={"k": [1]},
        refs=(Ref(AssetRef.parse(f"ama://default/data@{DIGEST}"), "input"),),
    )
    assert Draft(ASSET).facts == Facts()


def test_nothing_is_pending_after_all_of_it_was_uploaded():
    assert without(FULL, FULL) == Draft(ASSET)


def test_what_was_added_during_an_upload_is_pending_still():
    news = with_ref(with_settings(FULL, alias="next", tags=("u",), properties={"k": 2}), ref(role="schema"))
    news = with_content(news, {"z"}, tree("z"))
    assert without(news, FULL) == Draft(
        ASSET, ("z",), (), (ref(role="schema"),), alias="next", tags=("u",), properties={"k": 2}
    )


NAMES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3).map("/".join)


@given(before=st.sets(NAMES), added=st.sets(NAMES, min_size=1))
def test_adding_files_never_loses_one_that_lies_elsewhere(before, added):
    def flat(paths):
        return {path for path in paths if not any(other != path and path.startswith(f"{other}/") for other in paths)}

    draft = Draft(ASSET, files=tuple(sorted(flat(before))))
    new = flat(added)
    if flat(new | set(draft.files)) != new | set(draft.files):
        return  # a file would also be a folder, which `check_paths` refuses
    after = with_content(draft, new, tree(*new))
    assert set(after.files) == set(draft.files) | new
