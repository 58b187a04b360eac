"""The language of searches: what is read, how it is written, and what is said of what cannot be read."""

import datetime
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tfx.catalog.patterns import Pattern
from ama_tfx.errors import InvalidInputError, QueryError
from ama_tfx.registry import Query
from ama_tfx.registry.search.query import (
    KEYED,
    LABELS,
    SORTABLE,
    And,
    Field,
    Not,
    Op,
    Or,
    Sort,
    Span,
    Test,
    Words,
    parse_sort,
)
from ama_tfx.registry.search.values import SemanticPrefix, When

Test.__test__ = False

NOW = datetime.datetime(2026, 3, 1, 12, 30, tzinfo=datetime.timezone.utc)


def test_the_example_of_the_issue_is_three_conditions():
    assert Query.parse("metric.auc>0.9 tag:prod created>2026-01-01") == Query(
        And(
            (
                Test(Field.METRIC, Op.GREATER, 0.9, "auc"),
                Test(Field.TAG, Op.IS, Pattern("prod")),
                Test(Field.CREATED, Op.GREATER, When("2026-01-01")),
            )
        )
    )


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("a b", "a AND b"),
        ("a b OR c", "(a b) OR c"),
        ("NOT a b", "(NOT a) b"),
        ("-a", "NOT a"),
        ("-(a b)", "NOT (a b)"),
        ("a-b", '"a-b"'),
        ("tag=x", "tag:x"),
        ("metric.auc  >=  0.9", "metric.auc>=0.9"),
        ('metric."area under curve">1', 'metric."area under curve" > 1'),
        ("size>10MB", "size>10000000"),
        ("size>1.5KiB", "size>1536"),
        ("size>2kb", "size>2000"),
        ("a OR b sort:name", "sort:name (a OR b)"),
        ("sort:-created a", "a sort:created desc"),
        ("((((a))))", "a"),
        ("sha256:SHA256:DEADBEEF", "sha256:deadbeef"),
        ("name:a***b", "name:a*b"),
        (r"name:\a", "name:a"),
        ("  ", ""),
    ],
)
def test_two_ways_to_write_one_query(written, same):
    assert Query.parse(written) == Query.parse(same)
    assert Query.parse(str(Query.parse(written))) == Query.parse(same)


def test_values_of_properties_are_json_unless_quoted():
    values = {
        text: Query.parse(f"property.x:{text}").where.value for text in ("1", '"1"', "true", '"true"', "null", "a")
    }
    assert values == {
        "1": 1.0,
        '"1"': Pattern("1"),
        "true": True,
        '"true"': Pattern("true"),
        "null": None,
        "a": Pattern("a"),
    }


def test_a_quoted_phrase_may_hold_what_means_something_elsewhere():
    assert Query.parse(r'"a (b) OR c:d \"e\""').where == Words(Pattern('a (b) OR c:d "e"'))


