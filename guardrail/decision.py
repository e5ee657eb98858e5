"""The Decision: what the Guard says to one ToolCall, with everything needed to explain and to record it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec

from policy_dsl import RuleError
from policy_dsl.ast import Duration

from .advised import Advised, Effect
from .judging import Judged


class AskTerms(NamedTuple):
    """What an ask says to people and of them: the prompt of the deciding rule, and of all rules that ask together the
    shortest `valid`, the fewest `uses` and, in `by`, the roles of each rule that names some. Who answers has a role of
    every group."""

    prompt: str | None = None
    valid: Duration | None = None
    uses: int | None = None
    by: tuple[tuple[str, ...], ...] = ()


class Decision(msgspec.Struct, frozen=True):
    """`effect` and `rule` decide; `reason` is a stable code (docs/reasons.md); `message` is for the model.

    `policy_hash` names the PolicySet, `memory_version` the memory snapshot (0 with an empty store). A Decision has no
    id of its own: the Record that makes it durable has.

    `rewritten` says that rewrites changed the call: `arguments` are then what was judged and may be released, None
    otherwise. `shadow` is the effect and rule that would have decided if shadow rules did, where that differs.
    `ends_session` is what a forbid asks for; `terms` are those of an ask, its prompt filled in; `remaining` is what is
    left of a limit that forbids, never below 0.

    `memory` is what memory said where it changed the decision, None otherwise: then `rule` is the id of the learned
    rule, `reason` is `learned`, and what the policy alone says stands in `memory`.

    `needs` is `judge` where a rule makes the call subject to a judge who was not asked yet: the Decision is a refusal,
    and the call is to be decided again with his answer (`Guard.question`). `judge` is that answer, where one was used.
    """

    effect: Effect
    rule: str | None
    reason: str
    message: str | None
    errors: tuple[RuleError, ...]
    policy_hash: str
    memory_version: int = 0
    rewritten: bool = False
    arguments: dict[str, Any] | None = None
    shadow: tuple[Effect, str | None] | None = None
    ends_session: bool = False
    terms: AskTerms | None = None
    remaining: int | Decimal | None = None
    memory: Advised | None = None
    needs: Literal["judge"] | None = None
    judge: Judged | None = None

    @property
    def releases(self) -> bool:
        return self.effect == "allow"
