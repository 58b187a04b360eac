import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tfx.errors import InvalidInputError
from ama_tfx.storage import canonical_json, parse_json

# RFC 8785, sections 3.2.2 to 3.2.4 and appendix B.
GOLDENS = [
    (
        {
            "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f",
            "literals": [None, True, False],
        },
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    ),
    (
        {
            "\u20ac": "Euro Sign",
            "\r": "Carriage Return",
            "\ufb33": "Hebrew Letter Dalet With Dagesh",
            "1": "One",
            "\U0001f600": "Emoji: Grinning Face",
            "\u0080": "Control",
            "\u00f6": "Latin Small Letter O With Diaeresis",
        },
        '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis",'
        '"€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
    ),
    ([0.0, -0.0, 5e-324, -5e-324], "[0,0,5e-324,-5e-324]"),
    ([1.7976931348623157e308, 9007199254740991], "[1.7976931348623157e+308,9007199254740991]"),
    ([295147905179352830000.0, 999999999999999900000.0, 1e21], "[295147905179352830000,999999999999999900000,1e+21]"),
    ([0.000001, 333333333.3333332, 1.0, True], "[0.000001,333333333.3333332,1,true]"),
    ({}, "{}"),
    ("", '""'),
]


@pytest.mark.parametrize(("document", "expected"), GOLDENS)
def test_documents_have_the_bytes_of_rfc_8785(document, expected):
    assert canonical_json(document).decode() == expected


def _cyclic():
    document = []
    document.append(document)
    return document


@pytest.mark.parametrize(
    "document",
    [
        math.nan,
        math.inf,
        -math.inf,
        2**53,
        -(2**53),
        10**400,
        b"bytes",
        {1: "key is no string"},
        {None: 1},
        {"set": {1}},
        {"object": object()},
        "\ud800",
        {"\ud800": 1},
        _cyclic(),
    ],
    ids=lambda document: ascii(document)[:30],
)
def test_what_json_cannot_carry_is_refused_and_shown(document):
    with pytest.raises(InvalidInputError, match="cannot be written as JSON: "):
        canonical_json(document)


def test_the_error_of_a_huge_document_is_short():
    with pytest.raises(InvalidInputError) as caught:
        canonical_json({"rows": ["row"] * 100_000, "bad": math.nan})
    assert len(str(caught.value)) < 1000


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    # No half of a surrogate pair: UTF-8 has none.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=10,
)


@given(json_values)
def test_what_was_written_can_be_read_and_written_again(document):
    content = canonical_json(document)
    assert canonical_json(parse_json(content, "a test document")) == content


@given(json_values)
def test_what_was_written_reads_as_the_same_document(document):
    assert parse_json(canonical_json(document), "a test document") == document


@pytest.mark.parametrize("value", [1e16, 9007199254740994.0, -1e18, 1e20])
def test_a_large_float_stays_a_float_when_its_digits_look_like_an_integer(value):
    read = parse_json(canonical_json(value), "a number")
    assert (type(read), read) == (float, value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{'a': 1}",
        '{"a": 1, "a": 1}',
        '[{"a": {"b": 1, "b": 2}}]',
        "NaN",
        "[Infinity]",
        "[-Infinity]",
        "1e400",
        "9" * 400,
        "9" * 5000,
        "[1] [2]",
        "\ufeff[]",
        b"\xff\xfe",
        b'"\xff"',
        "[" * 100_000,
        '{"a":' * 100_000,
        "&a [*a, *a]",
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_ambiguous_or_broken_json_is_refused_and_named(text):
    with pytest.raises(InvalidInputError, match="^the test document is not valid JSON: "):
        parse_json(text, "the test document")