@pytest.mark.parametrize(
    ("query", "message", "excerpt"),
    [
        ("metrc.auc>0.9", "no field 'metrc'; did you mean 'metric'?", "  metrc.auc>0.9\n  ^^^^^^^^^"),
        ("a tga:x", "no field 'tga'; did you mean 'tag'?", "  a tga:x\n    ^^^"),
        ("metric>1", "not a field: 'metric'; expected metric.KEY, as in metric.auc", "  metric>1\n  ^^^^^^"),
        ("tag.x:1", "not a field: 'tag.x'; expected 'tag'", "  tag.x:1\n  ^^^^^"),
        (
            "tag>x",
            "tag has no order: '>' cannot be asked of it; use ':', '=' or '!='",
            "  tag>x\n  ^^^^^",
        ),
        (
            "metric.a:high",
            "not a number: 'high'; expected something like 0.9, -3 or 1e-4",
            "  metric.a:high\n  ^^^^^^^^^^^^^",
        ),
        ("metric.auc>", "the query ends too early; expected a value", "  metric.auc>\n             ^"),
        ("(a", "the query ends too early; expected ')'", "  (a\n    ^"),
        ("a)", "unexpected ')'; expected the end", "  a)\n   ^"),
        ("a ()", "unexpected ')'; expected a word, a field, '(' or NOT", "  a ()\n     ^"),
        ('x "abc', "a quote that is never closed", '  x "abc\n    ^'),
        ("OR a", "unexpected 'OR'; expected a word, a field, '(' or NOT", "  OR a\n  ^^"),
        ("a OR sort:name", "OR stands between two conditions, and sort: is none", "  a OR sort:name\n    ^^"),
        ("NOT sort:name", "sort: says how the whole result is sorted; put it outside of parentheses and NOT", None),
        ("(a sort:name)", "sort: says how the whole result is sorted; put it outside of parentheses and NOT", None),
        ("sort:nname", "cannot sort by 'nname'; did you mean 'name'?", "  sort:nname\n  ^^^^^^^^^^"),
        ("sort:-name desc", "cannot sort by '-name desc': '-' and 'desc' both say the direction; use one", None),
        ("version>1.5", "not the number of a version: '1.5'; expected a whole number, as in 3", None),
        ("size>10XB", "not a size: '10XB'; expected bytes, or something like 10MB, 1.5GB or 64KiB", None),
        ("sha256:abc", "not a SHA-256: 'abc'; expected 8 to 64 hexadecimal digits", None),
        ("metric.a>0.8..0.9", "'0.8..0.9' is a range, which '>' cannot be asked of; use ':'", None),
        ("metric.a:..", "'..' has no ends; expected LOW..HIGH, LOW.. or ..HIGH", None),
        ("metric.a:1e999", "not a number: '1e999'; expected something like 0.9, -3 or 1e-4", None),
        ("property.x>true", "true has no order; use ':', '=' or '!='", None),
        ("property.x>a*", "'a*' stands for many texts, which have no order; use ':', '=' or '!='", None),
        ("name:*a*b*c*d*", "'*a*b*c*d*' has more than 4 '*'; leave some out", None),
        ('tag:""', "an empty text is nowhere; expected at least one character, or '*' for any", None),
        ("refs:raw:1/x", "expected an asset or a version, not a path in one: 'raw:1/x'", None),
        (
            "created>2026-02-30",
            "not a time: '2026-02-30': day is out of range for month; expected one of the calendar",
            None,
        ),
        ("created>999999w", "not a time: '999999w' is more than 100 years ago", None),
    ],
)
def test_what_cannot_be_read_is_pointed_at(query, message, excerpt):
    with pytest.raises(QueryError) as caught:
        Query.parse(query)
    assert caught.value.message == message
    assert caught.value.excerpt.startswith("  ")
    if excerpt is not None:
        assert caught.value.excerpt == excerpt
        assert str(caught.value) == f"{message}\n{excerpt}"


def test_an_unknown_field_is_told_what_there_is():
    with pytest.raises(
        QueryError, match=r"no field 'http'; known: name, workspace, .*; text with ':' in it goes in quotes"
    ):
        Query.parse("http://example.com")


def test_the_error_is_bad_input_and_survives_pickling():
    with pytest.raises(InvalidInputError) as caught:
        Query.parse("(a")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), again.excerpt) == (QueryError, str(caught.value), "  (a\n    ^")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("a" * 4097, "the query has 4097 characters; expected at most 4096"),
        ("a " * 101, "the query has more than 100 conditions; ask in several queries"),
        ("(" * 21 + "a" + ")" * 21, "the query is nested more than 20 deep; leave out parentheses or NOTs"),
        ("NOT " * 1000 + "a", "the query is nested more than 20 deep; leave out parentheses or NOTs"),
        ("-" * 4000 + "a", "the query is nested more than 20 deep; leave out parentheses or NOTs"),
        ("(" * 4096, "the query ends too early; expected a word, a field, '(' or NOT"),
    ],
)
def test_a_query_has_bounds_and_never_a_crash(query, message):
    with pytest.raises(QueryError) as caught:
        Query.parse(query)
    assert caught.value.message == message


def test_a_query_at_its_bounds_is_read():
    assert len(Query.parse("a " * 100).where.parts) == 100
    assert Query.parse("(" * 20 + "a" + ")" * 20).where == Words(Pattern("a"))
    assert Query.parse("a" * 4096).where == Words(Pattern("a" * 4096))


def test_a_query_with_what_no_database_keeps_is_refused():
    with pytest.raises(InvalidInputError, match="NUL"):
        Query.parse("a\0b")


def test_control_characters_are_not_in_the_excerpt():
    with pytest.raises(QueryError) as caught:
        Query.parse("\x1b[31m (")
    assert caught.value.excerpt.splitlines()[0] == "   [31m ("


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026", "2026-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"),
        ("2026-02", "2026-02-01T00:00:00+00:00", "2026-03-01T00:00:00+00:00"),
        ("2025-12", "2025-12-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00"),
        ("2026-02-28", "2026-02-28T00:00:00+00:00", "2026-03-01T00:00:00+00:00"),
        ("2026-02-28T10:20", "2026-02-28T10:20:00+00:00", "2026-02-28T10:21:00+00:00"),
        ("2026-02-28T10:20:30Z", "2026-02-28T10:20:30+00:00", "2026-02-28T10:20:31+00:00"),
        ("2026-02-28T10:20:30.25", "2026-02-28T10:20:30.250000+00:00", "2026-02-28T10:20:30.260000+00:00"),
        ("2026-02-28T23:20-01:30", "2026-03-01T00:50:00+00:00", "2026-03-01T00:51:00+00:00"),
        ("today", "2026-03-01T00:00:00+00:00", "2026-03-02T00:00:00+00:00"),
        ("yesterday", "2026-02-28T00:00:00+00:00", "2026-03-01T00:00:00+00:00"),
        ("7d", "2026-02-22T12:30:00+00:00", "2026-02-22T12:30:00+00:00"),
        ("90min", "2026-03-01T11:00:00+00:00", "2026-03-01T11:00:00+00:00"),
        ("2w", "2026-02-15T12:30:00+00:00", "2026-02-15T12:30:00+00:00"),
        ("12h", "2026-03-01T00:30:00+00:00", "2026-03-01T00:30:00+00:00"),
    ],
)
def test_a_time_lasts_as_long_as_its_last_part(text, begin, end):
    assert tuple(point.isoformat() for point in When(text).period(NOW)) == (begin, end)


