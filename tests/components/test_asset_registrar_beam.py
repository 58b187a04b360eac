"""AssetRegistrar with large artifacts: Beam workers store them, through the code that stores small ones."""

from __future__ import annotations

import hashlib
import json

import pytest

from ama_tfx.errors import InvalidInputError, RunFailedError
from ama_tfx.orchestration import KubeflowOptions, compile_pipeline
from tests.kubeflow_harness.runner import run_job

parts = pytest.importorskip("registrar_parts")
from ama_tfx.components import AssetRegistrar  # noqa: E402  (TFX is imported once, with the parts)
from ama_tfx.components.asset_registrar import beam  # noqa: E402
from ama_tfx.components.asset_registrar.beam import Destination, StoredFile, batched, files_of  # noqa: E402

WORKERS = ["--runner=DirectRunner", "--direct_running_mode=multi_threading", "--direct_num_workers=2"]
FILES = [
    ("Split-eval/data_tfrecord-00000-of-00001.gz", hashlib.sha256(b"ROWS").hexdigest()),
    ("Split-train/data_tfrecord-00000-of-00001.gz", hashlib.sha256(b"rows").hexdigest()),
]


@pytest.fixture
def stored(monkeypatch):
    """The batches that went through Beam."""
    seen = []
    store = beam.store

    def seeing(pipeline, destination, files):
        seen.append(sorted(file.path for file in files))
        store(pipeline, destination, files)

    monkeypatch.setattr(beam, "store", seeing)
    return seen


def registering(bench, **options):
    examples = parts.MakeExamples(text="rows")
    chosen = {"registry": bench.url, "code_folder": bench.folder, **options}
    return examples, AssetRegistrar(examples.outputs["examples"], "examples", **chosen).with_id("Register")


def held(bench):
    return [(entry.path, entry.digest.hex) for entry in bench.registry.show("examples").files]


@pytest.mark.parametrize(("above", "batches"), [(7, [[path for path, _ in FILES]]), (8, []), (None, [])])
def test_an_artifact_above_the_bound_goes_through_beam_and_is_the_same_version(bench, stored, above, batches):
    bench.run(*registering(bench, beam_above_bytes=above))
    assert stored == batches
    assert held(bench) == FILES
    (registration,) = bench.registry.show("examples").registrations
    assert registration.provenance["component"] == "MakeExamples"


def test_what_the_workers_stored_is_not_stored_again(bench):
    folder = bench.folder / "made"
    folder.mkdir()
    for number in range(5):
        (folder / f"shard-{number}").write_bytes(bytes([number]) * 1000)
    with bench_registry(bench) as registry:
        files = files_of(str(folder))
        assert [(file.path, file.size_bytes) for file in files] == [(f"shard-{n}", 1000) for n in range(5)]
        run(Destination(bench.url, "rows", (), str(folder)), files)
        assert not registry.exists("rows"), "nothing is visible yet"
        again = registry.store("rows", folder)
        registered = registry.register("rows", folder)
    assert (again, registered.created) == (0, True)
    assert registered.new_bytes < 1000, "the manifest alone"
    assert bench.registry.upkeep.fsck(read_percent=100).is_clean


def test_files_in_an_object_store_are_fetched_by_the_workers(bench):
    from tfx.dsl.io import fileio

    for name, text in (("a/one", b"1"), ("two", b"2")):
        fileio.makedirs("ram://bucket/rows/a")
        with fileio.open(f"ram://bucket/rows/{name}", "wb") as stream:
            stream.write(text)
    with bench_registry(bench) as registry:
        files = files_of("ram://bucket/rows")
        assert [(file.path, file.size_bytes) for file in files] == [("a/one", 1), ("two", 1)]
        run(Destination(bench.url, "rows", (), "ram://bucket/rows"), files)
        (bench.folder / "one").write_bytes(b"1")
        assert registry.store("rows", bench.folder / "one") == 0


def bench_registry(bench):
    from ama_tfx.registry import Registry

    return Registry(bench.url, create=True)


def run(destination, files):
    import apache_beam

    beam.store(apache_beam.Pipeline(argv=WORKERS), destination, files)


def test_batches_are_of_about_the_same_size_and_hold_every_file_once(monkeypatch):
    monkeypatch.setattr(beam, "BATCH_BYTES", 10)
    sizes = [4, 5, 3, 25, 0, 10, 1]
    files = [StoredFile(f"f{number}", size) for number, size in enumerate(sizes)]
    assert list(batched(files)) == [("f0", "f1"), ("f2",), ("f3",), ("f4", "f5"), ("f6",)]


def test_a_worker_that_fails_fails_the_node_and_registers_nothing(bench, monkeypatch):
    def out_of_disk(self, batch):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(beam.StoreBatch, "process", out_of_disk)
    with pytest.raises(RunFailedError, match="Register: failed: RuntimeError: OSError.*No space left"):
        bench.run(*registering(bench, beam_above_bytes=1))
    assert bench.registry.assets() == []
    assert bench.artifacts("ama_tfx.Asset") == []


def test_it_stores_in_the_container_entry_point_too(bench):
    from tfx.orchestration.pipeline import Pipeline

    pipeline = Pipeline("demo", "gs://nowhere", components=list(registering(bench, beam_above_bytes=1)))
    job = compile_pipeline(pipeline, "kubeflow", KubeflowOptions(image="trips:1")).content
    executor = json.loads(job)["pipelineSpec"]["deploymentSpec"]["executors"]["Register_executor"]
    assert "ama_tfx.components.asset_registrar.executor.Executor" in executor["container"]["args"]
    results = run_job(job, bench.folder / "job")
    assert results["Register"].state == "SUCCEEDED", results["Register"].log
    assert held(bench) == FILES


@pytest.mark.parametrize("bound", [0, -1, 1.5, "1", True])
def test_a_bound_that_is_no_size_is_refused(bench, bound):
    with pytest.raises(InvalidInputError, match="is no size; expected bytes from 1, or None for never"):
        registering(bench, beam_above_bytes=bound)
