"""What memory said to one Decision, on what evidence; it stands in the Decision and in its Record.

The Guard asks an Experience only where memory may speak, and holds the answer to what memory may do: whatever an
Experience says, a written forbid is untouched, and nothing is opened beyond what a `learnable` grants.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

Effect = Literal["allow", "ask", "forbid"]

LEARNED: Final = "learned"
"""The reason of a Decision that memory changed (docs/reasons.md)."""


class Advised(msgspec.Struct, frozen=True, kw_only=True):
    """What an Experience answers: the effect that it wants, and its grounds. Members in the order of their names, as
    the chain has them.

    `abstraction` is the id of the learned rule that spoke, `version` its version. `confirming`, `against` and
    `reporters` are effective counts of its evidence, `bound` the posterior's lower quantile, `threshold` what it must
    pass, `log_e` the natural logarithm of the e-value (the e-process gate opens on it). `fired` are the ids of all
    learned rules that hold for the call, speaking or not.

    `base`, `base_rule` and `base_reason` are what the policy alone says. The Guard fills them in; what an Experience
    writes there is lost.
    """

    abstraction: str
    against: float
    base: Effect = "forbid"
    base_reason: str = ""
    base_rule: str | None = None
    bound: float
    confirming: float
    effect: Effect
    fired: tuple[str, ...] = ()
    gate: Literal["beta", "eprocess"]
    log_e: float
    reporters: int
    threshold: float
    version: int


class Overreach(Exception):
    """An Experience answered what memory may not say. The Guard makes a refusal of it."""


MAY_BECOME: Final[Mapping[tuple[Effect, Effect | None], frozenset[Effect]]] = {
    ("allow", None): frozenset({"ask", "forbid"}),
    ("ask", None): frozenset({"forbid"}),
    ("forbid", "allow"): frozenset({"ask", "allow"}),
    ("forbid", "ask"): frozenset({"ask"}),
}
"""By the effect of the policy alone, and that of the `learnable` which fits where nothing granted the call: what memory
may make of it. What is not here is never asked about."""

SAID: Final[Mapping[Effect, str | None]] = {
    "allow": None,
    "ask": "This call needs a person's approval.",
    "forbid": "This call is not allowed here.",
}
"""What the model is told. The same for every learned rule: a model must not learn their conditions by trying, nor what
somebody reported."""


def admitted(advised: object, base: Effect, ceiling: Effect | None) -> Advised:
    """`advised` where it is one that memory may give. Raises Overreach, or what msgspec raises for a member of a wrong
    type: structs are not checked where they are made."""
    if type(advised) is not Advised:
        raise Overreach("an answer that is none")
    checked = msgspec.convert(msgspec.to_builtins(advised), Advised)
    if checked.effect not in MAY_BECOME.get((base, ceiling), frozenset()):
        raise Overreach(f"`{checked.effect}` in place of `{base}`")
    if not all(map(math.isfinite, (checked.against, checked.bound, checked.confirming, checked.log_e))):
        raise Overreach("a count or a bound that is no number")
    return checked
