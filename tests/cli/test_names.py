"""`ama alias …`, `tag`, `metrics`, `describe`, `pin`, `unpin`: each one library call, told in three forms."""

import pytest

NO_REASON = "alias 'champion' is protected, and moves or goes only for a reason; give one: --reason TEXT"


@pytest.fixture
def model(ama, upload, write):
    """Three versions of `sequence_models`; a function that says where its aliases are."""
    for number in "123":
        write("model.h5", content=number)
        upload("sequence_models", "model.h5")

    def where():
        return {row["alias"]: row["version"] for row in ama("alias", "list", "sequence_models", "--json").document}

    return where


def test_an_alias_is_set_moved_listed_and_removed(ama, model, normal):
    done = ama("alias", "set", "sequence_models:3", "champion")
    assert done.out == "sequence_models: alias champion set to version 3\n"
    done = ama("alias", "move", "sequence_models:2", "champion", "--reason", "rolled back")
    assert done.out == "sequence_models: alias champion moved from version 3 to version 2\n"
    assert normal(ama("alias", "list", "sequence_models").out) == (
        "ALIAS     VERSION  PROTECTION  MOVED                 BY\nchampion  2        -           TIME  ann\n"
    )
    assert ama("alias", "list", "sequence_models", "-q").out == "ama://default/sequence_models:champion\n"
    done = ama("alias", "remove", "sequence_models", "champion", "--reason", "retired")
    assert done.out == "sequence_models: alias champion removed from version 2\n"
    assert ama("alias", "list", "sequence_models").out == "no aliases\n"


def test_a_move_has_a_stable_document(ama, model):
    assert ama("alias", "set", "sequence_models:3", "champion", "--reason", "best", "--json").document == {
        "asset": "sequence_models",
        "workspace": "default",
        "alias": "champion",
        "moved": True,
        "from": None,
        "to": 3,
        "reason": "best",
        "dry_run": False,
    }
    again = ama("alias", "set", "sequence_models:3", "champion", "--json").document
    assert (again["moved"], again["from"], again["to"]) == (False, None, None)
    assert ama("alias", "set", "sequence_models:3", "champion").out == (
        "alias champion of sequence_models is there already\n"
    )


def test_the_log_of_aliases_tells_each_move(ama, model, normal):
    ama("alias", "set", "sequence_models:1", "champion")
    ama("alias", "set", "sequence_models:2", "canary")
    ama("alias", "set", "sequence_models:2", "champion", "--reason", "better\nrecall")
    document = ama("alias", "log", "sequence_models", "champion", "--json").document
    assert normal(document) == [
        {"at": "TIME", "by": "ann", "alias": "champion", "from": 1, "to": 2, "reason": "better\nrecall"},
        {"at": "TIME", "by": "ann", "alias": "champion", "from": None, "to": 1, "reason": ""},
    ]
    assert len(ama("alias", "log", "sequence_models", "--json").document) == 3
    assert "better\\nrecall" in ama("alias", "log", "sequence_models").out
    assert ama("alias", "log", "sequence_models", "stable").out == "no moves\n"


def test_a_move_from_a_place_that_is_not_the_expected_one_is_a_conflict(ama, model):
    ama("alias", "set", "sequence_models:1", "champion", "--expect", "absent")
    ama("alias", "set", "sequence_models:2", "champion", "--expect", "1")
    done = ama("alias", "set", "sequence_models:3", "champion", "--expect", "1", code=4)
    assert "points at version 2, not at version 1 as expected" in done.err
    done = ama("alias", "remove", "sequence_models", "champion", "--expect", "1", code=4)
    assert "points at version 2, not at version 1 as expected" in done.err
    assert model() == {"champion": 2}


@pytest.mark.parametrize("expect", ["0", "-1", "x", "", "²", "1.0.0"])
def test_what_is_no_place_cannot_be_expected(ama, model, expect):
    done = ama("alias", "set", "sequence_models:1", "champion", f"--expect={expect}", code=2)
    assert f"not a place of an alias: {expect!r}; expected a version's number from 1, or 'absent'" in done.err
    assert model() == {}


def test_a_misspelled_alias_is_not_moved(ama, model):
    done = ama("alias", "move", "sequence_models:1", "champoin", code=4)
    assert "alias 'champoin' of 'sequence_models' does not exist, so it cannot be moved" in done.err
    assert model() == {}


