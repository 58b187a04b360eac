"""The taxi pipeline in TFX's standard components, from CSV files to a pushed model."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from tfx.components import (
    CsvExampleGen,
    Evaluator,
    ExampleValidator,
    Pusher,
    SchemaGen,
    StatisticsGen,
    Trainer,
    Transform,
)
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.proto.pusher_pb2 import PushDestination
from tfx.types.channel import Channel
from tfx.types.standard_artifacts import Model, ModelBlessing

from pipelines.taxi.config import TaxiConfig
from pipelines.taxi.evaluation import eval_config
from pipelines.taxi.sources import TRAINER_MODULES, TRANSFORM_MODULES, source_digest

__all__ = [
    "TaxiConfig",
    "TaxiNodes",
    "TrainingNodes",
    "assemble",
    "create_pipeline",
    "evaluator",
    "standard_nodes",
    "training_nodes",
]


@dataclass(frozen=True)
class TrainingNodes:
    """The nodes up to the model, by role; iterating gives them in the order in which they run.

    Attributes:
        example_gen: Reads the CSV files; splits trips 2:1 into ``train`` and ``eval`` by their hash.
        statistics_gen: Statistics of the raw trips.
        schema_gen: Schema inferred from them.
        example_validator: Anomalies of the trips against the schema; reports, does not stop the run.
        transform: Features and label, and the graph that makes them.
        trainer: The model.
    """

    example_gen: CsvExampleGen
    statistics_gen: StatisticsGen
    schema_gen: SchemaGen
    example_validator: ExampleValidator
    transform: Transform
    trainer: Trainer

    def __iter__(self) -> Iterator[BaseNode]:
        return (getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True)
class TaxiNodes(TrainingNodes):
    """All nodes of the pipeline, by role.

    Attributes:
        baseline: The latest blessed model, or none before the first.
        evaluator: Metrics overall and per slice, and the blessing.
        pusher: The blessed model in ``serving_dir``.
    """

    baseline: Resolver
    evaluator: Evaluator
    pusher: Pusher


def create_pipeline(config: TaxiConfig) -> Pipeline:
    """Return the taxi pipeline; nothing is run or written.

    Raises:
        NotFoundError: ``config.data_dir`` is None and TFX's wheel has no taxi data.
    """
    return assemble(config, standard_nodes(config))


def assemble(config: TaxiConfig, components: Iterable[BaseNode]) -> Pipeline:
    """Return the pipeline of these nodes, with the name, places and options of the configuration."""
    return Pipeline(
        pipeline_name=config.pipeline_name,
        pipeline_root=os.fspath(config.pipeline_root),
        components=[*components],
        enable_cache=config.enable_cache,
        metadata_connection_config=sqlite_metadata_connection_config(os.fspath(config.metadata_path)),
        beam_pipeline_args=list(config.beam_pipeline_args),
    )


def standard_nodes(config: TaxiConfig) -> TaxiNodes:
    """Return the standard TFX nodes, connected to each other; more may be connected to their outputs."""
    nodes = training_nodes(config)
    baseline = _baseline()
    evaluation = evaluator(nodes, baseline)
    pusher = _pusher(config, nodes.trainer.outputs["model"], evaluation.outputs["blessing"])
    return TaxiNodes(*nodes, baseline=baseline, evaluator=evaluation, pusher=pusher)


def training_nodes(config: TaxiConfig) -> TrainingNodes:
    """Return the standard TFX nodes up to the model, connected to each other."""
    example_gen = CsvExampleGen(input_base=config.input_base)
    examples = example_gen.outputs["examples"]
    statistics_gen = StatisticsGen(examples=examples)
    # Without shapes every column is optional, so that a column filled in all training trips may be missing later.
    schema_gen = SchemaGen(statistics=statistics_gen.outputs["statistics"], infer_feature_shape=False)
    schema = schema_gen.outputs["schema"]
    transform = _transform(examples, schema)
    return TrainingNodes(
        example_gen=example_gen,
        statistics_gen=statistics_gen,
        schema_gen=schema_gen,
        example_validator=ExampleValidator(statistics=statistics_gen.outputs["statistics"], schema=schema),
        transform=transform,
        trainer=_trainer(config, transform),
    )


def evaluator(nodes: TrainingNodes, baseline: Resolver | None) -> Evaluator:
    """Return the node that evaluates the model on the raw trips, beside a baseline model where there is one."""
    return Evaluator(
        examples=nodes.example_gen.outputs["examples"],
        model=nodes.trainer.outputs["model"],
        baseline_model=baseline.outputs["model"] if baseline else None,
        eval_config=eval_config(),
    )


def _transform(examples: Channel, schema: Channel) -> Transform:
    return Transform(
        examples=examples,
        schema=schema,
        preprocessing_fn="pipelines.taxi.preprocessing.preprocessing_fn",
        custom_config={"source_digest": source_digest(TRANSFORM_MODULES)},
        # StatisticsGen has computed the raw trips' statistics already.
        disable_statistics=True,
        # It helps a pipeline that reads one more span each day; this one reads all trips or none.
        disable_analyzer_cache=True,
    )


def _trainer(config: TaxiConfig, transform: Transform) -> Trainer:
    return Trainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        run_fn="pipelines.taxi.trainer.run_fn",
        custom_config={
            "hyperparameters": config.hyperparameters.to_json(),
            "source_digest": source_digest(TRAINER_MODULES),
        },
    )


def _baseline() -> Resolver:
    return Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
    ).with_id("baseline")


def _pusher(config: TaxiConfig, model: Channel, blessing: Channel) -> Pusher:
    filesystem = PushDestination.Filesystem(base_directory=os.fspath(config.serving_dir))
    return Pusher(model=model, model_blessing=blessing, push_destination=PushDestination(filesystem=filesystem))
