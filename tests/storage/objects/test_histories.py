"""Random histories of every backend against a dictionary."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ama_tfx.errors import IntegrityError, NotFoundError
from ama_tfx.storage.objects import ObjectStore, open_objects

NAMES = st.sampled_from(["a", "packs/ab", "packs/abc", "packs/b/1", "manifests/ab"])
CONTENT = st.binary(max_size=100)


def machine(new: Callable[[], ObjectStore]) -> type[RuleBasedStateMachine]:
    class Histories(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.objects = new()
            self.expected: dict[str, bytes] = {}

        @rule(name=NAMES, content=CONTENT)
        def put(self, name: str, content: bytes) -> None:
            assert self.objects.put(name, content) is (name not in self.expected)
            self.expected.setdefault(name, content)

        @rule(name=NAMES)
        def delete(self, name: str) -> None:
            self.objects.delete(name)
            self.expected.pop(name, None)

        @rule(name=NAMES, start=st.integers(0, 110), size_bytes=st.none() | st.integers(0, 110))
        def read(self, name: str, start: int, size_bytes: int | None) -> None:
            content = self.expected.get(name)
            if content is None:
                with pytest.raises(NotFoundError):
                    self.objects.read(name, start, size_bytes)
            elif start + (size_bytes or 0) > len(content):
                with pytest.raises(IntegrityError):
                    self.objects.read(name, start, size_bytes)
            else:
                end = None if size_bytes is None else start + size_bytes
                assert self.objects.read(name, start, size_bytes) == content[start:end]

        @rule(name=NAMES)
        def stat(self, name: str) -> None:
            info = self.objects.stat(name)
            assert (info and info.size_bytes) == (len(self.expected[name]) if name in self.expected else None)

        @rule(prefix=st.sampled_from(["packs/", "packs/ab", "p", "nothing/"]))
        def list_some(self, prefix: str) -> None:
            listed = sorted(info.name for info in self.objects.list(prefix))
            assert listed == sorted(name for name in self.expected if name.startswith(prefix))

        @invariant()
        def all_is_listed(self) -> None:
            listed = {info.name: info.size_bytes for info in self.objects.list()}
            assert listed == {name: len(content) for name, content in self.expected.items()}

    return Histories


@pytest.mark.parametrize(("scheme", "examples"), [("file", 60), ("memory", 100), ("s3", 8), ("az", 8), ("gs", 8)])
def test_every_history_is_that_of_a_dictionary(place_of: Callable[[str], str], scheme: str, examples: int) -> None:
    run_state_machine_as_test(
        machine(lambda: open_objects(place_of(scheme))),
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
