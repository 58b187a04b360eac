"""A protected alias moves only for a reason, and where its rule says so only to a blessed version."""

import pytest

from ama_tfx.errors import ConflictError, GateError, InvalidInputError, NotFoundError
from ama_tfx.registry import Facts
from ama_tfx.testing.processes import race_threads

NO_REASON = "alias 'champion' is protected, and moves or goes only for a reason; give one: --reason TEXT"
BLESSED = {"source": "Evaluator", "verdict": "blessed", "reason": "Evaluator blessed it"}
REFUSED = {"source": "Evaluator", "verdict": "not_blessed", "reason": "auc is 0.4"}
UNKNOWN = {"source": "InfraValidator", "verdict": "unknown", "reason": "it gave no verdict"}


@pytest.fixture
def model(registry, write):
    """A registry with three versions of `model`; `champion` is at the first one, and protected."""
    for number in (1, 2, 3):
        registry.register("model", write(f"v{number}", {"data": str(number).encode()}))
    registry.set_alias("model:1", "champion")
    registry.protection.protect("model", "champion")
    return registry


def where(registry):
    return {alias.name: alias.version for alias in registry.aliases("model")}


def gates_of(registry, write, number, *gates, run="run"):
    """Register a version again, from a run whose gates said this."""
    facts = Facts(provenance={"run_id": run, "gates": list(gates)})
    assert (
        registry.register("model", write(f"v{number}", {"data": str(number).encode()}), facts).version.number == number
    )


@pytest.mark.parametrize("reason", ["", "  \n"], ids=["none", "blank"])
def test_a_protected_alias_neither_moves_nor_goes_without_a_reason(model, reason):
    with pytest.raises(InvalidInputError, match=NO_REASON):
        model.set_alias("model:2", "champion", reason=reason)
    with pytest.raises(InvalidInputError, match=NO_REASON):
        model.remove_alias("model", "champion", reason=reason)
    assert where(model) == {"champion": 1}
    assert len(model.alias_moves("model", "champion")) == 1


def test_a_protected_alias_moves_and_goes_for_a_reason_that_is_kept(model):
    model.set_alias("model:2", "champion", reason="better recall")
    model.remove_alias("model", "champion", reason="rolled back")
    assert [move.reason for move in model.alias_moves("model", "champion")] == ["rolled back", "better recall", ""]


def test_a_protected_alias_that_was_removed_is_set_again_only_for_a_reason(model):
    model.remove_alias("model", "champion", reason="rolled back")
    with pytest.raises(InvalidInputError, match=NO_REASON):
        model.set_alias("model:2", "champion")
    assert model.set_alias("model:2", "champion", reason="back").to_version == 2


def test_setting_a_protected_alias_where_it_is_needs_no_reason(model):
    assert model.set_alias("model:1", "champion") is None


def test_other_aliases_of_the_asset_are_free(model):
    model.set_alias("model:1", "canary")
    model.remove_alias("model", "canary")
    assert where(model) == {"champion": 1}


def test_an_alias_may_be_protected_before_it_is_there(model):
    model.protection.protect("model", "stable")
    with pytest.raises(InvalidInputError, match="alias 'stable' is protected"):
        model.set_alias("model:1", "stable")
    assert [(rule.name, rule.needs_blessing) for rule in model.protection.rules("model")] == [
        ("champion", False),
        ("stable", False),
    ]


def test_no_alias_may_look_like_a_protected_one(model):
    model.protection.protect("model", "stable")
    with pytest.raises(ConflictError, match="would differ from the existing 'stable' only in case"):
        model.set_alias("model:1", "Stable")
    with pytest.raises(ConflictError, match="would differ from the existing 'champion' only in case"):
        model.protection.protect("model", "CHAMPION")


def test_protecting_again_is_no_change(model):
    entries = len(model.audit.entries())
    assert model.protection.protect("model", "champion") == model.protection.rules("model")[0]
    assert len(model.audit.entries()) == entries


