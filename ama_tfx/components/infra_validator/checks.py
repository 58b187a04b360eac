"""From what was seen to signals: each check says what was found, what was allowed, and so what it means."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ama_tfx.components.infra_validator.observations import LOADS, Call, Observation, difference, is_finite
from ama_tfx.components.infra_validator.settings import ServingBudgets, ServingLimits
from ama_tfx.components.verdicts import Blessing, Signal

_MIB = 1 << 20
_FORBIDDEN = {"files": "write or change files", "network": "open the network"}
_FORBIDDEN["processes"] = "start processes or reach others"
NOTHING_ASKED = "nothing was asked of the model"


@dataclass(frozen=True)
class Checks:
    """Makes the signals of one gate.

    Attributes:
        gate: Id of the component that judges.
        limits: What the model may use.
        budgets: How good it has to be.
    """

    gate: str
    limits: ServingLimits
    budgets: ServingBudgets

    def unknown(self, name: str, reason: str, required: bool = True) -> Signal:
        """Return a signal that nothing was found out."""
        return Signal(self.gate, Blessing.UNKNOWN, reason, name, required=required)

    def refused(self, name: str, reason: str) -> Signal:
        """Return a signal against the model."""
        return Signal(self.gate, Blessing.NOT_BLESSED, reason, name)

    def of(self, calls: tuple[Call, ...], seen: Observation) -> Iterator[Signal]:
        """Yield what was seen of the model by itself."""
        if seen.undecided:
            yield self.unknown("server", f"could not decide: {seen.undecided}")
            return
        yield self._loads(seen)
        if not any(call.requests for call in calls) and not any(call.missing for call in calls):
            yield self.unknown(
                "requests", "; ".join([NOTHING_ASKED, *(call.problem for call in calls if call.problem)])
            )
        for call in calls:
            if call.problem or LOADS not in seen.failures:
                yield self._answers(call, seen)
        if seen.is_complete and seen.served and seen.served.kind:
            yield self.refused("server", f"the server was ended after it had answered: {seen.served.cause}")
        yield from self._behaviour(seen)
        yield from self._reading(seen)
        yield from self._finite(seen)
        yield from self._memory(seen)
        if seen.is_complete and any(seen.rounds):
            yield from self._latency(seen)

    def _loads(self, seen: Observation) -> Signal:
        bound = f"<= {self.limits.load_seconds:g} s"
        if LOADS in seen.failures:
            reason = f"the model does not load: {seen.failures[LOADS]}"
            return Signal(self.gate, Blessing.NOT_BLESSED, reason, "load_seconds", None, bound)
        reason = f"the model loads in {seen.load_seconds:.3g} s"
        return Signal(self.gate, Blessing.BLESSED, reason, "load_seconds", seen.load_seconds, bound)

    def _answers(self, call: Call, seen: Observation) -> Signal:
        name, signature = f"signature:{call.signature}", repr(call.signature)
        if call.missing:
            reason = f"the model declares no signature {signature}"
            return self.refused(name, f"{reason}, {call.problem}" if call.problem else reason)
        if call.problem:
            hint = "name the signatures that are to be asked in request_spec"
            return self.unknown(name, f"signature {signature} was not asked: {call.problem}; {hint}")
        if call.signature in seen.failures:
            return self.refused(name, f"signature {signature} fails: {seen.failures[call.signature]}")
        if call.signature not in seen.answers:
            return self.unknown(name, f"signature {signature} was not asked: the server had ended by then")
        count = len(call.requests)
        reason = f"signature {signature} answers {count} requests"
        return Signal(self.gate, Blessing.BLESSED, reason, name, float(count), f"== {count}")

    def _behaviour(self, seen: Observation) -> Iterator[Signal]:
        if seen.served is None:
            return
        for kind, forbidden in _FORBIDDEN.items():
            tried = [notice["what"] for notice in seen.served.notices if notice["kind"] == kind]
            tried += [f"change {path}" for path in seen.changed_files if kind == "files"]
            if tried:
                yield self.refused(kind, f"the model tried to {'; '.join(tried)}; a served model may not {forbidden}")
            elif seen.served.unwatched:
                reason = f"whether it would {forbidden} was not watched: {seen.served.unwatched}"
                hint = "" if self.limits.unwatched else "; ServingLimits(unwatched=True) does without"
                yield self.unknown(kind, reason + hint, required=not self.limits.unwatched)
            else:
                yield Signal(self.gate, Blessing.BLESSED, f"it did not try to {forbidden}", kind, 0.0, "== 0")

    def _reading(self, seen: Observation) -> Iterator[Signal]:
        if seen.served is None:
            return
        if seen.served.unconfined:
            reason = f"it could read every file that this user can: {seen.served.unconfined}"
            yield self.unknown("reading", reason, required=False)
        else:
            reason = "it could read no more than its own files, Python's and the system's"
            yield Signal(self.gate, Blessing.BLESSED, reason, "reading", required=False)

    def _finite(self, seen: Observation) -> Iterator[Signal]:
        answers = [answer for given in seen.answers.values() for answer in given]
        if not answers:
            return
        count, wanted = float(sum(not is_finite(answer) for answer in answers)), self.budgets.finite_answers
        reason = f"{count:g} of {len(answers)} answers hold NaN or infinity"
        outcome = Blessing.NOT_BLESSED if count and wanted else Blessing.BLESSED
        yield Signal(self.gate, outcome, reason, "finite_answers", count, "== 0" if wanted else "", required=wanted)

    def _memory(self, seen: Observation) -> Iterator[Signal]:
        if seen.served is None:
            return
        peak, model = seen.served.peak_bytes / _MIB, seen.served.model_bytes / _MIB
        allowed = min(self.limits.memory_mib, self.budgets.peak_memory_mib or math.inf)
        yield self._at_most("peak_memory_mib", peak, allowed, "MiB of memory at its highest")
        yield self._at_most("model_memory_mib", model, self.budgets.model_memory_mib, "MiB of memory for the model")

    def _latency(self, seen: Observation) -> Iterator[Signal]:
        yield self._at_most("first_answer_ms", seen.first_ms, None, "ms for a first answer")
        for percent, bound in ((50, self.budgets.latency_p50_ms), (99, self.budgets.latency_p99_ms)):
            found = seen.latency_ms(percent)
            yield self._at_most(f"latency_p{percent}_ms", found, bound, f"ms for {percent} of 100 answers")

    def _at_most(self, name: str, value: float, bound: float | None, what: str) -> Signal:
        """Return a signal; without a bound it tells, and decides nothing."""
        if bound is None:
            return Signal(self.gate, Blessing.BLESSED, f"{value:.4g} {what}", name, value, required=False)
        outcome = Blessing.BLESSED if value <= bound else Blessing.NOT_BLESSED
        return Signal(self.gate, outcome, f"{value:.4g} {what}, {bound:.4g} allowed", name, value, f"<= {bound:.6g}")

    def against(self, seen: Observation, champion: Observation) -> Iterator[Signal]:
        """Yield how the model compares with the champion, which was asked the same."""
        if not champion.is_complete or not champion.answers:
            why = champion.undecided or "; ".join(champion.failures.values()) or NOTHING_ASKED
            reason = f"nothing to compare with: of the champion: {why}"
            yield self.unknown("champion", reason, required=self.budgets.needs_champion)
        elif seen.is_complete and seen.answers:
            yield from self._ratios(seen, champion)
            yield from self._outputs(seen, champion)

    def _ratios(self, seen: Observation, champion: Observation) -> Iterator[Signal]:
        for percent, bound in ((50, self.budgets.latency_p50_ratio), (99, self.budgets.latency_p99_ratio)):
            ratio = seen.latency_ms(percent) / max(champion.latency_ms(percent), 1e-6)
            what = f"times the champion's time for {percent} of 100 answers"
            yield self._at_most(f"latency_p{percent}_ratio", ratio, bound, what)
        if seen.served and champion.served:
            ratio = max(seen.served.model_bytes, _MIB) / max(champion.served.model_bytes, _MIB)
            bound = self.budgets.model_memory_ratio
            yield self._at_most("model_memory_ratio", ratio, bound, "times the champion's memory for the model")

    def _outputs(self, seen: Observation, champion: Observation) -> Iterator[Signal]:
        gone = sorted(champion.answers.keys() - seen.answers.keys())
        if gone and self.budgets.compares_outputs:
            yield self.refused("output_difference", f"the champion answers signatures that the model lacks: {gone}")
            return
        found = difference(seen, champion, self.budgets.output_difference or 0.0)
        if not found.requests:
            reason = "the champion and the model have no signature in common"
            yield self.unknown("output_difference", reason, required=self.budgets.needs_champion)
            return
        where = f" (signature {found.where!r})" if found.where else ""
        what = f"at most between an output and the champion's{where}"
        yield self._at_most("output_difference", found.largest, self.budgets.output_difference, what)
        share = found.changed / found.requests
        what = f"of {found.requests} requests get another answer than the champion gives"
        yield self._at_most("changed_answers", share, self.budgets.changed_answers, what)
