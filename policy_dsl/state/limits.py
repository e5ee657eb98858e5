"""What is left of a limit: its bound less what it has counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..ast import Arithmetic, PolicySet
from ..compile import Value, compile_operand
from ..facts import Facts
from ..resolve import limit_of
from ..values.number import Number, is_number

Remainder = Callable[[Mapping[str, Any], Facts], Number | None]


def remainders(policy: PolicySet) -> dict[str, Remainder]:
    """For each limit of a policy, by its id, what is left of it for a call: never below 0, None where nobody knows."""
    limits = {id: limit_of(rule) for id, rule in policy.rules.items()}
    return {
        id: _remainder(compile_operand(Arithmetic("-", limit[1], limit[0]))) for id, limit in limits.items() if limit
    }


def _remainder(difference: Value) -> Remainder:
    def remainder(arguments: Mapping[str, Any], facts: Facts) -> Number | None:
        left = difference(arguments, facts)
        return max(left, 0) if is_number(left) else None

    return remainder
