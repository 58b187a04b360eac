"""Tags, metrics, descriptions and pins: what is added to versions and assets later on."""

import math

import numpy as np
import pytest

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry import Facts
from ama_tfx.testing.processes import race


@pytest.fixture
def model(registry, write):
    """A registry with two versions of `model` and one of `data`."""
    registry.register("model", write("one", {"data": b"1"}), Facts(tags=("good",), metrics={"auc": 0.5}))
    registry.register("model", write("two", {"data": b"2"}))
    registry.register("data", write("three", {"data": b"3"}))
    return registry


def last(registry):
    entry = registry.audit.entries()[-1]
    return entry.action, entry.subject, dict(entry.details)


def test_a_version_gets_tags_and_says_which_are_new(model):
    assert model.notes.tag("model:1", "prod", "good", "prod") == ("prod",)
    assert last(model) == ("version.tag", "ama://default/model", {"version": 1, "tags": ["prod"]})
    assert model.show("model:1").tags == ("good", "prod")
    assert model.show("model:2").tags == ()


def test_tagging_with_what_is_there_is_not_logged(model):
    before = len(model.audit.entries())
    assert model.notes.tag("model:1", "good") == ()
    assert len(model.audit.entries()) == before


def test_tags_are_taken_off_by_name(model):
    model.notes.tag("model:1", "prod")
    assert model.notes.untag("model:1", "good") == ("good",)
    assert last(model) == ("version.untag", "ama://default/model", {"version": 1, "tags": ["good"]})
    assert model.show("model:1").tags == ("prod",)


def test_a_tag_that_is_not_there_takes_none_off(model):
    with pytest.raises(NotFoundError, match="no tag 'goood' on version 1 of 'model'; did you mean 'good'"):
        model.notes.untag("model:1", "good", "goood")
    with pytest.raises(NotFoundError, match="no tag 'x' on version 2 of 'model'; it has none"):
        model.notes.untag("model:2", "x")
    assert model.show("model:1").tags == ("good",)


def test_taking_tags_off_can_be_tried(model):
    before = len(model.audit.entries())
    assert model.notes.untag("model:1", "good", dry_run=True) == ("good",)
    assert model.show("model:1").tags == ("good",)
    assert model.audit.verify() == before


@pytest.mark.parametrize("tags", [(), ("",), ("a b",), ("../x",), ("x\n",), ("-x",)])
def test_what_is_no_tag_is_refused(model, tags):
    with pytest.raises(InvalidInputError):
        model.notes.tag("model:1", *tags)
    with pytest.raises(InvalidInputError):
        model.notes.untag("model:1", *tags)
    assert model.show("model:1").tags == ("good",)


def test_metrics_of_a_registration_are_recorded_with_it(model):
    assert model.notes.metrics("model:1") == {"auc": 0.5}
    assert dict(model.show("model:1").metrics) == {"auc": 0.5}
    assert model.audit.entries()[0].details["metrics"] == {"auc": {"from": None, "to": 0.5}}


def test_tags_and_metrics_may_be_columns_of_a_table(model, write):
    pandas = pytest.importorskip("pandas")
    facts = Facts(tags=pandas.Series(["prod", "good"]), metrics=pandas.Series({"auc": 0.75, "loss": 2.0}))
    assert model.register("table", write("table", {"data": b"t"}), facts).created
    assert (model.show("table").tags, dict(model.show("table").metrics)) == (("good", "prod"), {"auc": 0.75, "loss": 2})


def test_metrics_are_no_part_of_the_identity(model, write):
    again = model.register("model", write("one", {"data": b"1"}), Facts(metrics={"auc": 0.75, "loss": 2}))
    assert (again.version.number, again.created) == (1, False)
    assert model.notes.metrics("model:1") == {"auc": 0.75, "loss": 2.0}
    action, _, details = last(model)
    assert (action, details["metrics"]) == (
        "version.register-again",
        {"auc": {"from": 0.5, "to": 0.75}, "loss": {"from": None, "to": 2}},
    )


def test_the_newest_value_of_a_metric_counts_and_the_log_has_the_one_before(model):
    assert model.notes.record_metrics("model:1", {"auc": 0.75, "eval.slice/en.loss": 1e-300}) == {
        "auc": 0.75,
        "eval.slice/en.loss": 1e-300,
    }
    assert model.notes.metrics("model:1") == {"auc": 0.75, "eval.slice/en.loss": 1e-300}
    assert last(model)[2]["metrics"]["auc"] == {"from": 0.5, "to": 0.75}
    assert model.audit.verify() > 0


def test_the_same_value_again_is_not_logged(model):
    before = len(model.audit.entries())
    assert model.notes.record_metrics("model:1", {"auc": 0.5}) == {}
    assert len(model.audit.entries()) == before


@pytest.mark.parametrize(
    "value", [1, np.float32(0.5), np.float64(0.5), np.int64(3), 1.7976931348623157e308, 5e-324, -0.0]
)
def test_any_finite_number_is_a_metric(model, value):
    model.notes.record_metrics("model:2", {"m": value})
    assert model.notes.metrics("model:2") == {"m": float(value)}
    assert model.audit.verify() > 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "0.5", None, True, 10**400, 1j])
