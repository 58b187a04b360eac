"""Reading stores wherever they are: nothing is made, nothing is written, a lock is waited for."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from concurrent import futures

import pytest

from ama_tfx.errors import BackendError, FormatError, NotFoundError
from ama_tfx.provenance import History, RunState, open_history
from ama_tfx.provenance.address import StoreAddress
from ama_tfx.provenance.opening import Waiting, _config
from ama_tfx.provenance.reading import RunReader
from ama_tfx.testing.run_store import Made, RunStoreWriter

pytest.importorskip("ml_metadata")

LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
connection.execute("ROLLBACK")
print("free", flush=True)
sys.stdin.readline()
"""


class PausingClock:
    """Time that passes only while somebody waits; calls something at the first pause."""

    def __init__(self, at_first_pause=lambda: None):
        self.now, self.pauses, self._first = 0.0, 0, at_first_pause

    def sleep(self, seconds):
        self.pauses += 1
        if self.pauses == 1:
            self._first()
        self.now += seconds

    def waiting(self, seconds=30.0):
        return Waiting(seconds, self.sleep, lambda: self.now)


@pytest.fixture
def lock(file_store, tmp_path):
    """A store that another process holds locked, and a function that lets go of it."""
    file_store().execute("first", "Trainer", outputs={"model": Made("Model", "/m")})
    command = [sys.executable, "-c", LOCK, str(tmp_path / "metadata.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "locked\n"

        def release():
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "free\n"

        yield release
        process.stdin.close()


def test_a_store_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(NotFoundError, match="no metadata store"):
        open_history(str(tmp_path / "metadata.db"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["nothing", "text", "another database"])
def test_a_file_that_is_no_store_is_refused_and_stays_as_it_is(tmp_path, content):
    file = tmp_path / "other.db"
    file.write_text("no database\n" * 100 if content == "text" else "")
    if content == "another database":
        connection = sqlite3.connect(file)
        connection.execute("CREATE TABLE t (a)")
        connection.close()
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    with pytest.raises(FormatError, match="is no metadata store that this release can read"):
        open_history(str(file)).runs()
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before


def test_reading_writes_nothing(file_store, tmp_path):
    file_store().execute("first", "Trainer", outputs={"model": Made("Model", "/m")})
    before = (tmp_path / "metadata.db").read_bytes()
    history = open_history(str(tmp_path / "metadata.db"))
    assert history.run().nodes[0].node == "Trainer"
    assert len(history.lineage(history.artifact("Model").id).artifacts) == 1
    assert (tmp_path / "metadata.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["metadata.db"]


def test_a_locked_store_is_waited_for(lock, tmp_path):
    clock = PausingClock(at_first_pause=lock)
    history = open_history(str(tmp_path / "metadata.db"), waiting=clock.waiting())
    assert history.run().run.name == "first"
    assert clock.pauses == 1


def test_a_store_that_stays_locked_is_a_clear_error(lock, tmp_path):
    clock = PausingClock()
    with pytest.raises(BackendError, match="is being written to all the time; try again"):
        open_history(str(tmp_path / "metadata.db"), waiting=clock.waiting(5.0)).runs()
    assert 4.0 < clock.now <= 5.0


@pytest.fixture
def postgresql_store(postgresql_server):
    """A writer to an empty PostgreSQL database, and its address."""
    from ml_metadata.proto import metadata_store_pb2

    name = postgresql_server.create_database()
    config = metadata_store_pb2.ConnectionConfig()
    config.postgresql.host, config.postgresql.port = str(postgresql_server.folder), "5432"
    config.postgresql.user, config.postgresql.dbname = "ama", name
    config.postgresql.skip_db_creation = True
    yield config, f"postgresql://ama@/{name}?host={postgresql_server.folder}"
    postgresql_server.drop_database(name)


def test_a_store_in_postgresql_answers_and_cannot_be_written_to(postgresql_store):
    config, url = postgresql_store
    writer = RunStoreWriter(config)
    data = writer.execute("first", "Gen", outputs={"examples": Made("Examples", "/it's")})
    writer.execute(
        "first",
        "Trainer",
        inputs={"examples": [data["examples"]]},
        outputs={"model": Made("Model", "/m")},
        parameters={"steps": 3},
    )
    history = open_history(url)
    assert [(one.node, one.parameters) for one in history.run("first").nodes] == [
        ("Gen", {}),
        ("Trainer", {"steps": 3}),
    ]
    assert [one.artifact.uri for one in history.datasets(history.artifact("/m").id)] == ["/it's"]
    assert history.artifact("/it's").id == data["examples"]
    with pytest.raises(Exception, match="read-only transaction"):
        history._reader._store.put_context_type(writer.protos.ContextType(name="mine"))


def test_an_empty_postgresql_database_is_no_store_and_gets_no_tables(postgresql_store):
    config, url = postgresql_store
    with pytest.raises(FormatError, match="is no metadata store"):
        open_history(url).runs()
    with pytest.raises(FormatError, match="is no metadata store"):  # the first attempt left nothing behind
        open_history(url).runs()


@pytest.fixture
def grpc_store(file_store, tmp_path):
    """A metadata server over a file: ML Metadata's own core behind gRPC, as ``metadata_store_server`` is."""
    import grpc
    from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as core
    from ml_metadata.proto import metadata_store_service_pb2

    writer = file_store()
    config = writer.protos.ConnectionConfig()
    config.sqlite.filename_uri = str(tmp_path / "metadata.db")
    store = core.CreateMetadataStore(config.SerializeToString(), writer.protos.MigrationOptions().SerializeToString())
    service = metadata_store_service_pb2.DESCRIPTOR.services_by_name["MetadataStoreService"]

    def answer(method):
        return grpc.unary_unary_rpc_method_handler(lambda request, _: getattr(core, method)(store, request)[0])

    handler = grpc.method_handlers_generic_handler(
        service.full_name, {one.name: answer(one.name) for one in service.methods if hasattr(core, one.name)}
    )
    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield writer, f"grpc://127.0.0.1:{port}"
    server.stop(None).wait()


def test_a_metadata_server_answers_and_more_than_4_mib_at_once(grpc_store):
    writer, url = grpc_store
    long = "x" * 500_000
    for number in range(10):
        writer.execute("first", f"n{number}", outputs={"out": Made("Model", f"/{number}")}, parameters={"text": long})
    details = open_history(url).run("first")
    assert [node.node for node in details.nodes] == [f"n{number}" for number in range(10)]
    assert sum(len(node.parameters["text"]) for node in details.nodes) == 5_000_000
    assert details.state is RunState.COMPLETE


@pytest.mark.parametrize(
    "url", ["grpc://127.0.0.1:1", "mysql://ann@127.0.0.1:1/mlmd", "postgresql://ann@127.0.0.1:1/mlmd"]
)
def test_a_server_that_is_not_there_is_a_clear_error_without_the_password(url, monkeypatch):
    monkeypatch.setenv("AMA_METADATA_PASSWORD", "opens-it")
    with pytest.raises(BackendError) as failed:
        open_history(url).runs()
    assert str(failed.value).startswith(f"cannot read the metadata store {url!r}: ")
    assert "opens-it" not in str(failed.value)


def test_a_mysql_server_is_asked_as_the_address_says_and_makes_no_database(monkeypatch):
    monkeypatch.setenv("MLMD_PASSWORD", "opens-it")
    config = _config(StoreAddress.parse("mysql://ann@db.example.org:3307/mlmd?password_env=MLMD_PASSWORD")).mysql
    assert (config.host, config.port, config.database, config.user, config.password, config.skip_db_creation) == (
        *("db.example.org", 3307, "mlmd"),
        *("ann", "opens-it", True),
    )
    config = _config(StoreAddress.parse("mysql://ann@/mlmd?socket=/run/mysqld.sock")).mysql
    assert (config.host, config.socket) == ("", "/run/mysqld.sock")


def test_ids_of_63_bits_are_kept(file_store, tmp_path):
    file_store()
    high = 2**62
    connection = sqlite3.connect(tmp_path / "metadata.db")
    for table in ("Artifact", "Execution", "Context"):
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, high))
    connection.commit()
    connection.close()
    written = file_store().execute("first", "Trainer", outputs={"model": Made("Model", "/m")})
    assert written["model"] > high
    history: History = open_history(str(tmp_path / "metadata.db"))
    assert history.artifact(str(written["model"])).uri == "/m"
    assert set(history.lineage(written["model"]).executions) == {written.execution}
    assert history.run().nodes[0].outputs[0].artifact_id == written["model"]
    assert isinstance(history._reader, RunReader)
    with pytest.raises(NotFoundError):
        history.artifact(str(2**70))