def test_a_dry_run_moves_and_removes_nothing(ama, model):
    ama("alias", "set", "sequence_models:1", "champion")
    done = ama("alias", "set", "sequence_models:2", "champion", "--dry-run")
    assert done.out == (
        "sequence_models: alias champion moved from version 1 to version 2 (dry run: nothing was changed)\n"
    )
    assert ama("alias", "move", "sequence_models:2", "champion", "--dry-run", "--json").document["dry_run"] is True
    done = ama("alias", "remove", "sequence_models", "champion", "--dry-run")
    assert done.out == "sequence_models: alias champion removed from version 1 (dry run: nothing was changed)\n"
    assert model() == {"champion": 1}
    assert len(ama("alias", "log", "sequence_models", "--json").document) == 1


def test_a_protected_alias_needs_a_reason(ama, model, normal):
    ama("alias", "set", "sequence_models:1", "champion")
    done = ama("alias", "protect", "sequence_models", "champion")
    assert done.out == "alias champion of sequence_models is protected\n"
    assert NO_REASON in ama("alias", "set", "sequence_models:2", "champion", code=2).err
    assert NO_REASON in ama("alias", "remove", "sequence_models", "champion", "--dry-run", code=2).err
    ama("alias", "set", "sequence_models:2", "champion", "--reason", "better")
    assert normal(ama("alias", "list", "sequence_models", "--json").document) == [
        {
            "asset": "sequence_models",
            "workspace": "default",
            "alias": "champion",
            "version": 2,
            "moved_at": "TIME",
            "moved_by": "ann",
            "protected": True,
            "needs_blessing": False,
        }
    ]


def test_an_alias_for_blessed_versions_refuses_another_with_the_code_of_gates(ama, model, normal):
    done = ama("alias", "protect", "sequence_models", "stable", "--needs-blessing", "--json")
    assert normal(done.document) == {
        "asset": "sequence_models",
        "workspace": "default",
        "alias": "stable",
        "protected": True,
        "needs_blessing": True,
        "set_at": "TIME",
        "set_by": "ann",
    }
    done = ama("alias", "set", "sequence_models:2", "stable", "--reason", "please", code=10)
    assert "takes blessed versions only, and version 2 is not one: unknown" in done.err
    assert model() == {"stable": None}
    assert "stable  -        protected, for blessed versions only" in ama("alias", "list", "sequence_models").out


def test_unprotecting_takes_a_reason(ama, model):
    ama("alias", "protect", "sequence_models", "champion")
    assert "Missing option '--reason'" in ama("alias", "unprotect", "sequence_models", "champion", code=2).err
    done = ama("alias", "unprotect", "sequence_models", "champion", "--reason", "no longer served")
    assert done.out == "alias champion of sequence_models is no longer protected\n"
    ama("alias", "set", "sequence_models:2", "champion")


def test_an_upload_without_a_message_says_why_a_protected_alias_stays(ama, model, upload, write):
    ama("alias", "set", "sequence_models:1", "champion")
    ama("alias", "protect", "sequence_models", "champion")
    write("model.h5", content="4")
    assert f"alias not set: {NO_REASON}" in upload("sequence_models", "model.h5", alias="champion").out
    assert model() == {"champion": 1}


def test_a_version_is_tagged_and_tags_are_taken_off(ama, model):
    done = ama("tag", "sequence_models:1", "reviewed", "prod")
    assert done.out == "sequence_models:1 got: prod, reviewed\nsequence_models:1 has the tags: prod, reviewed\n"
    done = ama("tag", "sequence_models:1", "prod", "--remove", "--dry-run", "--json").document
    assert done.pop("reference").startswith("ama://default/sequence_models@sha256:")
    assert done == {
        "asset": "sequence_models",
        "workspace": "default",
        "version": 1,
        "tags": ["prod", "reviewed"],
        "added": [],
        "removed": ["prod"],
        "dry_run": True,
    }
    assert ama("tag", "sequence_models:1", "-q").out == "prod\nreviewed\n"
    assert ama("tag", "sequence_models:1", "prod", "--remove").out == (
        "sequence_models:1 lost: prod\nsequence_models:1 has the tags: reviewed\n"
    )
    assert "no tag 'prod' on version 1" in ama("tag", "sequence_models:1", "prod", "--remove", code=3).err


def test_tagging_says_what_its_options_are_for(ama, model):
    assert "--dry-run is for --remove" in ama("tag", "sequence_models:1", "x", "--dry-run", code=2).err
    assert "--remove takes tags off; say which" in ama("tag", "sequence_models:1", "--remove", code=2).err
    assert ama("tag", "sequence_models:1", "--json").document["tags"] == []


