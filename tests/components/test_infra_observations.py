"""What was seen, as numbers: percentiles, and how answers differ."""

from __future__ import annotations

import ctypes
import io
import math
import mmap
import os
import socket
import sys

import pytest

pytest.importorskip("tfx")
from tfx.components.infra_validator import executor as tfx_executor
from tfx.types import standard_artifacts

from ama_tfx.components.infra_validator import executor
from ama_tfx.components.infra_validator.checks import Checks
from ama_tfx.components.infra_validator.masking import masked
from ama_tfx.components.infra_validator.observations import (
    Call,
    Difference,
    Observation,
    difference,
    percentile,
)
from ama_tfx.components.infra_validator.sandbox import notices
from ama_tfx.components.infra_validator.serving import Sandbox, Served
from ama_tfx.components.infra_validator.settings import ServingBudgets, ServingLimits
from ama_tfx.components.infra_validator.work import speed_test
from ama_tfx.components.verdicts import Blessing, Signal, judge
from ama_tfx.errors import BackendError


@pytest.mark.parametrize(("percent", "expected"), [(50, 2.0), (99, 4.0), (25, 1.0), (26, 2.0), (100, 4.0)])
def test_a_percentile_is_a_value_that_was_measured(percent, expected):
    assert percentile([4.0, 1.0, 3.0, 2.0], percent) == expected


def test_the_best_round_counts_and_one_without_times_does_not():
    assert Observation(rounds=[[9.0, 8.0], [2.0, 3.0], []]).latency_ms(99) == 3.0
    assert math.isnan(Observation(rounds=[[]]).latency_ms(99))


@pytest.mark.parametrize(
    ("mine", "other", "expected"),
    [
        ([[1.0, 2.0]], [[1.0, 2.5]], 0.5),
        ([1, 2], [1, 2], 0.0),
        ([math.nan], [math.nan], 0.0),
        ([math.nan], [1.0], math.inf),
        ([math.inf], [math.inf], 0.0),
        ([math.inf], [-math.inf], math.inf),
        ([1.0], [1.0, 2.0], math.inf),
        ([b"yes"], [b"yes"], 0.0),
        ([b"yes"], [b"no"], math.inf),
        ([b"1"], [1.0], math.inf),
        (1.0, [1.0], math.inf),
    ],
)
def test_how_far_two_outputs_are_apart(mine, other, expected):
    ours, theirs = Observation(answers={"s": [{"out": mine}]}), Observation(answers={"s": [{"out": other}]})
    found = difference(ours, theirs, tolerance=0.5)
    assert (found.largest, found.changed, found.requests) == (expected, int(expected > 0.5), 1)


def test_an_output_that_is_gone_differs_and_one_that_is_new_does_not():
    less, more = Observation(answers={"s": [{"a": [1]}]}), Observation(answers={"s": [{"a": [1], "b": [1]}]})
    assert difference(less, more, 9.0).largest == math.inf
    assert difference(more, less, 9.0).largest == 0.0


def test_signatures_that_only_one_of_them_has_are_not_compared():
    assert difference(Observation(answers={"a": [{}]}), Observation(answers={"b": [{}]}), 0.0) == Difference()


def test_a_model_that_loads_and_is_asked_nothing_is_unknown():
    checks = Checks("gate", ServingLimits(), ServingBudgets())
    calls = (Call("serving_default", problem="there are no examples"),)
    found = {signal.name: signal.blessing.value for signal in checks.of(calls, Observation(load_seconds=0.1))}
    assert found == {"load_seconds": "blessed", "requests": "unknown", "signature:serving_default": "unknown"}


@pytest.mark.parametrize("value", [math.nan, [[1.0], [math.inf]], complex(0, math.nan)])
def test_an_answer_with_a_number_that_is_none_is_not_blessed(value):
    seen = Observation(answers={"s": [{"a": [b"text", 3, True]}, {"y": value}]})
    calls = (Call("s", requests=("one", "two")),)
    for wanted, outcome in ((True, "not_blessed"), (False, "blessed")):
        checks = Checks("gate", ServingLimits(), ServingBudgets(finite_answers=wanted))
        (found,) = [signal for signal in checks.of(calls, seen) if signal.name == "finite_answers"]
        assert (found.blessing.value, found.value) == (outcome, 1.0)


