"""AssetImporter in real pipelines: what the registry has becomes what components take, never stale."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from ama_tfx.errors import InvalidInputError, RunFailedError
from ama_tfx.orchestration import LocalRunOptions, run_local
from ama_tfx.provenance import open_history, record_run
from ama_tfx.registry import Facts, Registry

parts = pytest.importorskip("flow_parts")
import registrar_parts  # noqa: E402  (TFX is imported once, with the parts)
from tfx.types import artifact, standard_artifacts  # noqa: E402  (TFX is imported once, with the parts)

from ama_tfx.components import (  # noqa: E402
    AssetImporter,
    AssetPusher,
    AssetRegistrar,
    BlessingPolicy,
    BlessingValidator,
)

MODEL = {"Format-Serving/saved_model.pb": "weights"}


def register(bench, name, files, *, alias=None, **facts):
    """Register texts as a version; return its reference by digest."""
    folder = bench.folder / f"made-{name.replace('/', '-')}"
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    with Registry(bench.url, create=True) as registry:
        return str(registry.register(name, folder, Facts(**facts), alias=alias).version.reference)


def champion(bench, text="weights"):
    return register(bench, "model", {"Format-Serving/saved_model.pb": text}, kind="Model", alias="champion")


def importer(bench, asset="model:champion", artifact_type=standard_artifacts.Model, **options):
    return AssetImporter(asset, artifact_type, registry=bench.url, **options)


def model_pipeline(bench, asset="model:champion", **options):
    imported = importer(bench, asset, **options)
    return imported, parts.ReadModel(model=imported.outputs["result"])


def told(bench):
    """Return what the newest reading component wrote."""
    newest = max((a for a in bench.artifacts("String") if "/Read" in a.uri), key=lambda found: found.id)
    return json.loads(Path(newest.uri).read_text())


def newest_model(bench):
    return max(bench.artifacts("Model"), key=lambda found: found.id)


def test_a_version_becomes_an_artifact_with_its_files_and_says_which_version_it_is(bench):
    reference = champion(bench)
    assert bench.run(*model_pipeline(bench)) == {"AssetImporter": "complete", "ReadModel": "complete"}
    assert told(bench) == MODEL
    properties = newest_model(bench).custom_properties
    assert properties["reference"].string_value == reference
    assert properties["asset"].string_value == "default/model"
    assert (properties["version"].int_value, properties["materialized"].int_value) == (1, 1)


def test_it_runs_under_tfxs_own_runner(bench):
    from tfx.orchestration.local.local_dag_runner import LocalDagRunner

    champion(bench)
    LocalDagRunner().run(bench.pipeline(*model_pipeline(bench)))
    assert told(bench) == MODEL


def test_a_moved_alias_is_never_served_stale_and_an_unmoved_one_is_cached(bench):
    first = champion(bench, "first")
    bench.run(*model_pipeline(bench))
    assert set(bench.run(*model_pipeline(bench)).values()) == {"cached"}
    champion(bench, "second")
    assert set(bench.run(*model_pipeline(bench)).values()) == {"complete"}
    assert told(bench) == {"Format-Serving/saved_model.pb": "second"}
    bench.registry.set_alias(first, "champion")
    assert set(bench.run(*model_pipeline(bench)).values()) == {"cached"}, "of the first run, which was of that version"


def test_a_reference_by_digest_stays_what_it_is_when_the_alias_moves(bench):
    first = champion(bench, "first")
    champion(bench, "second")
    bench.run(*model_pipeline(bench, first))
    assert told(bench) == {"Format-Serving/saved_model.pb": "first"}


def test_a_runtime_parameter_may_say_what_to_import(bench):
    from tfx.orchestration.data_types import RuntimeParameter

    champion(bench, "first")
    champion(bench, "second")
    which = RuntimeParameter("which", default="model:champion", ptype=str)
    for value, expected in ((None, "second"), ("model:1", "first")):
        values = {} if value is None else {"which": value}
        run_local(bench.pipeline(*model_pipeline(bench, which)), LocalRunOptions(parameters=values))
        assert told(bench) == {"Format-Serving/saved_model.pb": expected}


def test_a_retired_version_is_refused_even_where_its_import_was_cached(bench):
    reference = champion(bench)
    bench.run(*model_pipeline(bench, reference))
    champion(bench, "second")
    bench.registry.upkeep.retire(reference, reason="leaked a name")
    with pytest.raises(RunFailedError, match=r"version 1, which is retired \(leaked a name\)"):
        bench.run(*model_pipeline(bench, reference))


def test_a_version_whose_bytes_are_lost_fails_the_run_and_publishes_nothing(bench):
    champion(bench)
    for pack in Path(bench.url).rglob("*.pack"):
        pack.unlink()
    with pytest.raises(RunFailedError, match="missing from the store"):
        bench.run(*model_pipeline(bench))
    assert bench.artifacts("Model") == []


@pytest.mark.parametrize(
    ("asset", "message"),
    [("model:prod", "no alias 'prod'"), ("ranker:champion", "no asset 'ranker'"), ("model:7", "no version '7'")],
)
def test_what_the_registry_does_not_have_fails_the_run_by_name(bench, asset, message):
    champion(bench)
    with pytest.raises(RunFailedError, match=message):
        bench.run(*model_pipeline(bench, asset))


def test_a_registry_that_does_not_exist_is_not_made(bench):
    with pytest.raises(RunFailedError, match="no registry"):
        bench.run(*model_pipeline(bench))
    assert not Path(bench.url).exists()


def test_a_version_of_another_kind_is_refused_and_an_untyped_one_is_taken(bench):
    register(bench, "rows", {"Split-train/rows": "1"}, kind="Examples")
    with pytest.raises(RunFailedError, match="version 1, of kind 'Examples', which cannot be imported as 'Model'"):
        bench.run(*model_pipeline(bench, "rows"))
    register(bench, "untyped", MODEL)
    bench.run(*model_pipeline(bench, "untyped"))
    assert told(bench) == MODEL


def test_typed_properties_and_how_to_read_the_files_come_back(bench):
    register(
        bench,
        "rows",
        {"Split-train/rows": "1", "Split-eval/rows": "2"},
        kind="Examples",
        properties={"tfx.split_names": '["train", "eval"]', "tfx.span": str(2**60), "rows": 2, "tfx.unknown": 1},
        provenance={"artifact_properties": {"payload_format": "FORMAT_PARQUET", "tfx_version": "1.15.0"}},
    )
    imported = importer(bench, "rows", standard_artifacts.Examples)
    bench.run(imported, parts.ReadExamples(examples=imported.outputs["result"]))
    files = ["Split-eval/rows", "Split-train/rows"]
    assert told(bench) == {"splits": '["train", "eval"]', "span": 2**60, "files": files}
    (found,) = bench.artifacts("Examples")
    assert found.custom_properties["payload_format"].string_value == "FORMAT_PARQUET"
    assert found.custom_properties["tfx_version"].string_value == "1.16.0"


def test_the_pipeline_may_give_typed_properties_itself(bench):
    register(bench, "rows", {"Split-all/rows": "1"})
    imported = importer(bench, "rows", standard_artifacts.Examples, properties={"split_names": '["all"]', "span": 3})
    bench.run(imported, parts.ReadExamples(examples=imported.outputs["result"]))
    assert told(bench) == {"splits": '["all"]', "span": 3, "files": ["Split-all/rows"]}


def test_a_value_artifact_is_one_file(bench):
    register(bench, "note", {"value": "forty-two"}, kind="String")
    imported = importer(bench, "note", standard_artifacts.String)
    bench.run(imported, parts.ReadText(text=imported.outputs["result"]))
    assert told(bench) == "forty-two"
    register(bench, "notes", {"a": "1", "b": "2"}, kind="String")
    imported = importer(bench, "notes", standard_artifacts.String)
    with pytest.raises(RunFailedError, match="holds 2 files; expected one"):
        bench.run(imported)


def test_a_linked_artifact_holds_no_content_until_somebody_reads_it(bench):
    reference = champion(bench)
    imported = importer(bench, materialize=False)
    bench.run(imported, parts.ReadLinked(model=imported.outputs["result"]))
    before, read = told(bench)
    assert before == ["manifest.json", "reference.json"]
    assert read == MODEL
    document = json.loads(Path(newest_model(bench).uri, "reference.json").read_text())
    assert document == {"schema_version": 1, "reference": reference, "registry": bench.url}


def test_a_linked_artifact_is_registered_with_the_content_that_it_stands_for(bench):
    reference = champion(bench)
    imported = importer(bench, materialize=False)
    asset = imported.outputs["asset"]
    copy = AssetRegistrar(
        imported.outputs["result"], "copy", registry=bench.url, refs={"copied_from": asset}, code_folder=bench.folder
    )
    bench.run(imported, copy)
    details = bench.registry.show("copy")
    assert [entry.path for entry in details.files] == list(MODEL)
    assert [(role, str(version.reference)) for role, version in details.refs] == [("copied_from", reference)]


@pytest.mark.parametrize("materialize", [True, False], ids=["materialised", "linked"])
def test_the_version_itself_is_given_too(bench, materialize):
    reference = champion(bench)
    bench.run(importer(bench, materialize=materialize))
    (asset,) = bench.artifacts("ama_tfx.Asset")
    known = {
        name: getattr(value, value.WhichOneof("value"))
        for name, value in asset.properties.items()
        if value.WhichOneof("value")
    }
    assert known == {
        "asset": "default/model",
        "version": 1,
        "semantic": "1.0.0",
        "digest": reference.partition("@")[2],
        "reference": reference,
        "size_bytes": len("weights"),
    }
    manifest = Path(asset.uri, "manifest.json").read_bytes()
    assert f"sha256:{hashlib.sha256(manifest).hexdigest()}" == known["digest"]


def served(bench):
    """Return what the newest version directory holds, and which version of the asset its marker names."""
    newest = max((bench.folder / "serving").iterdir(), key=lambda folder: int(folder.name))
    return (newest / "saved_model.pb").read_text(), json.loads((newest / "ama_push.json").read_text())["asset"]


def test_a_champion_that_was_moved_back_is_served_again_as_the_version_that_it_is(bench):
    first, second = champion(bench, "first"), champion(bench, "second")
    imported = importer(bench)
    model, asset = imported.outputs["result"], imported.outputs["asset"]
    gate = BlessingValidator(model, asset=asset, policy=BlessingPolicy(max_size_bytes=100), registry=bench.url)
    pusher = AssetPusher(
        model,
        bench.folder / "serving",
        model_blessing=gate.outputs["blessing"],
        asset=asset,
        alias="champion",
        registry=bench.url,
        require=True,
    )
    bench.run(imported, gate, pusher)
    assert served(bench) == ("second", second)
    for reference, text in ((first, "first"), (second, "second")):
        bench.registry.set_alias(reference, "champion", reason="served is what the alias says")
        bench.run(imported, gate, pusher)
        assert served(bench) == (text, reference)
    assert len(bench.registry.versions("model")) == 2


def test_a_run_that_imports_a_version_did_not_register_it(bench):
    reference = champion(bench)
    bench.run(importer(bench))
    history = open_history(str(bench.folder / "metadata.db"))
    assert record_run(history, history.run("latest")).references == (("used", reference),)


def test_a_reader_of_linked_artifacts_reads_materialised_ones_where_they_are(bench):
    champion(bench)
    imported = importer(bench)
    bench.run(imported, parts.ReadLinked(model=imported.outputs["result"]))
    assert told(bench) == [list(MODEL), MODEL]


def test_an_output_in_an_object_store_is_filled_too(bench):
    from tfx.dsl.io import fileio

    from ama_tfx.components.asset_importer.executor import Executor

    reference = champion(bench)
    model = standard_artifacts.Model()
    model.uri = "ram://bucket/imported"
    parameters = {"asset_name": "model:champion", "registry": bench.url, "materialize": 1, "properties": "{}"}
    Executor().Do({}, {"result": [model]}, parameters)
    with fileio.open("ram://bucket/imported/Format-Serving/saved_model.pb", "rb") as stream:
        assert stream.read() == b"weights"
    assert model.get_string_custom_property("reference") == reference


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"asset": "../model"}, r"not a valid asset name: '\.\./model'"),
        ({"asset": "model:champion/saved_model.pb"}, "names a path in a version; expected the version"),
        ({"artifact_type": "Model"}, "artifact_type 'Model' is no artifact's class"),
        ({"artifact_type": artifact.Artifact}, "'Artifact' has no TYPE_NAME"),
        ({"properties": {"spam": 1}}, "a Model has no property 'spam'; known: "),
        ({"artifact_type": standard_artifacts.Examples, "properties": {"spam": 1}}, r"did you mean 'span'\?"),
        ({"artifact_type": standard_artifacts.String, "materialize": False}, "import it with materialize=True"),
        ({"registry": "mysql://host/db"}, "unknown kind of registry 'mysql'"),
        ({"registry": "postgresql://ama:hunter2@host/db?blobs=/b"}, "holds a password, which TFX would record"),
    ],
)
def test_a_parameter_that_can_never_work_is_refused_when_the_pipeline_is_composed(options, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        AssetImporter(**{"asset": "model", "artifact_type": standard_artifacts.Model, **options})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("gate", ["BlessingValidator", "InfraValidator", "AssetPusher"])
def test_what_needs_the_files_of_a_model_refuses_a_linked_one_by_name(bench, gate):
    from ama_tfx import components as suite

    champion(bench)
    imported = importer(bench, materialize=False)
    model = imported.outputs["result"]
    made = {
        "BlessingValidator": lambda: suite.BlessingValidator(
            model, policy=suite.BlessingPolicy(max_size_bytes=1), registry=bench.url
        ),
        "InfraValidator": lambda: suite.InfraValidator(model),
        "AssetPusher": lambda: suite.AssetPusher(
            model, bench.folder / "serving", model_blessing=blessed.outputs["blessing"]
        ),
    }
    blessed = registrar_parts.Bless(model=model, blessed=1)
    node = made[gate]()
    with pytest.raises(RunFailedError, match="is linked, its files are in the registry"):
        bench.run(imported, *([blessed] if gate == "AssetPusher" else []), node)
