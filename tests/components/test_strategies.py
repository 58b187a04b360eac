"""Resolver strategies: the registry says which artifact of the metadata store is meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ama_tfx.errors import InvalidInputError, RunFailedError
from ama_tfx.orchestration import KubeflowOptions, compile_pipeline

parts = pytest.importorskip("registrar_parts")
flow = pytest.importorskip("flow_parts")
from tfx.dsl.components.common.resolver import Resolver  # noqa: E402  (TFX is imported once, with the parts)
from tfx.types import Channel, standard_artifacts  # noqa: E402

from ama_tfx.components import AliasStrategy, AssetImporter, AssetRegistrar, BestAssetStrategy  # noqa: E402


@pytest.fixture
def trained(bench):
    """Three models, made and registered by three runs."""
    for text in ("first", "second", "third"):
        model = parts.MakeModel(text=text)
        registered = AssetRegistrar(
            model.outputs["model"], "model", registry=bench.url, code_folder=bench.folder
        ).with_id("Register")
        bench.run(model, registered)
    return bench


def resolve(bench, strategy, **config):
    """Resolve a model and read it; return what it holds, and the states of the nodes."""
    told = {"asset": "model", "registry": bench.url, **config}
    found = Resolver(strategy, config=told, model=Channel(type=standard_artifacts.Model)).with_id("Found")
    states = bench.run(found, flow.ReadModel(model=found.outputs["model"]))
    newest = max(bench.artifacts("String"), key=lambda artifact: artifact.id)
    return json.loads(Path(newest.uri).read_text()).get("Format-Serving/saved_model.pb"), states


def test_they_run_under_beam_dag_runner(trained):
    from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner

    aliased(trained, 2)
    config = {"asset": "model:champion", "registry": trained.url}
    found = Resolver(AliasStrategy, config=config, model=Channel(type=standard_artifacts.Model)).with_id("Found")
    BeamDagRunner().run(trained.pipeline(found, flow.ReadModel(model=found.outputs["model"])))
    (told,) = trained.artifacts("String")
    assert json.loads(Path(told.uri).read_text())["Format-Serving/saved_model.pb"] == "second"


def aliased(bench, number, alias="champion"):
    bench.registry.set_alias(f"model:{number}", alias)


def test_the_artifact_that_an_alias_names_is_found_and_a_moved_alias_is_followed(trained):
    for number, expected in ((2, "second"), (1, "first"), (3, "third")):
        aliased(trained, number)
        assert resolve(trained, AliasStrategy, asset="model:champion")[0] == expected


def test_an_unmoved_alias_leaves_what_follows_cached(trained):
    aliased(trained, 2)
    resolve(trained, AliasStrategy, asset="model:champion")
    assert resolve(trained, AliasStrategy, asset="model:champion")[1] == {"Found": "complete", "ReadModel": "cached"}


def test_an_imported_artifact_is_found_by_what_it_says_of_itself(trained):
    reference = str(trained.registry.resolve("model:2").reference)
    bench = type(trained)(trained.folder / "elsewhere")
    bench.folder.mkdir()
    bench.run(AssetImporter(reference, standard_artifacts.Model, registry=trained.url))
    assert resolve(bench, AliasStrategy, asset="model:2", registry=trained.url)[0] == "second"


def test_an_alias_that_is_not_there_fails_the_run_by_name(trained):
    with pytest.raises(RunFailedError, match="Found: failed: UnresolvedError:.*no alias 'champion'"):
        resolve(trained, AliasStrategy, asset="model:champion")


def test_a_version_that_was_made_elsewhere_is_told_as_that(trained, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "saved_model.pb").write_text("from a colleague")
    trained.registry.register("model", model, alias="champion")
    message = "none of the 3 artifacts of 'model' that pipelines of this name made .*bring in with AssetImporter"
    for optional in (False, True):
        with pytest.raises(RunFailedError, match=f"Found: failed: UnresolvedError: .*{message}"):
            resolve(trained, AliasStrategy, asset="model:champion", optional=optional)


def test_a_retired_version_is_not_resolved(trained):
    trained.registry.upkeep.retire("model:2", reason="leaked")
    with pytest.raises(RunFailedError, match=r"version 2, which is retired \(leaked\)"):
        resolve(trained, AliasStrategy, asset="model:2")


@pytest.mark.parametrize(
    ("asset", "registry"),
    [("model:champion", "registry"), ("ranker:champion", "registry"), ("model:champion", "none yet")],
    ids=["no alias", "no asset", "no registry"],
)
def test_where_nothing_may_be_found_the_resolver_gives_nothing(trained, asset, registry):
    found = Resolver(
        AliasStrategy,
        config={"asset": asset, "registry": str(trained.folder / registry), "optional": True},
        model=Channel(type=standard_artifacts.Model),
    ).with_id("Found")
    examples = parts.MakeExamples(text="rows")
    trainer = flow.Train(examples=examples.outputs["examples"], base_model=found.outputs["model"])
    assert trained.run(found, examples, trainer) == {
        "Found": "empty",
        "MakeExamples": "complete",
        "Train": "complete",
    }


@pytest.mark.parametrize(
    ("metric", "values", "options", "expected"),
    [
        ("auc", (0.7, 0.9, 0.8), {}, "second"),
        ("val_loss", (0.2, 0.9, 0.3), {}, "first"),
        ("auc", (0.7, 0.9, 0.8), {"highest": False}, "first"),
        ("auc", (0.9, 0.9, 0.8), {}, "second"),
        ("size_in_furlongs", (1, 2, 3), {"highest": True}, "third"),
    ],
    ids=["more is better", "less is better", "told", "the newer of equal ones", "told of an unknown one"],
)
def test_the_best_by_a_noted_metric_is_found(trained, metric, values, options, expected):
    for number, value in enumerate(values, 1):
        trained.registry.notes.record_metrics(f"model:{number}", {metric: value})
    assert resolve(trained, BestAssetStrategy, metric=metric, **options)[0] == expected


def test_retired_and_foreign_versions_are_passed_over(trained, tmp_path):
    (tmp_path / "model").write_text("from a colleague")
    trained.registry.register("model", tmp_path / "model")
    for number, value in enumerate((0.7, 0.9, 0.8, 0.99), 1):
        trained.registry.notes.record_metrics(f"model:{number}", {"auc": value})
    trained.registry.upkeep.retire("model:2", reason="leaked")
    assert resolve(trained, BestAssetStrategy, metric="auc")[0] == "third"


def test_where_the_best_are_all_foreign_the_run_fails_also_when_nothing_may_be_found(trained, tmp_path):
    (tmp_path / "model").write_text("from a colleague")
    trained.registry.register("model", tmp_path / "model")
    trained.registry.notes.record_metrics("model:4", {"auc": 0.9})
    with pytest.raises(RunFailedError, match=r"with the metric 'auc' \(1\) each is retired or none of this pipeline's"):
        resolve(trained, BestAssetStrategy, metric="auc", optional=True)


def test_a_metric_that_nothing_has_fails_the_run_by_name(trained):
    with pytest.raises(RunFailedError, match=r"has the metric 'auc'; note it with `ama metrics`"):
        resolve(trained, BestAssetStrategy, metric="auc")


@pytest.mark.parametrize(
    ("strategy", "config", "message"),
    [
        (AliasStrategy, {"asset": "../model"}, "not a valid asset name"),
        (AliasStrategy, {"asset": "model:1", "registry": "postgresql://a:hunter2@h/d?blobs=/b"}, "holds a password"),
        (
            BestAssetStrategy,
            {"asset": "model:1", "metric": "auc"},
            "names a version; expected the asset alone: 'model'",
        ),
        (BestAssetStrategy, {"asset": "model", "metric": "a b"}, "not a valid metric: 'a b'"),
        (BestAssetStrategy, {"asset": "model", "metric": "furlongs"}, "is more of it better\\?"),
    ],
)
def test_a_parameter_that_can_never_work_is_refused(strategy, config, message):
    with pytest.raises(InvalidInputError, match=message):
        strategy(**config)


def test_kubeflow_refuses_them_so_there_the_importer_does_the_job(bench):
    found = Resolver(
        AliasStrategy, config={"asset": "model:champion"}, model=Channel(type=standard_artifacts.Model)
    ).with_id("Found")
    pipeline = bench.pipeline(found, flow.ReadModel(model=found.outputs["model"]))
    with pytest.raises(InvalidInputError, match="'Found' has the strategy AliasStrategy.*AssetImporter.*champion="):
        compile_pipeline(pipeline, "kubeflow", KubeflowOptions(image="trips:1"))
