"""The taxi pipeline with gates before the push, and with everything it makes registered and linked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from tfx.components import Evaluator
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration.pipeline import Pipeline
from tfx.proto.infra_validator_pb2 import RequestSpec
from tfx.types import BaseChannel
from tfx.types.channel import Channel
from tfx.types.standard_artifacts import Model

from ama_tfx.components import (
    AliasStrategy,
    AssetPusher,
    AssetRegistrar,
    BlessingPolicy,
    BlessingValidator,
    InfraValidator,
    LineageLinker,
    ServingBudgets,
    ServingLimits,
)
from pipelines.taxi.config import TaxiConfig
from pipelines.taxi.evaluation import MAX_AUC_LOSS
from pipelines.taxi.pipeline import TrainingNodes, assemble, evaluator, training_nodes

__all__ = ["CHAMPION", "GateNodes", "create_registered_pipeline", "gates"]

CHAMPION = "champion"
"""The alias of the model that is served."""

MODEL = "taxi/model"

MAX_LATENCY_MS = 250.0
"""Of 99 of 100 answers: some milliseconds here, and the machines of a test are busy."""

POLICY = BlessingPolicy(min_change={"auc": -MAX_AUC_LOSS}, max_size_ratio=2.0)


@dataclass(frozen=True)
class GateNodes:
    """The nodes that decide on a model, by role; iterating gives them in the order in which they run.

    Attributes:
        champion: The model that the registry's alias points at, or none before the first; None where nothing is loaded
            beside the model.
        evaluator: Metrics overall and per slice, beside the champion's.
        infra_validator: Serves the model in a limited process of its own.
        blessing_validator: One verdict from all that is known.
    """

    champion: Resolver | None
    evaluator: Evaluator
    infra_validator: InfraValidator
    blessing_validator: BlessingValidator

    def __iter__(self) -> Iterator[BaseNode]:
        nodes = (getattr(self, field.name) for field in fields(self))
        return (node for node in nodes if node is not None)


def create_registered_pipeline(
    config: TaxiConfig, registry: str | None = None, *, beside_champion: bool = True
) -> Pipeline:
    """Return the taxi pipeline with gates, registrars and lineage; nothing is run or written.

    What the gates refuse is registered, without the alias, and not pushed; the champion stays.

    Args:
        config: See `pipelines.taxi.pipeline.create_pipeline`.
        registry: URL; None for that of the environment in which the pipeline runs.
        beside_champion: Whether the champion is loaded beside the model, to be evaluated and served too. Kubeflow and
            Vertex refuse the resolver that finds it; there the model is compared with what the registry knows of it.
    """
    nodes = training_nodes(config)
    gated = gates(nodes, registry, beside_champion=beside_champion)
    registered = _registrars(config, nodes, gated, registry)
    model_asset = registered["RegisterModel"].outputs["asset"]
    pusher = AssetPusher(
        model=nodes.trainer.outputs["model"],
        push_destination=os.fspath(config.serving_dir),
        model_blessing=gated.blessing_validator.outputs["blessing"],
        infra_blessing=gated.infra_validator.outputs["blessing"],
        asset=model_asset,
        alias=CHAMPION,
        registry=registry,
    )
    linker = LineageLinker(
        model_asset,
        examples=registered["RegisterExamples"].outputs["asset"],
        schema=registered["RegisterSchema"].outputs["asset"],
        evaluation=registered["RegisterEvaluation"].outputs["asset"],
        registry=registry,
    )
    return assemble(config, [*nodes, *gated, *registered.values(), pusher, linker])


def gates(nodes: TrainingNodes, registry: str | None, *, beside_champion: bool = True) -> GateNodes:
    """Return the nodes that decide whether the model may become the champion.

    Args:
        nodes: What made the model.
        registry: URL; None for the environment's.
        beside_champion: See `create_registered_pipeline`.
    """
    examples, model = nodes.example_gen.outputs["examples"], nodes.trainer.outputs["model"]
    champion = _champion(registry) if beside_champion else None
    evaluation = evaluator(nodes, champion)
    infra = InfraValidator(
        model=model,
        examples=examples,
        champion=champion.outputs["model"] if champion else None,
        request_spec=RequestSpec(num_examples=20),
        # The model is of this repository: it may be blessed where the kernel cannot tell what it opens.
        limits=ServingLimits(memory_mib=3072, unwatched=True),
        budgets=ServingBudgets(latency_p99_ms=MAX_LATENCY_MS),
    )
    blessing = BlessingValidator(
        model=model,
        evaluation=evaluation.outputs["evaluation"],
        evaluator_blessing=evaluation.outputs["blessing"],
        infra_blessing=infra.outputs["blessing"],
        verdicts={"infra": infra.outputs["verdict"]},
        champion=f"ama://default/{MODEL}:{CHAMPION}",
        policy=POLICY,
        registry=registry,
    )
    return GateNodes(champion, evaluation, infra, blessing)


def _champion(registry: str | None) -> Resolver:
    return Resolver(
        strategy_class=AliasStrategy,
        config={"asset": f"{MODEL}:{CHAMPION}", "registry": registry, "optional": True},
        model=Channel(type=Model),
    ).with_id("Champion")


def _registrars(
    config: TaxiConfig, nodes: TrainingNodes, gated: GateNodes, registry: str | None
) -> dict[str, AssetRegistrar]:
    """Return the nodes that register what was made and what was said of it, linked to each other.

    They wait for the last gate: a run that failed before registers nothing.
    """
    registrars: dict[str, AssetRegistrar] = {}

    def register(channel: BaseChannel, asset: str, node_id: str, **options: object) -> BaseChannel:
        node = AssetRegistrar(channel, asset, registry=registry, code_folder=Path(__file__).parent, **options)
        node.add_upstream_node(gated.blessing_validator)
        registrars[node_id] = node.with_id(node_id)
        return node.outputs["asset"]

    schema = register(nodes.schema_gen.outputs["schema"], "taxi/schema", "RegisterSchema")
    data = register(nodes.example_gen.outputs["examples"], "taxi/examples", "RegisterExamples", refs={"schema": schema})
    graph = register(
        nodes.transform.outputs["transform_graph"],
        "taxi/transform_graph",
        "RegisterTransformGraph",
        refs={"schema": schema, "analyzed": data},
    )
    model = register(
        nodes.trainer.outputs["model"],
        MODEL,
        "RegisterModel",
        blessing=gated.blessing_validator.outputs["blessing"],
        properties=config.hyperparameters.to_json(),
        refs={"trained_on": data, "schema": schema, "transform_graph": graph},
    )
    register(
        gated.evaluator.outputs["evaluation"], "taxi/evaluation", "RegisterEvaluation", refs={"evaluated_on": data}
    )
    # What the next model is compared with, when this one is the champion.
    register(gated.blessing_validator.outputs["verdict"], "taxi/verdict", "RegisterVerdict", refs={"judged": model})
    return registrars
