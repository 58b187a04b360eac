import pytest

from ama_tfx.catalog import AliasRow
from ama_tfx.errors import ConflictError, InvalidInputError, NotFoundError
from ama_tfx.registry import Alias, AliasMove, AssetName, AssetRef, Expect, Registry
from ama_tfx.testing.clock import START
from ama_tfx.testing.processes import race, race_threads


@pytest.fixture
def model(registry, write):
    """A registry with the asset `model` of eight versions, and no alias."""
    for number in range(1, 9):
        registry.register("model", write(f"v{number}", {"data": b"%d" % number}))
    return registry


def moves(registry, asset="model"):
    """The moves of an asset's aliases, the newest first: (alias, from, to)."""
    events = [entry.event for entry in registry.log(asset) if isinstance(entry.event, AliasMove)]
    return [(move.name, move.from_version, move.to_version) for move in events]


def pointed(registry, asset="model"):
    return {alias.name: alias.version for alias in registry.aliases(asset)}


def test_an_alias_is_set_moved_and_removed_and_each_move_is_logged(model):
    model.set_alias("model:1", "champion", reason="first")
    model.set_alias("model:3", "champion", reason="better")
    model.remove_alias("model", "champion", reason="withdrawn")
    assert pointed(model) == {}
    log = [entry for entry in model.log("model") if isinstance(entry.event, AliasMove)]
    assert [(e.event.from_version, e.event.to_version, e.event.reason, e.by) for e in log] == [
        (3, None, "withdrawn", "ann"),
        (1, 3, "better", "ann"),
        (None, 1, "first", "ann"),
    ]
    assert [entry.action for entry in model.audit.entries()][-3:] == ["alias.set", "alias.set", "alias.remove"]
    assert model.audit.entries()[-1].subject == "ama://default/model:champion"
    assert model.audit.entries()[-1].details == {"from": 3, "reason": "withdrawn", "to": None}


def test_a_move_is_told(model):
    move = model.set_alias("model:2", "champion", reason="good")
    assert move == AliasMove("champion", None, 2, "good", move.moved_at, "ann")
    assert move.moved_at > START
    assert model.aliases("model") == [AliasRow("champion", 2, move.moved_at, "ann")]


def test_an_alias_may_be_set_by_every_kind_of_reference(model):
    digest = model.resolve("model:4").digest
    for reference, number in [
        ("model", 8),
        ("model:4", 4),
        ("model:1.0.4", 5),
        (f"model@{digest}", 4),
        (AssetRef(AssetName("default", "model"), 6), 6),
    ]:
        model.set_alias(reference, "champion")
        assert pointed(model) == {"champion": number}
    model.set_alias("model:champion", "blessed")
    assert pointed(model) == {"blessed": 6, "champion": 6}


def test_setting_an_alias_where_it_is_does_nothing(model):
    model.set_alias("model:2", "champion")
    assert model.set_alias("model:2", "champion", reason="again") is None
    assert model.set_alias("model:2", "champion", expected=2) is None
    assert moves(model) == [("champion", None, 2)]


def test_an_alias_does_not_move_with_new_versions(model, write):
    model.set_alias("model", "champion")
    model.register("model", write("v9", {"data": b"9"}))
    assert (model.resolve("model:champion").number, model.resolve("model:latest").number) == (8, 9)


def test_each_asset_has_aliases_of_its_own(model, write):
    model.register("other", write("other", {"data": b"o"}), alias="champion")
    model.set_alias("model:2", "champion")
    model.set_alias("model:2", "canary")
    assert model.assets_with_alias("champion") == [AssetName("default", "model"), AssetName("default", "other")]
    assert model.assets_with_alias("canary") == [AssetName("default", "model")]
    assert model.assets_with_alias("nobody") == []
    assert model.show("model:2").aliases == ("canary", "champion")


@pytest.mark.parametrize("alias", ["latest", "1", "1.0.0", "", "a b", "../x", "-x", "a:b", "a/b", "x" * 129])
def test_a_bad_alias_is_refused(model, alias):
    for attempt in (
        lambda: model.set_alias("model:1", alias),
        lambda: model.remove_alias("model", alias),
        lambda: Alias(alias) if alias != "latest" else model.set_alias("model:1", alias),
    ):
        with pytest.raises(InvalidInputError, match="alias"):
            attempt()
    assert moves(model) == []


def test_an_alias_may_have_128_letters(model):
    model.set_alias("model:1", "x" * 128)
    assert pointed(model) == {"x" * 128: 1}


@pytest.mark.parametrize("reason", ["a\0b", "\ud800"])
def test_a_reason_that_not_every_database_can_keep_is_refused(model, reason):
    with pytest.raises(InvalidInputError, match="^reason "):
        model.set_alias("model:1", "champion", reason=reason)
    with pytest.raises(InvalidInputError, match="^reason "):
        model.remove_alias("model", "champion", reason=reason)


