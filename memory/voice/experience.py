"""A Voice as the Experience of the Guard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from guardrail import Advised, ToolCall
from policy_dsl import Facts, Outcome

from ..context import Reader
from ..model import Advice, Context, Effect
from .voice import Voice

_DIGITS: Final = 6
_MOST_LOG_E: Final = 1_000.0
"""What a Record shows of a reading: more digits say nothing, and an e-value of 10^434 is as good as any above."""


class Remembering:
    """Reads each call's Context and asks the Voice. One object is one snapshot under one policy.

    A snapshot that was made under another policy than `reader` reads by says nothing: what its attributes ask about may
    mean something else now, and the next refresh makes its abstractions dormant.
    """

    __slots__ = ("_current", "_voice", "reader", "version")

    def __init__(self, voice: Voice, reader: Reader) -> None:
        self._voice = voice
        self.reader = reader
        self.version = voice.version
        self._current = voice.snapshot.policy_hash in ("", reader.policy_hash)

    def advise(
        self, call: ToolCall, arguments: Mapping[str, Any], facts: Facts, base: Effect, ceiling: Outcome | None
    ) -> Advised | None:
        return self.of(self.reader.read(call.tool, call.server, arguments, facts), base, ceiling)

    def of(self, context: Context, base: Effect, ceiling: Outcome | None) -> Advised | None:
        """As `advise`, of a Context that was read already."""
        if not self._current:
            return None
        advice = self._voice.hear(context, base, None if ceiling is None else ceiling.effect)
        return None if advice is None else _advised(advice)


class Hearing:
    """A Remembering for one decision, which keeps the Context that it read, to be stored beside the Record."""

    __slots__ = ("_remembering", "context", "version")

    def __init__(self, remembering: Remembering) -> None:
        self._remembering = remembering
        self.version = remembering.version
        self.context: Context | None = None

    def advise(
        self, call: ToolCall, arguments: Mapping[str, Any], facts: Facts, base: Effect, ceiling: Outcome | None
    ) -> Advised | None:
        self.context = self._remembering.reader.read(call.tool, call.server, arguments, facts)
        return self._remembering.of(self.context, base, ceiling)


def _advised(advice: Advice) -> Advised:
    reading = advice.reading
    return Advised(
        abstraction=advice.abstraction,
        against=round(float(reading.against), _DIGITS),
        base=advice.base,
        bound=round(float(reading.bound), _DIGITS),
        confirming=round(float(reading.confirming), _DIGITS),
        effect=advice.effect,
        fired=advice.fired,
        gate=reading.gate,
        log_e=round(max(-_MOST_LOG_E, min(_MOST_LOG_E, float(reading.log_e))), _DIGITS),
        reporters=int(reading.reporters),
        threshold=round(float(reading.threshold), _DIGITS),
        version=advice.version,
    )
