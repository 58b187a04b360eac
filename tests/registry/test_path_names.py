"""Names of files that another system, or a reader, takes for something else."""

import json

import pytest

from ama_tfx.errors import FormatError, InvalidInputError
from ama_tfx.registry import AssetName, AssetRef, Draft, check_path, settable_alias

REFUSED = {
    "a stream of NTFS": "model.h5:hidden",
    "a pattern": "a*",
    "a pipe": "a|b",
    "less than": "a<b",
    "greater than": "a>b",
    "a quote": 'a"b',
    "zero-width space": "model\u200b.h5",
    "zero-width joiner": "model\u200d.h5",
    "soft hyphen": "mo\u00addel.h5",
    "byte order mark": "\ufeffmodel.h5",
    "tag character": "model\U000e0041.h5",
    "device with spaces before its extension": "CON .txt",
    "device with a superscript digit": "COM\u00b9",
    "printer with a superscript digit": "a/lpt\u00b2.txt",
    "console input": "CONIN$",
    "console output in small letters": "conout$.txt",
}


@pytest.mark.parametrize("path", REFUSED.values(), ids=REFUSED)
def test_a_name_that_means_something_else_elsewhere_is_refused(path):
    with pytest.raises(InvalidInputError) as caught:
        check_path(path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("path", [".ama", ".AMA/x", "a/.git/config", ".Git", "GIT~1"])
def test_records_that_programs_obey_are_no_paths(path):
    with pytest.raises(InvalidInputError, match="is a folder that programs obey, never content"):
        check_path(path)


@pytest.mark.parametrize("path", [".gitignore", ".github/x", "a.git", "ama", "com10", "conin", "\u00b9"])
def test_names_that_only_resemble_them_are_taken(path):
    assert check_path(path) == path


@pytest.mark.parametrize("name", ["latest", "Latest", "LATEST"])
def test_latest_is_reserved_in_any_case(name):
    with pytest.raises(InvalidInputError, match="is reserved for the newest version"):
        settable_alias(name)


@pytest.mark.parametrize(
    "change",
    [
        {"message": 5},
        {"files": "abc"},
        {"directories": "abc"},
        {"tags": "abc"},
        {"links": "abc"},
        {"links": [".."]},
        {"refs": [{"role": "input", "written": "data", "target": "data:prod"}]},
        {"refs": [{"role": "input", "written": "data", "target": f"data@sha256:{'ab' * 32}/path"}]},
    ],
    ids=str,
)
def test_a_draft_with_values_of_other_types_is_refused(change):
    document = {**json.loads(Draft(AssetName("default", "model")).to_bytes()), **change}
    with pytest.raises(FormatError, match="is no draft that ama-tfx wrote"):
        Draft.from_bytes(json.dumps(document).encode(), "x")


def test_links_are_written_only_when_there_are_some():
    draft = Draft(AssetName("default", "model"), ("a",), links=("a",))
    assert b'"links":["a"]' in draft.to_bytes()
    assert Draft.from_bytes(draft.to_bytes(), "x") == draft
    assert b"links" not in Draft(AssetName("default", "model"), ("a",)).to_bytes()


def test_a_reference_is_parsed_with_the_same_rules():
    with pytest.raises(InvalidInputError, match="never content"):
        AssetRef.parse("model:1/.git/config")
