"""Settings: an option counts more than the environment, that more than the project, that more than the user."""

import os

import pytest

from ama_tfx.errors import InvalidInputError, PermissionDeniedError
from ama_tfx.registry import open_registry
from ama_tfx.settings import SETTINGS, Scope, Settings, SettingsFile


@pytest.fixture
def user_file(home):
    home.mkdir()
    return home / "config.toml"


@pytest.fixture
def project_file(work):
    (work / ".ama").mkdir()
    return work / ".ama" / "config.toml"


def value(ama, key, *args):
    return ama(*args, "config", "get", key).out.rstrip("\n")


def test_each_level_counts_more_than_the_next(ama, user_file, project_file, monkeypatch):
    assert value(ama, "workspace") == "default"
    user_file.write_text('workspace = "users"\n')
    assert value(ama, "workspace") == "users"
    project_file.write_text('workspace = "projects"\n')
    assert value(ama, "workspace") == "projects"
    monkeypatch.setenv("AMA_WORKSPACE", "environments")
    assert value(ama, "workspace") == "environments"
    assert value(ama, "workspace", "--workspace", "options") == "options"


def test_the_list_says_where_each_setting_comes_from(ama, user_file, project_file, monkeypatch, home, normal):
    user_file.write_text('color = "never"\nactor = "ann"\n')
    project_file.write_text('registry = "shared"\n')
    monkeypatch.setenv("AMA_CACHE_SIZE", "1GB")
    monkeypatch.delenv("AMA_ACTOR")
    rows = [
        line.split(None, 2)
        for line in normal(ama("config", "list", "--show-origin", "--workspace", "w").out).splitlines()
    ]
    assert rows == [
        ["SETTING", "VALUE", "ORIGIN"],
        ["registry", "TMP/work/shared", "project TMP/work/.ama/config.toml"],
        ["workspace", "w", "option --workspace"],
        ["actor", "ann", "user TMP/home/config.toml"],
        ["json", "false", "default"],
        ["quiet", "false", "default"],
        ["color", "never", "user TMP/home/config.toml"],
        ["cache", "-", "default"],
        ["cache_size", "1GB", "environment AMA_CACHE_SIZE"],
    ]
    document = ama("config", "list", "--json").document
    assert [entry["key"] for entry in document] == list(SETTINGS)
    assert document[2] == {
        "key": "actor",
        "value": "ann",
        "origin": {"scope": "user", "where": str(user_file)},
        "refused": None,
    }
    assert ama("config", "list", "-q").out.split() == list(SETTINGS)


def test_settings_do_what_the_options_do(ama, upload, user_file, tmp_path):
    user_file.write_text(f'registry = "{tmp_path}/named"\nworkspace = "team"\nactor = "bob"\n')
    os.environ.pop("AMA_ACTOR")
    upload("model", "a.txt")
    assert (tmp_path / "named" / "registry.json").exists()
    user_file.write_text(f'registry = "{tmp_path}/named"\nworkspace = "team"\nquiet = true\n')
    assert ama("list").out == "ama://team/model\n"
    user_file.write_text(f'registry = "{tmp_path}/named"\njson = true\n')
    assert ama("show", "ama://team/model").document["created_by"] == "bob"
    assert ama("show", "nothing", code=3).error["code"] == "not_found"
    assert ama("show", "ama://team/model", "-q").out.startswith("ama://team/model@sha256:")


def test_python_means_the_same_registry(ama, upload, user_file, tmp_path, monkeypatch):
    user_file.write_text('registry = "beside"\nworkspace = "team"\nactor = "bob"\n')
    monkeypatch.delenv("AMA_ACTOR")
    upload("model", "a.txt")
    with open_registry() as registry:
        assert registry.location.folder == tmp_path / "home" / "beside"
        assert registry.resolve("model").created_by == "bob"
    with open_registry(workspace="default") as registry:
        assert not registry.exists("model")