def test_what_is_no_finite_number_is_no_metric(model, value):
    with pytest.raises(InvalidInputError, match="metric 'auc' is .*; expected a finite number"):
        model.notes.record_metrics("model:1", {"loss": 1.0, "auc": value})
    with pytest.raises(InvalidInputError, match="expected a finite number"):
        Facts(metrics={"auc": value})
    assert model.notes.metrics("model:1") == {"auc": 0.5}


def test_metrics_need_names(model):
    with pytest.raises(InvalidInputError, match="no metric is given"):
        model.notes.record_metrics("model:1", {})
    with pytest.raises(InvalidInputError, match="not a valid metric"):
        model.notes.record_metrics("model:1", {"a b": 1.0})


def test_writers_of_many_metrics_lose_none(registry_url, model, open_registry):
    def record(number):
        registry = open_registry(registry_url)
        try:
            for step in range(3):
                registry.notes.record_metrics("model:2", {f"m{number}.{step}": number, "shared": number})
        finally:
            registry.close()

    model.close()
    assert race([lambda n=n: record(n) for n in range(4)]) == [None] * 4
    metrics = model.notes.metrics("model:2")
    assert len(metrics) == 13
    assert metrics["shared"] in range(4)
    assert model.audit.verify() > 0


def test_an_asset_is_described_and_the_text_is_listed_with_it(model):
    assert model.notes.description("model") == ""
    assert model.notes.describe("model", "Tags sentences.\nTrained weekly.")
    assert not model.notes.describe("model", "Tags sentences.\nTrained weekly.")
    assert model.notes.description("model") == "Tags sentences.\nTrained weekly."
    assert [(asset.name.name, asset.description) for asset in model.assets()] == [
        ("data", ""),
        ("model", "Tags sentences.\nTrained weekly."),
    ]


def test_a_description_is_replaced_and_taken_away_with_what_was_before_in_the_log(model):
    model.notes.describe("model", "one")
    model.notes.describe("model", "two")
    model.notes.describe("model", "")
    assert model.notes.description("model") == ""
    assert [dict(e.details) for e in model.audit.entries() if e.action == "asset.describe"] == [
        {"from": "", "to": "one"},
        {"from": "one", "to": "two"},
        {"from": "two", "to": ""},
    ]


def test_what_cannot_be_kept_is_no_description(model):
    with pytest.raises(InvalidInputError, match="has 10001 characters; expected at most 10000"):
        model.notes.describe("model", "x" * 10_001)
    with pytest.raises(InvalidInputError, match="holds a NUL"):
        model.notes.describe("model", "a\0b")
    with pytest.raises(NotFoundError, match="no asset 'modem'"):
        model.notes.describe("modem", "x")


def test_a_pinned_version_says_why_since_when_and_by_whom(model):
    pin = model.notes.pin("model:1", "in the paper")
    assert (pin.version.number, pin.reason, pin.pinned_by) == (1, "in the paper", "ann")
    shown = model.show("model:1")
    assert (shown.pinned.reason, shown.pinned.pinned_at) == ("in the paper", pin.pinned_at)
    assert shown.to_json()["pinned"] == {
        "reason": "in the paper",
        "pinned_at": pin.pinned_at.isoformat(),
        "pinned_by": "ann",
    }
    assert model.show("model:2").pinned is None
    assert last(model) == ("version.pin", "ama://default/model", {"version": 1, "reason": "in the paper"})


def test_pins_are_listed_by_asset_and_number(model):
    model.notes.pin("model:2")
    model.notes.pin("model:1")
    model.notes.pin("data:1", "golden")
    assert [(pin.version.asset.name, pin.version.number, pin.reason) for pin in model.notes.pins()] == [
        ("data", 1, "golden"),
        ("model", 1, ""),
        ("model", 2, ""),
    ]
    assert [pin.version.number for pin in model.notes.pins("model")] == [1, 2]


def test_pinning_again_changes_the_reason_only_when_there_is_another(model):
    first = model.notes.pin("model:1", "a")
    assert model.notes.pin("model:1", "a") == first
    assert model.notes.pin("model:1", "b").reason == "b"
    assert [pin.reason for pin in model.notes.pins("model")] == ["b"]


def test_unpinning_needs_a_pin(model):
    model.notes.pin("model:1", "a")
    assert model.notes.unpin("model:1").number == 1
    assert model.notes.pins() == []
    with pytest.raises(NotFoundError, match="version 1 of 'model' is not pinned"):
        model.notes.unpin("model:1")


@pytest.mark.parametrize(
    "change",
    [
        lambda notes, ref: notes.tag(ref, "x"),
        lambda notes, ref: notes.untag(ref, "x"),
        lambda notes, ref: notes.record_metrics(ref, {"x": 1}),
        lambda notes, ref: notes.metrics(ref),
        lambda notes, ref: notes.pin(ref),
        lambda notes, ref: notes.unpin(ref),
    ],
    ids=["tag", "untag", "record_metrics", "metrics", "pin", "unpin"],
)
def test_a_version_that_is_not_there_has_no_notes(model, change):
    for reference in ("model:9", "modem:1", "model:champion"):
        with pytest.raises(NotFoundError):
            change(model.notes, reference)
