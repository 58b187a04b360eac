"""Which part of MAJOR.MINOR.PIPELINE rises, and why: decisions on values."""

import pytest

from ama_tfx.inspection import FeatureFact
from ama_tfx.registry import Bump
from ama_tfx.registry.bumping import BumpFacts, decide_bump, is_target
from ama_tfx.registry.metric_directions import higher_is_better, is_better, primary_metric

TIPS = FeatureFact("tips", "FLOAT", "required", "[1]", "")
FARE = FeatureFact("fare", "FLOAT", "optional", "[1]", "")
SERVING = {"serving_default": {"input x": "float32[?,10]", "output y": "float32[?,1]"}}


def decided(old, new):
    decision = decide_bump(BumpFacts(**old), BumpFacts(**new))
    return decision.bump, list(decision.reasons)


def test_a_first_version_has_nothing_to_be_compared_with():
    assert decide_bump(None, BumpFacts()).reasons == ("the first version",)


def test_nothing_known_is_no_reason_for_more_than_pipeline():
    assert decided({}, {}) == (
        Bump.PIPELINE,
        ["nothing says that the data or the target is another, or that the result got better"],
    )


def test_a_feature_that_is_gone_is_major():
    assert decided({"schemas": {"schema.pbtxt": (FARE, TIPS)}}, {"schemas": {"schema.pbtxt": (FARE,)}}) == (
        Bump.MAJOR,
        ["schema.pbtxt: tips: removed (FLOAT)"],
    )


def test_an_optional_feature_more_is_not_major():
    bump, _ = decided({"schemas": {"schema.pbtxt": (TIPS,)}}, {"schemas": {"schema.pbtxt": (FARE, TIPS)}})
    assert bump is Bump.PIPELINE


def test_schemas_at_different_places_are_not_compared():
    bump, _ = decided({"schemas": {"a.pbtxt": (FARE, TIPS)}}, {"schemas": {"b.pbtxt": (FARE,)}})
    assert bump is Bump.PIPELINE


@pytest.mark.parametrize("name", ["label_key", "trainer.label_key", "target", "data.target", "labels", "LABEL-KEY"])
def test_another_target_is_major(name):
    assert decided({"parameters": {f"p.yml: {name}": "tips"}}, {"parameters": {f"p.yml: {name}": "fare"}}) == (
        Bump.MAJOR,
        [f"the target changed: p.yml: {name} from 'tips' to 'fare'"],
    )


@pytest.mark.parametrize("name", ["deploy.target", "label_smoothing", "learning_rate", "targets_file"])
def test_what_is_not_predicted_is_no_target(name):
    assert not is_target(name)


@pytest.mark.parametrize(
    ("part", "text", "bump", "told"),
    [
        ("input x", "float32[?,12]", Bump.MAJOR, "input x: float32[?,10] -> float32[?,12]"),
        ("input x", "int64[?,10]", Bump.MAJOR, "input x: float32[?,10] -> int64[?,10]"),
        ("input x", "float32[8,10]", Bump.MAJOR, "input x: float32[?,10] -> float32[8,10]"),
        ("input z", "float32[?]", Bump.MAJOR, "input z: added as float32[?]"),
        ("output y", "float32[?,2]", Bump.MAJOR, "output y: float32[?,1] -> float32[?,2]"),
        ("input x", "float32[?,?]", Bump.PIPELINE, ""),
        ("output y", "float32[8,1]", Bump.PIPELINE, ""),
        ("output z", "float32[?]", Bump.PIPELINE, ""),
    ],
)
def test_a_signature_that_callers_cannot_call_as_before_is_major(part, text, bump, told):
    new = {"serving_default": {**SERVING["serving_default"], part: text}}
    found, reasons = decided({"signatures": {"saved_model.pb": SERVING}}, {"signatures": {"saved_model.pb": new}})
    assert found is bump
    if told:
        assert reasons == [f"saved_model.pb: serving_default {told}"]