def test_a_projects_file_is_found_upwards_and_its_paths_begin_there(ama, project_file, work, monkeypatch):
    project_file.write_text('registry = "data/registry"\n')
    (work / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(work / "deep" / "er")
    assert value(ama, "registry") == str(work / "data" / "registry")


def test_the_users_file_is_no_projects_file(ama, work, monkeypatch):
    monkeypatch.setenv("AMA_HOME", str(work / ".ama"))
    (work / ".ama").mkdir()
    (work / ".ama" / "config.toml").write_text('actor = "me"\n')
    monkeypatch.delenv("AMA_ACTOR")
    assert ama("config", "list", "--json").document[2]["origin"]["scope"] == "user"


def test_set_writes_and_unset_removes(ama, user_file, work, home, normal):
    assert normal(ama("config", "set", "workspace", "team").out) == "workspace is team in TMP/home/config.toml\n"
    assert user_file.read_text() == 'workspace = "team"\n'
    assert user_file.stat().st_mode & 0o777 == 0o600
    ama("config", "set", "json", "yes")
    assert user_file.read_text() == 'workspace = "team"\njson = true\n'
    assert ama("config", "get", "json").document["value"] is True
    ama("config", "unset", "json")
    assert normal(ama("config", "unset", "workspace").out) == "workspace is no longer set in TMP/home/config.toml\n"
    assert user_file.read_text() == ""
    assert ama("config", "unset", "workspace", code=3).err.startswith("ama: error: workspace is not set in ")


def test_set_makes_the_users_folder(ama, home):
    assert not home.exists()
    ama("config", "set", "color", "never")
    assert (home / "config.toml").read_text() == 'color = "never"\n'


def test_comments_and_other_lines_stay(ama, user_file):
    text = '# mine\nworkspace = "a"  # was b\n\n# colours hurt\ncolor = "never"\n'
    user_file.write_text(text)
    ama("config", "set", "workspace", "c")
    assert user_file.read_text() == '# mine\nworkspace = "c"\n\n# colours hurt\ncolor = "never"\n'
    ama("config", "set", "actor", 'Ann "the\\ö" Example')
    assert value(ama, "actor") == "ann"  # AMA_ACTOR counts more
    assert SettingsFile(user_file, Scope.USER).read()["actor"] == 'Ann "the\\ö" Example'
    assert user_file.read_text().startswith('# mine\nworkspace = "c"\n')


def test_what_cannot_be_changed_by_line_is_left_alone(ama, user_file):
    text = 'workspace = """\\\n  team"""\n'
    user_file.write_text(text)
    done = ama("config", "set", "workspace", "other", code=2)
    assert "change it by hand" in done.err
    assert user_file.read_text() == text


def test_set_for_a_project_needs_a_working_copy(ama, work):
    assert ama("config", "set", "workspace", "team", "--project", code=3).err.startswith(
        "ama: error: no working copy in "
    )
    ama("init", "model")
    ama("config", "set", "workspace", "team", "--project")
    assert (work / ".ama" / "config.toml").read_text() == 'workspace = "team"\n'
    assert value(ama, "workspace") == "team"
    ama("config", "unset", "workspace", "--project")
    assert value(ama, "workspace") == "default"


def test_a_path_that_is_set_is_where_it_was_typed(ama, user_file, work):
    ama("config", "set", "registry", "here/registry")
    assert user_file.read_text() == f'registry = "{work}/here/registry"\n'


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["workspac", "x"], "no setting 'workspac'; did you mean 'workspace'?"),
        (["xyzzy", "x"], "no setting 'xyzzy'; known: registry, workspace, actor, json, "),
        (["json", "maybe"], "json is 'maybe'; expected true or false"),
        (["color", "red"], "color is 'red'; expected auto or always or never"),
        (["workspace", "a/../b"], "not a valid workspace"),
        (["workspace", ""], "workspace is ''; expected a text"),
        (["registry", "mysql://h/d"], "unknown kind of registry 'mysql'"),
        (["actor", "a\x1b[2Jb"], "expected a text without control characters"),
        (["actor", "x", "--project"], "a project cannot set 'actor'"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_written(ama, home, args, said):
    assert said in ama("config", "set", *args, code=2).err
    assert not (home / "config.toml").exists()


SECRET = "hunter2secret"


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ann:{SECRET}@h/db?blobs=/b",
        f"postgresql://ann:{SECRET}/x@h/db?blobs=/b",
        f"postgresql://h/db?password={SECRET}&blobs=/b",
        f"postgresql://h/db?sslpassword={SECRET}&blobs=/b",
    ],
)
def test_no_file_takes_a_password_and_no_message_shows_it(ama, user_file, url):
    said = ama("config", "set", "registry", url, code=2).err
    assert "PGPASSFILE" in said
    assert SECRET not in said
    assert not user_file.exists()
    user_file.write_text(f'registry = "{url}"\n')
    for args in (["config", "list"], ["list"], ["config", "get", "registry", "--json"]):
        done = ama(*args, code=2)
        assert "line 1: registry holds a password" in done.err
        assert SECRET not in done.err + done.out


