"""A generated policy with the engine that answers for it."""

from __future__ import annotations

from dataclasses import dataclass

from ..knowledge import identifier
from .asking import Engine
from .tracing import Tracer
from .trees import Grown


@dataclass(frozen=True, slots=True)
class Asked:
    """`identifier` is what the cases call the policy. Where another one decides (a rule was changed in the prompt),
    `judge` is the identifier of that one, and `note` what the prompt says of the change."""

    grown: Grown
    engine: Engine
    tracer: Tracer
    identifier: str
    judge: str = ""
    note: str = ""

    @classmethod
    def of(cls, grown: Grown) -> Asked:
        """The policy compiled; DataError where it does not check."""
        engine = Engine.of_text(grown.text(), grown.tools(), grown.name)
        return cls(grown, engine, Tracer(engine), identifier(engine.policy, grown.name))
