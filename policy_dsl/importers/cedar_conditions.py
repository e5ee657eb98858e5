"""Cedar's `&&`, `||`, `!` and `if` in the three-valued logic of this language, errors of the left side kept in view."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from ..ast import Condition, IfThen
from .cedar_reading import Expr
from .cedar_terms import Terms
from .cedar_tests import CedarTests
from .typed import FALSE, TRUE, all_of, any_of, denied


@dataclass(frozen=True, slots=True)
class CedarConditions(CedarTests):
    """Conditions of one policy."""

    def said(self, expr: Expr, *, denies: bool = False) -> Condition:
        """The condition, or its denial, with `not` moved inwards."""
        match expr.kind, expr.parts:
            case "not", (inner,):
                return self.said(inner, denies=not denies)
            case "and", _ if len(kept := _tested(items := _chain(expr), self.terms)) < len(items):
                return self.said(_conjunction(kept, expr), denies=denies)
            case "and" | "or", (left, right):
                first, second = self.said(left, denies=denies), self.said(right, denies=denies)
                if (expr.kind == "and") is not denies:
                    return all_of([first, second])
                return self.guarded(left, any_of([first, second]))
            case "branch", (test, then, otherwise):
                decided = self.said(test)
                if decided in (TRUE, FALSE):
                    return self.said(then if decided == TRUE else otherwise, denies=denies)
                branches = [self.said(branch, denies=denies) for branch in (then, otherwise)]
                return self.guarded(test, IfThen(decided, branches[0], branches[1]))
        return self.leaf(expr, denies=denies)

    def loosely(self, expr: Expr) -> Condition:
        """As `said`, without what keeps errors from hiding: whether that makes a difference tells how to write it."""
        return CedarConditions(self.terms, grants=False).said(expr)

    def guarded(self, first: Expr, condition: Condition) -> Condition:
        return all_of([self.defined(first, frozenset()), condition]) if self.grants else condition

    def defined(self, expr: Expr, known: frozenset[str]) -> Condition:
        """What keeps Cedar from an error in `expr`. `known`: tags and members that are there, as they are written."""
        match expr.kind, expr.parts:
            case "not", (inner,):
                return self.defined(inner, known)
            case "and", _:
                return self.defined_in_turn(_chain(expr), known)
            case "or", (left, right):
                return all_of([self.defined(left, known), _either(self.loosely(left), self.defined(right, known))])
            case "branch", (test, then, otherwise):
                return all_of(
                    [
                        self.defined(test, known),
                        _either(denied(self.loosely(test)), self.defined(then, known | _there(test, self.terms))),
                        _either(self.loosely(test), self.defined(otherwise, known)),
                    ]
                )
        return self.leaf_defined(expr, known)

    def defined_in_turn(self, items: list[Expr], known: frozenset[str]) -> Condition:
        """What keeps a chain of `&&` from an error: each item is looked at only where those before it are true."""
        asked: list[Condition] = []
        before: list[Condition] = []
        for item in items:
            if not _is_tag_test(item):
                asked.append(any_of([*(denied(one) for one in before), self.defined(item, known)]))
                before.append(self.loosely(item))
            known |= _there(item, self.terms)
        return all_of(asked)


def _chain(expr: Expr) -> list[Expr]:
    """The expressions that `&&` joins, in order."""
    return [item for part in expr.parts for item in _chain(part)] if expr.kind == "and" else [expr]


def _conjunction(items: list[Expr], whole: Expr) -> Expr:
    return reduce(lambda left, right: Expr("and", (left, right), span=whole.span), items)


def _tested(items: list[Expr], terms: Terms) -> list[Expr]:
    """Without the questions whether a claim is there that a later item answers: it looks at the claim, and errs where
    there is none, which grants as little and forbids as much."""
    return [
        item
        for index, item in enumerate(items)
        if not _is_tag_test(item)
        or not any(_looks_at(next(iter(_there(item, terms))), later, terms) for later in items[index + 1 :])
    ]


def _is_tag_test(expr: Expr) -> bool:
    asks = (expr.kind == "call" and expr.words[0] == "hasTag") or expr.kind == "has"
    return asks and expr.parts[0].kind == "principal_variable"


def _looks_at(place: str, expr: Expr, terms: Terms) -> bool:
    """Whether the expression cannot be true or false without looking at the place."""
    if expr.kind in ("or", "branch"):
        return all(_looks_at(place, part, terms) for part in expr.parts)
    return terms.shown(expr, quote=False) == place or any(_looks_at(place, part, terms) for part in expr.parts)


def _either(condition: Condition, other: Condition) -> Condition:
    return TRUE if other == TRUE else any_of([condition, other])


def _there(expr: Expr, terms: Terms) -> frozenset[str]:
    """What is there where the expression is true, as it is written where it is looked at."""
    if expr.kind == "and":
        return frozenset().union(*(_there(part, terms) for part in expr.parts))
    if expr.kind == "has":
        return frozenset({".".join([terms.shown(expr.parts[0], quote=False), *expr.words])})
    if expr.kind == "call" and expr.words[0] == "hasTag":
        return frozenset({terms.shown(expr, quote=False).replace("hasTag", "getTag", 1)})
    return frozenset()
