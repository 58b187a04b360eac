"""Random histories against a perfect dictionary, on each kind of database."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from ama_tfx.testing import RegistryMachine

# The same histories in every run: a failure here is one of the change at hand.
PROFILE = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=8,
    stateful_step_count=30,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_random_histories_are_what_a_dictionary_would_remember(kind, tmp_path, request):
    made = []
    server = request.getfixturevalue("postgresql_server") if kind == "postgresql" else None

    def machine():
        folder = tmp_path / f"registry-{len(made)}"
        made.append(server and server.create_database())
        return RegistryMachine(f"{server.url(made[-1])}&blobs={folder}" if server else str(folder))

    try:
        run_state_machine_as_test(machine, settings=PROFILE)
    finally:
        for name in filter(None, made):
            server.drop_database(name)
    assert len(made) >= PROFILE.max_examples
