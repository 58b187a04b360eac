"""A run that is tried again late: registering the same content must not undo what a newer run did."""

import pytest

from ama_tfx.registry import AliasMove


@pytest.fixture
def newer(registry, hello, write):
    """A content that was registered as champion after `hello` was, in the asset `model`."""
    registry.register("model", hello, alias="champion")
    newer = write("newer", {"x": b"newer"})
    registry.register("model", newer, alias="champion")
    return newer


def moves(registry):
    events = [entry.event for entry in registry.log("model")]
    return [(event.from_version, event.to_version) for event in events if isinstance(event, AliasMove)]


def test_an_alias_that_moved_on_is_not_moved_back_and_the_caller_is_told_why(registry, newer, hello):
    again = registry.register("model", hello, alias="champion")
    assert (again.version.number, again.created) == (1, False)
    assert again.alias_refused == (
        "alias 'champion' of 'model' was at version 1 before and moved on to version 2 since; "
        "registering the same content again does not move it back: set it explicitly if that is wanted"
    )
    assert registry.resolve("model:champion").number == 2
    assert moves(registry) == [(1, 2), (None, 1)]
    assert registry.audit.verify() == 4


def test_an_alias_that_was_removed_is_not_set_again(registry, newer, hello):
    registry.remove_alias("model", "champion")
    for content, number in ((hello, 1), (newer, 2)):
        refused = registry.register("model", content, alias="champion").alias_refused
        assert refused.startswith(f"alias 'champion' of 'model' was at version {number} before and was removed since")
    assert registry.aliases("model") == []


def test_an_alias_that_is_still_there_stays_without_a_word(registry, newer):
    assert registry.register("model", newer, alias="champion").alias_refused is None
    assert registry.resolve("model:champion").number == 2
    assert moves(registry) == [(1, 2), (None, 1)]


def test_an_alias_that_never_was_at_the_version_is_set(registry, newer, hello):
    assert registry.register("model", hello, alias="canary").alias_refused is None
    assert registry.resolve("model:canary").number == 1
    registry.register("model", hello)
    registry.set_alias("model:2", "other")
    assert registry.register("model", hello, alias="other").alias_refused is None
    assert registry.resolve("model:other").number == 1


def test_an_alias_set_explicitly_moves_back(registry, newer, hello):
    assert registry.set_alias("model:1", "champion") is not None
    assert registry.resolve("model:champion").number == 1
    assert registry.register("model", newer, alias="champion").alias_refused is not None
    assert registry.register("model", hello, alias="champion").alias_refused is None
    assert registry.resolve("model:champion").number == 1