def test_a_model_without_a_signature_that_the_champion_answers_is_not_blessed():
    ours, theirs = Observation(answers={"a": [{}]}), Observation(answers={"a": [{}], "b": [{}]})
    checks = Checks("gate", ServingLimits(), ServingBudgets(output_difference=0))
    found = {signal.name: signal.blessing.value for signal in checks.against(ours, theirs)}
    assert found["output_difference"] == "not_blessed"


@pytest.mark.parametrize(
    ("rounds", "fast"),
    [([[9.0]], False), ([[9.0], [2.0]], True), ([[2.1]], False), ([[1.9]], True)],
)
def test_answers_are_timed_again_while_they_are_over_a_budget(rounds, fast):
    absolute = speed_test(ServingBudgets(latency_p50_ms=2), None)
    relative = speed_test(ServingBudgets(latency_p99_ratio=4), Observation(rounds=[[0.5]]))
    assert absolute(Observation(rounds=rounds)) is fast
    assert relative(Observation(rounds=rounds)) is fast


def test_without_a_champion_s_times_nothing_is_timed_again():
    budgets = ServingBudgets(latency_p50_ratio=4)
    assert speed_test(budgets, None)(Observation(rounds=[[9.0]]))
    assert speed_test(budgets, Observation())(Observation(rounds=[[9.0]]))


def test_a_server_that_was_ended_after_its_answers_is_not_blessed():
    served = Served("", 1, False, {}, "cpu", "it used 9.0 s of CPU time", (), "", "", 1, 1, "")
    checks = Checks("gate", ServingLimits(), ServingBudgets())
    calls = (Call("serving_default", requests=("a request",)),)
    seen = Observation(answers={"serving_default": [{}]}, served=served)
    against = [signal.reason for signal in checks.of(calls, seen) if signal.blessing.value == "not_blessed"]
    assert against == ["the server was ended after it had answered: it used 9.0 s of CPU time"]


def test_a_secret_that_is_too_long_for_a_path_is_masked(monkeypatch):
    pem = "MII" + "q" * 5000
    monkeypatch.setenv("SIGNING_PRIVATE_KEY", pem)
    assert masked(f"found {pem} there") == "found *** there"


def test_a_blessing_that_is_taken_back_leaves_no_file_that_says_otherwise(tmp_path):
    blessing, model = standard_artifacts.InfraBlessing(), standard_artifacts.Model()
    blessing.uri, model.uri = str(tmp_path), "/models/1"
    tfx_executor._mark_blessed(blessing)
    unknown = Signal("gate", Blessing.UNKNOWN, "nothing was asked of the model", "requests")
    executor._bless(blessing, model, judge("gate", model.uri, [unknown]))
    assert [path.name for path in tmp_path.iterdir()] == ["INFRA_NOT_BLESSED"]
    assert blessing.get_int_custom_property("blessed") == 0


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_an_address_that_ends_outside_a_process_s_memory_is_told_as_such(family):
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    page = mmap.PAGESIZE
    start = libc.mmap(None, ctypes.c_size_t(2 * page), mmap.PROT_READ | mmap.PROT_WRITE, 0x22, -1, ctypes.c_long(0))
    libc.munmap(ctypes.c_void_p(start + page), ctypes.c_size_t(page))
    address = start + page - 2
    ctypes.memmove(address, int(family).to_bytes(2, sys.byteorder), 2)
    try:
        assert notices._address(os.getpid(), address) == "an address that cannot be read"
    finally:
        libc.munmap(ctypes.c_void_p(start), ctypes.c_size_t(page))


def test_a_program_s_name_that_is_too_long_is_none_that_is_there():
    name = ctypes.create_string_buffer(b"/usr/bin/" + b"x" * 300)
    there = ctypes.create_string_buffer(b"/usr/bin/env")
    assert not notices._exists(os.getpid(), ctypes.addressof(name))
    assert notices._exists(os.getpid(), ctypes.addressof(there))


def test_half_an_answer_of_the_sandbox_is_its_end():
    sandbox = object.__new__(Sandbox)
    sandbox.python, sandbox._lines = "python", io.BytesIO(b'{"alive": tr')
    with pytest.raises(BackendError, match="ended without a word"):
        sandbox._read()