def test_a_key_to_sort_by_is_read_like_that_of_a_query():
    assert parse_sort("metric.auc desc") == parse_sort("-metric.auc") == Sort(Field.METRIC, True, "auc")
    assert parse_sort("name") == parse_sort("name asc") == Sort(Field.NAME)
    for wrong in ("", "-", "tag", "metric", "name upwards", "name.x"):
        with pytest.raises(QueryError, match="cannot sort by|not a field"):
            parse_sort(wrong)


texts = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from('ab*?\\"()- :=<>!.'), min_size=1, max_size=8
)
keys = texts
numbers = st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0)
whens = st.sampled_from(["2026", "2026-01", "2026-01-31", "2026-01-31T12:30Z", "7d", "today", "90min"]).map(When)
semantics = st.lists(st.integers(0, 10**9 - 1), min_size=1, max_size=3).map(lambda parts: SemanticPrefix(tuple(parts)))
wholes = st.integers(0, 10**15)


@st.composite
def patterns(draw):
    parts = draw(
        st.lists(texts.map(lambda text: Pattern.literally(text).source) | st.just("?"), min_size=1, max_size=3)
    )
    star = "*" if draw(st.booleans()) and not parts[0].endswith("\\") else ""
    return Pattern(parts[0] + star + "".join(parts[1:]))


def spans(ends):
    return st.one_of(st.builds(Span, ends, ends), st.builds(Span, st.none(), ends), st.builds(Span, ends, st.none()))


NO_KEY = st.just("")


def ordered(field, ends, key=NO_KEY):
    equal = st.builds(Test, st.just(field), st.sampled_from([Op.IS, Op.IS_NOT]), spans(ends), key)
    return st.builds(Test, st.just(field), st.sampled_from(Op), ends, key) | equal


same = st.sampled_from([Op.IS, Op.IS_NOT])
tests = st.one_of(
    st.builds(Test, st.sampled_from(sorted(LABELS, key=str)), same, patterns()),
    ordered(Field.METRIC, numbers, keys),
    ordered(Field.PROPERTY, numbers, keys),
    st.builds(Test, st.just(Field.METRIC), same, st.just(Pattern("*")), keys),
    st.builds(Test, st.just(Field.PROPERTY), same, patterns() | st.booleans() | st.none(), keys),
    st.builds(Test, st.just(Field.PROPERTY), st.sampled_from(Op), texts.map(Pattern.literally), keys),
    ordered(Field.CREATED, whens),
    ordered(Field.SIZE, wholes),
    ordered(Field.VERSION, wholes),
    ordered(Field.SEMANTIC, semantics),
    st.builds(Test, st.just(Field.SHA256), same, st.text("0123456789abcdef", min_size=8, max_size=64).map(Pattern)),
    st.builds(Test, st.just(Field.REFS), same, st.sampled_from(["raw", "raw:1", "ama://a/b:prod"]).map(Pattern)),
)
expressions = st.recursive(
    st.builds(Words, patterns()) | tests,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)
sorts = st.builds(Sort, st.sampled_from(sorted(SORTABLE - KEYED, key=str)), st.booleans()) | st.builds(
    Sort, st.just(Field.METRIC), st.booleans(), keys
)
queries = st.builds(Query, st.none() | expressions, st.lists(sorts, max_size=2).map(tuple))


@settings(derandomize=True, database=None, deadline=None, max_examples=200)
@given(queries)
def test_a_query_that_was_written_is_read_back_equal(query):
    assert Query.parse(str(query)) == query


@settings(derandomize=True, database=None, deadline=None, max_examples=400)
@given(
    st.lists(st.sampled_from([*'ab01 :=<>!()"\\-.*?', "tag:", "OR ", "metric.a", "sort:", "..", "NOT "]), max_size=20)
)
def test_any_text_is_a_query_or_a_query_error(pieces):
    try:
        query = Query.parse("".join(pieces))
    except QueryError:
        return
    assert Query.parse(str(query)) == query
