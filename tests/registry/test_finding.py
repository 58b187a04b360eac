"""What can be found, and the two histories: an asset's log and the registry's audit log."""

import datetime
import shutil
import sqlite3

import pytest

from ama_tfx.errors import IntegrityError, InvalidInputError, NotFoundError
from ama_tfx.registry import AliasMove, Facts, Hit, Version
from ama_tfx.storage import Digest
from ama_tfx.testing import TickingClock
from ama_tfx.testing.clock import START

HELLO = Digest("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")


def at(second):
    return START + datetime.timedelta(seconds=second)


def test_a_file_is_found_by_its_content_in_every_version_under_every_name(registry, write, hello):
    registry.register("b", write("b1", {"x": b"hello", "y": b"other"}), alias="champion")
    registry.register("b", write("b2", {"deep/z": b"hello"}))
    registry.register("ama://acme/a", hello)
    registry.register("c", write("c", {"hello.txt": b"goodbye"}))
    expected = [
        ("ama://acme/a", 1, "hello.txt", ()),
        ("ama://default/b", 1, "x", ("champion",)),
        ("ama://default/b", 2, "deep/z", ()),
    ]
    for content in (hello / "hello.txt", HELLO):
        hits = registry.find(content)
        assert all(isinstance(hit, Hit) for hit in hits)
        assert [(str(h.version.asset), h.version.number, h.path, h.aliases) for h in hits] == expected


def test_a_file_twice_in_a_version_is_found_twice(registry, write):
    registry.register("model", write("m", {"a": b"same", "b": b"same"}))
    assert [hit.path for hit in registry.find(Digest.of(b"same"))] == ["a", "b"]


def test_unknown_content_is_found_nowhere(registry, write, hello):
    registry.register("model", hello)
    assert registry.find(write("x", {"x": b"unknown"}) / "x") == []


def test_a_link_that_the_user_typed_is_followed(registry, hello, tmp_path):
    registry.register("model", hello)
    (tmp_path / "link").symlink_to(hello / "hello.txt")
    assert len(registry.find(tmp_path / "link")) == 1


def test_finding_by_what_is_no_file_is_refused(registry, tmp_path):
    with pytest.raises(InvalidInputError, match="not a regular file"):
        registry.find(tmp_path)
    with pytest.raises(NotFoundError, match="cannot read '.*absent'"):
        registry.find(tmp_path / "absent")


def test_finding_reads_no_blob(local_registry, hello, tmp_path):
    local_registry.register("model", hello)
    shutil.rmtree(tmp_path / "registry" / "blobs" / "packs")
    assert len(local_registry.find(hello / "hello.txt")) == 1


def test_an_assets_log_holds_its_versions_and_moves_the_newest_first(registry, write, hello):
    registry.register("model", hello, Facts(message="first"), alias="champion")
    registry.register("other", hello)
    registry.register("model", write("m", {"x": b"y"}), Facts(message="second"))
    registry.set_alias("model:2", "champion", reason="better")
    log = registry.log("model")
    assert [type(entry.event) for entry in log] == [AliasMove, Version, AliasMove, Version]
    assert [entry.at for entry in log] == [at(3), at(2), at(0), at(0)]
    assert {entry.by for entry in log} == {"ann"}
    assert [getattr(entry.event, "reason", None) or entry.event.message for entry in log] == [
        "better",
        "second",
        "first",
        "first",
    ]


def test_the_audit_log_tells_every_change_of_the_registry_in_order(registry, write, hello):
    first = registry.register("model", hello, alias="champion").version
    second = registry.register("ama://acme/data", write("m", {"x": b"y"}), Facts(tags=("raw",))).version
    registry.register("model", hello)
    registry.remove_alias("model", "champion", reason="bad")
    assert [(e.sequence, e.at, e.actor, e.action, e.subject, e.details) for e in registry.audit.entries()] == [
        (
            1,
            at(0),
            "ann",
            "version.register",
            "ama://default/model",
            {"digest": str(first.digest), "semantic": "1.0.0", "version": 1},
        ),
        (
            2,
            at(0),
            "ann",
            "alias.set",
            "ama://default/model:champion",
            {"from": None, "reason": "registered", "to": 1},
        ),
        (
            3,
            at(1),
            "ann",
            "version.register",
            "ama://acme/data",
            {"digest": str(second.digest), "semantic": "1.0.0", "tags": ["raw"], "version": 1},
        ),
        (4, at(3), "ann", "alias.remove", "ama://default/model:champion", {"from": 1, "reason": "bad", "to": None}),
    ]
    assert registry.audit.verify() == 4


def test_reading_changes_nothing_and_is_not_logged(registry, hello, tmp_path):
    registry.register("model", hello, alias="champion")
    before = registry.audit.entries()
    registry.resolve("model:champion")
    registry.show("model")
    registry.find(HELLO)
    registry.assets()
    registry.versions("model")
    registry.log("model")
    registry.download("model", tmp_path / "target")
    with registry.open("model:1/hello.txt") as stream:
        stream.read()
    assert registry.audit.entries() == before


def test_an_audit_log_that_was_edited_is_found_out(local_registry, hello, tmp_path):
    for name in ("a", "b", "c"):
        local_registry.register(name, hello)
    connection = sqlite3.connect(tmp_path / "registry" / "catalog.db")
    connection.execute("DROP TRIGGER audit_no_update")
    connection.execute("UPDATE audit SET actor = 'somebody else' WHERE sequence = 2")
    connection.commit()
    connection.close()
    with pytest.raises(IntegrityError, match=r"audit log: entry 2 \(version.register 'ama://default/b'\) was edited"):
        local_registry.audit.verify()


def test_the_actor_is_who_uses_the_process_unless_named(tmp_path, hello, monkeypatch, open_registry):
    monkeypatch.setenv("AMA_ACTOR", "ci@example.com")
    assert open_registry(tmp_path / "r", actor=None).register("a", hello).version.created_by == "ci@example.com"
    monkeypatch.delenv("AMA_ACTOR")
    monkeypatch.setenv("LOGNAME", "carol")
    assert open_registry(tmp_path / "r", actor=None).register("b", hello).version.created_by == "carol"
    assert open_registry(tmp_path / "r", actor="dave").register("c", hello).version.created_by == "dave"


def test_a_clock_that_jumps_back_breaks_nothing(registry_url, open_registry, hello, write):
    clock = TickingClock()
    registry = open_registry(registry_url, clock=clock)
    registry.register("model", hello)
    clock.now -= datetime.timedelta(days=365)
    registry.register("model", write("m", {"x": b"y"}), alias="champion")
    assert registry.resolve("model").number == 2
    assert [version.number for version in registry.versions("model")] == [2, 1]
    assert registry.audit.verify() == 3


def test_a_clock_of_another_zone_is_kept_in_utc(registry_url, open_registry, hello):
    zone = datetime.timezone(datetime.timedelta(hours=-7))
    registry = open_registry(registry_url, clock=lambda: datetime.datetime(2026, 1, 1, 5, tzinfo=zone))
    version = registry.register("model", hello).version
    assert version.created_at.isoformat() == "2026-01-01T12:00:00+00:00"
    assert registry.audit.verify() == 1
