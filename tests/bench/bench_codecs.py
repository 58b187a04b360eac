"""Speed and ratio of the codecs of pieces, on one thread, beside memcpy, plain zstd and blosc2.

Run ``OPENBLAS_NUM_THREADS=1 python tests/bench/bench_codecs.py``. Each figure is the median of 5, in megabytes of the
piece, not of the payload, for each second; in brackets, for each second of CPU, which what runs beside disturbs less.
"Trained" is a network that this script trains in numpy, and its fine-tune; the others are normal weights of which each
moved by a step in proportion to the scale of all. blosc2 is compared when it can be imported: nothing depends on it.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from ama_tfx.storage.codecs import decode, encode, zstd
from ama_tfx.storage.codecs.factors import find_low_rank
from ama_tfx.storage.codecs.predictors import NumberType, decode_mean, encode_low_rank, encode_mean

COUNT = 4 << 20
ROUNDS = 5


def speed(size: int, work: Callable[[], object]) -> str:
    """Return the median of some runs, as MB for each second and, in brackets, for each second of CPU."""
    wall, cpu = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter(), time.thread_time()
        work()
        wall.append(time.perf_counter() - started[0])
        cpu.append(time.thread_time() - started[1])
    return f"{size / 1e6 / statistics.median(wall):.0f} ({size / 1e6 / max(1e-9, statistics.median(cpu)):.0f})"


def show(name: str, size: int, there: Callable[[], bytes | memoryview], back: Callable[[], object]) -> None:
    """Print one line of the table."""
    print(f"| {name} | {size / len(there()):.2f} | {speed(size, there)} | {speed(size, back)} |", flush=True)


def moved(parent: np.ndarray, step: float) -> np.ndarray:
    """Return a child each of whose weights took a step relative to the scale of all."""
    return (parent + step * parent.std() * np.random.default_rng(1).standard_normal(len(parent))).astype("<f4")


def trained() -> tuple[np.ndarray, np.ndarray]:
    """Train a network by Adam on one task, then for as many steps on another at a hundredth of the rate."""
    rng = np.random.default_rng(2)
    inputs = rng.standard_normal((512, 1024)).astype("<f4")
    layers = [(rng.standard_normal(shape) / np.sqrt(shape[0])).astype("<f4") for shape in ((1024, 1536), (1536, 64))]
    states = [[np.zeros_like(layer), np.zeros_like(layer)] for layer in layers]
    snapshots = []
    for rate in (1e-3, 1e-5):
        targets = np.tanh(inputs @ rng.standard_normal((1024, 64)).astype("<f4") / 16)
        for step in range(1, 31):
            hidden = np.maximum(inputs @ layers[0], 0)
            error = (hidden @ layers[1] - targets) / 512
            gradients = (inputs.T @ ((error @ layers[1].T) * (hidden > 0)), hidden.T @ error)
            for layer, state, gradient in zip(layers, states, gradients, strict=True):
                state[0] += 0.1 * (gradient - state[0])
                state[1] += 0.001 * (gradient**2 - state[1])
                np.subtract(
                    layer,
                    rate * (state[0] / (1 - 0.9**step)) / (np.sqrt(state[1] / (1 - 0.999**step)) + 1e-8),
                    out=layer,
                )
        snapshots.append(np.concatenate([layer.ravel() for layer in layers]))
    return snapshots[0], snapshots[1]


def bfloat16(numbers: np.ndarray) -> np.ndarray:
    """Return fp32 rounded to bfloat16, as its bits."""
    bits = numbers.view("<u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def tensors() -> None:
    """Measure PLANES and DELTA on families of three types."""
    weights = (np.random.default_rng(0).standard_normal(COUNT) * 0.02).astype("<f4")
    families = {"trained": trained(), "step 1e-4": (weights, moved(weights, 1e-4))}
    families["step 1e-3"] = (weights, moved(weights, 1e-3))
    for family, (parent, child) in families.items():
        for kind, cast in (("fp32", np.copy), ("bf16", bfloat16), ("fp16", lambda numbers: numbers.astype("<f2"))):
            piece, base = (memoryview(cast(numbers).tobytes()) for numbers in (child, parent))
            for chosen in (None, base):
                codec_of_tensor(f"{kind}, {family}", piece, chosen, 2 if kind != "fp32" else 4)


def codec_of_tensor(name: str, piece: memoryview, base: memoryview | None, item_bytes: int) -> None:
    """Measure what `encode` chooses for one tensor, and check it."""
    encoded = encode(piece, item_bytes=item_bytes, base=base)
    payload = memoryview(encoded.payload)
    assert decode(encoded.codec, payload, len(piece), base=base) == piece
    there = lambda: encode(piece, item_bytes=item_bytes, base=base).payload  # noqa: E731
    back = lambda: decode(encoded.codec, payload, len(piece), base=base)  # noqa: E731
    show(f"{encoded.codec.name}: {name}", len(piece), there, back)


def peers() -> None:
    """Measure what an fp32 tensor costs elsewhere."""
    weights = (np.random.default_rng(0).standard_normal(COUNT) * 0.02).astype("<f4")
    piece = memoryview(moved(weights, 1e-4).tobytes())
    frame = zstd.compress(piece)
    show("memcpy", len(piece), lambda: bytes(piece), lambda: bytes(piece))
    show("plain zstd 1: fp32", len(piece), lambda: zstd.compress(piece), lambda: zstd.decompress(frame, len(piece)))
    try:
        import blosc2
    except ImportError:
        print("| blosc2 | not installed | | |")
        return
    blosc2.set_nthreads(1)
    wrapped = memoryview((np.frombuffer(piece, "<u4") - weights.view("<u4")).view("<i4").tobytes())
    signed = np.frombuffer(wrapped, "<i4")
    zigzag = memoryview(((signed << 1) ^ (signed >> 31)).tobytes())
    for name, data in (("fp32", piece), ("fp32 zigzag differences, made beforehand", zigzag)):
        pack = lambda data=data: blosc2.compress2(data, typesize=4, clevel=1, codec=blosc2.Codec.ZSTD, nthreads=1)  # noqa: E731
        packed = pack()
        assert blosc2.decompress2(packed, nthreads=1) == data
        show(f"blosc2 shuffle + zstd 1: {name}", len(data), pack, lambda p=packed: blosc2.decompress2(p, nthreads=1))


def ordinary() -> None:
    """Measure RAW and ZSTD."""
    rng = np.random.default_rng(0)
    text = "".join(f"{number},{number * 7919 % 1000},line of a log\n" for number in range(400_000)).encode()
    for name, data in (("text", memoryview(text)), ("noise", memoryview(rng.bytes(16 << 20)))):
        codec_of_tensor(name, data, None, 1)


def forecasts() -> None:
    """Measure MEAN and LOW_RANK on fp32."""
    rows, columns = 2048, 2048
    rng = np.random.default_rng(0)
    parent = (rng.standard_normal((rows, columns)) * 0.02).astype("<f4")
    clients = [memoryview(moved(parent.ravel(), 1e-2 * client).tobytes()) for client in range(1, 5)]
    stacked = np.stack([np.frombuffer(client, "<f4") for client in clients])
    for name, average in (("numpy.mean", stacked.mean(0)), ("mean in fp64", stacked.astype("<f8").mean(0))):
        piece = memoryview(average.astype("<f4").tobytes())
        payload = memoryview(encode_mean(piece, NumberType.FLOAT32, clients).payload)
        there = lambda piece=piece: encode_mean(piece, NumberType.FLOAT32, clients).payload  # noqa: E731
        back = lambda payload=payload, piece=piece: decode_mean(payload, len(piece), clients)  # noqa: E731
        assert back() == piece
        show(f"MEAN: fp32, 4 clients, {name}", len(piece), there, back)
    factors = [(rng.standard_normal(shape) * 0.02).astype("<f4") for shape in ((rows, 8), (8, columns))]
    piece, base = (memoryview(m.tobytes()) for m in (parent + np.float32(2) * (factors[0] @ factors[1]), parent))

    def find_and_encode() -> bytes | memoryview:
        found = find_low_rank(piece, base, NumberType.FLOAT32, rows)
        assert found is not None
        return encode_low_rank(piece, NumberType.FLOAT32, base, found).payload

    payload = memoryview(find_and_encode())
    show(
        "LOW_RANK: fp32, rank 8, found", len(piece), find_and_encode, lambda: decode(5, payload, len(piece), base=base)
    )
    assert decode(5, payload, len(piece), base=base) == piece


if __name__ == "__main__":
    print("| codec: piece | ratio | encode MB/s (CPU) | decode MB/s (CPU) |\n|---|---|---|---|")
    peers()
    ordinary()
    tensors()
    forecasts()
