"""policy_dsl/strict_json.py: one reading of a JSON text, or none."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from policy_dsl import strict_json
from policy_dsl.strict_json import StrictJsonError

GROUPS = yaml.safe_load((Path(__file__).parent / "cases.yaml").read_text())
REFUSED = [(group["code"], case) for group in GROUPS for case in group["cases"]]

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


def doubles(value: float) -> Decimal:
    return Decimal(repr(value))


EXACT_NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False).map(doubles)
KEPT_NUMBERS = st.integers(-(10**400) + 1, 10**400 - 1) | st.decimals(
    min_value=Decimal("-1E+400"), max_value=Decimal("1E+400"), allow_nan=False
).filter(lambda number: -400 <= number.adjusted() <= 400 and len(number.as_tuple().digits) <= 400)


def values(numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | numbers | TEXTS
    return st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20)


def written(case: dict[str, Any]) -> str:
    if "text" in case:
        return str(case["text"])
    return case["repeat"] * case["times"] + case.get("middle", "") + case.get("closed", "") * case["times"]


@pytest.mark.parametrize(("code", "case"), REFUSED, ids=[f"{code} {str(case)[:40]}" for code, case in REFUSED])
def test_refused(code: str, case: dict[str, Any]) -> None:
    text = written(case)
    modes = [case.get("numbers", "exact")] if code == "inexact-number" else ["exact", "kept"]
    for numbers in modes:
        for data in (text, text.encode()):
            with pytest.raises(StrictJsonError) as caught:
                strict_json.parse(data, numbers=numbers)
            assert caught.value.code == code
            if code != "bad-json":
                assert caught.value.position == case.get("position", 0)


@pytest.mark.parametrize(
    ("data", "code", "position"),
    [
        (b"\xef\xbb\xbf{}", "byte-order-mark", 0),
        ("\ufeff{}", "byte-order-mark", 0),
        ("{}".encode("utf-16"), "byte-order-mark", 0),
        ("{}".encode("utf-16-le"), "bad-json", 1),
        (b'{"a":"\xff"}', "bad-utf8", 6),
        (b'"\xed\xa0\x80"', "bad-utf8", 1),
        (b'"\xc0\xaf"', "bad-utf8", 1),
        (b'"\xf4\x90\x80\x80"', "bad-utf8", 1),
        (b'"abc\xe2\x82', "bad-utf8", 4),
        ('"a\ud800"', "lone-surrogate", 2),
    ],
)
def test_refused_encodings(data: bytes | str, code: str, position: int) -> None:
    for numbers in ("exact", "kept"):
        with pytest.raises(StrictJsonError) as caught:
            strict_json.parse(data, numbers=numbers)
        assert (caught.value.code, caught.value.position) == (code, position)


@pytest.mark.parametrize(
    ("text", "value", "printed"),
    [
        ("0", 0, "0"),
        ("-0", 0, "0"),
        ("-0.0", Decimal("-0.0"), "-0.0"),
        ("1E5", Decimal("1E5"), "1E+5"),
        ("1e-7", Decimal("1e-7"), "1E-7"),
        ("1.50", Decimal("1.50"), "1.50"),
        ("98.70", Decimal("98.70"), "98.70"),
        ("9007199254740992", 2**53, "9007199254740992"),
        ("9007199254740994", 2**53 + 2, "9007199254740994"),
        ("1e22", Decimal("1e22"), "1E+22"),
        ("1.7976931348623157e308", Decimal("1.7976931348623157e308"), "1.7976931348623157E+308"),
        ("5e-324", Decimal("5e-324"), "5E-324"),
        ('{"\\u0074o":"a"}', {"to": "a"}, '{"to":"a"}'),
        ('"\\ud83d\\ude00"', "\U0001f600", '"\U0001f600"'),
        ('"\\\\ud800"', "\\ud800", '"\\\\ud800"'),
        ('"\\/\\u0000\x7f"', "/\0\x7f", '"/\\u0000\x7f"'),
        (' [ 1 ,\t{ "b" : null ,\r\n"a" : true } ] ', [1, {"b": None, "a": True}], '[1,{"b":null,"a":true}]'),
        ('{"a":{"a":1},"b":{"a":2}}', {"a": {"a": 1}, "b": {"a": 2}}, '{"a":{"a":1},"b":{"a":2}}'),
        ('{"a":1,"A":2,"\u212a":3,"k":4}', {"a": 1, "A": 2, "\u212a": 3, "k": 4}, '{"a":1,"A":2,"\u212a":3,"k":4}'),
        ('"[[[[[[[["', "[[[[[[[[", '"[[[[[[[["'),
    ],
)
def test_accepted(text: str, value: object, printed: str) -> None:
    for numbers in ("exact", "kept"):
        for data in (text, text.encode()):
            parsed = strict_json.parse(data, numbers=numbers)
            assert parsed == value
            assert repr(parsed) == repr(value)
            assert strict_json.encode(parsed) == printed.encode()


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_the_deepest_that_is_read(opening: str, closing: str) -> None:
    middle = "1" if opening != "[" else ""
    for numbers in ("exact", "kept"):
        strict_json.parse((opening * 64 + middle + closing * 64).encode(), numbers=numbers)
        strict_json.parse(("[" + "[]," * 1_000 + opening * 63 + middle + closing * 63 + "]").encode(), numbers=numbers)
        strict_json.parse(opening * 3 + middle + closing * 3, numbers=numbers, max_depth=3)
        with pytest.raises(StrictJsonError, match="too deep"):
            strict_json.parse(opening * 4 + middle + closing * 4, numbers=numbers, max_depth=3)


def test_the_largest_numbers_that_are_kept() -> None:
    texts = ("1" * 400, "-" + "1" * 400, "1e400", "1e-400", "1." + "1" * 399, "-1." + "1" * 399 + "e5", str(2**64 + 1))
    for text in texts:
        parsed = strict_json.parse(text.encode(), numbers="kept")
        assert parsed == Decimal(text)
        assert strict_json.parse(strict_json.encode(parsed), numbers="kept") == parsed


def test_an_object_is_wanted() -> None:
    assert strict_json.parse_object('{"a":1}') == {"a": 1}
    for text in ("[]", "1", "null", '"{}"'):
        with pytest.raises(StrictJsonError) as caught:
            strict_json.parse_object(text)
        assert (caught.value.code, caught.value.position) == ("not-an-object", 0)


def test_what_no_utf8_can_carry_is_not_printed() -> None:
    with pytest.raises(StrictJsonError) as caught:
        strict_json.encode({"a": ["x\udc80"]})
    assert caught.value.code == "lone-surrogate"


@given(values(EXACT_NUMBERS))
def test_what_is_printed_is_read_back(value: Any) -> None:
    encoded = strict_json.encode(value)
    for numbers in ("exact", "kept"):
        assert strict_json.parse(encoded, numbers=numbers) == value
    assert strict_json.parse(encoded.decode()) == value
    assert orjson.loads(encoded) == json.loads(encoded)


@given(values(KEPT_NUMBERS))
def test_kept_numbers_are_read_back_to_the_digit(value: Any) -> None:
    encoded = strict_json.encode(value)
    again = strict_json.parse(encoded, numbers="kept")
    assert again == value
    assert strict_json.encode(again) == re.sub(rb"-0(?=[],}]|$)", b"0", encoded)


PIECES = st.sampled_from(
    [
        *'{}[]:,"\\ ',
        *['"a"', '"b"', '"\\u0061"', '"\\ud83d"', '"\\ud83d\\ude00"', '"\u00e9"'],
        *["1", "-0", "0.5", "1e5", "9007199254740993"],
        *["true", "null", "NaN", "\n", "\0", '{"a":', "[1,", "]", "}", '"a":1', ",", ":", "\x7f", "\ufeff"],
    ]
)


def pairs_of(text: str) -> list[list[tuple[str, Any]]]:
    found: list[list[tuple[str, Any]]] = []
    json.loads(text, object_pairs_hook=lambda pairs: found.append(pairs) or dict(pairs))
    return found


@given(st.lists(PIECES, max_size=12).map("".join))
@example('{"a":1,"a":2}')
def test_what_is_read_has_no_second_reading(text: str) -> None:
    """Whatever is accepted, four other readers see the same tree in it, and no name twice."""
    try:
        value = strict_json.parse(text)
    except StrictJsonError:
        return
    for pairs in pairs_of(text):
        assert len({name for name, _ in pairs}) == len(pairs)
    rounded = json.loads(strict_json.encode(value))
    assert json.loads(text) == rounded
    assert orjson.loads(text) == rounded
    assert msgspec.json.decode(text) == rounded


@given(st.binary(max_size=30) | st.lists(PIECES, max_size=12).map(lambda parts: "".join(parts).encode()))
def test_total(data: bytes) -> None:
    for numbers in ("exact", "kept"):
        try:
            value = strict_json.parse(data, numbers=numbers)
        except StrictJsonError as error:
            assert 0 <= error.position <= len(data)  # noqa: PT017 (the property is about the error)
        else:
            assert strict_json.parse(strict_json.encode(value), numbers=numbers) == value


SPACED = json.dumps(
    {"model": "m", "n": 1, "t": 0.5, "messages": [{"role": "user", "content": 'a "b" \\ : é {'}], "tools": [{"a": {}}]},
    ensure_ascii=False,
).encode()
BODY = SPACED.replace(b": ", b":").replace(b", ", b",")


@given(st.data())
def test_the_quick_way_answers_as_the_scanner_does(data: st.DataObject) -> None:
    """A text goes both ways: with and without an escaped surrogate pair in front, which only the scanner reads."""
    body = bytearray(data.draw(st.sampled_from([BODY, SPACED])))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body)))
        piece = data.draw(PIECES.map(str.encode) | st.binary(min_size=1, max_size=2))
        body[at : at + data.draw(st.integers(0, 3))] = piece
    text = bytes(body)
    for numbers in ("exact", "kept"):
        outcomes = []
        for first in (b'"x"', b'"\\ud83d\\ude00"'):
            try:
                value, printed = strict_json.parse_printed(b"[" + first + b"," + text + b"]", numbers=numbers)
            except StrictJsonError as error:
                outcomes.append(error.code)
            else:
                assert printed == strict_json.encode(value)
                outcomes.append(repr(value[1:]) if isinstance(value, list) else "")
        assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("numbers", ["exact", "kept"])
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a":1,"a":2}', "duplicate-key"),
        ('{"a":1,"\\u0061":2}', "duplicate-key"),
        ('{"a":1,"a":"\\u003a"}', "duplicate-key"),
        ('{"a":1,"a":"\\u003A"}', "duplicate-key"),
        ('[{"a":"::","a":"\\u003a\\u003a"},{"b":":"}]', "duplicate-key"),
        ('["\\ud83d"]', "lone-surrogate"),
        ('["\\uD83d\\ud83d"]', "lone-surrogate"),
        ("[" + "1" * 401 + "]", "inexact-number"),
        ('{"x":"' + "9" * 500 + '","n":' + "1" * 401 + "}", "inexact-number"),
        ("[" * 65 + "]" * 65, "too-deep"),
    ],
)
def test_what_the_fast_decoder_lets_pass_is_refused(text: str, code: str, numbers: Any) -> None:
    """Each of these decodes without an error in msgspec, or spells its colons so that a count of them is right."""
    for data in (text, text.encode(), text.replace(":", " : ").encode(), (" " + text).encode()):
        with pytest.raises(StrictJsonError) as caught:
            strict_json.parse(data, numbers=numbers)
        assert caught.value.code == code


@pytest.mark.parametrize("digits", ["9007199254740993", "-9007199254740993", "12345678901234567", "1" * 400])
def test_an_inexact_integer_is_found_wherever_it_stands(digits: str) -> None:
    for before in range(20):
        text = json.dumps(["x" * before])
        with pytest.raises(StrictJsonError, match="would not agree"):
            strict_json.parse(f"[{text},{digits}]".encode())
