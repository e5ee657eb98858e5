"""JSON read once, strictly, and written back so that every reader sees the same tree.

Common parsers disagree silently: all of the fast ones keep the last of two equal names, some take NaN, some turn a long
integer into a float. Whatever two readers could understand differently is refused here (RFC 8259 grammar, RFC 7493
I-JSON as precedent), so the tree that was judged is the tree that every later reader gets.

`parse` gives dict, list, str, int, Decimal, bool and None, never float. Numbers have two modes:

- `exact`, for the arguments of a call: a number is refused unless a double holds it and prints it back equal. A reader
  that uses doubles and one that uses integers or decimals then see one number.
- `kept`, for envelopes that nothing compares with a limit (log probabilities, usage): any RFC 8259 number of at most
  400 digits and a decimal exponent within +-400, kept exactly.

`-0` reads as the integer 0, because some readers keep its sign and some drop it; `-0.0` stays as written.

How: the standard library's C scanner with hooks that refuse what it would let pass. It is slow, so every text is tried
first with msgspec's decoder, about four times as fast, and its answer is taken only where a cheap argument shows that
the scanner would have given the same (`_quick`). The scanner alone refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, NamedTuple, NoReturn

import msgspec

from .ast import Json

Code = Literal[
    "duplicate-key",
    "not-a-number",
    "lone-surrogate",
    "bad-utf8",
    "byte-order-mark",
    "too-deep",
    "trailing-data",
    "inexact-number",
    "bad-json",
    "not-an-object",
]

MAX_DEPTH: Final = 64
"""Objects and lists inside each other; precedents: serde_json 128, orjson 1024, protobuf's JSON reader 100."""

MAX_DIGITS: Final = 400
"""Digits of a number, and bound of its decimal exponent. The longest finite double has 309 digits before its point."""

EXACT_INTEGER: Final = 2**53
"""Up to here every integer is a double (RFC 7493 section 2.2)."""


class StrictJsonError(ValueError):
    """Text that is not strict JSON.

    `code` is stable. `position` is the 0-based place of the fault, counted in characters, or in bytes where the fault
    is in the encoding itself (bad-utf8, byte-order-mark).
    """

    def __init__(self, code: Code, position: int, message: str) -> None:
        super().__init__(f"{message} at position {position}")
        self.code: Code = code
        self.position = position
        self.message = message


class _Fault(Exception):
    """Raised inside the scanner's hooks, which do not know where they stand; `_place` finds out afterwards."""

    def __init__(self, code: Code, token: str) -> None:
        self.code: Code = code
        self.token = token


Numbers = Literal["exact", "kept"]


def parse(data: bytes | str, *, max_depth: int = MAX_DEPTH, numbers: Numbers = "exact") -> Json:
    """The value that `data` spells. Raises StrictJsonError, and nothing else, for any other input."""
    quick = _quick(data, max_depth, numbers)
    return _scanned(data, max_depth, numbers) if quick is None else quick[0]


def parse_printed(data: bytes, *, max_depth: int = MAX_DEPTH, numbers: Numbers = "exact") -> tuple[Json, bytes]:
    """As `parse`, with the value as `encode` prints it, which the quick way has at hand anyway."""
    quick = _quick(data, max_depth, numbers)
    if quick is not None:
        return quick
    value = _scanned(data, max_depth, numbers)
    return value, encode(value)


def parse_object(data: bytes | str, *, max_depth: int = MAX_DEPTH, numbers: Numbers = "exact") -> dict[str, Json]:
    """As `parse`, for text that must spell an object (code not-an-object otherwise)."""
    value = parse(data, max_depth=max_depth, numbers=numbers)
    if type(value) is not dict:
        raise StrictJsonError("not-an-object", 0, "the value is not an object")
    return value


def encode(value: Json) -> bytes:
    """Compact UTF-8 JSON of a value that `parse` could have given, members in their own order.

    Integers print as integers and decimals with the digits they came with (`1.50`, `-0`), so `parse(encode(v)) == v`.
    Raises StrictJsonError (lone-surrogate) for text that no UTF-8 can carry.
    """
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError as error:
        raise StrictJsonError("lone-surrogate", error.start, _FAULTS["lone-surrogate"]) from None


_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_CONTAINERS: Final = (dict, list)
_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_FAULTS: Final[dict[Code, str]] = {
    "duplicate-key": "a name stands twice in one object",
    "not-a-number": "NaN and Infinity are not JSON",
    "inexact-number": "a number that readers would not agree on",
    "lone-surrogate": "half of a surrogate pair",
    "too-deep": "values nest too deep",
}


