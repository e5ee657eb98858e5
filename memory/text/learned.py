"""A snapshot's abstractions as a file of learned rules."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from typing import Final

from policy_dsl import PolicyFile, PolicySet, format, spelling
from policy_dsl.ast import LearnedFrom, Statement

from ..context import OutsideVocabulary, Vocabulary
from ..model import Abstraction, GateReading, Snapshot
from .rules import rule_of

MOST_COMMENT: Final = 400
"""Characters of a rationale that a comment shows."""

_HEAD: Final = "language 1"
_PLACES: Final = Decimal("0.0001")
_FINE: Final = Decimal("0.00000001")
_MOST_E: Final = Decimal(10) ** 12
_UNREAD: Final = GateReading("beta", False, "n-low", 0.0, 0.0, 0, 0, 0.0, 0.0, 0.6, 0.05)
"""Of an abstraction whose gate was never read: no evidence."""


def learned_text(abstractions: Iterable[Abstraction], snapshot: Snapshot, policy: PolicySet) -> str:
    """The abstractions as `learned` rules, in order of their ids, above each its rationale as a comment.

    `snapshot` holds their exceptions. One that the policy's words cannot say stands as a comment only.
    """
    words = Vocabulary(policy)
    parts = [
        "\n".join([*comments(one), *_rule(one, snapshot, words)])
        for one in sorted(abstractions, key=lambda one: one.id)
    ]
    return "\n\n".join([_HEAD, *parts]) + "\n"


def comments(one: Abstraction) -> Iterator[str]:
    carved = "" if one.parent is None else f", an exception of {_shown(one.parent)}"
    yield f"# {_shown(one.id)}, version {one.version}, from {len(one.support)} cases{carved}"
    if one.exceptions:
        yield f"# leaves out {', '.join(map(_shown, one.exceptions))}"
    if one.rationale:
        yield f"# {_shown(one.rationale)}"


def statement_text(statement: Statement) -> str:
    """One statement as the language's formatter writes it."""
    return format(PolicyFile("learned.lw", 1, (statement,), "")).removeprefix(_HEAD).strip("\n")


def _rule(one: Abstraction, snapshot: Snapshot, words: Vocabulary) -> Iterator[str]:
    try:
        rule = replace(rule_of(one, snapshot, words), name=one.id, learned=_evidence(one))
    except OutsideVocabulary as error:
        yield f"# it has no text under this policy: {_shown(error.message)}"
    else:
        yield statement_text(rule)


def _evidence(one: Abstraction) -> LearnedFrom:
    """Rounded down, so that no text says more than there is."""
    reading = one.reading or _UNREAD
    return LearnedFrom(
        confirming=_short(reading.confirming, Decimal("0.01")),
        against=_short(reading.against, Decimal("0.01")),
        reporters=reading.reporters,
        bound=_short(reading.bound),
        threshold=_short(reading.threshold),
        gate=reading.gate,
        alpha=_short(reading.alpha, _FINE),
        e_value=_short(math.exp(min(reading.log_e, 30.0)), Decimal("0.1")),
        support=_short(one.radius),
        state=one.phase,
    )


def _short(value: float, places: Decimal = _PLACES) -> Decimal:
    rounded = min(_MOST_E, Decimal(repr(float(value)))).quantize(places, ROUND_DOWN)
    return Decimal(format_plain(rounded))


def format_plain(value: Decimal) -> str:
    """`0.86`, `23`: no zeros at the end, no exponent, no sign before a zero."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("", "-0") else text


def _shown(text: str) -> str:
    """On one line, every character visible: JSON's escapes, as in a text of the language. It can end no comment."""
    line = spelling.text(text)[1:-1]
    return line if len(line) <= MOST_COMMENT else f"{line[:MOST_COMMENT]}..."
