"""Which arguments never reach the disk. The Record's digest is over the arguments as they were, the payload is not.

The rules are tables: names whose value is replaced, whatever it is, and shapes of secrets that are replaced wherever
they stand in a text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from types import NoneType
from typing import Any, Final

from policy_dsl import strict_json

REDACTED: Final = "[redacted]"

SECRET_WORDS: Final = frozenset({"auth", "cookie", "cvc", "cvv", "otp", "pin", "pwd", "secret", "token", "tokens"})
"""A name is secret when one of its words is one of these (`access_token`, `cardPin`)."""

SECRET_PARTS: Final = (
    "accesskey",
    "apikey",
    "authorization",
    "credential",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secretkey",
    "signingkey",
)
"""A name is secret when it holds one of these, its separators taken out (`X-Api-Key`, `dbpassword`)."""

SECRET_SHAPES: Final = (
    r"\blw-[A-Za-z0-9_-]{43}",  # a key of this gate
    r"(?i:\bbearer) +(?=\S*\d)[A-Za-z0-9._~+/=-]{8,}",  # RFC 6750 section 2.1; a digit, so not `bearer instruments`
    r"(?i:\bbasic) +[A-Za-z0-9+/]{6,}={1,2}",  # RFC 7617 section 2; padded, so not `basic economics`
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]*(?:-----END [A-Z ]*PRIVATE KEY-----)?",  # RFC 7468
    r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*",  # RFC 7519 section 3
)

_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PART: Final = re.compile("|".join(SECRET_PARTS))
_SHAPE: Final = re.compile("|".join(SECRET_SHAPES))

_SCALARS: Final = frozenset({str, int, bool, Decimal, NoneType})

_BEGINNINGS: Final = (b"lw-", b"bearer", b"basic", b"-----begin ", b"eyj")
"""In small letters, what every text of one of SECRET_SHAPES holds. Only for ASCII: `(?i:s)` also fits a long s."""


def redacted(arguments: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """The arguments as the gate encodes them, and the same with every secret replaced."""
    encoded = strict_json.encode(dict(arguments))
    if not _may_hold_a_shape(encoded) and not _names_a_secret(arguments):
        return encoded, encoded  # nearly always: half the cost of looking at every text
    clean = _clean(arguments)
    return encoded, encoded if clean is arguments else strict_json.encode(clean)


def without_secrets(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments themselves where nothing in them is secret, else a copy with every secret replaced."""
    clean: Mapping[str, Any] = _clean(arguments)
    return clean


def _may_hold_a_shape(encoded: bytes) -> bool:
    find = encoded.lower().find  # `in` first asks whether the bytes are an integer, and that takes an exception
    for beginning in _BEGINNINGS:
        if find(beginning) >= 0:
            return True
    return not encoded.isascii()


def _names_a_secret(value: Any) -> bool:
    """Whether a name in it is secret; true also for what did not come from the strict parser."""
    if type(value) is dict:
        for name, member in value.items():
            if _is_secret(name) or (type(member) is not str and _names_a_secret(member)):
                return True
        return False
    if type(value) is list:
        return any(map(_names_a_secret, value))
    return type(value) not in _SCALARS


def _clean(value: Any) -> Any:
    """`value` itself where nothing in it is secret, else a copy. Depth is bounded by the strict parser (64)."""
    if isinstance(value, str):
        return _SHAPE.sub(REDACTED, value) if _SHAPE.search(value) else value
    if isinstance(value, Mapping):
        members = {
            name if (kept := _clean(name)) is name else kept: REDACTED if _is_secret(name) else _clean(member)
            for name, member in value.items()
        }
        same = len(members) == len(value) and all(members.get(name) is value[name] for name in value)
        return value if same else members
    if isinstance(value, list | tuple):
        items = [_clean(item) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value


@lru_cache(maxsize=2048)
def _is_secret(name: str) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]
    return not SECRET_WORDS.isdisjoint(words) or _PART.search("".join(words)) is not None
