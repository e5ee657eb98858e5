"""The Session: what the gate itself knows of one run. It only ever grows (design: monotone).

What the policy wants remembered of earlier calls and answers is kept in a State (policy_dsl.state), fed as they happen.
Under a policy that asks for nothing of the kind nothing is fed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

import msgspec

from policy_dsl import Facts
from policy_dsl.state import NOTHING_WANTED, Delta, Journal, Ledgers, State, StateError, StatePlan

from .decision import Decision
from .model import Principal, ToolCall

USER_WORDS_KEPT = 64 * 1024
"""Characters of the user's own words that a Session holds; what comes later than that is not matched by `from user`."""

_VERSION: Final = 1


class Session:
    """One run of one Principal. Not thread-safe: the gate feeds each Session from one task at a time.

    `plan` is what the policy in force wants remembered, None where it is not known yet. `shared` holds the counters of
    agents, users and tenants, one for all Sessions of a process.
    """

    __slots__ = (
        "_facts",
        "_said",
        "_shared",
        "_size",
        "_state",
        "_told",
        "_unwatched",
        "_written",
        "ended",
        "principal",
        "run_id",
    )

    def __init__(
        self, principal: Principal, run_id: str = "", plan: StatePlan | None = None, shared: Ledgers | None = None
    ) -> None:
        self.principal = principal
        self.run_id = run_id
        self.ended = False
        self._said: dict[str, None] = {}
        self._size = 0
        self._shared = shared
        self._state: State | None = None
        self._told = False
        self._unwatched = False
        self._written: bytes | None = None
        self._facts = self._facts_now(0)
        if plan is not None:
            self.adopt(plan)

    @property
    def facts(self) -> Facts:
        """What rules may ask about this session; the same object until something new is learnt."""
        return self._facts

    @property
    def state(self) -> State | None:
        """What is remembered of earlier calls; None before the first policy that asks for it."""
        return self._state

    def adopt(self, plan: StatePlan) -> None:
        """Go on by what a policy wants remembered; what both policies ask for goes on as it is."""
        if self._state is None:
            if plan.is_idle and self._written is None:
                return
            self._state = self._begun(plan)
            self._facts = self._facts_now(self._facts.now)
        if plan is not self._state.plan:
            self._state.adopt(plan, self._facts.now)
        self._told = not plan.is_idle

    def _begun(self, plan: StatePlan) -> State:
        """The first State of this Session. What was not told before it makes a new plan's questions doubtful."""
        state = State(NOTHING_WANTED if self._unwatched else plan, self._facts, self._shared)
        if self._written is not None:
            state.restore(self._written)
            self._written = None
        if self._unwatched:
            state.unwatched()
            self._unwatched = False
        return state

    def held_by(self, principal: Principal) -> None:
        """Who acts from here on: the same Principal, of whom another token may claim other things. Anybody else changes
        nothing."""
        if (
            principal is self.principal
            or principal.claims == self.principal.claims
            or principal.key != self.principal.key
        ):
            return
        self.principal = principal
        self._facts = self._facts_now(self._facts.now)
        if self._state is not None:
            self._state.held_by(principal.claims)

    # --- what happens -----------------------------------------------------------------------------------------------

    def tick(self, now: int) -> None:
        """Time goes on, to `now` microseconds since 1970 UTC; never back."""
        if now > self._facts.now:
            self._facts.now = now

    def user_said(self, words: Iterable[str]) -> None:
        """Add words that the user is known to have said. Repeated words are kept once; nothing is ever taken away."""
        fresh = [text for text in words if text not in self._said]
        for text in fresh:
            if self._size + len(text) > USER_WORDS_KEPT:
                break
            self._said[text] = None
            self._size += len(text)
        if fresh:
            self._facts = self._facts_now(self._facts.now)

    def decided(self, call: ToolCall, decision: Decision, *, observable: bool = True) -> None:
        """A call was decided: it was requested, and is released now or refused. An ask is refused until `released`.

        `observable` is whether the gate itself will see the answer (over an LLM API it never does).
        """
        if decision.ends_session:
            self.ended = True
        self.requested(call)
        if not self._told:
            return
        if decision.releases:
            self.released(call, decision.arguments, observable=observable)
        else:
            assert self._state is not None
            self._state.refused(call.server, call.tool, call.arguments, self._facts.now)

    def requested(self, call: ToolCall) -> None:
        """A call was asked for. Part of `decided`; alone for a call that nobody has decided yet."""
        if not self._told:
            self._not_told()
            return
        assert self._state is not None
        self._state.requested(call.server, call.tool, call.arguments, self._facts.now)

    def released(self, call: ToolCall, arguments: Mapping[str, Any] | None = None, *, observable: bool = True) -> None:
        """A call goes out, with other arguments than it came with where they are given: one that a person approved, or
        that a gate which only observes lets through."""
        if not self._told:
            self._not_told()
            return
        assert self._state is not None
        arguments = call.arguments if arguments is None else arguments
        self._state.released(call.call_id, call.server, call.tool, arguments, self._facts.now, observable=observable)

    def answered(
        self,
        call_id: str,
        result: Any,
        *,
        observed: bool,
        status: Literal["ok", "error"] = "ok",
        tool: str | None = None,
        server: str | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        """A tool's answer came: JSON or text. It is that of the released call with the id, else of the first waiting
        one to the tool; `arguments` count only where there is none. `observed` is whether the gate itself saw it."""
        if not self._told:
            self._not_told()
            return
        assert self._state is not None
        self._state.answered(
            call_id, server, tool, arguments, result, self._facts.now, ok=status == "ok", observed=observed
        )

    def labelled(self, name: str, compartment: str | None = None) -> None:
        """The session carries a label from elsewhere."""
        if self._state is not None:
            self._state.given((name, compartment))

    def endorse(self, by: str, why: str) -> Delta | None:
        """A person vouches for what was read so far: no longer untrusted. The act to record; None where nothing is
        kept."""
        return None if self._state is None else self._state.endorse(by, why, self._facts.now)

    def declassify(self, name: str, compartment: str | None, by: str, why: str) -> Delta | None:
        """A person takes a label off. The act to record; None where nothing is kept."""
        return None if self._state is None else self._state.declassify((name, compartment), by, why, self._facts.now)

    def _not_told(self) -> None:
        if self._state is None:
            self._unwatched = True
        else:
            self._state.unwatched()

    # --- what survives a restart ------------------------------------------------------------------------------------

    def journal(self) -> Journal | None:
        """The changes of the state from the first time this is asked; None where nothing is kept."""
        if self._state is None:
            return None
        if self._state.journal is None:
            self._state.journal = Journal()
        return self._state.journal

    def export(self) -> bytes:
        """Everything but the shared counters, as text for `restore`."""
        state = self._written if self._state is None else self._state.export()
        return msgspec.json.encode(
            {
                "v": _VERSION,
                "said": list(self._said),
                "ended": self.ended,
                "now": self._facts.now,
                "unwatched": self._unwatched,
                "state": None if state is None else msgspec.Raw(state),
            }
        )

    def restore(self, text: bytes) -> None:
        """Take over what another Session of this principal exported, into one that nothing happened in. Raises
        StateError. Where no plan is known yet, what it remembered waits for the first."""
        try:
            written = msgspec.json.decode(text, type=_Exported)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise StateError("the session cannot be read") from error
        self.ended, self._unwatched = written.ended, written.unwatched
        plan = None if self._state is None else self._state.plan
        self._state, self._told = None, False
        self._written = None if bytes(written.state) == b"null" else bytes(written.state)
        self._facts = self._facts_now(written.now)
        self.user_said(written.said)
        if plan is not None:
            self.adopt(plan)

    def replay(self, deltas: Iterable[Delta]) -> None:
        """Carry out changes that a Session of this run wrote into its journal. Raises StateError. Those of trackers
        that no policy in force has are of no use any more."""
        if self._state is None:
            self._state = State(NOTHING_WANTED, self._facts, self._shared)
            self._facts = self._facts_now(self._facts.now)
        for delta in deltas:
            self._state.apply(delta)

    def _facts_now(self, now: int) -> Facts:
        who = self.principal
        facts = Facts(who.tenant, who.agent, who.user, who.roles, who.key, tuple(self._said), who.via, who.claims, now)
        if self._state is not None:
            facts.history = self._state
        return facts


class _Exported(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    v: Literal[1]
    said: list[str]
    ended: bool
    now: int
    unwatched: bool
    state: msgspec.Raw
