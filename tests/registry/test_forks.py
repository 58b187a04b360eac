"""A registry that is open when the process forks, as Beam and multiprocessing do."""

from ama_tfx.testing.processes import in_process, race


def test_processes_that_share_a_registry_by_fork_get_their_own_answers(registry, write):
    for number in range(4):
        registry.register(f"asset{number}", write("content", {"data": str(number).encode()}))

    def ask(number):
        return {registry.resolve(f"asset{number}:1").asset.name for _ in range(100)}

    answers = race([lambda number=number: ask(number) for number in range(4)])
    assert answers == [{"asset0"}, {"asset1"}, {"asset2"}, {"asset3"}]
    assert registry.resolve("asset0:1").asset.name == "asset0"


def test_a_child_that_ends_leaves_its_parents_connections_alone(registry, hello):
    registry.register("model", hello)
    for _ in range(3):
        assert in_process(lambda: (registry.close(), registry.resolve("model").number)[1]) == 1
        assert registry.resolve("model").number == 1
    assert in_process(lambda: registry.register("model", hello, alias="champion").created) is False
    assert registry.resolve("model:champion").number == 1