def test_removing_what_is_not_there_is_not_found(model):
    model.set_alias("model:2", "champion")
    with pytest.raises(NotFoundError, match="no alias 'champ' on asset 'model'; did you mean 'champion'?"):
        model.remove_alias("model", "champ")
    with pytest.raises(InvalidInputError, match="expected an asset, not a version of one"):
        model.remove_alias("model:2", "champion")
    assert pointed(model) == {"champion": 2}


# --- Compare and set.

WHERE = {"absent": None, "there": 2}


@pytest.mark.parametrize(
    ("start", "expected", "message"),
    [
        (2, 1, "alias 'champion' of 'model' points at version 2, not at version 1 as expected; look at `ama log`"),
        (2, Expect.ABSENT, "alias 'champion' of 'model' points at version 2, not absent as expected"),
        (None, 1, "alias 'champion' of 'model' does not exist, not at version 1 as expected"),
    ],
)
def test_an_alias_that_is_not_where_it_was_expected_stays(model, start, expected, message):
    if start:
        model.set_alias(f"model:{start}", "champion")
    before = moves(model), pointed(model), model.audit.entries()
    with pytest.raises(ConflictError, match=message):
        model.set_alias("model:3", "champion", expected=expected)
    if start:
        with pytest.raises(ConflictError, match=message):
            model.remove_alias("model", "champion", expected=expected)
    assert (moves(model), pointed(model), model.audit.entries()) == before


@pytest.mark.parametrize(
    ("start", "expected"), [(None, Expect.ABSENT), (None, Expect.ANYTHING), (2, 2), (2, Expect.ANYTHING)]
)
def test_an_alias_that_is_where_it_was_expected_moves(model, start, expected):
    if start:
        model.set_alias(f"model:{start}", "champion")
    model.set_alias("model:3", "champion", expected=expected)
    assert moves(model)[0] == ("champion", start, 3)
    model.remove_alias("model", "champion", expected=3)
    assert moves(model)[0] == ("champion", 3, None)


def test_a_conflict_is_one_even_when_the_alias_is_already_where_it_should_go(model):
    model.set_alias("model:3", "champion")
    with pytest.raises(ConflictError):
        model.set_alias("model:3", "champion", expected=1)


@pytest.mark.parametrize("start", [None, 1])
def test_of_threads_that_move_an_alias_from_one_place_one_wins(model, start):
    if start:
        model.set_alias("model:1", "champion")
    expected = start or Expect.ABSENT
    before = len(moves(model))
    outcomes = race_threads(
        [lambda n=n: model.set_alias(f"model:{n}", "champion", expected=expected) for n in (2, 3, 4, 5)]
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AliasMove"] + ["ConflictError"] * 3
    (won,) = [outcome for outcome in outcomes if isinstance(outcome, AliasMove)]
    assert pointed(model) == {"champion": won.to_version}
    assert moves(model)[: len(moves(model)) - before] == [("champion", start, won.to_version)]


@pytest.mark.parametrize("start", [None, 1])
def test_of_processes_that_move_an_alias_from_one_place_one_wins(model, registry_url, start):
    if start:
        model.set_alias("model:1", "champion")
    expected = start or Expect.ABSENT
    before = len(moves(model))
    outcomes = race(
        [
            lambda n=n: Registry(registry_url).set_alias(f"model:{n}", "champion", expected=expected)
            for n in (2, 3, 4, 5)
        ]
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AliasMove"] + ["ConflictError"] * 3
    (won,) = [outcome for outcome in outcomes if isinstance(outcome, AliasMove)]
    assert pointed(model) == {"champion": won.to_version}
    assert moves(model)[: len(moves(model)) - before] == [("champion", start, won.to_version)]
    model.audit.verify()


def test_of_threads_that_remove_an_alias_one_does_and_the_others_find_none(model):
    for _ in range(5):
        model.set_alias("model:1", "champion")
        outcomes = race_threads([lambda: model.remove_alias("model", "champion")] * 4)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AliasMove"] + ["NotFoundError"] * 3
    assert moves(model) == [("champion", 1, None), ("champion", None, 1)] * 5


def test_moves_without_expectation_all_happen_one_after_another(model):
    outcomes = race_threads([lambda n=n: model.set_alias(f"model:{n}", "champion") for n in range(1, 9)])
    assert all(isinstance(outcome, AliasMove) for outcome in outcomes)
    chain = moves(model)[::-1]
    assert len(chain) == 8
    assert [start for _, start, _ in chain] == [None, *(end for _, _, end in chain[:-1])]
    assert pointed(model) == {"champion": chain[-1][2]}


def test_an_alias_copied_while_it_moves_is_never_one_that_was_gone_before(model):
    """`model:champion` is resolved under the same lock that a move takes."""
    model.set_alias("model:1", "champion")

    def promote():
        for number in range(2, 9):
            model.set_alias(f"model:{number}", "champion")

    def copy():
        return [move.to_version for _ in range(10) if (move := model.set_alias("model:champion", "copy"))]

    _, copied = race_threads([promote, copy])
    assert copied == sorted(copied)
    order = [(name, to) for name, _, to in moves(model)[::-1]]
    champion = None
    for name, to in order:
        if name == "champion":
            champion = to
        else:
            assert to == champion