def test_a_blessing_can_be_demanded_later_but_not_lifted_without_a_reason(model):
    assert model.protection.protect("model", "champion", needs_blessing=True).needs_blessing
    with pytest.raises(ConflictError, match="needs a blessing; to lift that, unprotect it first, with a reason"):
        model.protection.protect("model", "champion")
    assert model.protection.rules("model")[0].needs_blessing


def test_unprotecting_needs_a_reason_and_is_logged(model):
    with pytest.raises(InvalidInputError, match="is protected, and stays so unless there is a reason"):
        model.protection.unprotect("model", "champion", " ")
    assert model.protection.unprotect("model", "champion", "no more").name == "champion"
    last = model.audit.entries()[-1]
    assert (last.action, last.subject, dict(last.details), last.actor) == (
        "alias.unprotect",
        "ama://default/model:champion",
        {"reason": "no more"},
        "ann",
    )
    assert model.set_alias("model:2", "champion").to_version == 2


def test_what_is_not_protected_cannot_be_unprotected(model):
    with pytest.raises(
        NotFoundError, match="alias 'champio' of asset 'model' is not protected; did you mean 'champion'"
    ):
        model.protection.unprotect("model", "champio", "x")
    with pytest.raises(NotFoundError, match="no asset 'modem'"):
        model.protection.protect("modem", "champion")
    with pytest.raises(InvalidInputError, match="reserved"):
        model.protection.protect("model", "latest")


@pytest.mark.parametrize(
    ("gates", "told"),
    [
        ([], "version 2 is not one: unknown, since no registration of it recorded a gate"),
        ([REFUSED], r"version 2 is not one: Evaluator: not blessed \(auc is 0.4\)"),
        ([UNKNOWN], r"InfraValidator: unknown \(it gave no verdict\)"),
        (
            [BLESSED, UNKNOWN],
            r"Evaluator: blessed \(Evaluator blessed it\); InfraValidator: unknown \(it gave no verdict\)",
        ),
        (["yes"], "a gate: unknown"),
        ([{"verdict": "BLESSED"}], r"a gate: BLESSED \(it gave no reason\)"),
    ],
    ids=["none", "refused", "unknown", "one of two", "in no known form", "in other letters"],
)
def test_an_alias_for_blessed_versions_takes_no_other(model, write, gates, told):
    model.protection.protect("model", "champion", needs_blessing=True)
    gates_of(model, write, 2, *gates)
    with pytest.raises(GateError, match=f"alias 'champion' takes blessed versions only, and .*{told}"):
        model.set_alias("model:2", "champion", reason="please")
    assert where(model) == {"champion": 1}


def test_a_version_that_every_gate_blessed_gets_the_alias(model, write):
    model.protection.protect("model", "champion", needs_blessing=True)
    gates_of(model, write, 2, BLESSED, {**UNKNOWN, "verdict": "blessed"})
    model.set_alias("model:2", "champion", reason="all gates")
    assert where(model) == {"champion": 2}


def test_the_newest_registration_with_gates_counts(model, write):
    model.protection.protect("model", "champion", needs_blessing=True)
    gates_of(model, write, 2, BLESSED, run="first")
    gates_of(model, write, 2, REFUSED, run="second")
    with pytest.raises(GateError, match="Evaluator: not blessed"):
        model.set_alias("model:2", "champion", reason="please")
    gates_of(model, write, 2, BLESSED, run="third")
    model.register("model", write("v2", {"data": b"2"}), Facts(provenance={"run_id": "by hand"}))
    assert model.set_alias("model:2", "champion", reason="third run").to_version == 2


def test_removing_an_alias_for_blessed_versions_needs_a_reason_only(model):
    model.protection.protect("model", "champion", needs_blessing=True)
    model.remove_alias("model", "champion", reason="rolled back")
    assert where(model) == {}


def test_registering_without_a_message_keeps_the_upload_and_leaves_the_alias(model, write):
    registered = model.register("model", write("v4", {"data": b"4"}), alias="champion")
    assert registered.created
    assert registered.version.number == 4
    assert registered.alias_refused.startswith(NO_REASON)
    assert where(model) == {"champion": 1}


