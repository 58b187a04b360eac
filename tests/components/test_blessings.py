"""What a blessing says: yes, no, or nothing."""

from __future__ import annotations

import pytest

from ama_tfx.components.blessings import Verdict, read_blessing

MODEL = "/run/model/2"


class Blessing:
    uri = "/run/blessing"

    def __init__(self, blessed: int | None, model: str | None = None) -> None:
        self.properties = {"blessed": blessed, "current_model": model}

    def has_custom_property(self, key: str) -> bool:
        return self.properties.get(key) is not None

    def get_int_custom_property(self, key: str) -> int:
        return int(self.properties[key])

    def get_string_custom_property(self, key: str) -> str:
        return str(self.properties[key])


@pytest.mark.parametrize(
    ("artifacts", "verdict", "reason"),
    [
        ([Blessing(1)], Verdict.BLESSED, "Evaluator blessed it"),
        ([Blessing(1, MODEL)], Verdict.BLESSED, "Evaluator blessed it"),
        ([Blessing(1, "/run/model/1")], Verdict.UNKNOWN, "Evaluator's blessing is of another model (/run/model/1)"),
        (
            [Blessing(0), Blessing(1)],
            Verdict.UNKNOWN,
            "Evaluator gave 2 blessings, and which counts is not known",
        ),
        ([Blessing(0)], Verdict.NOT_BLESSED, "Evaluator did not bless it (see /run/blessing)"),
        ([Blessing(2)], Verdict.NOT_BLESSED, "Evaluator did not bless it (see /run/blessing)"),
        ([Blessing(None)], Verdict.UNKNOWN, "Evaluator decided nothing: it has no thresholds to check against"),
        ([], Verdict.UNKNOWN, "Evaluator gave no blessing: it did not run"),
        (None, Verdict.UNKNOWN, "Evaluator gave no blessing: it did not run"),
    ],
)
def test_only_one_blessing_of_this_model_is_a_yes(artifacts, verdict, reason):
    signal = read_blessing("Evaluator", artifacts, MODEL)
    assert (signal.verdict, signal.reason) == (verdict, reason)
