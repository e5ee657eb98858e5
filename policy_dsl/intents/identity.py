"""Which intent a call is, and the hash that tells two intents apart: what a Record and an approval can bind.

The hash is over canonical JSON after RFC 8785 (members in order of their UTF-16 names, no blanks, no escapes that are
not needed), but with numbers exact: RFC 8785 prints doubles, and an amount of 22 digits is no double. One number has
one spelling: 1.50 is 1.5, and 1.0 is 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from decimal import Decimal

from .. import strict_json
from ..ast import Json, PolicySet
from ..types import conforms
from .fields import fields_of
from .schema import schema


def intent_of(
    policy: PolicySet, tool: str, server: str | None, arguments: Mapping[str, Json]
) -> tuple[str, int, dict[str, Json]] | None:
    """The name, version and fields of the intent that a call spells by the policy's maps.

    None where no map names the tool, and where the call spells none: a required field is missing or cannot be computed,
    or a field is not of the schema's type. `arguments` are as the strict parser gives them.
    """
    for intent in policy.intents:
        if intent.tool.tool != tool or intent.tool.server not in (None, server):
            continue
        known = schema(intent.intent, intent.version)
        assert known is not None, "a PolicySet has only maps of known intents"
        fields = fields_of(intent, arguments)
        fits = all(
            conforms(fields[name], member.type) is None if name in fields else not member.required
            for name, member in known.fields.items()
        )
        return (intent.intent, intent.version, fields) if fits else None
    return None


def intent_hash(name: str, version: int, fields: Mapping[str, Json]) -> str:
    """`sha256:` over the canonical JSON of `{"intent", "version", "fields"}`."""
    whole: Json = {"intent": name, "version": version, "fields": dict(fields)}
    return f"sha256:{hashlib.sha256(strict_json.encode(_canonical(whole))).hexdigest()}"


def _canonical(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _canonical(value[name]) for name in sorted(value, key=lambda name: name.encode("utf-16-be"))}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return value
    return _plain(value)


def _plain(value: int | Decimal) -> Decimal:
    """The number with no zeros at either end that say nothing; a Decimal, which prints digits in any number."""
    sign, digits, exponent = Decimal(value).as_tuple()
    power = int(exponent)
    while len(digits) > 1 and digits[-1] == 0:
        digits, power = digits[:-1], power + 1
    if digits == (0,):
        return Decimal(0)
    if 0 < power <= _WRITTEN_OUT:
        digits, power = digits + (0,) * power, 0
    return Decimal((sign, digits, power))


_WRITTEN_OUT = 1_000
"""Zeros that are written out at the end of a number, before it is written as a power of ten."""
