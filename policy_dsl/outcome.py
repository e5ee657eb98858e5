"""What a PolicySet says to one call. The compiled program and the reference evaluator must give equal answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Literal

from .ast import Json, Subject


class Reason(StrEnum):
    """Why a call came out as it did; stable codes that clients, Records and docs/reasons.md share."""

    RULE = "rule"  # a rule decided
    NO_RULE = "no-rule"  # nothing granted it: default deny
    UNKNOWN_TOOL = "unknown-tool"  # the tool catalogue does not know it
    BAD_ARGUMENTS = "bad-arguments"  # the arguments do not fit the tool's own schema
    LIMIT = "limit"  # a limit is used up
    CLEARANCE = "clearance"  # the session carries a label that the tool has no clearance for
    RULE_ERROR = "rule-error"  # a forbid, require approval or rewrite could not be evaluated, so it holds
    REWRITE_CONFLICT = "rewrite-conflict"  # two rewrites of the call write the same place with different values


@dataclass(frozen=True, slots=True)
class RuleError:
    """A rule whose condition could not be evaluated: `code` is stable, `place` the argument path it stumbled on."""

    rule: str
    code: Literal[
        "missing",
        "null",
        "wrong-type",
        "empty-list",
        "out-of-range",
        "inexact",
        "unreadable",
        "unknown-time",
        "claimed",
        "forgotten",
    ]
    place: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """`rule` is the id of the deciding rule (the smallest where several decide alike), None where no rule did.

    `message` is that rule's own text for the model, else the `otherwise` message of its layer, else None.
    `errors` is sorted by rule id and lists exactly the rules whose error changed the outcome (docs/language.md); of
    several layers, those of the layer that decided.

    `subject` is what the grant behind an allow or an ask is subject to; None needs no judge. Of the grants of one
    level the one that needs him least decides, of several layers the one that needs him most.
    """

    effect: Literal["allow", "ask", "forbid"]
    rule: str | None
    reason: Reason
    message: str | None
    errors: tuple[RuleError, ...] = ()
    subject: Subject | None = None


NEEDS: Final[Mapping[Subject | None, int]] = {None: 0, "judge, learnable": 1, "judge": 2}
"""How much a grant needs a judge: not at all, unless memory overturns him, in any case."""


def subject_to(outcome: Outcome, subject: Subject | None) -> Outcome:
    """The same outcome, reached through a grant that is subject to so much."""
    return outcome if outcome.subject == subject else replace(outcome, subject=subject)


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What a PolicySet's rewrites make of one call; that call is then decided from the start, with no rewrites.

    `rules` are the ids of those that matched and wrote something, in ascending order. Exactly one of the other two is
    set: `arguments`, a deep copy with all that they wrote, or `refusal`, why the call is forbidden instead: a rewrite
    was an error (`rule-error`), or two of them contradict each other (`rewrite-conflict`).
    """

    rules: tuple[str, ...]
    arguments: dict[str, Json] | None
    refusal: Outcome | None
