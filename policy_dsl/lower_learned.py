"""Parse tree to what a rule was learned from: the word `learned` and the clause `evidence`.

Such rules are printed by a program and reviewed by people, so a text that contradicts itself (a bound that is not what
its sign says) is refused like any other slip.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final, cast

from lark import Token

from . import ast
from .errors import quoted
from .lower_conditions import ConditionLowering
from .lower_leaves import Branch, branch

_PERCENT: Final = 2
"""Decimal places between a part of one and per cent."""


class LearnedLowering(ConditionLowering):
    """What is said of a learned rule, and of no other."""

    def learned(self, sentence: Branch, effect: ast.Effect, clause: Branch | None) -> ast.LearnedFrom | None:
        """`clause` is the one of evidence: a learned rule has it, and nothing else does."""
        word = sentence.children[0]
        if not (isinstance(word, Token) and word.type == "LEARNED"):
            if clause is not None:
                raise self.fault(
                    self.first_word(clause),
                    "only a learned rule rests on evidence",
                    "evidence-here",
                    "write `learned` before the rule, or take the clause away",
                )
            return None
        if effect is ast.Effect.ASK:
            raise self.fault(
                word,
                "there is no `learned ask`",
                "learned-ask",
                "a learned rule narrows to `require approval for` or `forbid`, and opens with `allow`",
            )
        if clause is None:
            raise self.fault(
                word,
                "a learned rule says what it was learned from",
                "no-evidence",
                "add the clause `evidence`, or take the word `learned` away to make the rule your own",
            )
        return self.evidence(clause)

    def refuse_own_terms(self, signature: ast.Signature | None, priority: Token | None, subject: Branch | None) -> None:
        """Of a learned allow: which arguments a call may carry, and what stands above it, its `learnable` says."""
        if signature is not None and (signature.arguments or not signature.open):
            raise self.fault(
                signature.span,
                "a learned allow names no arguments",
                "learned-signature",
                "write `(...)`: the `learnable` that it fits says which arguments a call may carry",
            )
        if priority is not None:
            raise self.fault(
                priority,
                "a learned allow takes no `priority`",
                "clause-here",
                "nothing that is learned stands above what is written",
            )
        if subject is not None:
            raise self.fault(
                subject,
                "a learned allow takes no `subject to judge`",
                "clause-here",
                "write it in the grant that memory may open against the judge: `subject to judge, learnable`",
            )

    def evidence(self, clause: Branch) -> ast.LearnedFrom:
        confirming, against, reporters = _tokens(clause)
        reached, reach = branch(clause, 3), branch(clause, 4)
        bound, sign, threshold, gate, alpha = _tokens(reached)
        e_value, support, state = _tokens(reach)
        at, asked = self.part(bound), self.part(threshold)
        truth = ">=" if at >= asked else "<"
        if sign != truth:
            said = (
                f"`{bound} {sign} {threshold}` is not so"
                if sign in (">=", "<")
                else f"found `{sign}`, expected `{truth}`"
            )
            raise self.fault(sign, said, "evidence-sign", f"write `{bound} {truth} {threshold}`")
        return ast.LearnedFrom(
            confirming=self.amount(confirming),
            against=self.amount(against),
            reporters=self.people(reporters),
            bound=at,
            threshold=asked,
            gate=cast(Any, str(gate)),
            alpha=self.of_a_hundred(alpha),
            e_value=self.amount(e_value),
            support=self.amount(support),
            state=cast(Any, str(state)),
        )

    def amount(self, token: Token) -> Decimal:
        value = Decimal(self.number(token))
        if value < 0:
            raise self.fault(token, f"{quoted(str(token))} is less than 0", "bad-number")
        return value

    def people(self, token: Token) -> int:
        self.amount(token)
        return self.whole(token)

    def part(self, token: Token) -> Decimal:
        value = self.amount(token)
        if value > 1:
            raise self.fault(token, f"{quoted(str(token))} is more than 1", "bad-number", "a bound is a part of one")
        return value

    def of_a_hundred(self, token: Token) -> Decimal:
        """Per cent as a part of one, digit for digit: Decimal's own division would round."""
        value = Decimal(self.number(token))
        if not 0 < value < 10**_PERCENT:
            raise self.fault(token, f"`{token}%` is no error that a gate can allow itself", "bad-number", "as in `5%`")
        sign, digits, exponent = value.as_tuple()
        return Decimal((sign, digits, cast(int, exponent) - _PERCENT))


def _tokens(tree: Branch) -> tuple[Token, ...]:
    return tuple(child for child in tree.children if isinstance(child, Token))
