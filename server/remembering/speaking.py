"""Deciding with memory: the Guard hears what was learned, and what the decision was made in is kept beside its Record.

The Context of a call is read once, from the arguments that were judged and from the session as it stood then, and both
uses see the same one. Secrets are in none of its attributes (server.store.without_secrets). It is read by the
operator's policy: a session's draft stands below that one, and must not silence what was learned under it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from guardrail import Advised, Guard, Judgement, Session, ToolCall
from memory import Context, Effect, Snapshot, Terms
from memory.context import Reader
from memory.encoders import Encoder
from memory.voice import Remembering, Voice, as_data
from policy_dsl import Facts, Outcome
from server.logs import fields
from server.recorded import Decided
from server.store import without_secrets

from .draw import Draw
from .keeping import Kept, kept_bytes

LOG = logging.getLogger("leastward.memory")


class Speaking:
    """Makes of a snapshot what decides with it. `terms` gives those of a tenant, `operators` the Guard of the
    operator's policy at the moment; `draw` None draws nothing, as in a dry run."""

    def __init__(
        self, encoder: Encoder, terms: Callable[[str], Terms], operators: Callable[[], Guard], draw: Draw | None
    ) -> None:
        self.draw = draw
        self._encoder = encoder
        self._terms = terms
        self._operators = operators
        self._reader: tuple[Guard, Reader] | None = None

    def __call__(self, snapshot: Snapshot) -> Speaker:
        voice = Voice(snapshot, self._encoder, self._terms(snapshot.tenant))
        if voice.is_foreign:
            LOG.warning("memory-silent", extra=fields(tenant=snapshot.tenant, encoder=self._encoder.id))
        return Speaker(voice, self)

    def reader(self) -> Reader:
        """That of the operator's policy, made once for each."""
        guard, known = self._operators(), self._reader
        if known is None or known[0] is not guard:
            known = self._reader = (guard, Reader(guard.program.policy, without_secrets))
        return known[1]


class Speaker:
    """One tenant's snapshot, deciding (recorded.Listening)."""

    __slots__ = ("_remembering", "_speaking", "voice")

    def __init__(self, voice: Voice, speaking: Speaking) -> None:
        self.voice = voice
        self._speaking = speaking
        self._remembering: Remembering | None = None

    def decide(
        self, guard: Guard, call: ToolCall, session: Session, decision_id: str, judged: Judgement | None = None
    ) -> Decided:
        hearing = _Hearing(self._under(self._speaking.reader()))
        decision = guard.decide(call, session, decision_id, hearing, judged)
        try:
            arguments = call.arguments if decision.arguments is None else decision.arguments
            context = hearing.read(call, arguments, session.facts)
            draw = self._speaking.draw
            audit = None if draw is None else draw.of(decision_id, fired=bool(self.voice.fired(context)))
            return Decided(decision, kept_bytes(Kept(hearing.policy_hash, hearing.ceiling, context)), audit)
        except Exception:
            # The Decision stands: it was taken with all that may narrow it. Nobody can learn from this one.
            LOG.exception("memory-context-failed")
            return Decided(decision)

    def precedents(self, call: ToolCall, session: Session) -> Mapping[str, Any] | None:
        """The open rules that hold for the call, and the exceptions that were carved out of them."""
        try:
            context = self._speaking.reader().read(call.tool, call.server, call.arguments, session.facts)
            grounds = self.voice.grounds(context)
            return as_data(grounds, ()) if grounds else None
        except Exception:
            LOG.exception("memory-precedents-failed")
            return None

    def _under(self, reader: Reader) -> Remembering:
        if self._remembering is None or self._remembering.reader is not reader:
            self._remembering = Remembering(self.voice, reader)
        return self._remembering


class _Hearing:
    """The Experience of one call. It remembers what it read and how far memory might have widened."""

    __slots__ = ("_context", "_remembering", "ceiling", "version")

    def __init__(self, remembering: Remembering) -> None:
        self.version = remembering.version
        self.ceiling: Effect | None = None
        self._remembering = remembering
        self._context: Context | None = None

    @property
    def policy_hash(self) -> str:
        return self._remembering.reader.policy_hash

    def advise(
        self, call: ToolCall, arguments: Mapping[str, Any], facts: Facts, base: Effect, ceiling: Outcome | None
    ) -> Advised | None:
        self.ceiling = None if ceiling is None else ceiling.effect
        return self._remembering.of(self.read(call, arguments, facts), base, ceiling)

    def read(self, call: ToolCall, arguments: Mapping[str, Any], facts: Facts) -> Context:
        """Once for a call: the Guard judges one set of arguments, and the session does not change meanwhile."""
        if self._context is None:
            self._context = self._remembering.reader.read(call.tool, call.server, arguments, facts)
        return self._context
