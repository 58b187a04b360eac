"""The shapes of ``--json`` are a promise: each is pinned as it stands."""

import json

VERSION = {
    "asset": "model",
    "workspace": "default",
    "version": 1,
    "semantic": "1.0.0",
    "digest": "sha256:DIGEST",
    "reference": "ama://default/model@sha256:DIGEST",
    "kind": "Model",
    "message": "first",
    "size_bytes": 10,
    "file_count": 2,
    "created_at": "TIME",
    "created_by": "ann",
}
DATA = {"asset": "data", "workspace": "default", "version": 1, "reference": "ama://default/data@sha256:DIGEST"}
EMPTY_DRAFT = {
    "asset": "model",
    "workspace": "default",
    "root": "TMP/work",
    "files": [],
    "directories": [],
    "refs": [],
    "alias": None,
    "message": None,
    "tags": [],
    "properties": {},
    "kind": None,
}


def test_drafts(ama, upload, write, work, normal):
    upload("data", "d.txt", alias="inputs")
    assert normal(ama("init", "model", "--json").document) == EMPTY_DRAFT
    write("a.txt")
    (work / "f" / "empty").mkdir(parents=True)
    write("f/b.txt")
    added = {**EMPTY_DRAFT, "files": ["a.txt", "f/b.txt"], "directories": ["f/empty"]}
    assert normal(ama("add", "a.txt", "f", "--json").document) == added
    ref = {
        "role": "schema",
        "written": "ama://default/data:inputs",
        "target": "ama://default/data@sha256:DIGEST",
    }
    with_ref = {**added, "refs": [ref]}
    assert normal(ama("add", "ref", "--alias", "inputs", "--role", "schema", "--json").document) == with_ref
    done = ama(
        "set", "--json", "--alias", "prod", "-m", "first", "--tag", "t", "--property", "lr=0.1", "--kind", "Model"
    )
    assert normal(done.document) == {
        **with_ref,
        "alias": "prod",
        "message": "first",
        "tags": ["t"],
        "properties": {"lr": 0.1},
        "kind": "Model",
    }


def make(ama, upload, write):
    upload("data", "d.txt", alias="inputs")
    write("a.txt", "b.txt")
    ama("init", "model")
    ama("add", "a.txt", "b.txt")
    ama("set", "--alias", "prod", "-m", "first", "--tag", "t", "--property", "lr=0.1", "--kind", "Model")
    ama("add", "ref", "--alias", "inputs")
    return ama("upload", "--json")


def test_upload(ama, upload, write, normal):
    document = make(ama, upload, write).document
    assert document["new_bytes"] > 10
    assert normal({**document, "new_bytes": 0}) == {
        **VERSION,
        "alias": "prod",
        "alias_refused": None,
        "created": True,
        "new_bytes": 0,
        "bump": None,
        "bump_reasons": [],
        "base": None,
    }


def test_upload_of_what_is_there_already(ama, upload, normal):
    upload("model", "a.txt")
    ama("add", "a.txt")
    document = ama("upload", "--json").document
    assert (document["created"], document["new_bytes"], document["alias"]) == (False, 0, None)


def test_download(ama, upload, write, normal):
    make(ama, upload, write)
    model = {key: VERSION[key] for key in ("asset", "workspace", "version", "reference")}
    expected = [
        {**model, "role": None, "target": "TMP/work/model", "file_count": 2, "size_bytes": 10, "changed": True},
        {**DATA, "role": "input", "target": "TMP/work/data", "file_count": 1, "size_bytes": 5, "changed": True},
    ]
    assert normal(ama("download", "model:prod", "--refs", "--json").document) == expected
    again = [{**entry, "changed": False} for entry in expected]
    assert normal(ama("download", "model:prod", "--refs", "--json").document) == again


def test_find(ama, upload, write, normal):
    make(ama, upload, write)
    assert normal(ama("find", "a.txt", "--json").document) == [
        {**VERSION, "aliases": ["prod"], "path": "a.txt", "content": "a.txt"}
    ]


def test_find_of_nothing_is_an_empty_list_and_an_error(ama, upload, write):
    upload("model", "a.txt")
    write("b.txt")
    done = ama("find", "b.txt", "--json", code=3)
    assert done.document == []
    assert done.error == {"code": "not_found", "message": "no version holds a file with the content of 'b.txt'"}


def test_show(ama, upload, write, normal):
    make(ama, upload, write)
    brief = {"asset": "data", "version": 1, "reference": "ama://default/data@sha256:DIGEST"}
    assert normal(ama("show", "model", "--json").document) == {
        **VERSION,
        "aliases": ["prod"],
        "tags": ["t"],
        "properties": {"lr": 0.1},
        "metrics": {},
        "pinned": None,
        "retired": None,
        "files": [
            {"path": "a.txt", "sha256": "DIGEST", "size_bytes": 5},
            {"path": "b.txt", "sha256": "DIGEST", "size_bytes": 5},
        ],
        "refs": [{"role": "input", **brief}],
        "used_by": [],
        "registrations": [],
    }
    used_by = normal(ama("show", "data", "--json").document)["used_by"]
    assert used_by == [{"role": "input", **brief, "asset": "model", "reference": VERSION["reference"]}]


def test_show_lists_all_files_in_json(ama, upload, write):
    names = [f"f{number:02}" for number in range(30)]
    write(*names, content="the same")
    upload("model", *names)
    assert [file["path"] for file in ama("show", "model", "--json").document["files"]] == names


def test_list(ama, upload, write, normal):
    make(ama, upload, write)
    assert normal(ama("list", "--json").document) == [
        {"asset": name, "workspace": "default", "version_count": 1, "created_at": "TIME", "description": ""}
        for name in ("data", "model")
    ]


def test_list_of_versions(ama, upload, write, normal):
    make(ama, upload, write)
    assert normal(ama("list", "model", "--json").document) == [{**VERSION, "aliases": ["prod"], "retired": False}]


def test_log(ama, upload, write, normal):
    make(ama, upload, write)
    alias = {"event": "alias", "alias": "prod", "from": None, "to": 1, "reason": "first"}
    assert normal(ama("log", "model", "--json").document) == [
        {"at": "TIME", "by": "ann", **alias},
        {"at": "TIME", "by": "ann", "event": "version", **VERSION},
    ]


def test_empty_lists_are_lists(ama, upload):
    upload("model", "a.txt")
    assert ama("list", "--workspace", "team", "--json").out == "[]\n"


def test_json_is_ascii_and_ends_with_a_newline(ama, upload, write):
    write("a.txt")
    ama("init", "model")
    ama("add", "a.txt")
    out = ama("set", "-m", "größe \x1b[31m \u202e", "--json").out
    assert out.isascii()
    assert out.endswith("}\n")
    assert "\x1b" not in out
    assert json.loads(out)["message"] == "größe \x1b[31m \u202e"


def test_json_counts_more_than_quiet(ama, upload):
    upload("model", "a.txt")
    assert ama("list", "-q", "--json").out == ama("list", "--json").out
