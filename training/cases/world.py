"""What generated policies are about: tools with their arguments, databases with their fields.

Every number of a field has as many digits as every other of that field, so that its first digit always means the same.
A small model whose tokenizer splits numbers into digits then learns `730 is above 500` from the first digit on; with
numbers of different lengths it would have to learn to count digits first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Where = Literal["argument", "claim", "event"]
"""An argument of the call, a verified claim about who acts, or something that happened before."""


@dataclass(frozen=True, slots=True)
class Number:
    """Whole numbers from `low` to `high`, all of one length."""

    low: int
    high: int

    @property
    def cell(self) -> int:
        """Width of the cells by which cases are split."""
        return (self.high - self.low + 1) // 18


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One of the fields of this module, equal to itself alone (cases are dicts of them, and hashing by value is slow).

    `name` is an argument, the name of a claim, or the tool whose success is the event."""

    name: str
    where: Where
    domain: Number | Choice

    @property
    def operand(self) -> str:
        """How the language names it."""
        return f'claim "{self.name}"' if self.where == "claim" else self.name


@dataclass(frozen=True, slots=True)
class Database:
    name: str
    fields: tuple[Field, ...]


_HUNDREDS, _TENS = Number(100, 999), Number(10, 99)


def _of(name: str, where: Where, *domain: str | Number) -> Field:
    first = domain[0]
    return Field(name, where, first if isinstance(first, Number) else Choice(tuple(map(str, domain))))


ARGUMENTS: Final[tuple[Field, ...]] = (
    _of("amount", "argument", _HUNDREDS),
    _of("kind", "argument", "plain", "gift", "bulk", "rush"),
    _of("days", "argument", _TENS),
    _of("method", "argument", "card", "cash", "wire", "credit"),
    _of("count", "argument", _TENS),
    _of("region", "argument", "north", "south", "east", "west"),
)

TOOLS: Final[tuple[str, ...]] = (
    "refund",
    "ship",
    "book",
    "cancel",
    "transfer",
    "upgrade",
    "order",
    "repair",
    "lend",
    "invite",
    "publish",
    "export",
)

DATABASES: Final[tuple[Database, ...]] = (
    Database("customer", (_of("tier", "claim", "bronze", "silver", "gold"), _of("age", "claim", _TENS))),
    Database("account", (_of("status", "claim", "open", "frozen", "closed"), _of("balance", "claim", _HUNDREDS))),
    Database("device", (_of("channel", "claim", "web", "phone", "shop"), _of("risk", "claim", _TENS))),
    Database("partner", (_of("rank", "claim", "junior", "senior", "chief"), _of("quota", "claim", _HUNDREDS))),
)

VERIFY: Final = "verify_identity"
"""The tool whose success is what a policy with an environment may ask about."""

EVENT: Final = Field(VERIFY, "event", Choice(("yes", "no")))

NAMES: Final[tuple[str, ...]] = ("orchid", "cedar", "maple", "willow", "aspen", "hazel", "rowan", "linden")
"""What policies are called."""


def schema(fields: tuple[Field, ...]) -> Mapping[str, object]:
    """The JSON schema of a tool with these arguments."""
    return {
        "type": "object",
        "properties": {field.name: _schema(field.domain) for field in fields},
        "required": [field.name for field in fields],
        "additionalProperties": False,
    }


def _schema(domain: Number | Choice) -> Mapping[str, object]:
    if isinstance(domain, Number):
        return {"type": "integer", "minimum": domain.low, "maximum": domain.high}
    return {"type": "string", "enum": list(domain.words)}
