"""Which of the tools that a request offers to the model may stay in it (docs/adr/0006-offered-tools.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guardrail import Decision, Guard, Session, ToolCall
from policy_dsl import Facts, Tool, ToolPattern
from policy_dsl.strict_json import encode

from .wire import PROVIDER, Offer

KEPT: Final = 1024
KEPT_BYTES: Final = 16 * 1024
"""Of one schema; bounds what a client can make an OfferFilter remember to 16 MiB."""


class OfferFilter:
    """Remembers how schemas compared with the catalogue: agents send the same tools on every turn, and putting a schema
    into canonical form costs six times what looking it up does (12 us for one of 200 bytes).

    `learns` is whether memory may open what the policy's `learnable` statements let it."""

    def __init__(self, *, learns: bool = False) -> None:
        self._learns = learns
        self._compared: dict[tuple[bytes, bytes], bool] = {}

    def may_offer(self, offer: Offer, guard: Guard, facts: Facts) -> bool:
        """True for a function, or a tool on free text, that some rule could grant here, that none hides, and whose
        parameters are the catalogue's own. A kind of tool whose calls a protocol does not hold has no schema."""
        if offer.kind != "function" and not (offer.kind == "custom" and offer.schema):
            return False
        catalogue = guard.program.catalogue
        if catalogue.tools:
            tool = catalogue.get(None, offer.name)
            if tool is None or not self._same_interface(tool, offer):
                return False
        program = guard.program
        granted = program.may_grant(offer.name, facts) or (self._learns and program.may_learn(offer.name, facts))
        return granted and not program.hides(offer.name, facts)

    def provided(self, offers: Sequence[Offer], guard: Guard, session: Session) -> dict[str, Decision]:
        """The offers, by place, of tools that run at the provider and stay, each with the Decision that lets it.

        Their calls cannot be held, so the offer is decided as a call is, with what the client declares for the tool as
        arguments, in the session of this moment. Anything but a plain allow drops it, and so does an allow by a rule
        that does not write `provider/`: `allow web_search` speaks of a tool that the client runs, whose calls are
        judged."""
        found: dict[str, Decision] = {}
        for offer in offers:
            if not offer.provided or guard.program.hides(offer.provided, session.facts, PROVIDER):
                continue
            call = ToolCall(offer.provided, dict(offer.settings), "", PROVIDER)
            decision = guard.decide(call, session)
            if decision.releases and not decision.rewritten and _names_provider(guard, decision.rule):
                found[offer.place] = decision
        return found

    def _same_interface(self, tool: Tool, offer: Offer) -> bool:
        key = tool.interface, encode(offer.schema)
        same = self._compared.get(key)
        if same is None:
            same = tool.same_interface(offer.schema)
            if len(key[1]) <= KEPT_BYTES:
                if len(self._compared) >= KEPT:
                    self._compared.clear()
                self._compared[key] = same
        return same


def _names_provider(guard: Guard, rule: str | None) -> bool:
    found = None if rule is None else guard.program.policy.rules.get(rule)
    tools = () if found is None else found.tools
    return any(isinstance(one, ToolPattern) and one.server == PROVIDER for one in tools)