def test_registering_with_a_message_moves_the_alias_for_that_reason(model, write):
    registered = model.register("model", write("v4", {"data": b"4"}), Facts(message="retrained"), alias="champion")
    assert registered.alias_refused is None
    assert where(model) == {"champion": 4}
    assert model.alias_moves("model", "champion")[0].reason == "retrained"


def test_registering_gives_an_alias_for_blessed_versions_only_with_the_gates_of_that_registration(model, write):
    model.protection.protect("model", "champion", needs_blessing=True)
    refused = Facts(message="retrained", provenance={"gates": [BLESSED, UNKNOWN]})
    registered = model.register("model", write("v4", {"data": b"4"}), refused, alias="champion")
    assert "takes blessed versions only, and version 4 is not one: Evaluator: blessed" in registered.alias_refused
    assert where(model) == {"champion": 1}
    blessed = Facts(message="retrained", provenance={"gates": [BLESSED]})
    registered = model.register("model", write("v5", {"data": b"5"}), blessed, alias="champion")
    assert registered.alias_refused is None
    assert where(model) == {"champion": 5}


def test_registering_again_where_the_alias_is_refuses_nothing(model, write):
    registered = model.register("model", write("v1", {"data": b"1"}), alias="champion")
    assert (registered.version.number, registered.alias_refused) == (1, None)


def test_a_dry_run_tells_what_would_happen_and_changes_nothing(model):
    entries = len(model.audit.entries())
    with pytest.raises(InvalidInputError, match=NO_REASON):
        model.set_alias("model:2", "champion", dry_run=True)
    moved = model.set_alias("model:2", "champion", reason="x", dry_run=True)
    removed = model.remove_alias("model", "champion", reason="x", dry_run=True)
    assert (moved.from_version, moved.to_version, removed.from_version, removed.to_version) == (1, 2, 1, None)
    assert where(model) == {"champion": 1}
    assert len(model.audit.entries()) == entries
    assert model.audit.verify() == entries


def test_an_alias_that_has_to_be_there_is_not_made(model):
    from ama_tfx.registry import Expect

    with pytest.raises(ConflictError, match="alias 'champoin' of 'model' does not exist, so it cannot be moved"):
        model.set_alias("model:2", "champoin", expected=Expect.PRESENT, reason="x")
    assert model.set_alias("model:2", "champion", expected=Expect.PRESENT, reason="x").from_version == 1


def test_protecting_and_moving_at_once_is_one_after_the_other(model, registry_url, open_registry):
    """Either the move came first, or it was refused: never a move without a reason after the protection."""
    model.protection.unprotect("model", "champion", "for the race")
    other = open_registry(registry_url)
    outcomes = race_threads(
        [lambda: model.protection.protect("model", "champion"), lambda: other.set_alias("model:2", "champion")]
    )
    actions = [entry.action for entry in model.audit.entries()][-2:]
    if isinstance(outcomes[1], InvalidInputError):
        assert actions[-1] == "alias.protect"
        assert where(model) == {"champion": 1}
    else:
        assert actions == ["alias.set", "alias.protect"]
        assert where(model) == {"champion": 2}
    assert model.audit.verify() > 0


def test_the_newest_verdict_is_newest_by_its_time(model, write):
    model.protection.protect("model", "champion", needs_blessing=True)
    gates_of(model, write, 2, BLESSED, run="first")
    gates_of(model, write, 2, REFUSED, run="second")
    with model._database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ALTER TABLE registrations DISABLE TRIGGER USER")
        else:
            connection.exec_driver_sql("DROP TRIGGER registrations_no_update")
        connection.exec_driver_sql("UPDATE registrations SET id = 99 WHERE run_id = 'first'")
    with pytest.raises(GateError, match="Evaluator: not blessed"):
        model.set_alias("model:2", "champion", reason="please")
