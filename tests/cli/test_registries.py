"""Other registries and workspaces than the default ones."""

import pytest


def test_a_registry_of_each_kind_can_be_named(ama, write, work, registry_url):
    write("a.txt")
    ama("init", "model")
    ama("add", "a.txt")
    ama("set", "--alias", "prod")
    ama("upload", "--registry", registry_url)
    assert ama("list", "--registry", registry_url, "-q").out == "ama://default/model\n"
    ama("--registry", registry_url, "download", "model:prod")
    assert (work / "model" / "a.txt").read_text() == "a.txt"


@pytest.mark.parametrize("flags", [[], ["--debug"], ["--json"], ["--debug", "--json"]], ids=" ".join)
def test_a_password_is_never_shown(ama, monkeypatch, tmp_path, flags):
    pytest.importorskip("psycopg")
    url = f"postgresql://ann:geheim@127.0.0.1:1/ama?blobs={tmp_path}/blobs"
    for place in ([*flags, "--registry", url], flags):
        done = ama("list", *place, code=3)  # no marker there, which is found out first
        assert "geheim" not in done.err + done.out
        assert "ann:***@127.0.0.1:1" in done.err
        monkeypatch.setenv("AMA_REGISTRY", url)
    ama("init", "model")
    (tmp_path / "work" / "a.txt").write_text("a")
    ama("add", "a.txt")
    done = ama("upload", *flags, code=7)
    assert "geheim" not in done.err + done.out
    assert "does not answer" in done.err


def test_a_workspace_that_init_was_told_is_remembered(ama, write):
    for asset, name in (("data", "d.txt"), ("model", "a.txt")):
        write(name)
        ama("init", asset, "--workspace", "team")
        ama("add", name)
        if asset == "data":
            ama("set", "--alias", "inputs")
        else:
            ama("add", "ref", "--alias", "inputs")
            ama("add", "ref", "data", "--role", "schema")
        ama("upload")
    assert ama("list", "--workspace", "team", "-q").out == "ama://team/data\nama://team/model\n"
    assert ama("list").out == "no assets\n"
    refs = ama("show", "ama://team/model", "--json").document["refs"]
    assert [(ref["role"], ref["asset"]) for ref in refs] == [("input", "data"), ("schema", "data")]


def test_a_workspace_that_add_ref_is_told_counts_more(ama, upload):
    upload("data", "d.txt", alias="inputs")
    ama("init", "model", "--workspace", "team")
    assert ama("add", "ref", "--alias", "inputs", code=3).err == (
        "ama: error: no asset in workspace 'team' has the alias 'inputs'\n"
    )
    document = ama("add", "ref", "--alias", "inputs", "--workspace", "default", "--json").document
    assert [ref["written"] for ref in document["refs"]] == ["ama://default/data:inputs"]


def test_all_workspaces_can_be_listed(ama, upload):
    upload("model", "a.txt")
    ama("init", "model", "--workspace", "team")
    ama("add", "a.txt")
    ama("upload")
    assert ama("list", "--all", "-q").out == "ama://default/model\nama://team/model\n"
    lines = ama("list", "--all").out.splitlines()
    assert [line.split()[0] for line in lines] == ["ASSET", "model", "ama://team/model"]
    assert ama("list", "model", "--all", code=2).err == (
        "ama: error: --all lists assets; leave it out to list the versions of one; see `ama list --help`\n"
    )


def test_a_relative_home_is_taken_from_the_current_folder(ama, upload, monkeypatch, work):
    monkeypatch.setenv("AMA_HOME", "here")
    upload("model", "a.txt")
    assert (work / "here" / "registry" / "registry.json").exists()


def test_without_a_home_the_registry_is_in_the_users_data_folder(ama, upload, monkeypatch, tmp_path):
    monkeypatch.delenv("AMA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    upload("model", "a.txt")
    assert [path.name for path in tmp_path.rglob("registry.json")] == ["registry.json"]
    assert not (tmp_path / "home").exists()
