"""Random searches of random registries find what plain Python, written without SQL, finds."""

import datetime
import json
import random
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tfx import catalog
from ama_tfx.catalog import FileRow, NewVersion, beginning, search
from ama_tfx.catalog.patterns import Pattern
from ama_tfx.catalog.schema import descriptions, metrics
from ama_tfx.registry import Query
from ama_tfx.registry.search.query import And, Field, Not, Op, Or, Sort, Span, Test, Words
from ama_tfx.registry.search.values import SemanticPrefix, When
from ama_tfx.storage import Digest

Test.__test__ = False

UTC = datetime.timezone.utc
NOW = datetime.datetime(2026, 1, 10, 6, 0, tzinfo=UTC)
NAMES = ["taxi/model", "taxi/raw", "boat", "Boat_2"]
WORDS = ["taxi", "Model", "50%", "a_b", "Ärger", "straße", "x\\y", "[z]", "it's", "BOAT"]
LABELS = ["prod", "trial", "pro", "P"]
PATHS = ["model.h5", "a/model.h5", "a/b/words.txt", "words.txt"]
METRICS = [-1.5, 0.0, 0.5, 0.75, 1.0, 1e300]
VALUES = [0, 0.5, -3, 10, 9, True, False, None, "fast", "slow", "10", "ä", "", 'q"\\', [1], {"a": 1}]


class Row(dict):
    """A version as the oracle knows it."""

    __getattr__ = dict.__getitem__
    __hash__ = object.__hash__


def populate(registry, seed):
    """Fill a registry and return what is in it, the newest first."""
    dice, rows = random.Random(seed), []
    for number in range(30):
        row = Row(workspace=dice.choice(["default", "default", "team"]), name=dice.choice(NAMES))
        row.update(
            kind=dice.choice(["Model", "Files"]),
            by=dice.choice(["ann", "bob"]),
            message=" ".join(dice.sample(WORDS, dice.randrange(3))),
            tags=set(dice.sample(LABELS, dice.randrange(3))),
            metrics={key: dice.choice(METRICS) for key in dice.sample(["auc", "loss"], dice.randrange(3))},
            properties={key: dice.choice(VALUES) for key in dice.sample(["p", "q"], dice.randrange(3))},
            files={
                path: Digest.of(dice.choice([b"0", b"1", b"2"])) for path in dice.sample(PATHS, dice.randrange(1, 4))
            },
            size=0,
            created=datetime.datetime(2026, 1, dice.randrange(1, 10), dice.choice([0, 12, 23]), tzinfo=UTC),
            runs={(dice.choice(["p1", "p2"]), dice.choice(["r1", None])) for _ in range(dice.randrange(3))},
            semantic=(dice.randrange(3), dice.randrange(3), number),
            refs=[dice.choice(rows)] if rows and dice.random() < 0.4 else [],
            aliases=set(),
            description="",
            digest=Digest.of(f"{seed}-{number}".encode()),
        )
        row["size"] = 7 * len(row.files)
        insert(registry, row)
        rows.append(row)
    finish(registry, rows, dice)
    return sorted(rows, key=lambda row: (row.created, row.id), reverse=True)


def insert(registry, row):
    with registry._database.write() as connection:
        asset_id = row["asset_id"] = catalog.ensure_asset(connection, row.workspace, row.name, NOW)
        new = NewVersion(
            digest=row.digest,
            kind=row.kind,
            message=row.message,
            semantic=".".join(map(str, row.semantic)),
            created_at=row.created,
            created_by=row.by,
            files=tuple(FileRow(path, digest, 7) for path, digest in row.files.items()),
            refs=tuple(("input", target.id) for target in row.refs),
            properties=row.properties,
        )
        row["id"] = catalog.insert_version(connection, asset_id, new)
        row["number"] = catalog.find_version(connection, id=row.id).number
        catalog.add_tags(connection, row.id, sorted(row.tags))
        for pipeline, run in row.runs:
            catalog.add_registration(connection, row.id, {"pipeline": pipeline, "run_id": run}, now=NOW, actor="ann")
        for name, value in row.metrics.items():
            told = {"version_id": row.id, "name": name, "value": value, "recorded_at": NOW, "recorded_by": "ann"}
            connection.execute(metrics.insert().values(**told))


