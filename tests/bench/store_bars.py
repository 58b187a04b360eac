"""The bars of the store (the numbers to reach), judged on what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.bench.store_rounds import Work

MEMORY_BYTES = 150e6


@dataclass(frozen=True, slots=True)
class Verdict:
    """One bar: what it asks for, what was measured, and whether that is enough."""

    work: str
    bar: str
    measured: str
    reached: bool


def at_most(work: str, what: str, bar: float, value: float) -> Verdict:
    """Judge a ratio that has to be small."""
    return Verdict(work, f"{what} <= {bar:g}", f"{value:.2f}", value <= bar)


def at_least(work: str, what: str, bar: float, value: float) -> Verdict:
    """Judge a ratio or a speed that has to be large."""
    return Verdict(work, f"{what} >= {bar:g}", f"{value:.2f}", value >= bar)


def share(work: str, bar: float, value: float) -> Verdict:
    """Judge how many of the bytes put again were new."""
    return Verdict(work, f"new bytes <= {bar:.0%}", f"{value:.2%}", value <= bar)


def judge_files(work: Work) -> Iterator[Verdict]:
    """Judge 10,000 files: storing and restoring against every peer."""
    yield at_most("files", "store / cp", 2, work.put_seconds("ama") / work.put_seconds("cp"))
    for peer in _peers(work):
        yield at_most("files", f"store / {peer}", 1, work.put_seconds("ama") / work.put_seconds(peer))
        yield at_most("files", f"restore / {peer}", 1, work.get_seconds("ama") / work.get_seconds(peer))


def judge_large(work: Work) -> Iterator[Verdict]:
    """Judge the file of 1 GB, and the same with 1 % changed."""
    yield at_most("large", "store / cp (an aim)", 3, work.put_seconds("ama", 0) / work.put_seconds("cp", 0))
    for peer in _peers(work):
        if peer in {"hf_xet", "restic", "borg"}:
            yield at_most("large", f"store / {peer}", 1, work.put_seconds("ama", 0) / work.put_seconds(peer, 0))
    if "hf_xet" in work.names:
        again = work.put_seconds("ama", 1) / work.put_seconds("hf_xet", 1)
        yield at_most("large", "store again / hf_xet", 1, again)
    yield share("large", 0.02, work.new_bytes("ama", 1) / work.put_bytes[1])
    yield from _memory("large", work)


def judge_million(work: Work) -> Iterator[Verdict]:
    """Judge a million files of about 100 bytes."""
    yield from _memory("million", work)


def judge_heads(name: str, bar: float) -> Callable[[Work], Iterator[Verdict]]:
    """Return the judge of a base and its fine-tuned heads."""

    def judge(work: Work) -> Iterator[Verdict]:
        yield at_least(name, "raw / stored", bar, _ratio(work))
        if "hf_xet" in work.names:
            yield at_most(name, "store / hf_xet", 1, work.put_seconds("ama") / work.put_seconds("hf_xet"))
            yield at_most(name, "restore / hf_xet", 1, work.get_seconds("ama") / work.get_seconds("hf_xet"))

    return judge


def judge_tunes(name: str, bar: float) -> Callable[[Work], Iterator[Verdict]]:
    """Return the judge of a base and its full fine-tunes."""

    def judge(work: Work) -> Iterator[Verdict]:
        yield at_least(name, "raw / stored", bar, _ratio(work))
        yield at_least(name, "store MB/s", 200, sum(work.put_bytes) / 1e6 / work.put_seconds("ama"))
        yield at_least(name, "restore MB/s", 400, work.restored_bytes / 1e6 / work.get_seconds("ama"))

    return judge


def judge_federated(work: Work) -> Iterator[Verdict]:
    """Judge the averages alone, which are every second group after the base: clients are fine-tunes like any other."""
    averages = tuple(work.groups)[2::2]
    raw = sum(work.put_bytes[group] for group in averages)
    yield at_least("federated", "averages, raw / new", 4, raw / work.new_bytes("ama", *averages))


def judge_lora(work: Work) -> Iterator[Verdict]:
    """Judge the base and its merges together."""
    yield at_least("lora", "raw / stored", 5, _ratio(work))


def judge_examples(name: str) -> Callable[[Work], Iterator[Verdict]]:
    """Return the judge of a data set and its next version."""

    def judge(work: Work) -> Iterator[Verdict]:
        yield share(name, 0.05, work.new_bytes("ama", 1) / work.put_bytes[1])

    return judge


JUDGES: dict[str, Callable[[Work], Iterator[Verdict]]] = {
    "files": judge_files,
    "large": judge_large,
    "million": judge_million,
    "heads": judge_heads("heads", 10),
    "heads-savedmodel": judge_heads("heads-savedmodel", 18),
    "tunes-fp32": judge_tunes("tunes-fp32", 1.5),
    "tunes-bf16": judge_tunes("tunes-bf16", 3),
    "tunes-fp16": judge_tunes("tunes-fp16", 1.9),
    "federated": judge_federated,
    "lora": judge_lora,
    "examples-tf": judge_examples("examples-tf"),
    "examples-beam": judge_examples("examples-beam"),
}


def _peers(work: Work) -> list[str]:
    return [name for name in work.names if name not in {"ama", "cp"}]


def _ratio(work: Work) -> float:
    return sum(work.put_bytes) / work.stored_bytes("ama")


def _memory(name: str, work: Work) -> Iterator[Verdict]:
    peak_bytes = max(work.peak_bytes("ama"))
    yield Verdict(name, "peak memory <= 150 MB", f"{peak_bytes / 1e6:.0f} MB", peak_bytes <= MEMORY_BYTES)
