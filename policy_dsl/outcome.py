"""What a PolicySet says to one call. The compiled program and the reference evaluator must give equal Outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Reason(StrEnum):
    """Why a call came out as it did; stable codes that clients, Records and docs/reasons.md share."""

    RULE = "rule"  # a rule decided
    NO_RULE = "no-rule"  # nothing granted it: default deny
    UNKNOWN_TOOL = "unknown-tool"  # the tool catalogue does not know it
    BAD_ARGUMENTS = "bad-arguments"  # the arguments do not fit the tool's own schema
    LIMIT = "limit"  # a limit is used up
    CLEARANCE = "clearance"  # the session carries a label that the tool has no clearance for
    RULE_ERROR = "rule-error"  # a forbid or require approval could not be evaluated, so it holds


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

    `message` is that rule's own text for the model, else the policy's `otherwise` message, else None.
    `errors` is sorted by rule id and lists exactly the rules whose error changed the outcome (docs/language.md).
    """

    effect: Literal["allow", "ask", "forbid"]
    rule: str | None
    reason: Reason
    message: str | None
    errors: tuple[RuleError, ...] = ()