def finish(registry, rows, dice):
    """Set aliases and descriptions of assets."""
    for asset_id in sorted({row.asset_id for row in rows}):
        of_asset = [row for row in rows if row.asset_id == asset_id]
        text, pointed = " ".join(dice.sample(WORDS, 2)), dice.choice(of_asset)
        pointed["aliases"].add("champion")
        for row in of_asset:
            row["description"] = text
        with registry._database.write() as connection:
            told = {"asset_id": asset_id, "text": text, "described_at": NOW, "described_by": "ann"}
            connection.execute(descriptions.insert().values(**told))
            move = catalog.AliasMove("champion", None, pointed.number, "", NOW, "ann")
            catalog.point_alias(connection, asset_id, move)


# The oracle: what docs/reference/search.md says, one function for each kind of condition.


def like(pattern, text, *, anywhere=False):
    expression = ""
    characters = iter(pattern.source)
    for char in characters:
        if char == "*":
            expression += ".*"
        elif char == "?":
            expression += "."
        else:
            expression += re.escape(next(characters) if char == "\\" else char)
    if anywhere:
        return re.search(expression, text, re.DOTALL | re.IGNORECASE) is not None
    return re.fullmatch(expression, text, re.DOTALL) is not None


def true_of(expression, row):
    if expression is None:
        return True
    if isinstance(expression, And):
        return all(true_of(part, row) for part in expression.parts)
    if isinstance(expression, Or):
        return any(true_of(part, row) for part in expression.parts)
    if isinstance(expression, Not):
        return not true_of(expression.part, row)
    if isinstance(expression, Words):
        return any(
            like(expression.pattern, text, anywhere=True)
            for text in (row.name, row.message, row.description, *row.tags)
        )
    return holds(expression, row)


def holds(test, row):
    if test.field in {Field.METRIC, Field.PROPERTY}:
        known = row.metrics if test.field is Field.METRIC else row.properties
        return test.key in known and compare(test.op, known[test.key], test.value)
    if test.op is Op.IS_NOT:
        return not holds(Test(test.field, Op.IS, test.value), row)
    if test.field is Field.SHA256:
        return any(digest.hex.startswith(test.value.source) for digest in (row.digest, *row.files.values()))
    if test.field is Field.REFS:
        return any(target.workspace == "default" and target.name == test.value.source for target in row.refs)
    ordered = {"created": row.created, "size": row.size, "version": row.number, "semantic": row.semantic}
    if test.field.value in ordered:
        return compare(test.op, ordered[test.field.value], test.value)
    labels = {
        "name": [row.name],
        "workspace": [row.workspace],
        "kind": [row.kind],
        "by": [row.by],
        "tag": row.tags,
        "alias": row.aliases,
        "pipeline": [p for p, _ in row.runs],
        "run": [r for _, r in row.runs if r],
        "file": [
            part
            for path in row.files
            for part in ([path] if "/" in test.value.source else [path, path.rsplit("/")[-1]])
        ],
    }
    return any(like(test.value, label) for label in labels[test.field.value])


def compare(op, actual, value):
    """Compare with a value that begins and ends somewhere; what has another type is unequal, and unordered."""
    if op is Op.IS_NOT:
        return not compare(Op.IS, actual, value)
    if isinstance(value, Pattern):
        if value.source == "*":
            return True
        if not isinstance(actual, str):
            return False
        if op is Op.IS:
            return like(value, actual)
        low = high = re.sub(r"\\(.)", r"\1", value.source)
    elif value is None or isinstance(value, bool):
        return actual is value
    elif isinstance(value, Span):
        low_ok = value.low is None or compare(Op.GREATER_OR_EQUAL, actual, value.low)
        return low_ok and (value.high is None or compare(Op.LESS_OR_EQUAL, actual, value.high))
    elif isinstance(value, When | SemanticPrefix):
        return compare_period(op, actual, *ends(value))
    else:
        if isinstance(actual, bool) or not isinstance(actual, int | float):
            return False
        low = high = value
    return {
        "<": actual < low,
        "<=": actual <= high,
        ">": actual > high,
        ">=": actual >= low,
        ":": low <= actual <= high,
    }[op.value]


