"""Which of the tools that a request offers to the model may stay in it (docs/adr/0006-offered-tools.md)."""

from __future__ import annotations

from typing import Final

from guardrail import Guard
from policy_dsl import Facts, Tool
from policy_dsl.strict_json import encode

from .wire import Offer

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
