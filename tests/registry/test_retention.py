"""Retention rules: which versions they keep, and why."""

from __future__ import annotations

import datetime

import pytest

from ama_tfx.catalog import VersionRow
from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.upkeep.retention import Known, Retention, plan_retention
from ama_tfx.storage import Digest

NOW = datetime.datetime(2026, 6, 30, tzinfo=datetime.timezone.utc)


def version(asset_id: int, number: int) -> VersionRow:
    """A version that is as many days old as it is from the tenth."""
    return VersionRow(
        id=asset_id * 100 + number,
        asset_id=asset_id,
        workspace="default",
        asset=f"asset-{asset_id}",
        number=number,
        semantic=f"1.0.{number}",
        digest=Digest.of(b"any"),
        kind="Model",
        message="",
        size_bytes=1,
        file_count=1,
        created_at=NOW - datetime.timedelta(days=10 - number),
        created_by="ann",
    )


MODELS = [version(1, number) for number in range(10, 0, -1)]


def kept(rule: str, **known: object) -> dict[int, list[str]]:
    reasons = plan_retention(Retention.parse(rule), Known(MODELS, **{"marks": {}, "uses": (), "now": NOW, **known}))
    return {number - 100: why for number, why in reasons.items() if why}


def test_the_newest_are_kept():
    assert kept("last 2") == {10: ["last 2"], 9: ["last 2"]}
    assert len(kept("last 100")) == 10


def test_the_best_are_kept_and_of_equal_ones_the_newer():
    values = {101: 0.9, 102: 0.7, 103: 0.9, 104: 0.8}
    assert set(kept("best metric=auc", measured={"auc": values})) == {3}
    assert set(kept("best 3 metric=auc", measured={"auc": values})) == {3, 1, 4}
    assert set(kept("best metric=loss", measured={"loss": values})) == {2}
    assert set(kept("lowest metric=speed", measured={"speed": values})) == {2}
    assert set(kept("highest metric=speed", measured={"speed": values})) == {3}


def test_a_version_is_kept_that_any_term_keeps():
    measured = {"auc": {102: 0.5}}
    found = kept("newer than 1 days, best metric=auc and tag=prod", measured=measured, tagged={"prod": {105}})
    assert found == {10: ["newer 1d"], 9: ["newer 1d"], 5: ["tag=prod"], 2: ["highest metric=auc"]}


def test_aliases_pins_and_use_keep_a_version():
    marks = {101: ["alias champion"], 102: ["pinned"]}
    uses = [(101, 103), (103, 104), (999, 105), (106, 107), (106, 106)]
    assert kept("last 1", marks=marks, uses=uses) == {
        10: ["last 1"],
        1: ["alias champion"],
        2: ["pinned"],
        3: ["asset-1:1 is made from it"],
        4: ["asset-1:3 is made from it"],
        5: ["used by a kept version"],
    }


def test_every_asset_has_its_own_newest():
    others = [version(2, 1)]
    reasons = plan_retention(Retention.parse("last 1"), Known([*MODELS, *others], marks={}, uses=(), now=NOW))
    assert [number for number, why in reasons.items() if why] == [110, 201]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("", "keeps nothing"),
        ("last", "'last' in the rule 'last' is no term of one"),
        ("last -1", "is no term of one"),
        ("last 9999999999", "is no term of one"),
        ("best 0 metric=auc", "expected a number from 1"),
        ("best metric=", "is no term of one"),
        ("best metric=unheard_of", "use 'highest metric=unheard_of' or 'lowest metric=unheard_of'"),
        ("tag=a b", "is no term of one"),
    ],
)
def test_what_is_no_rule_is_refused(rule, message):
    with pytest.raises(InvalidInputError, match=message):
        Retention.parse(rule)


def test_a_rule_is_read_back_as_it_is_written():
    rule = Retention.parse("last 5, and best 2 metric=auc, tag=prod, newer than 30 days")
    assert str(rule) == "last 5, highest 2 metric=auc, tag=prod, newer 30d"
    assert Retention.parse(str(rule)) == rule


def test_a_rule_asks_for_a_hundred_years_at_most():
    assert str(Retention.parse("newer 36500d")) == "newer 36500d"
    with pytest.raises(InvalidInputError, match="asks for 999999 days; expected at most 36500"):
        Retention.parse("newer 999999d")
