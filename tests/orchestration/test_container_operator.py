"""Running a container where the engine, or this machine, does not play along; with an engine: tests/components."""

from __future__ import annotations

import collections
import logging
import signal
from pathlib import Path

import pytest

pytest.importorskip("tfx")
import docker.errors
import requests
from tfx.orchestration.portable import data_types
from tfx.types import standard_artifacts

from ama_tfx.components.containers.wrapping import Wishes
from ama_tfx.errors import BackendError, InvalidInputError, UserCodeError
from ama_tfx.orchestration import containers


class Stubborn:
    """A container that an engine does not remove."""

    short_id = "c0ffee"

    def __init__(self, failure):
        self.failure = failure

    def remove(self, **_):
        raise self.failure


class Talking:
    """A container that says these pieces."""

    def __init__(self, *pieces):
        self.pieces = pieces

    def logs(self, **_):
        return iter(self.pieces)


FAILURES = [docker.errors.APIError("removal in progress"), requests.ConnectionError("the engine is gone")]


@pytest.fixture
def nobody_reacts():
    """Asked to end, this process does what the system does by default, as it is outside of tests."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("nobody_reacts")
@pytest.mark.parametrize("failure", FAILURES)
def test_how_a_container_ended_is_told_also_when_it_cannot_be_removed(failure, caplog):
    def run():
        with containers._engine_errors(), containers._removed_in_the_end(Stubborn(failure)):
            raise UserCodeError("exit code 3")

    with caplog.at_level(logging.WARNING), pytest.raises(UserCodeError, match="exit code 3"):
        run()
    assert "container c0ffee is left to the next run" in caplog.text
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_container_that_is_gone_already_is_removed():
    with containers._removed_in_the_end(Stubborn(docker.errors.NotFound("no such container"))):
        pass


@pytest.mark.parametrize("failure", FAILURES)
def test_an_engine_that_refuses_or_goes_away_is_one_error(failure):
    with pytest.raises(BackendError, match="the container engine refused"), containers._engine_errors():
        raise failure


def test_what_could_not_be_opened_to_everybody_is_closed_again(tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second"
    info = data_types.ExecutionInfo(output_dict={"out": [artifact(first), artifact(second)]})
    first.mkdir(mode=0o750)
    second.mkdir(mode=0o750)
    change = Path.chmod

    def not_the_second(path, mode):
        if path == second and mode == 0o777:
            raise PermissionError(1, "not yours", str(path))
        change(path, mode)

    monkeypatch.setattr(Path, "chmod", not_the_second)
    with pytest.raises(PermissionError, match="not yours"), containers._open_to_everybody(info):
        pytest.fail("it is not open")
    assert first.stat().st_mode & 0o777 == 0o750


def artifact(folder):
    made = standard_artifacts.Model()
    made.uri = str(folder)
    return made


def test_of_a_line_that_is_written_anew_the_last_form_is_told(caplog):
    heard = collections.deque[str](maxlen=3)
    pieces = (b"\r 1 %", b"\r 2 %\r", b" 3 %", b"\r100 %\r", b"\ndone\r\n")
    with caplog.at_level(logging.INFO):
        containers._tell(Talking(*pieces), "image", (), heard)
    assert list(heard) == ["100 %", "done"]


def test_a_registry_is_mounted_by_its_whole_path_only(monkeypatch, tmp_path):
    wishes = Wishes(env=("AMA_REGISTRY",), mounts={"$AMA_REGISTRY": "rw"})
    monkeypatch.setenv("AMA_REGISTRY", str(tmp_path))
    assert containers._mounts(wishes) == {str(tmp_path): {"bind": str(tmp_path), "mode": "rw"}}
    monkeypatch.setenv("AMA_REGISTRY", "postgresql://db/ama?blobs=s3://bucket")
    assert containers._mounts(wishes) == {}
    monkeypatch.setenv("AMA_REGISTRY", "registry")
    with pytest.raises(InvalidInputError, match="AMA_REGISTRY is 'registry', another folder in the container"):
        containers._mounts(wishes)