def _text(data: bytes | str) -> str:
    if isinstance(data, bytes):
        if data.startswith(_BYTE_ORDER_MARKS):
            raise StrictJsonError("byte-order-mark", 0, "a byte order mark before the value")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise StrictJsonError("bad-utf8", error.start, "bytes that are not UTF-8") from None
    if data.startswith("\ufeff"):
        raise StrictJsonError("byte-order-mark", 0, "a byte order mark before the value")
    try:
        data.encode("utf-8")
    except UnicodeEncodeError as error:
        raise StrictJsonError("lone-surrogate", error.start, _FAULTS["lone-surrogate"]) from None
    return data


# --- the scanner's way ----------------------------------------------------------------------------------------------


def _scanned(data: bytes | str, max_depth: int, numbers: Numbers) -> Json:
    text = _text(data)
    try:
        value: Json = (_EXACT if numbers == "exact" else _KEPT).decode(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            raise StrictJsonError("trailing-data", error.pos, "text after the end of the value") from None
        raise StrictJsonError("bad-json", error.pos, "the text is not JSON") from None
    except _Fault as fault:
        raise StrictJsonError(fault.code, _place(text, fault), _FAULTS[fault.code]) from None
    except RecursionError:  # CPython's own guard in the C scanner, at about 1,000 levels
        raise StrictJsonError("too-deep", 0, _FAULTS["too-deep"]) from None
    if text.count("{") + text.count("[") > max_depth and _is_deeper(value, max_depth):
        raise StrictJsonError("too-deep", 0, _FAULTS["too-deep"])
    if "\\u" in text:
        _refuse_lone_surrogates(text, value)
    return value


# --- what the scanner's hooks refuse --------------------------------------------------------------------------------


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _Fault("duplicate-key", name)
            seen.add(name)
    return members


def _constant(token: str) -> NoReturn:
    raise _Fault("not-a-number", token)


def _exact_integer(digits: str) -> int:
    if len(digits) <= 15:
        return int(digits)
    number = _kept_integer(digits)
    if -EXACT_INTEGER <= number <= EXACT_INTEGER:
        return number
    # Beyond 2^53 a reader that prints the shortest digits and one that converts to an integer must both get it back.
    try:
        double = float(number)
    except OverflowError:
        raise _Fault("inexact-number", digits) from None
    if int(double) != number or Decimal(repr(double)) != number:
        raise _Fault("inexact-number", digits)
    return number


def _exact_decimal(digits: str) -> Decimal:
    number = _kept_decimal(digits)
    if Decimal(repr(float(digits))) != number:  # overflowing digits give Infinity, underflowing ones 0.0
        raise _Fault("inexact-number", digits)
    return number


def _kept_integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS and len(digits.lstrip("-")) > MAX_DIGITS:
        raise _Fault("inexact-number", digits)
    return int(digits)


def _kept_decimal(digits: str) -> Decimal:
    try:
        number = Decimal(digits)
    except InvalidOperation:  # an exponent beyond what the decimal module holds
        raise _Fault("inexact-number", digits) from None
    if not -MAX_DIGITS <= number.adjusted() <= MAX_DIGITS:
        raise _Fault("inexact-number", digits)
    if len(digits) > MAX_DIGITS and len(number.as_tuple().digits) > MAX_DIGITS:
        raise _Fault("inexact-number", digits)
    return number


_EXACT: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_exact_integer, parse_float=_exact_decimal, parse_constant=_constant
)
_KEPT: Final = json.JSONDecoder(
    object_pairs_hook=_members, parse_int=_kept_integer, parse_float=_kept_decimal, parse_constant=_constant
)

# --- what is looked for apart ----------------------------------------------------------------------------------------


def _is_deeper(value: Json, max_depth: int) -> bool:
    """Whether lists and objects stand inside each other more than `max_depth` times."""
    # Level by level: a recursive walk could itself meet the limit it guards.
    level: list[Any] = [value] if type(value) in _CONTAINERS else []
    for _ in range(max_depth):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in _CONTAINERS
        ]
        if not level:
            return False
    return bool(level)


def _refuse_lone_surrogates(text: str, value: Json) -> None:
    try:
        _ENCODER.encode(value)
    except UnicodeEncodeError:
        raise StrictJsonError("lone-surrogate", _lone_surrogate_at(text), _FAULTS["lone-surrogate"]) from None


