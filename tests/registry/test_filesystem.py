"""``ama://``: what fsspec and pandas see of a registry, and that they can only see."""

import io
import pickle
import subprocess
import sys
import warnings

import fsspec
import pytest

from ama_tfx.errors import InvalidInputError, PermissionDeniedError
from ama_tfx.registry import Registry
from ama_tfx.registry.filesystem import AmaFileSystem, FileMissingError

TABLE = b"name,clicks\nann,1\nbob,2\n"


@pytest.fixture
def url(registry_url, write, monkeypatch, tmp_path):
    """The address of a registry with a few versions, which the environment names."""
    first = write("1", {"data/train.csv": TABLE, "data/eval.csv": b"name,clicks\n", "notes.txt": b"first"})
    (first / "empty").mkdir()
    with Registry(registry_url, create=True, actor="ann") as registry:
        registry.register("clicks", first, alias="prod")
        registry.register("clicks", write("2", {"data/train.csv": TABLE + b"cy,3\n"}))
        registry.register("clicks/raw", write("raw", {"a.txt": b"a"}))
        registry.register("ama://team/other", write("other", {"b.txt": b"b"}))
    monkeypatch.setenv("AMA_REGISTRY", registry_url)
    monkeypatch.setenv("AMA_HOME", str(tmp_path / "home"))
    return registry_url


@pytest.fixture
def fs(url):
    return fsspec.filesystem("ama")


def test_fsspec_knows_the_protocol_by_the_packages_entry_point():
    code = "import fsspec; print(fsspec.get_filesystem_class('ama').__module__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "ama_tfx.registry.filesystem\n"


def test_a_registry_is_a_tree(fs):
    assert fs.ls("ama://", detail=False) == ["default", "team"]
    assert fs.ls("ama://default", detail=False) == ["default/clicks"]
    assert fs.ls("ama://default/clicks", detail=False) == [
        "default/clicks/raw",
        "default/clicks:1",
        "default/clicks:2",
    ]
    assert fs.ls("ama://default/clicks:prod", detail=False) == [
        "default/clicks:prod/data",
        "default/clicks:prod/notes.txt",
        "default/clicks:prod/empty",
    ]
    assert fs.ls("ama://default/clicks:1/data/", detail=False) == [
        "default/clicks:1/data/eval.csv",
        "default/clicks:1/data/train.csv",
    ]
    assert fs.ls("ama://default/clicks:1/empty") == []
    assert fs.ls("ama://default/clicks:1/notes.txt", detail=False) == ["default/clicks:1/notes.txt"]


def test_info_tells_what_a_path_is(fs):
    assert fs.info("ama://default/clicks:prod/notes.txt") == {
        "name": "default/clicks:prod/notes.txt",
        "size": 5,
        "type": "file",
        "sha256": "a7937b64b8caa58f03721bb6bacf5c78cb235febe0e70b1b84cd99541461a08e",
    }
    version = fs.info("ama://default/clicks:prod")
    assert (version["type"], version["version"]) == ("directory", 1)
    assert version["digest"].startswith("sha256:")
    assert [fs.isdir(path) for path in ("", "default", "default/clicks", "default/clicks:1/data")] == [True] * 4
    assert fs.isfile("ama://default/clicks:1/notes.txt")
    assert fs.size("default/clicks:1/data/train.csv") == len(TABLE)
    assert fs.modified("default/clicks:1/notes.txt").tzinfo is not None


@pytest.mark.parametrize(
    "path", ["nowhere", "default/nothing", "default/clicks:9", "default/clicks:none", "default/clicks:1/none.txt"]
)
def test_what_is_not_there_is_a_missing_file_to_everybody(fs, path):
    assert not fs.exists(path)
    for ask in (fs.info, fs.ls):
        with pytest.raises(FileNotFoundError):
            ask(path)
    with pytest.raises(FileMissingError):
        fs.info(path)


@pytest.mark.parametrize(
    "path", ["default/clicks:1/../x", "default/clicks:1/%2e%2e/x", "../x:1/a", "default/clicks:1//a"]
)
def test_a_path_that_no_asset_has_is_refused(fs, path):
    with pytest.raises(InvalidInputError):
        fs.open(f"ama://{path}")


