"""Which of the tools that a request offers to the model may stay in it (docs/adr/0006-offered-tools.md)."""

from __future__ import annotations

from guardrail import Guard
from policy_dsl import Facts

from .wire import Offer


def may_offer(offer: Offer, guard: Guard, facts: Facts) -> bool:
    """True for a function that some rule could grant here and whose parameters are the catalogue's own."""
    if offer.kind != "function":
        return False
    catalogue = guard.program.catalogue
    if catalogue.tools:
        tool = catalogue.get(None, offer.name)
        if tool is None or not tool.same_interface(offer.schema):
            return False
    return guard.program.may_grant(offer.name, facts)