# --- the quick way --------------------------------------------------------------------------------------------------


class _Way(NamedTuple):
    """How numbers are read: floats by the decoder's hook; integers by their length alone, `digits` is the longest."""

    decode: Callable[[bytes], Any]
    digits: int


_WAYS: Final[dict[Numbers, _Way]] = {
    "exact": _Way(msgspec.json.Decoder(float_hook=_exact_decimal).decode, 15),
    "kept": _Way(msgspec.json.Decoder(float_hook=_kept_decimal).decode, MAX_DIGITS),
}
_DIGITS_TO_ZERO: Final = bytes.maketrans(b"123456789", b"000000000")
_HIDING: Final = re.compile(rb"\\(?=u(?:003[aA]|[dD]))")
"""Escapes of the colon and of surrogates. A look-ahead, so that the search is for one byte: twice as fast."""


def _quick(data: bytes | str, max_depth: int, numbers: Numbers) -> tuple[Any, bytes] | None:
    """The same value as the scanner's and its print, or None.

    msgspec refuses what the scanner and its hooks refuse (tests/strict_json compares the two on mutated texts) but for
    these. Equal names: msgspec keeps the last member. A print that equals the text has lost none, and most clients
    write JSON as it is printed here; else, where no colon is escaped, every colon of a string is printed as itself, so
    the print has as many colons as the text exactly where no member was dropped. Surrogates, depth and long integers
    are left to the scanner. `-0` is 0 in both.
    """
    decode, digits = _WAYS[numbers]
    try:
        text = data.encode() if isinstance(data, str) else data
        value = decode(text)
        printed = _ENCODER.encode(value)
    except (ValueError, RecursionError, _Fault):
        return None
    if printed != text and (_HIDING.search(text) or text.count(b":") != printed.count(b":")):
        return None
    if len(text) > digits and _has_long_number(text, digits):
        return None
    # Counted by leaving them out: that searches for a byte at a time as memchr does, a third of the time of `count`.
    brackets = len(text) - len(text.replace(b"{", b"").replace(b"[", b""))
    if brackets > max_depth and _is_deeper(value, max_depth):
        return None
    return value, printed


def _has_long_number(text: bytes, digits: int) -> bool:
    """Whether more than `digits` digits stand in a row. Nearly always a few bytes of the text already say no."""
    # More than 4n digits in a row cover four of every n-th byte. `find`, as `in` first asks whether the bytes are an
    # integer, and that takes an exception.
    if text[:: max(1, digits // 4)].translate(_DIGITS_TO_ZERO).find(b"0000") < 0:
        return False
    return b"0" * (digits + 1) in text.translate(_DIGITS_TO_ZERO)


# --- where a fault stands: slow, and run only for text that is refused ----------------------------------------------

_TOKEN: Final = re.compile(
    r""""(?:[^"\\]|\\.)*" | -?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)? | NaN | -?Infinity | [{}:]""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)


def _place(text: str, fault: _Fault) -> int:
    if fault.code == "duplicate-key":
        return _duplicate_at(text)
    # Up to the fault the text is JSON, so these tokens are the scanner's own.
    return next((token.start() for token in _TOKEN.finditer(text) if token.group() == fault.token), 0)


def _duplicate_at(text: str) -> int:
    """Where the name stands that made the first object to close with two equal names fail."""
    open_objects: list[tuple[set[str], list[int]]] = []
    name = ("", 0)
    for token in _TOKEN.finditer(text):
        word = token.group()
        if word == "{":
            open_objects.append((set(), []))
        elif word == "}":
            repeats = open_objects.pop()[1]
            if repeats:
                return repeats[0]
        elif word == ":":
            names, repeats = open_objects[-1]
            unescaped = json.loads(name[0])
            if unescaped in names:
                repeats.append(name[1])
            names.add(unescaped)
        else:
            name = (word, token.start())
    return 0


def _lone_surrogate_at(text: str) -> int:
    high: re.Match[str] | None = None
    for escape in _ESCAPE.finditer(text):
        unit = int(escape.group(1) or "0", 16)
        is_low = 0xDC00 <= unit <= 0xDFFF
        if high is not None and not (is_low and escape.start() == high.end()):
            return high.start()
        if is_low and high is None:
            return escape.start()
        high = escape if 0xD800 <= unit <= 0xDBFF else None
    return high.start() if high is not None else 0
