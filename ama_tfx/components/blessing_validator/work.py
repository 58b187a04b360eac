"""What BlessingValidator does, without TFX: evidence and the registry's state against a policy."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from ama_tfx.components.blessing_validator.champion import Champion, RegistryState
from ama_tfx.components.blessing_validator.comparison import Comparison
from ama_tfx.components.blessing_validator.policy import BESIDE, LATENCY, MEMORY, SIZE, BlessingPolicy
from ama_tfx.components.bounds import Bounds, Found, compare, compare_measured, direction, worst_told
from ama_tfx.components.verdicts import Blessing, Judgement, Signal, judge

POLICY, REGISTRY = "policy", "registry"
"""Sources of signals that no component gave."""


@dataclass(frozen=True)
class Evidence:
    """What is known of a candidate.

    Attributes:
        gate: Id of the component that judges.
        model_uri: The candidate.
        size_bytes: Of all its files.
        signals: Of gates: each kind of evidence, as `policy.EVIDENCE` names it, with what it says.
        metrics: Of the candidate, by name, slices as ``auc[hour=3]``.
        has_champion_rule: Whether a champion was named.
        is_registered: Whether the candidate is registered, so that it can have approvals.
        baseline_files: Path -> SHA-256 of the model that Evaluator compared with; None when it compared with none.
        has_change_thresholds: Whether Evaluator decided by comparing.
        comparison: What the pipeline asked Evaluator to compare.
    """

    gate: str
    model_uri: str
    size_bytes: int
    signals: Mapping[str, tuple[Signal, ...]] = field(default_factory=dict)
    metrics: Mapping[str, Found] = field(default_factory=dict)
    has_champion_rule: bool = False
    is_registered: bool = False
    baseline_files: Mapping[str, str] | None = None
    has_change_thresholds: bool = False
    comparison: Comparison = field(default_factory=Comparison)


def decide(policy: BlessingPolicy, evidence: Evidence, state: RegistryState) -> Judgement:
    """Return the verdict: AND of everything that is required; *unknown* is not *yes*."""
    found = [
        *_missing(policy, evidence),
        *(signal for signals in evidence.signals.values() for signal in signals),
        *(_champion_signals(policy, evidence, state) if evidence.has_champion_rule else ()),
        *_budget_signals(policy, evidence, state),
        *_registry_signals(policy, evidence, state),
    ]
    told = [replace(s, required=False) if (s.name or s.source) in policy.advisory else s for s in found]
    return judge(evidence.gate, evidence.model_uri, told)


def _missing(policy: BlessingPolicy, evidence: Evidence) -> Iterator[Signal]:
    for each in policy.require:
        if each not in {*evidence.signals, "champion", "baseline"}:
            yield Signal(POLICY, Blessing.UNKNOWN, f"there is no {each}, and the policy requires it", each)
    if policy.needs_champion and not evidence.has_champion_rule:
        told = "the policy compares with a champion, and none is named"
        yield Signal(POLICY, Blessing.UNKNOWN, told, "champion")


def _champion_signals(policy: BlessingPolicy, evidence: Evidence, state: RegistryState) -> Iterator[Signal]:
    champion = state.champion
    if champion is None:
        first = state.is_first and "champion" not in policy.require
        said = Blessing.BLESSED if first else Blessing.UNKNOWN
        told = "so this is the first model" if first else "and the model cannot be compared"
        yield Signal(REGISTRY, said, f"there is no champion ({state.missing}), {told}", "champion", None, "exists")
    else:
        told = f"the champion is {champion.reference}"
        yield Signal(REGISTRY, Blessing.BLESSED, told, "champion", champion.reference, "exists")
    yield from _baseline_signals(policy, evidence, champion)
    for metric, change in sorted(policy.min_change.items()):
        yield _change_signal(metric, Bounds(least=change), (policy, evidence, state))


def _baseline_signals(policy: BlessingPolicy, evidence: Evidence, champion: Champion | None) -> Iterator[Signal]:
    """Yield whether Evaluator's baseline is the champion: asked for, or needed for its change thresholds to count."""
    required = "baseline" in policy.require
    lacks = evidence.comparison.without_baseline(policy.min_change)
    if champion is None or (evidence.baseline_files is None and not required and not lacks):
        return
    files, bound = evidence.baseline_files, f"= {champion.reference}"
    required = required or evidence.has_change_thresholds
    if files is None:
        told = f"the registry has a champion ({champion.reference}), but Evaluator compared with nothing; "
        told += f"{lacks or 'the policy requires it'}: give Evaluator that champion as its baseline_model"
        yield Signal(POLICY, Blessing.UNKNOWN, told, "baseline", None, bound)
    elif dict(files) == dict(champion.files):
        yield Signal(
            POLICY,
            Blessing.BLESSED,
            "Evaluator's baseline is the champion, byte for byte",
            "baseline",
            champion.reference,
            bound,
            required=required,
        )
    else:
        told = f"Evaluator compared with another model than the champion {champion.reference}"
        yield Signal(POLICY, Blessing.UNKNOWN, told, "baseline", "another model", bound, required=required)