def test_glob_walk_and_find_see_files(fs):
    assert fs.glob("ama://default/clicks:prod/**/*.csv") == [
        "default/clicks:prod/data/eval.csv",
        "default/clicks:prod/data/train.csv",
    ]
    assert fs.glob("ama://default/clicks:prod/data/t*.csv") == ["default/clicks:prod/data/train.csv"]
    assert fs.glob("ama://*/other") == ["team/other"]
    assert fs.find("ama://team") == ["team/other:1/b.txt"]
    walked = {path: (sorted(folders), sorted(files)) for path, folders, files in fs.walk("ama://default/clicks:1")}
    assert walked == {
        "default/clicks:1": (["data", "empty"], ["notes.txt"]),
        "default/clicks:1/data": ([], ["eval.csv", "train.csv"]),
        "default/clicks:1/empty": ([], []),
    }


def test_a_pattern_in_the_version_is_refused_and_not_taken_for_nothing(fs):
    with pytest.raises(InvalidInputError, match="pattern in the version"):
        fs.glob("ama://default/clicks:*/notes.txt")


def test_a_file_is_opened_and_can_seek(fs):
    with fs.open("ama://default/clicks:prod/data/train.csv") as stream:
        assert (stream.readable(), stream.seekable(), stream.writable()) == (True, True, False)
        assert stream.seek(-6, io.SEEK_END) == len(TABLE) - 6
        assert stream.read() == b"bob,2\n"
    assert fs.cat("ama://default/clicks:1/notes.txt") == b"first"
    assert fs.cat_file("ama://default/clicks:1/notes.txt", start=1, end=3) == b"ir"
    with fsspec.open("ama://default/clicks:prod/notes.txt", "rt") as stream:
        assert stream.read() == "first"
    with pytest.raises(InvalidInputError, match="is no file"):
        fs.open("ama://default/clicks:prod")


def test_random_access_reads_only_the_pieces_it_needs(local_registry, write, monkeypatch):
    content = b"".join(number.to_bytes(4, "big") for number in range(4_000_000))
    local_registry.register("big", write("big", {"big.bin": content}))
    fs = AmaFileSystem(registry=local_registry.location.folder)
    loaded = []
    finder = type(fs.registry._blobs.finder)
    load = finder.load
    monkeypatch.setattr(finder, "load", lambda self, *args: loaded.append(len(load(self, *args))) or load(self, *args))
    with fs.open("ama://default/big:1/big.bin") as stream:
        stream.seek(8_000_000)
        assert stream.read(4) == (2_000_000).to_bytes(4, "big")
    assert 0 < sum(loaded) < len(content) / 2


def test_get_writes_files_and_folders(fs, tmp_path):
    fs.get("ama://default/clicks:prod/notes.txt", str(tmp_path / "notes.txt"))
    assert (tmp_path / "notes.txt").read_bytes() == b"first"
    fs.get("ama://default/clicks:prod/data", str(tmp_path / "copy"), recursive=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir()} == {
        "eval.csv": b"name,clicks\n",
        "train.csv": TABLE,
    }


def test_one_file_system_reads_one_version_of_an_alias_and_a_new_one_the_newest(fs, url):
    before = fs.cat("ama://default/clicks:prod/data/train.csv")
    with Registry(url) as registry:
        registry.set_alias("clicks:2", "prod")
    assert fs.cat("ama://default/clicks:prod/data/train.csv") == before == TABLE
    assert fs.exists("ama://default/clicks:prod/notes.txt")
    with fsspec.open("ama://default/clicks:prod/data/train.csv") as stream:
        assert stream.read() == TABLE + b"cy,3\n"
    fs.invalidate_cache()
    assert fs.cat("ama://default/clicks:prod/data/train.csv") == TABLE + b"cy,3\n"


def test_no_instance_is_kept_for_another_registry(fs, url, monkeypatch, tmp_path, write):
    assert fs.exists("ama://default/clicks")
    with Registry(tmp_path / "second", create=True) as registry:
        registry.register("only-here", write("x", {"x.txt": b"x"}))
    monkeypatch.setenv("AMA_REGISTRY", str(tmp_path / "second"))
    assert fsspec.filesystem("ama").ls("default", detail=False) == ["default/only-here"]
    named = fsspec.filesystem("ama", registry=url)
    assert named.ls("default", detail=False) == ["default/clicks"]