def test_a_signature_that_is_gone_is_major_and_one_more_is_not():
    old, new = {"signatures": {"m": SERVING}}, {"signatures": {"m": {**SERVING, "predict": {}}}}
    assert decided(new, old)[0] is Bump.MAJOR
    assert decided(old, new)[0] is Bump.PIPELINE


@pytest.mark.parametrize(
    ("name", "before", "after", "bump", "told"),
    [
        ("auc", 0.9, 0.91, Bump.MINOR, "auc rose from 0.9 to 0.91, which is better (higher is better)"),
        (
            "eval/val_loss",
            0.3,
            0.25,
            Bump.MINOR,
            "eval/val_loss fell from 0.3 to 0.25, which is better (lower is better)",
        ),
        ("rmse", 1.0, 1.5, Bump.PIPELINE, "rmse rose from 1 to 1.5, which is worse (lower is better)"),
        ("accuracy", 0.5, 0.5, Bump.PIPELINE, "accuracy stayed at 0.5"),
    ],
)
def test_a_better_metric_is_minor(name, before, after, bump, told):
    assert decided({"metrics": {name: before}}, {"metrics": {name: after}}) == (bump, [told])


def test_a_metric_of_unknown_direction_is_no_evidence():
    assert decided({"metrics": {"zorp": 1}}, {"metrics": {"zorp": 9}})[0] is Bump.PIPELINE


def test_the_metric_that_counts_first_decides_whatever_the_others_do():
    old, new = {"metrics": {"auc": 0.9, "loss": 0.5}}, {"metrics": {"auc": 0.89, "loss": 0.1}}
    assert decided(old, new)[0] is Bump.PIPELINE
    assert decided(new, old)[0] is Bump.MINOR


def test_major_counts_before_minor():
    old = {"metrics": {"auc": 0.9}, "parameters": {"label": "a"}}
    assert decided(old, {"metrics": {"auc": 0.99}, "parameters": {"label": "b"}})[0] is Bump.MAJOR


@pytest.mark.parametrize(
    ("names", "first"),
    [
        (["loss", "accuracy", "auc"], "auc"),
        (["val_auc", "test_auc", "train_auc"], "test_auc"),
        (["train_auc", "val_loss"], "val_loss"),
        (["auc[hour=3]", "loss"], "loss"),
        (["train/metrics.json: auc", "eval/metrics.json: loss"], "eval/metrics.json: loss"),
        (["zorp", "train_loss"], None),
        ([], None),
    ],
)
def test_metrics_have_an_order_and_training_sets_do_not_count(names, first):
    assert primary_metric(names) == first


def test_directions_are_known_by_the_last_part_of_the_name():
    names = ["AUC", "eval/auc[hour=3]", "val_loss", "tips: rmse", "zorp", "loss_weight"]
    assert [higher_is_better(name) for name in names] == [True, True, False, False, None, None]


@pytest.mark.parametrize(("before", "after"), [(0.5, 0.5 + 1e-12), (float("nan"), 0.9), (0.5, float("inf"))])
def test_noise_and_what_is_no_number_is_not_better(before, after):
    assert is_better("auc", before, after) is None


def test_reasons_are_few_short_and_can_be_written_to_any_log():
    old = {"parameters": {f"{n}{chr(0xD800)}{'x' * 1000}": 1 for n in range(9)}}
    _, reasons = decided(old, {})
    assert len(reasons) == 6
    assert reasons[5] == "and 4 more"
    assert reasons[0].startswith("parameter 0\\ud800xxx")
    assert max(map(len, reasons)) < 320


def test_what_the_pipeline_changed_is_told():
    old = {"pipeline": {"code": "aaa", "pipeline": "p"}, "parameters": {"p.yml: lr": 0.1, "p.yml: old": 1}}
    new = {"pipeline": {"code": "bbb", "pipeline": "p"}, "parameters": {"p.yml: lr": 0.2, "p.yml: new": 2}}
    assert decided(old, new) == (
        Bump.PIPELINE,
        [
            "code changed from 'aaa' to 'bbb'",
            "parameter p.yml: lr changed from 0.1 to 0.2",
            "parameter p.yml: new is new: 2",
            "parameter p.yml: old is gone",
        ],
    )