def test_metrics_are_recorded_and_shown(ama, model):
    assert ama("metrics", "sequence_models:1").out == "sequence_models:1 has no metrics\n"
    assert (
        ama("metrics", "sequence_models:1", "eval.auc=0.93", "loss=1e-3").out == "eval.auc:  0.93\nloss:      0.001\n"
    )
    document = ama("metrics", "sequence_models:1", "eval.auc=0.94", "loss=0.001", "--json").document
    assert (document["metrics"], document["changed"]) == ({"eval.auc": 0.94, "loss": 0.001}, ["eval.auc"])
    assert ama("metrics", "sequence_models:1", "-q").out == "eval.auc=0.94\nloss=0.001\n"
    shown = ama("show", "sequence_models:1", "--json").document
    assert (shown["metrics"], shown["pinned"]) == ({"eval.auc": 0.94, "loss": 0.001}, None)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("auc", "not a metric: 'auc'; expected NAME=VALUE"),
        ("auc=", "not a metric: 'auc='; expected NAME=VALUE"),
        ("auc=high", "not a metric: 'auc=high'; expected NAME=VALUE"),
        ("auc=nan", "metric 'auc' is 'nan'; expected a finite number"),
        ("auc=1e999", "metric 'auc' is 'inf'; expected a finite number"),
        ("=1", "metric '' has 0 bytes|not a valid metric: ''"),
    ],
)
def test_what_is_no_metric_is_refused(ama, model, argument, message):
    import re

    assert re.search(message.replace("=", "="), ama("metrics", "sequence_models:1", argument, code=2).err)
    assert ama("metrics", "sequence_models:1", "--json").document["metrics"] == {}


def test_metrics_of_the_next_version_are_set_and_uploaded(ama, work, write):
    write("model.h5")
    ama("init", "sequence_models")
    ama("add", "model.h5")
    draft = ama("set", "--metric", "auc=0.9", "--metric", "loss=2", "--json").document
    assert draft["metrics"] == {"auc": 0.9, "loss": 2}
    assert "expected a finite number" in ama("set", "--metric", "auc=inf", code=2).err
    ama("upload")
    assert ama("show", "sequence_models", "--json").document["metrics"] == {"auc": 0.9, "loss": 2}
    assert "metrics" not in ama("set", "--tag", "x", "--json").document


def test_an_asset_is_described(ama, model):
    assert ama("describe", "sequence_models").out == "sequence_models has no description\n"
    assert ama("describe", "sequence_models", "Tags sentences.\nWeekly.").out == "Tags sentences.\nWeekly.\n"
    assert ama("describe", "sequence_models", "--json").document == {
        "asset": "sequence_models",
        "workspace": "default",
        "description": "Tags sentences.\nWeekly.",
    }
    assert ama("list", "--json").document[0]["description"] == "Tags sentences.\nWeekly."
    assert ama("list").out.splitlines()[1].endswith("Tags sentences.")
    ama("describe", "sequence_models", "")
    assert ama("list", "--json").document[0]["description"] == ""


def test_a_version_is_pinned_listed_shown_and_unpinned(ama, model, normal):
    assert ama("pin").out == "nothing is pinned\n"
    done = ama("pin", "sequence_models:2", "--reason", "in the paper")
    assert done.out == "pinned sequence_models:2: in the paper\n"
    assert normal(ama("pin", "--json").document) == [
        {
            "asset": "sequence_models",
            "workspace": "default",
            "version": 2,
            "reference": "ama://default/sequence_models@sha256:DIGEST",
            "reason": "in the paper",
            "pinned_at": "TIME",
            "pinned_by": "ann",
        }
    ]
    assert normal(ama("show", "sequence_models:2", "--json").document["pinned"]) == {
        "reason": "in the paper",
        "pinned_at": "TIME",
        "pinned_by": "ann",
    }
    assert "pinned:     " in ama("show", "sequence_models:2").out
    assert ama("unpin", "sequence_models:2").out == "unpinned sequence_models:2\n"
    assert "is not pinned" in ama("unpin", "sequence_models:2", code=3).err
    assert "--reason is for a version" in ama("pin", "--reason", "x", code=2).err


def test_what_other_people_wrote_cannot_steer_the_terminal(ama, model):
    ama("describe", "sequence_models", "\x1b[31mred\x07")
    ama("pin", "sequence_models:1", "--reason", "\x1b]0;title\x07")
    for command in (["describe", "sequence_models"], ["list"], ["pin"], ["show", "sequence_models:1"]):
        assert "\x1b" not in ama(*command).out