def compare_period(op, actual, begin, after):
    inside = begin <= actual < after
    if begin == after:  # how long ago: a moment, and since then
        inside = actual >= begin
    return {
        "<": actual < begin,
        "<=": actual < after,
        ">": actual >= after,
        ">=": actual >= begin,
        ":": inside,
    }[op.value]


def ends(value):
    day = datetime.timedelta(days=1)
    if isinstance(value, SemanticPrefix):
        numbers = value.numbers
        return numbers, (*numbers[:-1], numbers[-1] + 1)
    return {
        "2026-01": (datetime.datetime(2026, 1, 1, tzinfo=UTC), datetime.datetime(2026, 2, 1, tzinfo=UTC)),
        "2026-01-03": (datetime.datetime(2026, 1, 3, tzinfo=UTC), datetime.datetime(2026, 1, 4, tzinfo=UTC)),
        "2026-01-05T12:00": (
            datetime.datetime(2026, 1, 5, 12, tzinfo=UTC),
            datetime.datetime(2026, 1, 5, 12, 1, tzinfo=UTC),
        ),
        "7d": (NOW - 7 * day, NOW - 7 * day),
        "yesterday": (datetime.datetime(2026, 1, 9, tzinfo=UTC), datetime.datetime(2026, 1, 10, tzinfo=UTC)),
    }[value.text]


texts = st.sampled_from(
    [*NAMES, *WORDS, *LABELS, *PATHS, "ann", "Files", "champion", "p1", "r1", "team", "fast", "10", "ä"]
)


@st.composite
def patterns(draw):
    text = draw(texts)
    first = draw(st.integers(0, len(text)))
    last = draw(st.integers(first, len(text)))
    star = draw(st.sampled_from(["", "*", "?"]))
    cut = Pattern.literally(text[:first]).source + star + Pattern.literally(text[last:]).source
    return Pattern(cut if star and cut else Pattern.literally(text).source)


equality = st.sampled_from([Op.IS, Op.IS_NOT])


NO_KEY = st.just("")


def ordered(field, values, key=NO_KEY):
    ranges = st.builds(Span, values, values) | st.builds(Span, st.none(), values) | st.builds(Span, values, st.none())
    return st.builds(Test, st.just(field), st.sampled_from(Op), values, key) | st.builds(
        Test, st.just(field), equality, ranges, key
    )


labels = st.sampled_from(
    [Field.NAME, Field.KIND, Field.BY, Field.TAG, Field.ALIAS, Field.PIPELINE, Field.RUN, Field.FILE, Field.WORKSPACE]
)
times = st.sampled_from(["2026-01", "2026-01-03", "2026-01-05T12:00", "7d", "yesterday"]).map(When)
written_numbers = st.sampled_from([-3.0, -1.5, 0.0, 0.5, 0.75, 1.0, 9.0, 10.0])
terms = st.one_of(
    st.builds(Words, patterns()),
    st.builds(Test, labels, equality, patterns()),
    ordered(Field.METRIC, written_numbers, st.sampled_from(["auc", "loss", "none"])),
    st.builds(Test, st.just(Field.METRIC), equality, st.just(Pattern("*")), st.just("auc")),
    ordered(Field.PROPERTY, written_numbers, st.sampled_from("pq")),
    st.builds(
        Test,
        *(st.just(Field.PROPERTY), equality, patterns() | st.sampled_from([True, False, None]), st.sampled_from("pq")),
    ),
    st.builds(Test, st.just(Field.PROPERTY), st.sampled_from(Op), texts.map(Pattern.literally), st.sampled_from("pq")),
    ordered(Field.CREATED, times),
    ordered(Field.SIZE, st.sampled_from([7, 14, 20])),
    ordered(Field.VERSION, st.sampled_from([1, 2, 5])),
    ordered(Field.SEMANTIC, st.sampled_from([(1,), (1, 1), (2, 0), (0, 1, 4)]).map(SemanticPrefix)),
    st.builds(
        Test, st.just(Field.SHA256), equality, st.integers(8, 64).map(lambda n: Pattern(Digest.of(b"1").hex[:n]))
    ),
    st.builds(Test, st.just(Field.REFS), equality, st.sampled_from(NAMES).map(Pattern)),
)
expressions = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
KEYS = {
    "name": lambda row: row.name,
    "size": lambda row: row.size,
    "semantic": lambda row: row.semantic,
    "metric.auc": lambda row: row.metrics.get("auc"),
}


