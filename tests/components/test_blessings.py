"""What a blessing says: yes, no, or nothing."""

from __future__ import annotations

import pytest

from ama_tfx.components.blessings import Blessing, read_blessing

MODEL = "/run/model/2"


class FakeBlessing:
    uri = "/run/blessing"

    def __init__(self, blessed: int | None, model: str | None = None, **told: str) -> None:
        self.properties = {"blessed": blessed, "current_model": model, **told}

    def has_custom_property(self, key: str) -> bool:
        return self.properties.get(key) is not None

    def get_int_custom_property(self, key: str) -> int:
        return int(self.properties[key])

    def get_string_custom_property(self, key: str) -> str:
        return str(self.properties[key])


@pytest.mark.parametrize(
    ("artifacts", "blessing", "reason"),
    [
        ([FakeBlessing(1)], Blessing.BLESSED, "Evaluator blessed it"),
        ([FakeBlessing(1, MODEL)], Blessing.BLESSED, "Evaluator blessed it"),
        (
            [FakeBlessing(1, "/run/model/1")],
            Blessing.UNKNOWN,
            "Evaluator's blessing is of another model (/run/model/1)",
        ),
        (
            [FakeBlessing(0), FakeBlessing(1)],
            Blessing.UNKNOWN,
            "Evaluator gave 2 blessings, and which counts is not known",
        ),
        ([FakeBlessing(0)], Blessing.NOT_BLESSED, "Evaluator did not bless it (see /run/blessing)"),
        (
            [FakeBlessing(0, outcome="not_blessed", reasons="auc is 0.3; expected >= 0.9")],
            Blessing.NOT_BLESSED,
            "Evaluator did not bless it: auc is 0.3; expected >= 0.9",
        ),
        (
            [FakeBlessing(0, outcome="unknown", reasons="no server starts")],
            Blessing.UNKNOWN,
            "Evaluator could not decide: no server starts",
        ),
        ([FakeBlessing(2)], Blessing.NOT_BLESSED, "Evaluator did not bless it (see /run/blessing)"),
        ([FakeBlessing(None)], Blessing.UNKNOWN, "Evaluator decided nothing: it has no thresholds to check against"),
        ([], Blessing.UNKNOWN, "Evaluator gave no blessing: it did not run"),
        (None, Blessing.UNKNOWN, "Evaluator gave no blessing: it did not run"),
    ],
)
def test_only_one_blessing_of_this_model_is_a_yes(artifacts, blessing, reason):
    signal = read_blessing("Evaluator", artifacts, MODEL)
    assert (signal.blessing, signal.reason) == (blessing, reason)
