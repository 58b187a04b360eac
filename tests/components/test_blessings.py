"""What a blessing says: yes, no, or nothing."""

from __future__ import annotations

import pytest

from ama_tfx.components.blessings import Verdict, read_blessing


class Blessing:
    uri = "/run/blessing"

    def __init__(self, blessed: int | None) -> None:
        self.blessed = blessed

    def has_custom_property(self, key: str) -> bool:
        return key == "blessed" and self.blessed is not None

    def get_int_custom_property(self, key: str) -> int:
        assert self.blessed is not None
        return self.blessed


@pytest.mark.parametrize(
    ("artifacts", "verdict", "reason"),
    [
        ([Blessing(1)], Verdict.BLESSED, "Evaluator blessed it"),
        ([Blessing(0)], Verdict.NOT_BLESSED, "Evaluator did not bless it (see /run/blessing)"),
        ([Blessing(2)], Verdict.NOT_BLESSED, "Evaluator did not bless it (see /run/blessing)"),
        ([Blessing(None)], Verdict.UNKNOWN, "Evaluator decided nothing: it has no thresholds to check against"),
        ([], Verdict.UNKNOWN, "Evaluator gave no blessing: it did not run"),
        (None, Verdict.UNKNOWN, "Evaluator gave no blessing: it did not run"),
    ],
)
def test_only_a_blessing_of_one_is_a_yes(artifacts, verdict, reason):
    signal = read_blessing("Evaluator", artifacts)
    assert (signal.verdict, signal.reason) == (verdict, reason)