def in_order(rows, sort):
    for key in reversed(sort):
        value = KEYS[key.field.value + (f".{key.key}" if key.key else "")]
        there = [row for row in rows if value(row) is not None]
        missing = [row for row in rows if value(row) is None]
        rows = sorted(there, key=value, reverse=key.descending)
        if key.descending:  # sorted() keeps equals as they were even so
            assert [value(row) for row in rows] == sorted(map(value, there), reverse=True)
        rows += missing
    return rows


sorts = st.lists(
    st.builds(Sort, st.sampled_from([Field.NAME, Field.SIZE, Field.SEMANTIC]), st.booleans())
    | st.builds(Sort, st.just(Field.METRIC), st.booleans(), st.just("auc")),
    max_size=2,
).map(tuple)


def newest_of_each(rows):
    newest = {}
    for row in rows:
        if row.number > newest.get(row.asset_id, row).number or row.asset_id not in newest:
            newest[row.asset_id] = row
    return [row for row in rows if newest[row.asset_id] is row]


def test_random_searches_find_what_plain_python_finds(registry, monkeypatch):
    rows = populate(registry, seed=1)
    registry._clock = lambda: NOW
    sizes = set()

    @settings(derandomize=True, database=None, deadline=None, max_examples=150)
    @given(expressions, sorts, st.booleans(), st.sampled_from([2, 20_000]), st.sampled_from([0, 20_000]))
    def check(where, sort, latest, rare, most_texts):
        expected = [row for row in rows if true_of(where, row)]
        expected = in_order(newest_of_each(expected) if latest else expected, sort)
        begin_elsewhere(monkeypatch, rare, most_texts)
        first = registry.search(Query(where, sort), latest=latest, limit=3, workspace="*")
        assert [match.version.digest for match in first] == [row.digest for row in expected[:3]]
        assert first.more == (len(expected) > 3)
        found = registry.search(Query(where, sort), latest=latest, limit=None, workspace="*")
        assert [match.version.digest for match in found] == [row.digest for row in expected], str(Query(where, sort))
        sizes.add(len(expected))

    check()
    assert {0, 1, 2, 30} <= sizes
    assert len(sizes) > 12


def test_searches_sorted_by_a_metric_that_they_ask_for_find_what_plain_python_finds(registry, monkeypatch):
    rows = populate(registry, seed=2)
    registry._clock = lambda: NOW
    sizes = set()
    metric = ordered(Field.METRIC, written_numbers, st.just("auc"))

    @settings(derandomize=True, database=None, deadline=None, max_examples=100)
    @given(metric, st.lists(expressions, max_size=2), st.booleans(), st.sampled_from([2, 4, 8, 20_000]))
    def check(asked, others, descending, rare):
        where, sort = And((*others, asked)), (Sort(Field.METRIC, descending, "auc"),)
        begin_elsewhere(monkeypatch, rare, most_texts=20_000)
        expected = in_order([row for row in rows if true_of(where, row)], sort)
        found = registry.search(Query(where, sort), limit=3, workspace="*")
        assert [match.version.digest for match in found] == [row.digest for row in expected[:3]], str(where)
        assert found.more == (len(expected) > 3)
        sizes.add(len(expected))

    check()
    assert {0, 1, 2} <= sizes
    assert len(sizes) > 6


def begin_elsewhere(monkeypatch, rare, most_texts):
    """Let SQLite take other ways to the same versions."""
    monkeypatch.setattr(beginning, "_FEW", rare)
    monkeypatch.setattr(beginning, "_MANY", rare)
    monkeypatch.setattr(beginning, "_MOST_TEXTS", most_texts)
    monkeypatch.setattr(search, "_AHEAD", rare)


def test_the_oracle_knows_a_yes_from_a_no():
    row = Row(
        name="taxi", message="", description="", tags={"prod"}, metrics={"auc": 0.5}, properties={"p": json.loads("1")}
    )
    assert true_of(Query.parse("TAX metric.auc>0.4 property.p:1").where, row)
    assert not true_of(Query.parse("TAX metric.auc>0.5").where, row)
