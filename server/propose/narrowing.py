"""Why a draft can only tighten: nothing in it grants, and an update is compared restriction by restriction."""

from __future__ import annotations

from collections.abc import Iterator

from policy_dsl import PolicyFile, ast

from .restrictions import Allowed, Proposal, Restriction

_TIGHTENING = (ast.Effect.FORBID, ast.Effect.REQUIRE_APPROVAL)


def widening_statements(file: PolicyFile) -> Iterator[ast.Statement]:
    """Every statement that is not known to tighten, whatever stands around it; an empty answer is the proof.

    A forbid and a limit stop calls, `require approval` turns an allow into a question, and none of the three can take
    part in a grant. All else (a grant, a set that another file might read, a label, a rewrite) is no restriction.
    """
    for statement in file.statements:
        match statement:
            case ast.Layer(name="run"):
                pass
            case ast.Rule(effect=effect, shadow=False) if effect in _TIGHTENING:
                pass
            case ast.Limit(shadow=False):
                pass
            case _:
                yield statement


def given_back(old: Proposal, new: Proposal) -> tuple[Restriction, ...]:
    """The restrictions of `old` that `new` no longer makes, or makes more weakly: what an update would widen."""
    return tuple(
        Restriction(one.kind, (tool,), one.provenance, one.allowed, one.times)
        for one in old.restrictions
        for tool in one.tools
        if not any(tool in other.tools and _at_least(other, one) for other in new.restrictions)
    )


def _at_least(new: Restriction, old: Restriction) -> bool:
    if new.kind == "no tool":
        return True
    if new.kind != old.kind:
        return False
    if new.kind == "at most":
        return new.times <= old.times
    if new.allowed is None or old.allowed is None:
        return new.kind == "ask"
    return _within(new.allowed, old.allowed)


def _within(new: Allowed, old: Allowed) -> bool:
    if new.argument != old.argument:
        return False
    if old.values:
        return bool(new.values) and _folded(new) <= _folded(old)
    if old.days:
        return bool(new.days) and set(new.days) <= set(old.days)
    if old.hosts:
        return bool(new.hosts) and set(new.hosts) <= set(old.hosts)
    if old.least is not None:
        return new.least is not None and new.least >= old.least
    return new.most is not None and old.most is not None and new.most <= old.most


def _folded(allowed: Allowed) -> set[object]:
    return {value.casefold() if isinstance(value, str) else value for value in allowed.values}