def test_the_option_names_a_registry_and_survives_pickling(url, monkeypatch, tmp_path):
    monkeypatch.setenv("AMA_REGISTRY", str(tmp_path / "nothing"))
    copy = pickle.loads(pickle.dumps(AmaFileSystem(registry=url)))
    assert copy.cat("ama://team/other:1/b.txt") == b"b"


@pytest.mark.parametrize(
    "change",
    [
        lambda fs: fs.open("ama://default/clicks:1/new.txt", "wb"),
        lambda fs: fs.open("ama://default/clicks:1/notes.txt", "ab"),
        lambda fs: fs.pipe("ama://default/clicks:1/new.txt", b"x"),
        lambda fs: fs.pipe_file("ama://default/clicks:1/new.txt", b"x"),
        lambda fs: fs.put(__file__, "ama://default/clicks:1/new.py"),
        lambda fs: fs.put_file(__file__, "ama://default/clicks:1/new.py"),
        lambda fs: fs.touch("ama://default/clicks:1/notes.txt"),
        lambda fs: fs.rm("ama://default/clicks:1", recursive=True),
        lambda fs: fs.rm_file("ama://default/clicks:1/notes.txt"),
        lambda fs: fs.delete("ama://default/clicks:1/notes.txt"),
        lambda fs: fs.mkdir("ama://default/new"),
        lambda fs: fs.makedirs("ama://default/new/x"),
        lambda fs: fs.rmdir("ama://default/clicks:1/empty"),
        lambda fs: fs.copy("ama://default/clicks:1/notes.txt", "ama://default/clicks:1/n2.txt"),
        lambda fs: fs.mv("ama://default/clicks:1/notes.txt", "ama://default/clicks:1/n2.txt"),
        lambda fs: fs.rename("ama://default/clicks:1/notes.txt", "ama://default/clicks:1/n2.txt"),
        lambda fs: fs.upload(__file__, "ama://default/clicks:1/new.py"),
        lambda fs: fs.mkdirs("ama://default/new"),
    ],
)
def test_whatever_writes_is_refused_and_changes_nothing(fs, change):
    before = fs.find("ama://default")
    assert len(before) == 5
    with pytest.raises(PermissionDeniedError, match="can only be read"):
        change(fs)
    fs.invalidate_cache()
    assert fs.find("ama://default") == before


def test_pandas_reads_tables(url, write, tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_csv("ama://default/clicks:prod/data/train.csv")
    assert frame.to_dict("list") == {"name": ["ann", "bob"], "clicks": [1, 2]}
    frame.to_parquet(tmp_path / "clicks.parquet")
    with Registry(url) as registry:
        registry.register("tables", tmp_path / "clicks.parquet")
        pinned = registry.asset("tables").url("clicks.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas about pyarrow
        assert pandas.read_parquet(pinned).equals(frame)
    with pytest.raises(FileNotFoundError):
        pandas.read_csv("ama://default/clicks:prod/none.csv")


def test_pyarrow_reads_a_folder(url, write, tmp_path):
    pandas = pytest.importorskip("pandas")
    parquet = pytest.importorskip("pyarrow.parquet")
    for number in (1, 2):
        pandas.DataFrame({"n": [number]}).to_parquet(tmp_path / f"{number}.parquet")
    with Registry(url) as registry:
        registry.register("parts", {f"d/{n}.parquet": tmp_path / f"{n}.parquet" for n in (1, 2)})
    table = parquet.read_table("default/parts:latest/d", filesystem=fsspec.filesystem("ama"))
    assert table.column("n").to_pylist() == [1, 2]


def test_a_file_without_a_version_is_answered_with_how_to_say_it(tmp_path):
    (tmp_path / "a.csv").write_text("1")
    with Registry(tmp_path / "registry", create=True) as registry:
        registry.register("bc/data", tmp_path / "a.csv")
    system = fsspec.filesystem("ama", registry=tmp_path / "registry")
    for call in (system.open, system.info):
        with pytest.raises((InvalidInputError, FileNotFoundError), match="ama://default/bc/data:ALIAS/a.csv"):
            call("ama://default/bc/data/a.csv")
    with pytest.raises(InvalidInputError, match="there is no workspace 'bc', only 'default'"):
        system.open("ama://bc/data/a.csv")