def test_a_password_in_the_environment_is_not_listed(ama, monkeypatch, tmp_path):
    for url in (f"postgresql://ann:{SECRET}@h/db?blobs={tmp_path}", f"password={SECRET}", f"x://{SECRET}"):
        monkeypatch.setenv("AMA_REGISTRY", url)
        for args in (["config", "list"], ["config", "list", "--json"], ["config", "get", "registry"]):
            done = ama(*args)
            assert SECRET not in done.out + done.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('workspace = "team"\nregistry = \n', "is not TOML: Invalid value (at line 2, column 12)"),
        ('\n\nworkspaces = "team"\n', "line 3: no setting 'workspaces'; did you mean 'workspace'?"),
        ('# a\n[registry]\nurl = "x"\n', "line 2: registry is {'url': 'x'}; expected a text"),
        ("json = 1\n", "line 1: json is 1; expected true or false"),
        ('quiet = "perhaps"\n', "line 1: quiet is 'perhaps'; expected true or false"),
        ("workspace = true\n", "line 1: workspace is True; expected a text"),
        ("\x00", "is not TOML"),
        (b"\xff\xfe", "is not in UTF-8"),
        ("#" * 70_000, "has more than 65536 bytes"),
    ],
)
def test_a_broken_file_is_one_clear_error_with_its_name_and_line(ama, user_file, text, said):
    user_file.write_bytes(text if isinstance(text, bytes) else text.encode())
    for args in (["list"], ["config", "list"], ["config", "set", "workspace", "x"]):
        done = ama(*args, code=2)
        assert done.out == ""
        assert done.err.count("\n") == 1
        assert said in done.err
        assert str(user_file) in done.err
    assert ama("list", "--json", code=2).error["code"] == "invalid_input"
    assert ama("--help").out.startswith("Usage")


def test_what_is_said_in_the_environment_is_checked(ama, monkeypatch):
    monkeypatch.setenv("AMA_JSON", "maybe")
    assert ama("config", "list", code=2).err == "ama: error: AMA_JSON: json is 'maybe'; expected true or false\n"


def test_a_project_cannot_say_who_acts(ama, project_file):
    project_file.write_text('actor = "the boss"\n')
    assert "line 1: a project cannot set 'actor'" in ama("list", code=2).err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("what", ["the file", "the folder", "everybody"])
def test_a_projects_file_of_others_chooses_no_registry(ama, upload, project_file, what, tmp_path, home):
    upload("model", "a.txt")
    project_file.write_text(f'registry = "{tmp_path}/theirs"\n')
    if what == "everybody":
        project_file.chmod(0o666)
    else:
        os.chown(project_file if what == "the file" else project_file.parent, 65534, -1)
    done = ama("list", code=6)
    assert "registry is set by a file that is not trusted: " in done.err
    assert (
        "everybody may write to" in done.err if what == "everybody" else "belongs to user 65534, not to you" in done.err
    )
    assert not (tmp_path / "theirs").exists()
    with pytest.raises(PermissionDeniedError):
        open_registry()
    shown = ama("config", "list", "--show-origin", "--registry", str(home / "registry")).out
    assert "option --registry" in shown
    assert "(refused: " in ama("config", "list", "--show-origin").out
    assert ama("list", "-q", "--registry", str(home / "registry")).out == "ama://default/model\n"


def test_a_working_copy_may_be_shared_with_oneself(ama, project_file, tmp_path):
    project_file.write_text('workspace = "mine"\n')
    project_file.chmod(0o664)
    assert value(ama, "workspace") == "mine"


def test_a_folder_that_is_gone_is_no_project(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert Settings.load()["workspace"].value == "default"


def test_a_cache_that_is_configured_is_used(ama, user_file, monkeypatch, upload):
    user_file.write_text('cache = "blobs"\ncache_size = "3MB"\n')
    monkeypatch.setenv("AMA_CACHE", "")
    monkeypatch.setenv("AMA_CACHE_SIZE", "")
    upload("model", "a.txt")
    assert os.environ["AMA_CACHE"] == str(user_file.parent / "blobs")
    assert os.environ["AMA_CACHE_SIZE"] == "3MB"


def test_every_setting_is_in_the_reference():
    from tests.cli.test_commands import REFERENCE

    text = REFERENCE.read_text()
    for key, setting in SETTINGS.items():
        assert f"| `{key}` |" in text
        assert f"`{setting.variable}`" in text


def test_writers_at_one_time_lose_nothing(home):
    from concurrent.futures import ThreadPoolExecutor

    from ama_tfx.registry.configuring import set_setting

    told = {"workspace": "team", "color": "never", "json": "true", "quiet": "true", "actor": "bob", "cache_size": "1GB"}
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda item: set_setting(*item, scope=Scope.USER, start=home), told.items()))
    assert SettingsFile.of_user().read().keys() == told.keys()


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: os.symlink("/dev/zero", path)])
def test_a_file_of_settings_that_is_none_is_refused_and_not_waited_for(project_file, make):
    make(project_file)
    with pytest.raises(InvalidInputError, match=r"config\.toml' is no regular file; put a settings file in its place"):
        SettingsFile(project_file, Scope.PROJECT).read()
