"""Databases and registries for the tests: each test has its own."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa

from ama_tfx.catalog import Database, postgresql_engine, sqlite_engine
from ama_tfx.catalog.schema import HEAD, metadata
from ama_tfx.registry import Registry
from ama_tfx.testing import TickingClock
from ama_tfx.testing.postgresql import PostgresqlServer, find_postgresql
from ama_tfx.testing.processes import in_process
from ama_tfx.testing.system_calls import why_no_strace
from tests.failures_at_once import FailuresAtOnce
from tests.hanging import HangingTests
from tests.storage.objects.servers import (  # noqa: F401 - fixtures: one server of each kind for all tests
    azure_server,
    azure_url,
    gcs_server,
    gcs_url,
    no_credentials_of_this_machine,
    place_of,
    s3_server,
    s3_url,
)

_MEMORY, _MEMORY_BYTES = Path("/dev/shm"), 8 << 30

if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _MEMORY_BYTES:
    # Half of what the tests wait for is the disk, and none of them is about it: a sync is the same call in memory.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))

# Hundreds of tests start `ama`: compiled once, it starts in half the time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# How quickly examples are made is the machine's matter.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

OF_TFX = [
    Path("tests", *name.split("/"))
    for name in (
        "architecture/test_surface.py",
        "components",
        "e2e",
        "examples",
        "kubeflow_harness",
        "orchestration",
        "pipelines",
        "storage/formats/test_written_by_tensorflow.py",
    )
]
"""Tests that import TFX or TensorFlow: they run in processes of their own, after the others."""

_TOLD = pytest.StashKey[bool]()

REGISTRY_ID = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def quick_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: a sync costs nothing there, and is the same call."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="ama-", dir=memory) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def strace() -> None:
    """Makes sure that functions can be run under strace."""
    if not (reason := why_no_strace()):
        return
    if os.environ.get("AMA_REQUIRE_STRACE") == "1":
        pytest.fail(f"AMA_REQUIRE_STRACE=1, but {reason}")
    pytest.skip(f"failing system calls NOT TESTED: {reason}")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    programs = find_postgresql()
    if programs is None:
        reason = "no initdb and pg_ctl on PATH or in /usr/lib/postgresql/*/bin; on Debian: apt-get install postgresql"
        if os.environ.get("AMA_REQUIRE_POSTGRES") == "1":
            pytest.fail(f"AMA_REQUIRE_POSTGRES=1, but {reason}")
        pytest.skip(f"PostgreSQL NOT TESTED: {reason}")
    server = PostgresqlServer(programs)
    yield server
    server.close()


@pytest.fixture
def empty_postgresql(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """The URL of a database with nothing in it."""
    name = postgresql_server.create_database()
    yield postgresql_server.url(name)
    postgresql_server.drop_database(name)


@pytest.fixture(scope="session")
def _catalog_postgresql(postgresql_server: PostgresqlServer) -> str:
    """The URL of the database that `catalog_postgresql` makes empty for each test: quicker than making one."""
    url = postgresql_server.url(postgresql_server.create_database())
    engine = postgresql_engine(sa.make_url(url))
    Database(engine, url).create(REGISTRY_ID)
    engine.dispose()
    return url


@pytest.fixture
def catalog_postgresql(postgresql_server: PostgresqlServer, _catalog_postgresql: str) -> Iterator[str]:
    """The URL of a database with an empty catalog, whatever the tests before did to it."""
    yield _catalog_postgresql
    tables = sorted(metadata.tables)
    statements = [
        # Ten times as quick as TRUNCATE; a replica's session fires no triggers.
        "SET session_replication_role = replica",
        *(f"DELETE FROM {table}" for table in tables),
        *(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1, false)"
            for table in tables
            if "id" in metadata.tables[table].columns
        ),
        f"UPDATE alembic_version SET version_num = '{HEAD}'",
        f"INSERT INTO registry_facts (key, value) VALUES ('registry_id', '{REGISTRY_ID}')",
        *(f"ALTER TABLE {table} ENABLE TRIGGER ALL" for table in tables),
    ]
    database = sa.make_url(_catalog_postgresql).database
    assert database is not None
    postgresql_server.execute("SET lock_timeout = '5s'; " + "; ".join(statements), database)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty catalog, on each kind of database."""
    if request.param == "sqlite":
        engine = sqlite_engine(tmp_path / "catalog.db", create=True)
        database = Database(engine, "the test catalog")
        database.create(REGISTRY_ID)
    else:
        engine = postgresql_engine(sa.make_url(request.getfixturevalue("catalog_postgresql")))
        database = Database(engine, "the test catalog")
    yield database
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def registry_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a registry that is not made yet, on each kind of database."""
    folder = tmp_path / "registry"
    if request.param == "sqlite":
        return str(folder)
    folder.mkdir()
    (folder / "registry.id").write_text(REGISTRY_ID)  # as if this folder had made the catalog and been interrupted
    return f"{request.getfixturevalue('catalog_postgresql')}&blobs={folder}"


@pytest.fixture
def as_another_user(tmp_path: Path) -> Callable[[Callable[[], object]], object]:
    """A function that runs another in a process of a user who is not root: root is refused nothing."""

    def run(function: Callable[[], object]) -> object:
        def unprivileged() -> object:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            return function()

        return in_process(unprivileged)

    if os.getuid() == 0 and not all(parent.stat().st_mode & 0o005 == 0o005 for parent in Path(__file__).parents):
        pytest.skip("NOT TESTED: this checkout lies where only root can read, so no other user can import it")
    if os.getuid() == 0:  # pytest's folders are for root's eyes only
        roots = {Path(tempfile.gettempdir()), Path(os.environ.get("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir()))}
        for folder in [tmp_path, *tmp_path.parents]:
            if folder.stat().st_mode & 0o001:
                continue
            if roots.isdisjoint(folder.parents):
                pytest.skip(f"NOT TESTED: only root may go through {folder}, where the tests' folders lie")
            folder.chmod(0o755)
    return run


OpenRegistry = Callable[..., Registry]


@pytest.fixture
def open_registry() -> Iterator[OpenRegistry]:
    """A function like `Registry` whose registries make themselves, act as ann, and are closed after the test."""
    opened = []

    def open_one(url: str | Path, **options: object) -> Registry:
        registry = Registry(url, **{"create": True, "actor": "ann", "clock": TickingClock(), **options})
        opened.append(registry)
        return registry

    yield open_one
    for registry in opened:
        registry.close()


@pytest.fixture
def registry(registry_url: str, open_registry: OpenRegistry) -> Registry:
    """An empty registry, on each kind of database."""
    return open_registry(registry_url)


@pytest.fixture
def local_registry(tmp_path: Path, open_registry: OpenRegistry) -> Registry:
    """An empty registry in a folder, on SQLite: for rules that have nothing to do with the database."""
    return open_registry(tmp_path / "registry")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="write the golden files instead of comparing")
    parser.addoption(
        "--part", choices=["light", "tfx"], help="only the tests without TFX, or only those that import it"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(HangingTests(config))
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FailuresAtOnce(config))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what is of the other part."""
    part, path = config.getoption("--part"), collection_path.relative_to(Path(__file__).parents[1])
    within = any(path.is_relative_to(of_tfx) for of_tfx in OF_TFX)
    around = any(of_tfx.is_relative_to(path) for of_tfx in OF_TFX)
    if (part == "light" and within) or (part == "tfx" and not within and not around):
        return True
    return None


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Hold what `OF_TFX` says: tests that fork are slow, and may hang, in a process that has TensorFlow's threads."""
    if (
        item.config.getoption("--part") == "light"
        and "tensorflow" in sys.modules
        and not item.config.stash.get(_TOLD, False)
    ):
        item.config.stash[_TOLD] = True
        pytest.fail(f"{item.nodeid} imported TensorFlow; name its file in OF_TFX of tests/conftest.py")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a file of tests/golden; ``--update-goldens`` writes it, for review."""

    def compare(name: str, text: str) -> None:
        path = Path(__file__).parent / "golden" / name
        if request.config.getoption("--update-goldens"):
            path.write_text(text)
        assert path.read_text() == text, f"{name} changed; if that is wanted: pytest --update-goldens"

    return compare
