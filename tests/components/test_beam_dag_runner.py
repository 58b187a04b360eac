"""The suite under TFX's BeamDagRunner, which runs nodes as stages of a Beam pipeline."""

from __future__ import annotations

import pytest

registrar_parts = pytest.importorskip("registrar_parts")
import infra_parts as parts  # noqa: E402  (TFX is imported once, with the parts)
from tfx.orchestration.beam.beam_dag_runner import BeamDagRunner  # noqa: E402
from tfx.types.standard_artifacts import Model  # noqa: E402

from ama_tfx.components import (  # noqa: E402
    AssetImporter,
    AssetPusher,
    AssetRegistrar,
    BlessingPolicy,
    BlessingValidator,
    InfraValidator,
    LineageLinker,
)


def gated(bench, path):
    examples, model = parts.MakeExamples(rows=3), parts.TakeModel(path=str(path))
    infra = InfraValidator(model.outputs["model"], examples.outputs["examples"])
    gate = BlessingValidator(
        model.outputs["model"],
        infra_blessing=infra.outputs["blessing"],
        verdicts={"infra": infra.outputs["verdict"]},
        champion="ama://default/model:champion",
        policy=BlessingPolicy(max_size_ratio=2.0),
        registry=bench.url,
    )
    data = AssetRegistrar(examples.outputs["examples"], "data", registry=bench.url).with_id("RegisterData")
    asset = AssetRegistrar(
        model.outputs["model"], "model", registry=bench.url, blessing=gate.outputs["blessing"]
    ).with_id("RegisterModel")
    pusher = AssetPusher(
        model.outputs["model"],
        bench.folder / "serving",
        model_blessing=gate.outputs["blessing"],
        asset=asset.outputs["asset"],
        alias="champion",
        registry=bench.url,
    )
    linker = LineageLinker(asset.outputs["asset"], examples=data.outputs["asset"], registry=bench.url)
    return examples, model, infra, gate, data, asset, pusher, linker


def test_a_model_is_gated_registered_pushed_linked_and_imported(bench):
    parts.save_models(bench.folder / "models", "good", "failing")
    BeamDagRunner().run(bench.pipeline(*gated(bench, bench.folder / "models" / "good")))
    (pushed,) = (bench.folder / "serving").iterdir()
    assert (pushed / "saved_model.pb").is_file()
    assert bench.registry.show("model:champion").version.number == 1
    edges = [(e.made.asset.name, e.role, e.made_from.asset.name) for e in bench.registry.lineage.graph("model").edges]
    assert edges == [("model", "trained_on", "data")]

    BeamDagRunner().run(bench.pipeline(*gated(bench, bench.folder / "models" / "failing")))
    assert [version.number for version in bench.registry.versions("model")] == [2, 1]
    assert bench.registry.resolve("model:champion").number == 1
    assert [push.name for push in (bench.folder / "serving").iterdir()] == [pushed.name]

    imported = AssetImporter("model:champion", artifact_type=Model, registry=bench.url)
    BeamDagRunner().run(bench.pipeline(imported))
    uris = [artifact.uri for artifact in bench.artifacts("Model") if "/AssetImporter/" in artifact.uri]
    assert len(uris) == 1
