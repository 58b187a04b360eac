"""The taxi pipeline with everything it makes registered."""

from __future__ import annotations

from pathlib import Path

from tfx.orchestration.pipeline import Pipeline
from tfx.types import BaseChannel

from ama_tfx.components import AssetRegistrar
from pipelines.taxi.config import TaxiConfig
from pipelines.taxi.pipeline import TaxiNodes, assemble, standard_nodes

__all__ = ["create_registered_pipeline", "registrars"]


def create_registered_pipeline(config: TaxiConfig, registry: str | None = None) -> Pipeline:
    """Return the taxi pipeline with registrars; nothing is run or written.

    Args:
        config: See `pipelines.taxi.pipeline.create_pipeline`.
        registry: URL; None for that of the environment in which the pipeline runs.
    """
    nodes = standard_nodes(config)
    return assemble(config, [*nodes, *registrars(config, nodes, registry)])


def registrars(config: TaxiConfig, nodes: TaxiNodes, registry: str | None) -> list[AssetRegistrar]:
    """Return the nodes that register examples, schema, transform graph and model, the model linked to the others.

    They wait for Pusher, the last of the standard nodes: a run that failed registers nothing. The model is the champion
    when Evaluator blessed it.

    Args:
        config: Its hyperparameters become properties of the model.
        nodes: What is registered.
        registry: URL; None for the environment's.
    """

    def register(channel: BaseChannel, asset: str, node_id: str, **options: object) -> AssetRegistrar:
        node = AssetRegistrar(channel, asset, registry=registry, code_folder=Path(__file__).parent, **options)
        node.add_upstream_node(nodes.pusher)
        return node.with_id(node_id)

    schema = register(nodes.schema_gen.outputs["schema"], "taxi/schema", "RegisterSchema")
    examples = register(
        nodes.example_gen.outputs["examples"],
        "taxi/examples",
        "RegisterExamples",
        refs={"schema": schema.outputs["asset"]},
    )
    graph = register(
        nodes.transform.outputs["transform_graph"],
        "taxi/transform_graph",
        "RegisterTransformGraph",
        refs={"schema": schema.outputs["asset"], "analyzed": examples.outputs["asset"]},
    )
    model = register(
        nodes.trainer.outputs["model"],
        "taxi/model",
        "RegisterModel",
        alias="champion",
        blessing=nodes.evaluator.outputs["blessing"],
        properties=config.hyperparameters.to_json(),
        refs={
            "trained_on": examples.outputs["asset"],
            "schema": schema.outputs["asset"],
            "transform_graph": graph.outputs["asset"],
        },
    )
    return [schema, examples, graph, model]
