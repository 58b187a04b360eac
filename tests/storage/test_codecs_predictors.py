"""Forecasts: the same bits everywhere, and pieces that differ from them a little."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tfx.errors import IntegrityError, InvalidInputError
from ama_tfx.storage.codecs import Codec, decode
from ama_tfx.storage.codecs.factors import find_low_rank
from ama_tfx.storage.codecs.predictors import (
    LowRank,
    NumberType,
    decode_mean,
    encode_low_rank,
    encode_mean,
    predict_low_rank,
    predict_mean,
)

F32 = NumberType.FLOAT32
ROWS, COLUMNS = 300, 260


def fp32(*numbers: float) -> memoryview:
    return memoryview(struct.pack(f"<{len(numbers)}f", *numbers))


def matrix(*shape: int, seed: int = 0, scale: float = 0.02) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype("<f4")


def cast(numbers: np.ndarray, number_type: NumberType) -> memoryview:
    if number_type == NumberType.BFLOAT16:
        bits = np.ascontiguousarray(numbers).view("<u4")
        return memoryview(((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes())
    return memoryview(numbers.astype(f"<f{number_type.item_bytes}").tobytes())


class TestMean:
    def test_the_forecast_is_the_weighted_mean(self):
        assert predict_mean([fp32(1, 10), fp32(4, 40)], [1, 2], F32) == fp32(3, 30).cast("B")

    def test_the_forecast_rounds_after_each_operation(self):
        # 1 + 2**-24 rounds to 1 in fp32, twice; added the other way round, the two would make a difference.
        forecast = predict_mean([fp32(1.0), fp32(2**-24), fp32(2**-24)], [1, 1, 1], F32)
        assert forecast.tobytes().hex() == "abaaaa3e"

    @pytest.mark.parametrize(
        ("number_type", "bits"), [(NumberType.FLOAT16, "5535"), (NumberType.BFLOAT16, "ab3e"), (F32, "abaaaa3e")]
    )
    def test_the_forecast_has_the_type_of_the_piece(self, number_type: NumberType, bits: str):
        one, zero = cast(np.ones(1, "<f4"), number_type), bytes(number_type.item_bytes)
        assert predict_mean([one, memoryview(zero), memoryview(zero)], [1, 1, 1], number_type).hex() == bits

    def test_a_nan_is_foretold_as_0_since_processors_differ_in_its_bits(self):
        infinity = float("inf")
        assert predict_mean([fp32(infinity, 1), fp32(-infinity, 3)], [1, 1], F32) == fp32(0, 2).cast("B")

    def test_a_federated_average_costs_next_to_nothing(self):
        clients = [matrix(100_000, seed=seed) for seed in range(4)]
        examples = [100, 37, 512, 9]
        summed = sum(client * np.float32(count) for client, count in zip(clients, examples, strict=True))
        average = memoryview((summed / np.float32(658)).tobytes())
        bases = [memoryview(client.tobytes()) for client in clients]
        encoded = encode_mean(average, F32, bases, examples)
        assert encoded.codec == Codec.MEAN
        assert len(encoded.payload) < 200
        assert decode_mean(memoryview(encoded.payload), 400_000, bases) == average

    def test_an_average_that_was_rounded_elsewhere_still_shrinks(self):
        clients = [matrix(100_000, seed=seed) for seed in range(4)]
        average = memoryview(np.mean(np.stack(clients).astype("<f8"), axis=0).astype("<f4").tobytes())
        bases = [memoryview(client.tobytes()) for client in clients]
        encoded = encode_mean(average, F32, bases)
        assert 400_000 / len(encoded.payload) > 12.0
        assert decode_mean(memoryview(encoded.payload), 400_000, bases) == average

    @settings(max_examples=200, deadline=None)
    @given(size=st.integers(0, 200), count=st.integers(1, 4), number_type=st.sampled_from(NumberType), data=st.data())
    def test_any_bytes_come_back(self, size: int, count: int, number_type: NumberType, data: st.DataObject):
        piece, *bases = (memoryview(data.draw(st.binary(min_size=size, max_size=size))) for _ in range(count + 1))
        weights = data.draw(st.lists(st.integers(1, 2**32 - 1), min_size=count, max_size=count))
        encoded = encode_mean(piece, number_type, bases, weights)
        assert decode_mean(memoryview(encoded.payload), size, bases) == piece

    def test_a_payload_of_format_1_is_read_and_written(self):
        # fp32, 2 bases of weights 1 and 2; planes of 4 bytes: the forecast 3.0 lacks 1 in the last place: zigzag 2.
        golden = "020200010000000200000004100100008001000080010000800100008002000000"
        piece = memoryview(struct.pack("<I", 0x40400001))
        assert encode_mean(piece, F32, [fp32(1), fp32(4)], [1, 2]).payload.hex() == golden
        assert decode_mean(memoryview(bytes.fromhex(golden)), 4, [fp32(1), fp32(4)]) == piece

    @pytest.mark.parametrize(
        ("bases", "weights"), [([], None), ([b"1234"], [0]), ([b"1234"], [1, 1]), ([b"12345"], None), ([b"1234"], [-1])]
    )
    def test_bases_and_weights_have_to_fit(self, bases: list[bytes], weights: list[int] | None):
        with pytest.raises(InvalidInputError):
            encode_mean(memoryview(b"abcd"), F32, [memoryview(base) for base in bases], weights)


class TestLowRank:
    def test_the_forecast_is_the_base_plus_the_product(self):
        factors = LowRank(np.array([[1], [2]], "<f4"), np.array([[10, 20]], "<f4"))
        assert predict_low_rank(fp32(1, 1, 1, 1).cast("B"), F32, factors) == fp32(11, 21, 21, 41).cast("B")

    @pytest.mark.parametrize(
        ("number_type", "at_least"), [(F32, 5.0), (NumberType.FLOAT16, 3.0), (NumberType.BFLOAT16, 3.0)]
    )
    def test_a_merged_adapter_is_found_and_shrinks(self, number_type: NumberType, at_least: float):
        base = matrix(512, 768)
        merged = base + np.float32(2) * (matrix(512, 4, seed=1) @ matrix(4, 768, seed=2))
        piece, parent = cast(merged, number_type), cast(base, number_type)
        factors = find_low_rank(piece, parent, number_type, 512)
        assert factors is not None
        assert factors.left.shape == (512, 4)
        encoded = encode_low_rank(piece, number_type, parent, factors)
        assert encoded.codec == Codec.LOW_RANK
        assert len(piece) / len(encoded.payload) > at_least
        assert decode(Codec.LOW_RANK, memoryview(encoded.payload), len(piece), bases=[parent]) == piece

    def test_an_ordinary_fine_tune_is_not_of_low_rank(self):
        base = matrix(ROWS, COLUMNS)
        child = base + matrix(ROWS, COLUMNS, seed=1, scale=1e-5)
        assert find_low_rank(memoryview(child.tobytes()), memoryview(base.tobytes()), F32, ROWS) is None

    @pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 1e-30, 1e30])
    def test_what_cannot_be_calculated_with_is_not_of_low_rank(self, value: float):
        base = np.zeros((ROWS, COLUMNS), "<f4")
        child = memoryview((base + np.float32(value)).tobytes())
        assert find_low_rank(child, memoryview(base.tobytes()), F32, ROWS) is None

    @pytest.mark.parametrize(("rows", "size"), [(0, 400), (7, 400), (10, 401), (10, 0), (10, 400)])
    def test_a_piece_too_small_or_of_another_shape_is_not_of_low_rank(self, rows: int, size: int):
        assert find_low_rank(memoryview(bytes(size)), memoryview(bytes(size)), F32, rows) is None

    @pytest.mark.parametrize("number_type", NumberType)
    def test_any_bits_come_back(self, number_type: NumberType):
        size = 9 * 70_000 * number_type.item_bytes  # rows longer than a block
        piece, base = (memoryview(np.random.default_rng(seed).bytes(size)) for seed in (0, 1))
        factors = LowRank(matrix(9, 2, scale=1e30), matrix(2, 70_000, scale=1e30))
        encoded = encode_low_rank(piece, number_type, base, factors)
        assert decode(encoded.codec, memoryview(encoded.payload), size, bases=[base]) == piece

    def test_a_payload_of_format_1_is_read_and_written(self):
        # fp32, rank 1, 1 row; left (2.0), right (3.0 0.5); the forecast is 7.0 2.0, which the piece is.
        golden = "0201000100000000000040000040400000003f0410" + "01000080" * 4 + "00" * 4
        factors = LowRank(np.array([[2]], "<f4"), np.array([[3, 0.5]], "<f4"))
        assert encode_low_rank(fp32(7, 2), F32, fp32(1, 1), factors).payload.hex() == golden
        assert decode(5, memoryview(bytes.fromhex(golden)), 8, bases=[fp32(1, 1)]) == fp32(7, 2).cast("B")

    @pytest.mark.parametrize(
        ("left", "right", "base"),
        [((2, 1), (1, 3), 16), ((2, 1), (2, 2), 16), ((2, 1), (1, 2), 15), ((2, 0), (0, 2), 16)],
    )
    def test_factors_have_to_fit(self, left: tuple[int, int], right: tuple[int, int], base: int):
        with pytest.raises(InvalidInputError):
            encode_low_rank(fp32(1, 2, 3, 4), F32, memoryview(bytes(base)), LowRank(matrix(*left), matrix(*right)))


class TestMalformed:
    MEAN = encode_mean(fp32(1, 2, 3), F32, [fp32(1, 2, 4), fp32(1, 5, 1)]).payload
    LOW_RANK = encode_low_rank(fp32(1, 2, 3, 4), F32, fp32(4, 3, 2, 1), LowRank(matrix(2, 1), matrix(1, 2))).payload
    BASES = (fp32(1, 2, 4), fp32(1, 5, 1))

    @pytest.mark.parametrize("bases", [(), BASES[:1], (*BASES, BASES[0]), (BASES[0], BASES[1][:2])])
    def test_a_mean_needs_its_bases(self, bases: tuple[memoryview, ...]):
        with pytest.raises(IntegrityError):
            decode_mean(memoryview(self.MEAN), 12, bases)

    @pytest.mark.parametrize("bases", [(), (fp32(1, 2, 3),), (fp32(4, 3, 2, 1), fp32(4, 3, 2, 1))])
    def test_a_low_rank_needs_its_base(self, bases: tuple[memoryview, ...]):
        with pytest.raises(IntegrityError):
            decode(Codec.LOW_RANK, memoryview(self.LOW_RANK), 16, bases=bases)

    @settings(max_examples=500, deadline=None)
    @given(at=st.integers(0, 60), cut=st.integers(0, 4), put=st.binary(max_size=4), low_rank=st.booleans())
    def test_damage_is_an_integrity_error_or_other_bytes_of_the_same_size(
        self, at: int, cut: int, put: bytes, *, low_rank: bool
    ):
        damaged = bytearray(self.LOW_RANK if low_rank else self.MEAN)
        damaged[at : at + cut] = put
        try:
            if low_rank:
                assert len(decode(5, memoryview(damaged), 16, bases=[fp32(4, 3, 2, 1)])) == 16
            else:
                assert len(decode_mean(memoryview(damaged), 12, self.BASES)) == 12
        except IntegrityError:
            pass
