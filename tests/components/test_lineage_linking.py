"""What LineageLinker reads out of a metadata store: what was made from what, and nothing that was only compared."""

from __future__ import annotations

import pytest

pytest.importorskip("ml_metadata")

from ama_tfx.components.lineage_linking import observed_links
from ama_tfx.provenance import History
from ama_tfx.provenance.reading import RunReader
from ama_tfx.testing.run_store import Made
from tests.provenance.conftest import memory_store


def reference(name):
    return f"ama://default/{name}@sha256:{name.encode().hex():0<64}"


class Runs:
    """Pipelines that register what they make."""

    def __init__(self):
        self.writer = memory_store()

    def make(self, node, kind, *, name=None, custom=None, **inputs):
        """Write a node, and a registrar of what it made where it has a name; return the artifact's id."""
        made = Made(kind, f"/{node}", custom=custom or {})
        taken = {key: [artifact] for key, artifact in inputs.items()}
        artifact = self.writer.execute("first", node, inputs=taken, outputs={"made": made})["made"]
        if name:
            asset = Made("ama_tfx.Asset", f"/{name}", {"reference": reference(name)})
            taken = {"artifact": [artifact]}
            self.writer.execute("first", f"Register{node}", inputs=taken, outputs={"asset": asset})
        return artifact

    def links(self, name):
        history = History(RunReader(self.writer.store))
        found = observed_links(history, [reference(name)])
        return sorted((edge.made.asset.name, edge.role, edge.made_from.asset.name) for edge in found)


def test_a_champion_that_a_candidate_was_compared_with_is_not_what_the_selected_one_was_made_from():
    runs = Runs()
    data = runs.make("Gen", "Examples", name="examples")
    champion = runs.make("Import", "Model", custom={"reference": reference("champion")})
    candidate = runs.make("Trainer", "Model", examples=data)
    blessing = {"model": candidate, "baseline_model": champion, "examples": data}
    evaluation = runs.make("Evaluator", "ModelEvaluation", name="evaluation", **blessing)
    checks = {
        f"verdict_{n}": runs.make(f"Check{n}", kind, model=candidate, champion=champion)
        for n, kind in enumerate(("ama_tfx.Verdict", "ModelBlessing", "InfraBlessing", "ExampleAnomalies"))
    }
    runs.make("Selector", "Model", name="selected", model_1=candidate, evaluation_1=evaluation, **checks)
    assert runs.links("selected") == [("selected", "trained_on", "examples")]
    assert runs.links("evaluation") == [
        ("evaluation", "compared_with", "champion"),
        ("evaluation", "evaluated_on", "examples"),
    ]


def test_a_model_was_made_from_the_candidate_that_was_selected_alone():
    runs = Runs()
    base = runs.make("Base", "Model", name="base")
    first = runs.make("First", "Model", name="first", base_model=base)
    second = runs.make("Second", "Model", base_model=base)
    runs.make("Select", "Model", name="selected", custom={"selected_from": "/First"}, model_1=first, model_2=second)
    runs.make("Other", "Model", name="other", custom={"selected_from": "/Second"}, model_1=first, model_2=second)
    assert runs.links("selected") == [("selected", "selected_from", "first")]
    assert runs.links("other") == [("other", "base_model", "base")]


def test_what_lies_behind_a_baseline_that_nobody_registered_is_not_linked():
    runs = Runs()
    old = runs.make("OldGen", "Examples", name="old")
    champion = runs.make("Old", "Model", examples=old)
    model = runs.make("New", "Model", name="model")
    runs.make("Evaluator", "ModelEvaluation", name="evaluation", model=model, baseline_model=champion)
    assert runs.links("evaluation") == [("evaluation", "evaluated_by", "model")]


def test_a_model_that_was_its_own_baseline_is_what_was_evaluated():
    runs = Runs()
    model = runs.make("New", "Model", name="model")
    runs.make("Evaluator", "ModelEvaluation", name="evaluation", baseline_model=model, model=model)
    assert runs.links("evaluation") == [("evaluation", "evaluated_by", "model")]
