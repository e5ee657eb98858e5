"""The Decision: what the Guard says to one ToolCall, with everything needed to explain and to record it."""

from __future__ import annotations

from typing import Literal

import msgspec

from policy_dsl import RuleError


class Decision(msgspec.Struct, frozen=True):
    """`effect` and `rule` decide; `reason` is a stable code (docs/reasons.md); `message` is for the model.

    `policy_hash` names the PolicySet, `memory_version` the memory snapshot (0 with an empty store). A Decision has no
    id of its own: the Record that makes it durable has.
    """

    effect: Literal["allow", "ask", "forbid"]
    rule: str | None
    reason: str
    message: str | None
    errors: tuple[RuleError, ...]
    policy_hash: str
    memory_version: int = 0
    rewritten: bool = False

    @property
    def releases(self) -> bool:
        return self.effect == "allow"
