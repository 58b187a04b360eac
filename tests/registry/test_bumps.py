"""What registering decides on: from files, properties, metrics, refs and provenance, on both databases."""

import json
import time

import pytest

from ama_tfx.registry import AssetRef, Bump, Facts, Ref

SCHEMA = 'feature { name: "tips" type: FLOAT presence { min_fraction: 1.0 min_count: 1 } }\n'
WIDER = SCHEMA + 'feature { name: "fare" type: FLOAT }\n'
INT = SCHEMA.replace("FLOAT", "INT")


@pytest.fixture
def register(registry, write):
    """Register files as the next version of `model`, and return what registering did."""
    count = iter(range(100))

    def register_files(files, facts=None, asset="model"):
        content = {path: text.encode() for path, text in files.items()}
        return registry.register(asset, write(f"v{next(count)}", content), facts)

    return register_files


def told(registered):
    return str(registered.version.semantic), registered.bump, list(registered.bump_reasons)


def test_the_first_version_raises_nothing(register):
    assert told(register({"a.txt": "1"})) == ("1.0.0", None, [])


def test_the_same_version_again_raises_nothing(register):
    register({"a.txt": "1"})
    assert told(register({"a.txt": "1"})) == ("1.0.0", None, [])


def test_plain_files_that_changed_raise_pipeline(register):
    register({"a.txt": "1"})
    assert told(register({"a.txt": "2"})) == (
        "1.0.1",
        Bump.PIPELINE,
        ["nothing says that the data or the target is another, or that the result got better"],
    )


def test_what_is_told_counts_and_has_no_reasons(register):
    register({"metrics.json": '{"auc": 0.5}'})
    assert told(register({"metrics.json": '{"auc": 0.9}'}, Facts(bump=Bump.PIPELINE))) == ("1.0.1", Bump.PIPELINE, [])


def test_a_schema_file_that_breaks_raises_major(register):
    register({"schema.pbtxt": SCHEMA})
    assert told(register({"schema.pbtxt": WIDER}))[0] == "1.0.1"
    assert told(register({"schema.pbtxt": INT})) == (
        "2.0.0",
        Bump.MAJOR,
        ["schema.pbtxt: fare: removed (FLOAT)", "schema.pbtxt: tips: type FLOAT -> INT"],
    )


def test_a_ref_to_a_schema_that_breaks_raises_major(register):
    facts = Facts(refs=(Ref(AssetRef.parse("data_schema"), "schema"),))
    register({"schema.pbtxt": SCHEMA}, asset="data_schema")
    register({"weights": "1"}, facts)
    register({"schema.pbtxt": INT}, asset="data_schema")
    assert told(register({"weights": "2"}, facts)) == (
        "2.0.0",
        Bump.MAJOR,
        ["ref schema: tips: type FLOAT -> INT"],
    )


def test_another_label_in_a_file_or_a_property_raises_major(register):
    register({"p.yml": "train:\n  label_key: tips\n"}, Facts(properties={"label": "tips"}))
    assert told(register({"p.yml": "train:\n  label_key: fare\n"}, Facts(properties={"label": "tips"})))[2] == [
        "the target changed: p.yml: train.label_key from 'tips' to 'fare'"
    ]
    assert told(register({"p.yml": "train:\n  label_key: fare\n"}, Facts(properties={"label": "fare"})))[2] == [
        "the target changed: label from 'tips' to 'fare'"
    ]


@pytest.mark.parametrize("where", ["file", "property", "metric"])
def test_a_better_metric_raises_minor_wherever_it_is(register, where):
    def version(auc):
        facts = {
            "property": Facts(properties={"auc": auc}),
            "metric": Facts(metrics={"auc": auc}),
            "file": Facts(),
        }[where]
        return register({"w": str(auc), "metrics.json": json.dumps({"auc": auc if where == "file" else 0.1})}, facts)

    version(0.75)
    name = "metrics.json: auc" if where == "file" else "auc"
    assert told(version(0.875)) == (
        "1.1.0",
        Bump.MINOR,
        [f"{name} rose from 0.75 to 0.875, which is better (higher is better)"],
    )
    assert told(version(0.5))[:2] == ("1.1.1", Bump.PIPELINE)


def test_a_metric_recorded_later_counts(registry, register):
    register({"w": "1"})
    registry.notes.record_metrics("model:1", {"rmse": 2.0})
    assert told(register({"w": "2"}, Facts(metrics={"rmse": 1.5})))[0] == "1.1.0"


def test_parameters_and_code_that_changed_are_told(register):
    register({"p.toml": "lr = 0.1\n"}, Facts(provenance={"pipeline": "taxi", "code": {"commit": "aa"}}))
    assert told(
        register({"p.toml": "lr = 0.2\n"}, Facts(provenance={"pipeline": "taxi", "code": {"commit": "bb"}}))
    ) == (
        "1.0.1",
        Bump.PIPELINE,
        ["code changed from 'aa' to 'bb'", "parameter p.toml: lr changed from 0.1 to 0.2"],
    )


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("schema.pbtxt", 'feature { name: "x" type: '),
        ("p.yml", "a: &a [*a, *a]\nb: !!python/object/apply:os.system [true]\n"),
        ("metrics.json", '{"auc": '),
        ("metrics.json", '{"auc": NaN}'),
        ("saved_model.pb", "\x08\x01" * 100),
        ("p.json", "[" * 100_000),
    ],
)
def test_no_registration_fails_of_a_file_that_does_not_parse(register, path, content):
    register({path: "1", "w": "1"})
    assert told(register({path: content, "w": "2"}))[:2] == ("1.0.1", Bump.PIPELINE)
    assert told(register({path: "3", "w": "3"}))[:2] == ("1.0.2", Bump.PIPELINE)


def test_names_that_no_log_can_keep_do_not_fail_a_registration(register, registry):
    register({"p.json": json.dumps({"a\0\ud800\u202e": 1})})
    assert told(register({"p.json": json.dumps({"a\0\ud800\u202e": 2})}))[0] == "1.0.1"
    assert registry.audit.entries()


def test_the_reasons_are_in_the_log(registry, register):
    register({"w": "1"}, Facts(metrics={"auc": 0.5}))
    register({"w": "2"}, Facts(metrics={"auc": 0.75}))
    assert registry.audit.entries()[-1].details["bump"] == {
        "part": "minor",
        "reasons": ["auc rose from 0.5 to 0.75, which is better (higher is better)"],
    }


def test_many_small_files_are_not_all_read(local_registry, write):
    def files(mark):
        return {f"d/{n:04}.json": b'{"n": %d, "mark": %d}' % (n, mark) for n in range(2000)}

    local_registry.register("data", write("one", files(1)))
    start = time.process_time()
    local_registry.register("data", write("two", files(2)), Facts(bump=Bump.PIPELINE))
    told_seconds = time.process_time() - start
    start = time.process_time()
    registered = local_registry.register("data", write("three", files(3)))
    decided_seconds = time.process_time() - start
    assert registered.bump_reasons == tuple(f"parameter d/000{n}.json: mark changed from 2 to 3" for n in range(4))
    assert decided_seconds < 3 * told_seconds + 1  # a busy machine; alone it is a few percent