def _change_signal(metric: str, bounds: Bounds, known: tuple[BlessingPolicy, Evidence, RegistryState]) -> Signal:
    policy, evidence, state = known
    name, _, part = metric.rstrip("]").partition("[")
    before = state.champion.metric(metric) if state.champion else None
    if before is None:
        return _incomparable(f"{name}_vs_champion", metric, bounds.words, state, part)
    found = evidence.metrics.get(metric)
    higher = bool(direction(metric, policy.higher_is_better))
    gain = None if found is None else _gain(found, before, higher)
    signal = compare(REGISTRY, f"{name}_vs_champion", gain, bounds, part=part, confident=policy.confident)
    return _against(signal, before)


def _gain(found: Found, before: float, higher: bool) -> Found:
    """Return by how much a metric improved."""
    change = found.minus(before)
    if higher:
        return change
    low, high = (None if end is None else -end for end in (change.high, change.low))
    return Found(-change.value, low, high)


def _against(signal: Signal, before: float) -> Signal:
    told = f"against the champion's {before:.6g}"
    return replace(signal, reason=f"{signal.reason}, {told}", bound=f"{signal.bound} {told}")


def _incomparable(name: str, what: str, bound: str, state: RegistryState, part: str = "") -> Signal:
    """Return the signal of a comparison without the champion's number; a first model needs none."""
    first = state.champion is None and state.is_first
    told = "there is no champion yet" if first else f"the registry knows no {what} of the champion"
    if state.champion and state.champion.unread:
        told += f"; not counted: {'; '.join(state.champion.unread)}"
    reason = f"{name} cannot be told: {told}"
    return Signal(REGISTRY, Blessing.UNKNOWN, reason, name, None, bound, part, required=not first)


def _budget_signals(policy: BlessingPolicy, evidence: Evidence, state: RegistryState) -> Iterator[Signal]:
    champion = state.champion
    size_before = None if champion is None else float(champion.size_bytes)
    yield from _budget(
        SIZE, Found(float(evidence.size_bytes)), (policy.max_size_bytes, policy.max_size_ratio), size_before, state
    )
    told = [signal for signals in evidence.signals.values() for signal in signals]
    budgets = {
        LATENCY: (policy.max_latency_ms, policy.max_latency_ratio),
        MEMORY: (policy.max_memory_mib, policy.max_memory_ratio),
    }
    for name, budget in budgets.items():
        before = None if champion is None else champion.metric(name)
        most, most_ratio = budget
        beside = worst_told(BESIDE[name], told)
        if beside is not None and most_ratio is not None:
            yield _beside(name, beside, most_ratio)
            most_ratio = None
        yield from _budget(name, worst_told(name, told), (most, most_ratio), before, state)


def _budget(
    name: str,
    found: Found | None,
    budget: tuple[float | None, float | None],
    before: float | None,
    state: RegistryState,
) -> Iterator[Signal]:
    most, most_ratio = budget
    if most is not None:
        yield compare_measured(POLICY, f"{name}_budget", found, Bounds(most=float(most)))
    if most_ratio is None:
        return
    compared, bounds = f"{name}_vs_champion", Bounds(most=float(most_ratio))
    if before is None or not 0 < before < math.inf:
        yield _incomparable(compared, name, bounds.words, state)
    else:
        ratio = None if found is None else Found(found.value / before)
        yield _against(compare_measured(REGISTRY, compared, ratio, bounds), before)


def _beside(name: str, ratio: Found, most: float) -> Signal:
    signal = compare_measured(POLICY, f"{name}_vs_champion", ratio, Bounds(most=float(most)))
    told = f"{BESIDE[name]}, measured beside the champion"
    return replace(signal, reason=f"{signal.reason} ({told})", bound=f"{signal.bound} of {told}")


def _registry_signals(policy: BlessingPolicy, evidence: Evidence, state: RegistryState) -> Iterator[Signal]:
    if policy.approvals:
        yield _approval_signal(policy, evidence, state)
    if policy.protected_alias:
        said = Blessing.BLESSED if state.is_protected else Blessing.NOT_BLESSED
        told = "is protected and needs a blessing" if state.is_protected else "is not protected, so anybody may move it"
        value = "protected" if state.is_protected else "not protected"
        yield Signal(REGISTRY, said, f"the champion's alias {told}", "protected_alias", value, "protected")


def _approval_signal(policy: BlessingPolicy, evidence: Evidence, state: RegistryState) -> Signal:
    counted = [name for name in state.approved_by if not policy.approvers or name in policy.approvers]
    bound = f">= {policy.approvals} of {_names(policy.approvers) or 'anybody'}"
    if not evidence.is_registered:
        told = "the candidate is not registered, so nobody can have approved it"
        return Signal(REGISTRY, Blessing.UNKNOWN, told, "approvals", None, bound)
    said = Blessing.BLESSED if len(counted) >= policy.approvals else Blessing.UNKNOWN
    told = f"approved by {_names(counted) or 'nobody'}; expected {bound}"
    return Signal(REGISTRY, said, told, "approvals", float(len(counted)), bound)


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
